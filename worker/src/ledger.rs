//! Decides which leases this worker holds, what it tells the coordinator of them, and what a reply changes.
//!
//! No clock and no I/O. Every report and every reply describes a state, so a lost, repeated or late one
//! changes nothing that the next does not put right.

use std::collections::{BTreeMap, BTreeSet};

use dataset::{Limits, Shard, Tally};
use telemetry::Parent;
use trace::Granularity;

/// The right to run one shard of a job; the highest token for a shard is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(crate) job: String,
    pub(crate) shard: u64,
    pub(crate) token: u64,
}

/// A shard to run, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) lease: Lease,
    pub(crate) shard: Shard,
    /// Folder or URI of the dataset.
    pub(crate) output: String,
    pub(crate) limits: Limits,
    pub(crate) granularity: Granularity,
    /// Positions in the shard of the sources that are not to be run.
    pub(crate) set_aside: BTreeSet<u64>,
    /// Before each source, the coordinator must know of it.
    pub(crate) careful: bool,
    /// What the shard's span belongs to.
    pub(crate) parent: Parent,
}

/// What became of a shard on this worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The part lies at `attempt`, a key in the store that readers do not look at.
    Finished { attempt: String, tally: Tally },
    /// This worker could not do its own part.
    Failed(Failure),
    /// It was told to stop, and did.
    Dropped,
}

/// Why a shard came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// Position in the shard of the source that may be why.
    pub(crate) source: Option<u64>,
}

/// What the coordinator wants changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) start: Vec<Assignment>,
    pub(crate) stop: Vec<Lease>,
    pub(crate) acknowledged: Vec<Lease>,
    pub(crate) drain: bool,
}

/// How the worker stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) free_slots: usize,
    /// With what the rows so far come to.
    pub(crate) running: Vec<(Lease, Tally)>,
    pub(crate) finished: Vec<(Lease, String, Tally)>,
    pub(crate) failed: Vec<(Lease, Failure)>,
    /// Begun and given back.
    pub(crate) released: Vec<Lease>,
}

/// Something that happened to the worker.
#[derive(Debug)]
pub(crate) enum Event {
    Replied(Reply),
    Ended(Lease, Ended),
    /// The operator wants this worker gone.
    DrainAsked,
    /// The operator does not want to wait for what runs.
    ReleaseAsked,
}

/// Something that the slots are to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start(Box<Assignment>),
    Stop(Lease),
}

/// The leases of one worker. There are never more of them at work than slots.
#[derive(Debug)]
pub(crate) struct Ledger {
    slots: usize,
    running: BTreeSet<Lease>,
    /// No longer ours, and not yet out of their slots.
    stopping: BTreeSet<Lease>,
    /// Repeated in every report until the coordinator acknowledges them.
    ended: BTreeMap<Lease, Ended>,
    /// Given back, and repeated likewise.
    released: BTreeSet<Lease>,
    draining: bool,
    /// Nobody waits for the slots any more.
    releasing: bool,
}

impl Ledger {
    pub(crate) fn new(slots: usize) -> Ledger {
        Ledger {
            slots,
            running: BTreeSet::new(),
            stopping: BTreeSet::new(),
            ended: BTreeMap::new(),
            released: BTreeSet::new(),
            draining: false,
            releasing: false,
        }
    }

