//! Short scripts against the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;

/// Runs a script of `;`-separated steps on a queue of four shards, `s0` to `s3`, and compares what it answers.
///
/// A step reads `[TIMEs] WORKER VERB [SHARD…]`. A worker `asks` for as many shards as it is said (one by default),
/// `works` (reports what it runs), `finishes` or `fails` (all that it was ever given and has not dealt with, or
/// the shards named), `commits` (finishes, but publication takes its time) or `dies`. `publish s0` and `spoil s0`
/// end a publication, `drain` stops the job, `restart` replaces the queue by one that knows only what is published.
fn check(script: &str, expected: &str) {
    let mut check = Check::new();
    for step in script.split(';').map(str::trim) {
        check.step(step);
    }
    assert_eq!(check.seen.join("; "), expected, "after {script:?}");
}

struct Check {
    queue: Queue,
    now: Duration,
    /// What each worker believes that it holds.
    held: BTreeMap<String, BTreeSet<Lease>>,
    seen: Vec<String>,
}

pub(super) const RULES: Rules =
    Rules { lease: Duration::from_secs(30), max_failures: 2, max_losses: 3, max_open: 10, max_fruitless: 2 };

pub(super) fn shard_of(ordinal: u64) -> Shard {
    let range =
        dataset::Range::Lines { path: "cases.jsonl".to_owned(), from_byte: 0, to_byte: 1, first_line: 1 };
    Shard { ordinal, sources: 1, range }
}

fn four_shards(done: IntervalSet, first_token: u64) -> Queue {
    let mut queue = Queue::new(RULES, Token(first_token), done);
    for shard in 0..4 {
        queue.offer(shard_of(shard));
    }
    queue.all_offered();
    queue
}

impl Check {
    fn new() -> Check {
        let queue = four_shards(IntervalSet::new(), 1);
        Check { queue, now: Duration::ZERO, held: BTreeMap::new(), seen: Vec::new() }
    }

    fn step(&mut self, step: &str) {
        let mut words = step.split_whitespace().peekable();
        if let Some(seconds) = words.peek().and_then(|word| word.strip_suffix('s')?.parse().ok()) {
            self.now = Duration::from_secs(seconds);
            words.next();
        }
        self.queue.sweep(self.now);
        let words: Vec<&str> = words.collect();
        match words[..] {
            ["drain"] => self.queue.drain(),
            ["restart"] => self.queue = four_shards(self.queue.done().clone(), 1000),
            ["publish", shard] => self.queue.published(number(shard)),
            ["spoil", shard] => self.queue.unpublished(number(shard), "no disk"),
            ["rest?"] => {
                self.seen.push(if self.queue.is_at_rest() { "at rest" } else { "at work" }.to_owned());
            }
            ["hopeless?"] => self.seen.push(self.queue.hopeless().unwrap_or("hopeful").to_owned()),
            [worker, "dies"] => {
                self.queue.worker_lost(&WorkerId::new(worker));
                self.held.remove(worker);
            }
            [worker, "forgets"] => {
                self.held.remove(worker);
            }
            [worker, verb, ref rest @ ..] => self.report(worker, verb, rest),
            _ => panic!("unknown step {step:?}"),
        }
    }

