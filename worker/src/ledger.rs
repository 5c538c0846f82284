//! Decides which leases this worker holds, what it tells the coordinator of them, and what a reply changes.
//!
//! No clock and no I/O. Every report and every reply describes a state, so a lost, repeated or late one
//! changes nothing that the next does not put right.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dataset::{Executions, Limits, Shard, Tally};
use telemetry::Parent;
use trace::Granularity;
use training::Order;

/// The right to run one shard of a job; the highest token for a shard is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(crate) job: String,
    pub(crate) shard: u64,
    pub(crate) token: u64,
}

/// A shard to do, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) lease: Lease,
    /// Folder or URI of what the job makes.
    pub(crate) output: String,
    pub(crate) work: Work,
    /// What the shard's span belongs to.
    pub(crate) parent: Parent,
}

/// What is done with a shard.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Work {
    Trace(Box<Trace>),
    /// The shard is a step of this rendering, which stands for so many executions.
    Render {
        order: Box<Order>,
        executions: u64,
    },
}

/// Programs to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) shard: Shard,
    pub(crate) limits: Limits,
    pub(crate) granularity: Granularity,
    /// Objects are told apart by numbers.
    pub(crate) identities: bool,
    pub(crate) executions: Executions,
    /// How often each program is run.
    pub(crate) repeat: u32,
    /// Positions in the shard of the sources that are not to be run.
    pub(crate) set_aside: BTreeSet<u64>,
    /// Before each source, the coordinator must know of it.
    pub(crate) careful: bool,
}

impl Assignment {
    /// How many sources or executions there are to deal with.
    pub(crate) fn sources(&self) -> u64 {
        match &self.work {
            Work::Trace(trace) => trace.shard.sources,
            Work::Render { executions, .. } => *executions,
        }
    }

    /// Whether it may be the end of this worker.
    pub(crate) fn is_careful(&self) -> bool {
        matches!(&self.work, Work::Trace(trace) if trace.careful)
    }
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
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// The slot of this shard will soon be free.
    NearsEnd(Lease),
    Ended(Lease, Ended),
    /// The operator wants this worker gone.
    DrainAsked,
    /// The operator does not want to wait for what runs.
    ReleaseAsked,
}

/// Something that the slots are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// It will be started soon: whatever that will need can be fetched.
    Prefetch(Box<Assignment>),
    Start(Box<Assignment>),
    Stop(Lease),
    /// It is not started after all.
    Forget(Lease),
}

/// The leases of one worker. There are never more of them at work than slots.
///
/// A shard for which a slot is only about to be free *waits*. It counts as not begun: reports do not mention it, but
/// ask for as many shards as there are and will be slots, and so the coordinator grants it again with every reply.
/// What it does not grant again it has taken back, and so it does when the worker asks for nothing because it drains.
#[derive(Debug)]
pub(crate) struct Ledger {
    slots: usize,
    running: BTreeSet<Lease>,
    /// Those of them that near their ends.
    near: BTreeSet<Lease>,
    /// For the slots of those, in the order in which they came.
    waiting: VecDeque<Assignment>,
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
            near: BTreeSet::new(),
            waiting: VecDeque::new(),
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
            Event::NearsEnd(lease) => {
                if self.running.contains(&lease) {
                    self.near.insert(lease);
                }
                Vec::new()
            }
            Event::Ended(lease, ended) => self.end(lease, ended),
            Event::DrainAsked => self.drain(),
            Event::ReleaseAsked => self.release(),
        }
    }

    /// `tally` knows what the rows of a running shard come to so far.
    pub(crate) fn standing(&self, tally: impl Fn(&Lease) -> Tally) -> Standing {
        let mut standing = Standing {
            free_slots: if self.draining { 0 } else { self.idle_slots() + self.near.len() },
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
        if reply.drain {
            actions = self.drain();
        }
        for lease in reply.acknowledged {
            self.forget(&lease);
        }
        for lease in reply.stop {
            self.forget(&lease);
            self.stop(lease, &mut actions);
        }
        let granted: BTreeSet<&Lease> = reply.start.iter().map(|assignment| &assignment.lease).collect();
        self.forget_waiting(|lease| !granted.contains(lease), &mut actions);
        for assignment in reply.start {
            self.start(assignment, &mut actions);
        }
        actions
    }

    /// Takes nothing new. What waits, the coordinator takes back.
    fn drain(&mut self) -> Vec<Action> {
        self.draining = true;
        let mut actions = Vec::new();
        self.forget_waiting(|_| true, &mut actions);
        actions
    }

    fn forget_waiting(&mut self, is_over: impl Fn(&Lease) -> bool, actions: &mut Vec<Action>) {
        self.waiting.retain(|assignment| {
            let is_over = is_over(&assignment.lease);
            if is_over {
                actions.push(Action::Forget(assignment.lease.clone()));
            }
            !is_over
        });
    }

    /// Gives back what runs. Its slots drop it when they can.
    fn release(&mut self) -> Vec<Action> {
        let mut actions = self.drain();
        self.releasing = true;
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
            self.near.remove(&lease);
            self.stopping.insert(lease.clone());
            actions.push(Action::Stop(lease));
        }
    }

    /// Starts what is new, if there is a slot for it, or lets it wait, if there will be one. What is not started is
    /// missing from the next report, by which the coordinator learns that it was not.
    fn start(&mut self, assignment: Assignment, actions: &mut Vec<Action>) {
        let lease = &assignment.lease;
        let waits = self.waiting.iter().any(|waiting| waiting.lease == *lease);
        if waits || self.stopping.contains(lease) {
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
        if self.draining {
            return;
        }
        if self.idle_slots() > 0 {
            self.begin(assignment, actions);
        } else if self.waiting.len() < self.near.len() {
            actions.push(Action::Prefetch(Box::new(assignment.clone())));
            self.waiting.push_back(assignment);
        }
    }

    fn begin(&mut self, assignment: Assignment, actions: &mut Vec<Action>) {
        self.running.insert(assignment.lease.clone());
        actions.push(Action::Start(Box::new(assignment)));
    }

    /// Its slot goes on with what waits for one.
    fn end(&mut self, lease: Lease, ended: Ended) -> Vec<Action> {
        let ours = self.running.remove(&lease);
        self.near.remove(&lease);
        self.stopping.remove(&lease);
        if ours && ended != Ended::Dropped {
            self.ended.insert(lease, ended);
        }
        let mut actions = Vec::new();
        if self.idle_slots() > 0
            && let Some(assignment) = self.waiting.pop_front()
        {
            self.begin(assignment, &mut actions);
        }
        actions
    }

    fn held(&self) -> impl Iterator<Item = &Lease> {
        self.running.iter().chain(self.ended.keys())
    }

    fn idle_slots(&self) -> usize {
        self.slots - self.running.len() - self.stopping.len()
    }
}

#[cfg(test)]
mod tests;