    pub(crate) fn apply(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Replied(reply) => self.reconcile(reply),
            Event::Ended(lease, ended) => {
                self.end(lease, ended);
                Vec::new()
            }
            Event::DrainAsked => {
                self.draining = true;
                Vec::new()
            }
            Event::ReleaseAsked => self.release(),
        }
    }

    /// `tally` knows what the rows of a running shard come to so far.
    pub(crate) fn standing(&self, tally: impl Fn(&Lease) -> Tally) -> Standing {
        let mut standing = Standing {
            free_slots: if self.draining { 0 } else { self.idle_slots() },
            running: self.running.iter().map(|lease| (lease.clone(), tally(lease))).collect(),
            finished: Vec::new(),
            failed: Vec::new(),
            released: self.released.iter().cloned().collect(),
        };
        for (lease, ended) in &self.ended {
            match ended {
                Ended::Finished { attempt, tally } => {
                    standing.finished.push((lease.clone(), attempt.clone(), tally.clone()));
                }
                Ended::Failed(failure) => standing.failed.push((lease.clone(), failure.clone())),
                Ended::Dropped => {}
            }
        }
        standing
    }

    /// Whether the worker may go: it takes no more work, and nobody waits to hear of what it did.
    pub(crate) fn is_done(&self) -> bool {
        let slots_are_done = self.releasing || self.stopping.is_empty();
        self.draining && self.running.is_empty() && slots_are_done && self.untold() == 0
    }

    /// How many leases the coordinator does not know to be over.
    pub(crate) fn untold(&self) -> usize {
        self.ended.len() + self.released.len()
    }

    fn reconcile(&mut self, reply: Reply) -> Vec<Action> {
        let mut actions = Vec::new();
        self.draining |= reply.drain;
        for lease in reply.acknowledged {
            self.forget(&lease);
        }
        for lease in reply.stop {
            self.forget(&lease);
            self.stop(lease, &mut actions);
        }
        for assignment in reply.start {
            self.start(assignment, &mut actions);
        }
        actions
    }

    /// Gives back what runs. Its slots drop it when they can.
    fn release(&mut self) -> Vec<Action> {
        self.draining = true;
        self.releasing = true;
        let mut actions = Vec::new();
        for lease in self.running.clone() {
            self.released.insert(lease.clone());
            self.stop(lease, &mut actions);
        }
        actions
    }

    fn forget(&mut self, lease: &Lease) {
        self.ended.remove(lease);
        self.released.remove(lease);
    }

    fn stop(&mut self, lease: Lease, actions: &mut Vec<Action>) {
        if self.running.remove(&lease) {
            self.stopping.insert(lease.clone());
            actions.push(Action::Stop(lease));
        }
    }

    /// Starts what is new, if there is a slot for it. What is not started is missing from the next report, by
    /// which the coordinator learns that it was not.
    fn start(&mut self, assignment: Assignment, actions: &mut Vec<Action>) {
        let lease = &assignment.lease;
        if self.stopping.contains(lease) {
            return;
        }
        let rival = self.held().find(|held| held.job == lease.job && held.shard == lease.shard).cloned();
        if let Some(rival) = rival {
            if rival.token >= lease.token {
                return;
            }
            self.ended.remove(&rival);
            self.stop(rival, actions);
        }
        if !self.draining && self.idle_slots() > 0 {
            self.running.insert(lease.clone());
            actions.push(Action::Start(Box::new(assignment)));
        }
    }

    fn end(&mut self, lease: Lease, ended: Ended) {
        let ours = self.running.remove(&lease);
        self.stopping.remove(&lease);
        if ours && ended != Ended::Dropped {
            self.ended.insert(lease, ended);
        }
    }

    fn held(&self) -> impl Iterator<Item = &Lease> {
        self.running.iter().chain(self.ended.keys())
    }

    fn idle_slots(&self) -> usize {
        self.slots - self.running.len() - self.stopping.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a script of `;`-separated steps on a worker of two slots and compares what it does and reports.
    ///
    /// A lease reads `shard.token`. `reply` takes the words `start`, `stop`, `ack` and `drain`; `finish`,
    /// `fail` and `drop` are the slots' news; `drain` and `release` are the operator's; `report` and `done?` ask.
    fn check(script: &str, expected: &str) {
        let mut ledger = Ledger::new(2);
        let mut seen = Vec::new();
        for step in script.split(';').map(str::trim) {
            let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
            let event = match verb {
                "report" => {
                    seen.push(show(&ledger.standing(|_| Tally::default())));
                    continue;
                }
                "done?" => {
                    seen.push(if ledger.is_done() { "done" } else { "not done" }.to_owned());
                    continue;
                }
                "reply" => Event::Replied(reply(rest)),
                "finish" => {
                    let attempt = format!("attempt-{rest}");
                    Event::Ended(lease(rest), Ended::Finished { attempt, tally: Tally::default() })
                }
                "fail" => {
                    let failure = Failure { reason: "no disk".to_owned(), source: None };
                    Event::Ended(lease(rest), Ended::Failed(failure))
                }
                "drop" => Event::Ended(lease(rest), Ended::Dropped),
                "drain" => Event::DrainAsked,
                "release" => Event::ReleaseAsked,
                _ => panic!("unknown step {step:?}"),
            };
            seen.extend(ledger.apply(event).iter().map(|action| match action {
                Action::Start(assignment) => format!("run {}", name(&assignment.lease)),
                Action::Stop(lease) => format!("stop {}", name(lease)),
            }));
        }
        assert_eq!(seen.join("; "), expected, "after {script:?}");
    }

    fn lease(text: &str) -> Lease {
        let (shard, token) = text.split_once('.').expect("a lease reads shard.token");
        Lease { job: "job".to_owned(), shard: shard.parse().unwrap(), token: token.parse().unwrap() }
    }

    fn name(lease: &Lease) -> String {
        format!("{}.{}", lease.shard, lease.token)
    }

    fn reply(words: &str) -> Reply {
        let mut reply = Reply::default();
        let mut verb = "";
        for word in words.split_whitespace() {
            match (verb, word) {
                (_, "drain") => reply.drain = true,
                (_, "start" | "stop" | "ack") => verb = word,
                ("start", word) => reply.start.push(assignment(lease(word))),
                ("stop", word) => reply.stop.push(lease(word)),
                ("ack", word) => reply.acknowledged.push(lease(word)),
                _ => panic!("unknown word {word:?}"),
            }
        }
        reply
    }

    fn assignment(lease: Lease) -> Assignment {
        let range =
            dataset::Range::Tree { root: "src".to_owned(), first: b"a".to_vec(), last: b"b".to_vec() };
        let shard = Shard { ordinal: lease.shard, sources: 1, range };
        Assignment {
            lease,
            shard,
            output: "out".to_owned(),
            limits: Limits::default(),
            granularity: Granularity::Line,
            set_aside: BTreeSet::new(),
            careful: false,
            parent: Parent::nothing(),
        }
    }

    fn show(standing: &Standing) -> String {
        let mut text = format!("{} free", standing.free_slots);
        for (lease, _) in &standing.running {
            text += &format!(", {} runs", name(lease));
        }
        for (lease, attempt, _) in &standing.finished {
            assert_eq!(*attempt, format!("attempt-{}", name(lease)));
            text += &format!(", {} finished", name(lease));
        }
        for (lease, _) in &standing.failed {
            text += &format!(", {} failed", name(lease));
        }
        for lease in &standing.released {
            text += &format!(", {} released", name(lease));
        }
        text
    }

    #[test]
    fn work_is_started_while_slots_are_free() {
        check(
            "report; reply start 0.1 1.1 2.1; report",
            "2 free; run 0.1; run 1.1; 0 free, 0.1 runs, 1.1 runs",
        );
    }

    #[test]
    fn an_assignment_that_comes_twice_is_started_once() {
        check("reply start 0.1; reply start 0.1; report", "run 0.1; 1 free, 0.1 runs");
        check("reply start 0.1; finish 0.1; reply start 0.1; report", "run 0.1; 2 free, 0.1 finished");
    }

    #[test]
    fn a_finished_shard_is_reported_until_it_is_acknowledged() {
        check(
            "reply start 0.1; finish 0.1; report; reply; report; reply ack 0.1; report",
            "run 0.1; 2 free, 0.1 finished; 2 free, 0.1 finished; 2 free",
        );
    }

    #[test]
    fn a_failed_shard_is_reported_until_it_is_acknowledged() {
        check(
            "reply start 0.1; fail 0.1; report; reply ack 0.1; reply ack 0.1; report",
            "run 0.1; 2 free, 0.1 failed; 2 free",
        );
    }

    #[test]
    fn a_lost_lease_is_dropped_and_its_slot_is_busy_until_it_is() {
        check(
            "reply start 0.1; reply stop 0.1; report; drop 0.1; report",
            "run 0.1; stop 0.1; 1 free; 2 free",
        );
    }

    #[test]
    fn what_finishes_after_its_lease_was_lost_is_not_reported() {
        check("reply start 0.1; reply stop 0.1; finish 0.1; report", "run 0.1; stop 0.1; 2 free");
        check("reply start 0.1; finish 0.1; reply stop 0.1; report", "run 0.1; 2 free");
    }

    #[test]
    fn stopping_what_is_not_held_does_nothing() {
        check("reply stop 7.1; report", "2 free");
        check(
            "reply start 0.1; reply stop 0.1; reply stop 0.1; drop 0.1; report",
            "run 0.1; stop 0.1; 2 free",
        );
    }

    #[test]
    fn a_lost_lease_does_not_come_back() {
        check("reply start 0.1; reply stop 0.1; reply start 0.1; report", "run 0.1; stop 0.1; 1 free");
    }

    #[test]
    fn a_newer_token_for_a_shard_replaces_the_older() {
        check(
            "reply start 0.1; reply start 0.2; report; drop 0.1; report",
            "run 0.1; stop 0.1; run 0.2; 0 free, 0.2 runs; 1 free, 0.2 runs",
        );
        check("reply start 0.2; reply start 0.1; report", "run 0.2; 1 free, 0.2 runs");
        check("reply start 0.1; finish 0.1; reply start 0.2; report", "run 0.1; run 0.2; 1 free, 0.2 runs");
    }

    #[test]
    fn one_reply_may_stop_one_shard_and_start_another_only_in_a_free_slot() {
        check(
            "reply start 0.1 1.1; reply stop 0.1 start 2.1; report; drop 0.1; reply start 2.1; report",
            "run 0.1; run 1.1; stop 0.1; 0 free, 1.1 runs; run 2.1; 0 free, 1.1 runs, 2.1 runs",
        );
    }

    #[test]
    fn a_draining_worker_takes_nothing_finishes_and_goes_when_all_is_acknowledged() {
        check(
            "reply start 0.1; drain; reply start 1.1; report; done?; finish 0.1; done?; reply ack 0.1; done?",
            "run 0.1; 0 free, 0.1 runs; not done; not done; done",
        );
    }

    #[test]
    fn what_runs_is_given_back_until_that_is_acknowledged_and_nobody_waits_for_its_slot() {
        check(
            "reply start 0.1; release; report; reply; report; done?; reply ack 0.1; done?",
            "run 0.1; stop 0.1; 0 free, 0.1 released; 0 free, 0.1 released; not done; done",
        );
        check("reply start 0.1; release; reply stop 0.1; done?", "run 0.1; stop 0.1; done");
    }

    #[test]
    fn what_was_finished_is_not_given_back() {
        check(
            "reply start 0.1 1.1; drain; finish 0.1; release; report; reply ack 0.1 1.1; done?",
            "run 0.1; run 1.1; stop 1.1; 0 free, 0.1 finished, 1.1 released; done",
        );
    }

    #[test]
    fn what_finishes_after_it_was_given_back_is_dropped() {
        check(
            "reply start 0.1; release; finish 0.1; report; reply start 0.1; report",
            "run 0.1; stop 0.1; 0 free, 0.1 released; 0 free, 0.1 released",
        );
    }

    #[test]
    fn a_worker_told_that_no_work_will_come_goes_as_if_asked_to() {
        check("done?; reply drain; report; done?", "not done; 0 free; done");
        check("reply start 0.1; finish 0.1; reply ack 0.1 drain; done?", "run 0.1; done");
        check("reply start 0.1 drain; done?", "done");
    }
}