    fn report(&mut self, worker: &str, verb: &str, rest: &[&str]) {
        let held = self.held.entry(worker.to_owned()).or_default();
        let mut report = Report {
            worker: WorkerId::new(worker),
            free_slots: 0,
            running: held.iter().copied().collect(),
            finished: Vec::new(),
            failed: Vec::new(),
        };
        let named: Vec<u64> =
            rest.iter().filter(|word| word.starts_with('s')).map(|word| number(word)).collect();
        let mut take_named = || {
            let is_named = |lease: &mut Lease| named.is_empty() || named.contains(&lease.shard);
            report.running.extract_if(.., is_named).collect::<Vec<_>>()
        };
        match verb {
            "asks" => report.free_slots = rest.first().map_or(1, |count| count.parse().unwrap()),
            "works" => {}
            "finishes" | "commits" => report.finished = take_named(),
            "fails" => {
                report.failed = take_named().into_iter().map(|lease| (lease, "no disk".to_owned())).collect()
            }
            _ => panic!("unknown verb {verb:?}"),
        }

        let set_aside = self.queue.set_aside();
        let reply = self.queue.reconcile(&report, self.now);
        for lease in &reply.start {
            self.seen.push(format!("{worker} gets s{}", lease.shard));
        }
        for lease in &reply.stop {
            self.seen.push(format!("{worker} stops s{}", lease.shard));
        }
        for lease in &reply.committed {
            if verb == "finishes" {
                self.queue.published(lease.shard);
                self.seen.push(format!("s{} is done", lease.shard));
            }
        }
        for lease in reply.acknowledged.iter().filter(|lease| report.finished.contains(lease)) {
            let done = self.queue.done().contains(lease.shard);
            self.seen.push(if done {
                format!("{worker} is acknowledged")
            } else {
                format!("{worker} is stale")
            });
        }
        if self.queue.set_aside() > set_aside {
            let last = self.queue.explained().last().unwrap();
            self.seen.push(format!("s{} is set aside: {}", last.shard, last.reason));
        }
        held.extend(&reply.start);
        for lease in reply.stop.iter().chain(&reply.acknowledged).chain(&reply.committed) {
            // A commit is kept, as a worker does until it is acknowledged.
            if verb != "commits" || !reply.committed.contains(lease) {
                held.remove(lease);
            }
        }
    }
}

fn number(shard: &str) -> u64 {
    shard.strip_prefix('s').and_then(|number| number.parse().ok()).expect("a shard reads s0")
}

#[test]
fn shards_are_handed_out_in_order() {
    check("a asks; b asks 2; a finishes; a asks", "a gets s0; b gets s1; b gets s2; s0 is done; a gets s3");
}

#[test]
fn expired_lease_is_reassigned_once() {
    check("0s a asks; 29s b asks; 30s c asks", "a gets s0; b gets s1; c gets s0");
    check("0s a asks; 31s b asks; 32s a finishes", "a gets s0; b gets s0; a is stale");
    check("0s a asks; 31s b asks; c asks", "a gets s0; b gets s0; c gets s1");
}

#[test]
fn a_worker_that_reports_keeps_its_lease() {
    check("0s a asks; 20s a works; 40s b asks; a finishes", "a gets s0; b gets s1; s0 is done");
}

#[test]
fn a_late_worker_is_welcome_as_long_as_nobody_took_its_shard() {
    check("0s a asks; 31s a works; b asks; 40s a finishes", "a gets s0; b gets s1; s0 is done");
    check("0s a asks; 31s a finishes; b asks", "a gets s0; s0 is done; b gets s1");
}

#[test]
fn a_lease_is_good_only_for_the_worker_that_has_it() {
    let mut queue = four_shards(IntervalSet::new(), 1);
    let lease = queue.lease(&WorkerId::new("a"), 1, Duration::ZERO)[0];
    assert!(!queue.renew(&WorkerId::new("b"), lease, Duration::ZERO));
    assert_eq!(queue.complete(&WorkerId::new("b"), lease, Duration::ZERO), Verdict::Stale);
    assert_eq!(queue.complete(&WorkerId::new("a"), lease, Duration::ZERO), Verdict::Accepted);
}

#[test]
fn an_older_token_gets_no_further_even_when_the_newer_one_is_gone() {
    check("0s a asks; 31s b asks; b dies; a finishes; a asks", "a gets s0; b gets s0; a is stale; a gets s0");
    check("0s a asks; 31s b asks; b dies; a works", "a gets s0; b gets s0; a stops s0");
}

#[test]
fn shards_of_a_dead_worker_are_free_at_once() {
    check("a asks 2; a dies; b asks 2", "a gets s0; a gets s1; b gets s0; b gets s1");
}

