//! Short scripts against a queue, in either home.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dataset::Tally;

use super::{EPOCH, in_each_home, shard_of};
use crate::queue::{Failure, Finished, JobQueue, Lease, Reply, Report, Running, Start, Status, WorkerId};

/// Runs a script of `;`-separated steps on a queue of four shards, `s0` to `s3`, and compares what it answers.
///
/// A step reads `[TIMEs] WORKER VERB [SHARD…] [at SOURCE]`. A worker `asks` for as many shards as it is said (one by
/// default), `works` (reports what it runs, and with `at` where), `finishes`, `fails` or `releases` (all that it was
/// ever given and has not dealt with, or the shards named), `commits` (finishes, but publication takes its time),
/// `forgets` what it was given, or `dies`. `publish s0` and `spoil s0` end a publication; `pause`, `resume`, `drain` and
/// `cancel` concern the job; `restart` replaces the queue by one that knows only what is published. `rest?` and
/// `hopeless?` ask.
pub(super) fn check(script: &str, expected: &str) {
    in_each_home(&format!("script: {script}"), |home, queue| async move {
        let mut check = Check::new(queue).await;
        for step in script.split(';').map(str::trim) {
            check.step(step).await;
        }
        assert_eq!(check.seen.join("; "), expected, "after {script:?} in {home:?}");
    });
}

/// A queue of four shards, and the workers as they see themselves.
pub(super) struct Check {
    pub(super) queue: JobQueue,
    now: Duration,
    /// What each worker believes that it holds.
    held: BTreeMap<String, BTreeSet<Lease>>,
    committed: BTreeMap<u64, Lease>,
    published: BTreeSet<u64>,
    pub(super) seen: Vec<String>,
}

impl Check {
    pub(super) async fn new(queue: JobQueue) -> Check {
        let check = Check {
            queue,
            now: EPOCH,
            held: BTreeMap::new(),
            committed: BTreeMap::new(),
            published: BTreeSet::new(),
            seen: Vec::new(),
        };
        check.begin().await;
        check
    }

    async fn begin(&self) {
        assert!(self.queue.begin(&self.published.iter().copied().collect()).await.unwrap());
        let shards: Vec<_> = (0..4).map(shard_of).collect();
        self.queue.offer(&shards).await.unwrap();
        assert!(self.queue.all_offered(4).await.unwrap());
    }

    pub(super) async fn status(&self) -> Status {
        self.queue.status().await.unwrap()
    }

    pub(super) async fn step(&mut self, step: &str) {
        let mut words = step.split_whitespace().peekable();
        if let Some(seconds) = words.peek().and_then(|word| word.strip_suffix('s')?.parse().ok()) {
            self.now = EPOCH + Duration::from_secs(seconds);
            words.next();
        }
        for abandoned in self.queue.sweep(self.now).await.unwrap().abandoned {
            self.seen.push(format!("s{} is abandoned", abandoned.lease.shard));
        }
        let words: Vec<&str> = words.collect();
        match words[..] {
            ["pause"] => self.queue.pause().await.unwrap(),
            ["resume"] => self.queue.resume().await.unwrap(),
            ["drain"] => self.queue.drain().await.unwrap(),
            ["cancel"] => self.queue.cancel().await.unwrap(),
            ["restart"] => {
                self.queue.forget().await.unwrap();
                self.begin().await;
            }
            ["publish", shard] => self.publish(self.committed[&number(shard)]).await,
            ["spoil", shard] => {
                self.queue.unpublished(self.committed[&number(shard)], "no disk").await.unwrap();
            }
            ["rest?"] => {
                let is_at_rest = self.status().await.is_at_rest;
                self.seen.push(if is_at_rest { "at rest" } else { "at work" }.to_owned());
            }
            ["hopeless?"] => {
                let hopeless = self.status().await.hopeless;
                self.seen.push(hopeless.unwrap_or_else(|| "hopeful".to_owned()));
            }
            [worker, "dies"] => {
                self.queue.worker_lost(&WorkerId::new(worker)).await.unwrap();
                self.held.remove(worker);
            }
            [worker, "forgets"] => drop(self.held.remove(worker)),
            [worker, verb, ref rest @ ..] => self.report(worker, verb, rest).await,
            _ => panic!("unknown step {step:?}"),
        }
    }

