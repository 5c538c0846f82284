//! What a worker of two slots does and says, step by step.

use super::*;

/// Runs a script of `;`-separated steps on a worker of two slots and compares what it does and reports.
///
/// A lease reads `shard.token`. `reply` takes the words `start`, `stop`, `ack` and `drain`; `finish`,
/// `fail`, `drop` and `near` are the slots' news; `drain` and `release` are the operator's; `report` and `done?` ask.
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
            "near" => Event::NearsEnd(lease(rest)),
            "drain" => Event::DrainAsked,
            "release" => Event::ReleaseAsked,
            _ => panic!("unknown step {step:?}"),
        };
        seen.extend(ledger.apply(event).iter().map(|action| match action {
            Action::Prefetch(assignment) => format!("fetch {}", name(&assignment.lease)),
            Action::Start(assignment) => format!("run {}", name(&assignment.lease)),
            Action::Stop(lease) => format!("stop {}", name(lease)),
            Action::Forget(lease) => format!("forget {}", name(lease)),
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
    let range = dataset::Range::Tree { root: "src".to_owned(), first: b"a".to_vec(), last: b"b".to_vec() };
    let shard = Shard { ordinal: lease.shard, sources: 1, range };
    let trace = Trace {
        shard,
        limits: Limits::default(),
        granularity: Granularity::Line,
        identities: false,
        set_aside: BTreeSet::new(),
        repeat: 1,
        executions: Executions::default(),
        careful: false,
    };
    Assignment {
        lease,
        output: "out".to_owned(),
        work: Work::Trace(Box::new(trace)),
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
    check("report; reply start 0.1 1.1 2.1; report", "2 free; run 0.1; run 1.1; 0 free, 0.1 runs, 1.1 runs");
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
    check("reply start 0.1; reply stop 0.1; report; drop 0.1; report", "run 0.1; stop 0.1; 1 free; 2 free");
}

#[test]
fn what_finishes_after_its_lease_was_lost_is_not_reported() {
    check("reply start 0.1; reply stop 0.1; finish 0.1; report", "run 0.1; stop 0.1; 2 free");
    check("reply start 0.1; finish 0.1; reply stop 0.1; report", "run 0.1; 2 free");
}

#[test]
fn stopping_what_is_not_held_does_nothing() {
    check("reply stop 7.1; report", "2 free");
    check("reply start 0.1; reply stop 0.1; reply stop 0.1; drop 0.1; report", "run 0.1; stop 0.1; 2 free");
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
fn a_slot_that_nears_its_end_holds_the_next_shard_and_begins_it_at_once() {
    check(
        "reply start 0.1 1.1; near 0.1; report; reply start 2.1; report; finish 0.1; report",
        "run 0.1; run 1.1; 1 free, 0.1 runs, 1.1 runs; fetch 2.1; 1 free, 0.1 runs, 1.1 runs; run 2.1; \
         0 free, 1.1 runs, 2.1 runs, 0.1 finished",
    );
}

#[test]
fn whichever_slot_is_free_first_takes_what_waits() {
    check(
        "reply start 0.1 1.1; near 0.1; reply start 2.1; fail 1.1; report; finish 0.1; report",
        "run 0.1; run 1.1; fetch 2.1; run 2.1; 1 free, 0.1 runs, 2.1 runs, 1.1 failed; \
         1 free, 2.1 runs, 0.1 finished, 1.1 failed",
    );
}

#[test]
fn what_waits_is_granted_again_with_each_reply_or_was_taken_back() {
    check(
        "reply start 0.1 1.1; near 0.1; reply start 2.1; reply start 2.1; reply; finish 0.1; report",
        "run 0.1; run 1.1; fetch 2.1; forget 2.1; 1 free, 1.1 runs, 0.1 finished",
    );
    check(
        "reply start 0.1 1.1; near 0.1; reply start 2.1; reply start 3.1; finish 0.1",
        "run 0.1; run 1.1; fetch 2.1; forget 2.1; fetch 3.1; run 3.1",
    );
}

#[test]
fn no_more_waits_than_slots_will_be_free() {
    check("reply start 0.1 1.1 2.1", "run 0.1; run 1.1");
    check("reply start 0.1 1.1; near 0.1; reply start 2.1 3.1", "run 0.1; run 1.1; fetch 2.1");
    check("near 7.1; report", "2 free");
    check(
        "reply start 0.1 1.1; near 0.1; reply stop 0.1; report; drop 0.1; report",
        "run 0.1; run 1.1; stop 0.1; 0 free, 1.1 runs; 1 free, 1.1 runs",
    );
}

#[test]
fn what_waits_when_the_worker_drains_is_nobodys_loss() {
    // It is neither running nor given back, and the coordinator takes it for not begun.
    for asked in ["drain", "reply start 2.1 drain"] {
        check(
            &format!("reply start 0.1 1.1; near 0.1; reply start 2.1; {asked}; report; finish 0.1; report"),
            "run 0.1; run 1.1; fetch 2.1; forget 2.1; 0 free, 0.1 runs, 1.1 runs; 0 free, 1.1 runs, 0.1 finished",
        );
    }
    check(
        "reply start 0.1 1.1; near 0.1; reply start 2.1; release; report",
        "run 0.1; run 1.1; fetch 2.1; forget 2.1; stop 0.1; stop 1.1; 0 free, 0.1 released, 1.1 released",
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