#[test]
fn a_shard_is_committed_once_and_acknowledged_when_published() {
    check("a asks; a commits; a commits; publish s0; a commits", "a gets s0; a is acknowledged");
    check("0s a asks; a commits; 60s b asks; publish s0", "a gets s0; b gets s1");
}

#[test]
fn a_committed_shard_outlives_its_worker() {
    check("a asks; a commits; a dies; b asks; publish s0; rest?", "a gets s0; b gets s1; at work");
}

#[test]
fn a_shard_whose_part_cannot_be_published_runs_again() {
    check(
        "a asks 4; a commits s0; spoil s0; b asks; b finishes",
        "a gets s0; a gets s1; a gets s2; a gets s3; b gets s0; s0 is done",
    );
}

#[test]
fn what_could_not_be_published_is_void() {
    check("a asks; a commits; spoil s0; a commits; b asks", "a gets s0; a is stale; b gets s1");
}

#[test]
fn a_failure_that_is_reported_twice_counts_once() {
    let worker = WorkerId::new("a");
    let mut queue = four_shards(IntervalSet::new(), 1);
    let lease = queue.lease(&worker, 1, Duration::ZERO)[0];
    assert_eq!(queue.fail(&worker, lease, "no disk", Duration::ZERO), Verdict::Accepted);
    assert_eq!(queue.fail(&worker, lease, "no disk", Duration::ZERO), Verdict::Stale);
    assert_eq!(queue.counts().failed, 1);
}

#[test]
fn a_failed_shard_waits_behind_fresh_ones() {
    check("a asks; a fails; a asks 4", "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0");
}

#[test]
fn a_shard_that_keeps_failing_is_set_aside_and_the_job_goes_on() {
    check(
        "a asks 4; a finishes s1 s2 s3; a fails s0; a asks; a fails; rest?; a asks",
        "a gets s0; a gets s1; a gets s2; a gets s3; s1 is done; s2 is done; s3 is done; a gets s0; \
         s0 is set aside: no disk; at rest",
    );
}

#[test]
fn a_lost_worker_is_not_a_failure_of_its_shard() {
    check("a asks; a dies; b asks; b fails; b asks", "a gets s0; b gets s0; b gets s1");
    check("0s a asks; 31s b asks; b dies; c asks; c finishes", "a gets s0; b gets s0; c gets s0; s0 is done");
}

#[test]
fn a_shard_that_takes_worker_after_worker_down_is_set_aside() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c dies; d asks",
        "a gets s0; b gets s0; c gets s0; d gets s1",
    );
}

#[test]
fn shard_after_shard_failing_is_hopeless_until_one_succeeds() {
    let all_given = "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0; a gets s1; ";
    check(
        "a asks 4; a fails s0 s1; a asks 2; a fails s0; hopeless?; a fails s1; hopeless?",
        &format!("{all_given}s0 is set aside: no disk; hopeful; s1 is set aside: no disk; no disk"),
    );
    check(
        "a asks 4; a fails s0 s1; a asks 2; a fails s0; a finishes s2; a fails s1; hopeless?",
        &format!("{all_given}s0 is set aside: no disk; s2 is done; s1 is set aside: no disk; hopeful"),
    );
}

#[test]
fn a_lease_whose_reply_got_lost_is_granted_again() {
    check("a asks 2; a forgets; a asks 2", "a gets s0; a gets s1; a gets s0; a gets s1");
    check("a asks; a forgets; a asks 2", "a gets s0; a gets s0; a gets s1");
    check("0s a asks; a forgets; 20s a asks; 40s b asks", "a gets s0; a gets s0; b gets s1");
}

#[test]
fn a_lease_that_its_worker_has_no_slot_for_is_free() {
    check("a asks 2; a forgets; a asks; b asks", "a gets s0; a gets s1; a gets s0; b gets s1");
}