    async fn publish(&mut self, lease: Lease) {
        let is_news = self.queue.published(lease, &Tally { sources: 3, ..Tally::default() }).await.unwrap();
        if is_news {
            self.published.insert(lease.shard);
        }
    }

    async fn report(&mut self, worker: &str, verb: &str, rest: &[&str]) {
        let (rest, source) = match rest {
            [rest @ .., "at", source] => (rest, Some(source.parse().unwrap())),
            rest => (rest, None),
        };
        let mut held = self.held.remove(worker).unwrap_or_default();
        let named: Vec<u64> =
            rest.iter().filter(|word| word.starts_with('s')).map(|word| number(word)).collect();
        let is_named = |lease: &Lease| named.is_empty() || named.contains(&lease.shard);
        let (concerned, others): (Vec<Lease>, Vec<Lease>) = held.iter().partition(|lease| is_named(lease));
        let mut report = Report::idle(WorkerId::new(worker), 0);
        let mut run = |leases: &[Lease]| {
            report
                .running
                .extend(leases.iter().map(|&lease| Running { lease, position: source.unwrap_or(0) }));
        };
        match verb {
            "asks" | "works" => {
                run(&concerned);
                run(&others);
            }
            _ => run(&others),
        }
        match verb {
            "asks" => report.free_slots = rest.first().map_or(1, |count| count.parse().unwrap()),
            "works" => {}
            "finishes" | "commits" => report.finished = concerned.into_iter().map(finished).collect(),
            "fails" => {
                let fail = |lease| Failure { lease, reason: "no disk".to_owned(), source };
                report.failed = concerned.into_iter().map(fail).collect();
            }
            "releases" => report.released = concerned,
            _ => panic!("unknown verb {verb:?}"),
        }

        let set_aside_before = self.status().await.shards_set_aside;
        let reply = self.queue.reconcile(&report, self.now).await.unwrap();
        self.note(worker, verb, &report, &reply).await;
        if self.status().await.shards_set_aside > set_aside_before {
            let failures = self.queue.failures().await.unwrap();
            let last = failures.iter().rfind(|failed| failed.set_aside).unwrap();
            self.seen.push(format!("s{} is set aside: {}", last.shard, last.reason));
        }
        held.extend(reply.start.iter().map(|start| start.lease));
        let committed: Vec<Lease> = reply.committed.iter().map(|finished| finished.lease).collect();
        for lease in reply.stop.iter().chain(&reply.acknowledged).chain(&committed) {
            // A commit is kept, as a worker does until it is acknowledged.
            if verb != "commits" || !committed.contains(lease) {
                held.remove(lease);
            }
        }
        self.held.insert(worker.to_owned(), held);
    }

    async fn note(&mut self, worker: &str, verb: &str, report: &Report, reply: &Reply) {
        for start in &reply.start {
            self.seen.push(format!("{worker} gets {}", told(start)));
        }
        for lease in &reply.stop {
            self.seen.push(format!("{worker} stops s{}", lease.shard));
        }
        for finished in &reply.committed {
            self.committed.insert(finished.lease.shard, finished.lease);
            if verb == "finishes" {
                self.publish(finished.lease).await;
                self.seen.push(format!("s{} is done", finished.lease.shard));
            }
        }
        let was_finished = |lease: &&Lease| report.finished.iter().any(|finished| finished.lease == **lease);
        for lease in reply.acknowledged.iter().filter(was_finished) {
            let is_done = self.published.contains(&lease.shard);
            self.seen.push(format!("{worker} is {}", if is_done { "acknowledged" } else { "stale" }));
        }
    }
}

/// `s0`, `s0 without 1,2`, `s0 carefully`.
fn told(start: &Start) -> String {
    assert_eq!(start.shard, shard_of(start.lease.shard));
    let mut told = format!("s{}", start.lease.shard);
    if !start.set_aside.is_empty() {
        let sources: Vec<String> = start.set_aside.iter().map(u64::to_string).collect();
        told += &format!(" without {}", sources.join(","));
    }
    if start.careful {
        told += " carefully";
    }
    told
}

pub(in crate::queue) fn finished(lease: Lease) -> Finished {
    Finished {
        lease,
        attempt: format!("attempt {}", lease.token.0),
        tally: Tally { rows: 3, ..Tally::default() },
    }
}

fn number(shard: &str) -> u64 {
    shard.strip_prefix('s').and_then(|number| number.parse().ok()).expect("a shard reads s0")
}