#[test]
fn draining_hands_out_nothing_and_rests_when_what_runs_is_finished() {
    check(
        "a asks; drain; b asks; rest?; a works; a finishes; rest?",
        "a gets s0; at work; s0 is done; at rest",
    );
    check("a asks; a forgets; drain; a asks; rest?", "a gets s0; at rest");

    let mut queue = four_shards(IntervalSet::new(), 1);
    queue.drain();
    assert!(queue.lease(&WorkerId::new("a"), 4, Duration::ZERO).is_empty());
    assert!(!queue.wants_shards());
}

#[test]
fn a_restarted_queue_adopts_what_runs() {
    check("a asks; restart; a works; b asks; a finishes", "a gets s0; b gets s1; s0 is done");
    check("a asks; restart; a finishes; b asks", "a gets s0; s0 is done; b gets s1");
}

#[test]
fn a_restarted_queue_adopts_nothing_that_another_holds_or_that_is_done() {
    check("a asks; restart; b asks; a works; b finishes", "a gets s0; b gets s0; a stops s0; s0 is done");
    check(
        "a asks; a commits; publish s0; restart; a commits; b asks",
        "a gets s0; a is acknowledged; b gets s1",
    );
}

#[test]
fn a_shard_may_be_adopted_before_the_planner_offers_it() {
    let worker = WorkerId::new("a");
    let lease = Lease { shard: 7, token: Token(3) };
    let mut queue = Queue::new(RULES, Token(1), IntervalSet::new());
    assert!(queue.renew(&worker, lease, Duration::ZERO));
    assert!(queue.lease(&worker, 1, Duration::ZERO).is_empty(), "nobody has said what the shard is");
    assert!(queue.offer(shard_of(7)));
    assert!(queue.lease(&worker, 1, Duration::ZERO).is_empty(), "it is held already");
    queue.worker_lost(&worker);
    let again = queue.lease(&WorkerId::new("b"), 1, Duration::ZERO);
    assert_eq!(again, [Lease { shard: 7, token: Token(4) }]);
}

#[test]
fn a_shard_that_is_not_in_the_plan_is_stopped() {
    let worker = WorkerId::new("a");
    let mut queue = four_shards(IntervalSet::new(), 1);
    assert!(!queue.renew(&worker, Lease { shard: 4, token: Token(9) }, Duration::ZERO));

    let mut queue = Queue::new(RULES, Token(1), IntervalSet::new());
    assert!(queue.renew(&worker, Lease { shard: 4, token: Token(9) }, Duration::ZERO));
    queue.all_offered();
    assert!(!queue.renew(&worker, Lease { shard: 4, token: Token(9) }, Duration::ZERO));
    assert!(queue.is_at_rest());
}

#[test]
fn a_planner_is_held_back_while_enough_is_open() {
    let mut queue = Queue::new(RULES, Token(1), [0].into_iter().collect());
    let mut shard = 0;
    while queue.wants_shards() {
        queue.offer(shard_of(shard));
        shard += 1;
    }
    assert_eq!(shard, 11, "ten may be open, and one was done");
    let worker = WorkerId::new("a");
    let lease = queue.lease(&worker, 1, Duration::ZERO)[0];
    assert!(!queue.wants_shards());
    queue.complete(&worker, lease, Duration::ZERO);
    queue.published(lease.shard);
    assert!(queue.wants_shards());
}

#[test]
fn ends_without_a_part_are_counted_by_their_kind() {
    let mut check = Check::new();
    for step in [
        "0s a asks",
        "31s b asks",
        "b dies",
        "b asks",
        "b fails",
        "a works",
        "b asks 2",
        "b forgets",
        "b works",
    ] {
        check.step(step);
    }
    let expected = Counts { expired: 1, lost: 1, withdrawn: 2, failed: 1, adopted: 0 };
    assert_eq!(check.queue.counts(), expected);
    check.step("c asks");
    check.step("c works");
    check.step("70s d asks");
    check.step("c finishes");
    check.step("restart");
    check.step("d works");
    assert_eq!(check.queue.counts(), Counts { adopted: 1, ..Counts::default() });
}
