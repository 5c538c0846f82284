//! Whole jobs on virtual time: coordinators that share a queue, workers that crash, sources that take them down, a
//! network that loses, doubles, delays and reorders what they say, and a queue that forgets. A run is decided by its
//! seed, so a failing one can be run again.

mod cast;
mod faults;
mod mutant;
mod seeds;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use super::*;
use crate::queue::conformance::shard_of;
use cast::{Coordinator, Happening, Scheduled, Worker};
use faults::Faults;
use mutant::{Mutant, Mutation};

const SHARDS: u64 = 8;
const SOURCES: u64 = 3;
const WORKERS: usize = 3;
const SLOTS: usize = 2;
const COORDINATORS: usize = 2;
const REPORT_EVERY: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_secs(2);
/// From then on nothing goes wrong any more, so that the job must come to its end.
const FAULTS_END: Duration = Duration::from_secs(90);
const DEADLINE: Duration = Duration::from_secs(1500);
/// Clocks that are behind still show something.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

const RULES: Rules = Rules {
    lease: Duration::from_secs(12),
    publication: Duration::from_secs(15),
    max_failures: 8,
    max_losses: 20,
    careful_after: 2,
    max_sources_aside: 3,
    max_open: 1000,
    max_fruitless: 3,
    slow_factor: 2,
    slow_at_least: Duration::from_secs(10),
};

/// What must never happen, and did.
type Violation = String;

struct Sim {
    seed: u64,
    faults: Faults,
    now: Duration,
    events: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    /// None once it was flushed, until a coordinator begins it again.
    queue: Option<Mutant>,
    mutation: Mutation,
    snapshot: Option<Mutant>,
    coordinators: Vec<Coordinator>,
    workers: Vec<Worker>,
    /// The source of each shard that takes workers down, and the one at which they fail.
    killer: BTreeMap<u64, u64>,
    culprit: BTreeMap<u64, u64>,
    /// The store: every attempt written, and what was published of which shard.
    attempts: BTreeSet<String>,
    parts: BTreeMap<u64, String>,
    /// Shards of which a coordinator believed that it could not publish them, when another one may have done so.
    spoiled: BTreeSet<u64>,
    /// Leases that a worker was told are over, since the queue last forgot something. They must stay so.
    over: BTreeSet<(WorkerId, Lease)>,
    queue_forgot: bool,
    executions: u64,
    counts: Counts,
}

impl Sim {
    fn new(seed: u64, faults: Faults, mutation: Mutation) -> Sim {
        let mut sim = Sim {
            seed,
            faults,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            scheduled: 0,
            queue: None,
            mutation,
            snapshot: None,
            coordinators: Vec::new(),
            workers: (0..WORKERS).map(|_| Worker::new(0)).collect(),
            killer: BTreeMap::new(),
            culprit: BTreeMap::new(),
            attempts: BTreeSet::new(),
            parts: BTreeMap::new(),
            spoiled: BTreeSet::new(),
            over: BTreeSet::new(),
            queue_forgot: false,
            executions: 0,
            counts: Counts::default(),
        };
        for number in 0..COORDINATORS {
            let ahead = sim.below(sim.faults.skew_ms * 2 + 1);
            let clock = EPOCH + Duration::from_millis(ahead) - Duration::from_millis(faults.skew_ms);
            sim.coordinators.push(Coordinator { clock, life: 0, back_at: Duration::ZERO });
            sim.after(TICK, Happening::Tick { coordinator: number });
        }
        for worker in 0..WORKERS {
            sim.after(Duration::ZERO, Happening::WorkerReports { worker, life: 0 });
        }
        for shard in 0..SHARDS {
            if sim.goes_wrong(faults.killers) {
                let source = sim.below(SOURCES);
                sim.killer.insert(shard, source);
            }
            if sim.goes_wrong(faults.culprits) {
                let source = sim.below(SOURCES);
                sim.culprit.insert(shard, source);
            }
        }
        sim
    }

    /// Runs the job to its end.
    fn run(mut self, tell: bool) -> Result<Sim, Violation> {
        while !self.queue.as_ref().is_some_and(|queue| queue.is_at_rest()) {
            let Reverse(next) = self.events.pop().expect("ticking never ends");
            self.now = next.at;
            if self.now > DEADLINE {
                return Err(format!("the job is stuck: {:?}", self.queue));
            }
            if tell {
                eprintln!("{:>9.3} {:?}", self.now.as_secs_f64(), next.happening);
            }
            self.apply(next.happening)?;
        }
        let queue = self.queue.as_ref().expect("it rests");
        let status = queue.status();
        let done: Vec<u64> = (0..SHARDS).filter(|&shard| queue.done().contains(shard)).collect();
        if done.iter().any(|shard| !self.parts.contains_key(shard)) {
            return Err(format!("{done:?} are done, and only {:?} are published", self.parts.keys()));
        }
        if done.len() as u64 + status.shards_set_aside != SHARDS {
            return Err(format!("only {done:?} are done, {} set aside", status.shards_set_aside));
        }
        if !self.queue_forgot && status.tally.sources != done.len() as u64 * SOURCES {
            return Err(format!("{} sources are counted for {done:?}", status.tally.sources));
        }
        self.counts = status.leases;
        Ok(self)
    }

    fn apply(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::Tick { coordinator } => self.tick(coordinator),
            Happening::WorkerReports { worker, life } => {
                if self.workers[worker].life == life {
                    self.report(worker);
                    self.after(REPORT_EVERY, Happening::WorkerReports { worker, life });
                    if self.goes_wrong(self.faults.worker_crashes) {
                        self.crash(worker);
                    } else if self.goes_wrong(self.faults.worker_releases) {
                        self.workers[worker].release_all();
                    }
                }
            }
            Happening::RequestArrives { coordinator, worker, life, report } => {
                return self.reconcile(coordinator, worker, life, &report);
            }
            Happening::ReplyArrives { worker, life, reply } => {
                if self.workers[worker].life == life {
                    self.obey(worker, &reply);
                }
            }
            Happening::SourceEnds { worker, life, lease } => {
                if self.workers[worker].life == life {
                    self.source_ended(worker, lease);
                }
            }
            Happening::Copied { coordinator, life, finished } => {
                if self.coordinators[coordinator].life == life {
                    return self.copied(coordinator, finished);
                }
            }
            Happening::PublicationKnown { coordinator, life, finished } => {
                if self.coordinators[coordinator].life == life && !self.goes_wrong(self.faults.partitions) {
                    self.queue().published(finished.lease, &finished.tally);
                }
            }
        }
        Ok(())
    }

    /// What a coordinator does by the clock, and what befalls it and the queue.
    fn tick(&mut self, coordinator: usize) {
        self.after(TICK, Happening::Tick { coordinator });
        if self.goes_wrong(self.faults.flushes) {
            self.queue = None;
            self.forgotten();
        }
        if self.goes_wrong(self.faults.restores) {
            match self.snapshot.take() {
                Some(snapshot) => {
                    self.queue = Some(snapshot);
                    self.forgotten();
                }
                None => self.snapshot = self.queue.clone(),
            }
        }
        if self.goes_wrong(self.faults.coordinator_crashes) {
            let back_at = self.now + Duration::from_secs(6);
            let crashed = &mut self.coordinators[coordinator];
            crashed.life += 1;
            crashed.back_at = back_at;
        }
        if self.coordinators[coordinator].back_at <= self.now && !self.goes_wrong(self.faults.partitions) {
            let clock = self.clock(coordinator);
            for abandoned in self.queue().sweep(clock).abandoned {
                self.publish(coordinator, abandoned);
            }
        }
    }

    fn forgotten(&mut self) {
        self.over.clear();
        self.queue_forgot = true;
    }

    /// The queue, begun from the parts that exist if it is not known.
    fn queue(&mut self) -> &mut Mutant {
        let (parts, mutation) = (&self.parts, self.mutation);
        self.queue.get_or_insert_with(|| {
            let mut queue = Queue::new(RULES, parts.keys().copied().collect());
            for shard in 0..SHARDS {
                queue.offer(shard_of(shard));
            }
            queue.all_offered(SHARDS);
            Mutant { queue, mutation }
        })
    }

    fn reconcile(
        &mut self,
        coordinator: usize,
        worker: usize,
        life: u32,
        report: &Report,
    ) -> Result<(), Violation> {
        if self.coordinators[coordinator].back_at > self.now || self.goes_wrong(self.faults.partitions) {
            return Ok(());
        }
        let clock = self.clock(coordinator);
        let reply = self.queue().reconcile(report, clock);
        for finished in &reply.committed {
            if self.over.contains(&(report.worker.clone(), finished.lease)) {
                return Err(format!("{:?} was over, and is committed by {}", finished.lease, report.worker));
            }
            self.publish(coordinator, finished.clone());
        }
        for &lease in reply.stop.iter().chain(&reply.acknowledged) {
            self.over.insert((report.worker.clone(), lease));
        }
        for start in &reply.start {
            if self.over.contains(&(report.worker.clone(), start.lease)) {
                return Err(format!("{:?} was over, and is given to {} again", start.lease, report.worker));
            }
        }
        self.send(Happening::ReplyArrives { worker, life, reply });
        Ok(())
    }

    /// Copies a part to its place, and then says so to the queue. Between the two, anything may happen.
    fn publish(&mut self, coordinator: usize, finished: Finished) {
        let longest_ms = if self.goes_wrong(self.faults.publication_slow) { 40_000 } else { 6000 };
        let takes = self.between(1, longest_ms);
        let life = self.coordinators[coordinator].life;
        self.after(takes, Happening::Copied { coordinator, life, finished });
    }

    fn copied(&mut self, coordinator: usize, finished: Finished) -> Result<(), Violation> {
        let Finished { lease, attempt, .. } = finished.clone();
        if self.goes_wrong(self.faults.publication_fails) {
            self.spoiled.insert(lease.shard);
            self.queue().unpublished(lease, "no disk");
            return Ok(());
        }
        // Whoever published it has deleted it, which is no reason to fail for whoever comes second.
        if !self.attempts.remove(&attempt) && !self.parts.contains_key(&lease.shard) {
            return Err(format!("{attempt} is published and was never written"));
        }
        let part = self.parts.entry(lease.shard).or_insert_with(|| attempt.clone());
        // What was not known to be done may be done again; the part that stands stays.
        if *part != attempt && !self.queue_forgot && !self.spoiled.contains(&lease.shard) {
            return Err(format!("shard {} is published twice: {part} and {attempt}", lease.shard));
        }
        let takes = self.between(1, 100);
        let life = self.coordinators[coordinator].life;
        self.after(takes, Happening::PublicationKnown { coordinator, life, finished });
        Ok(())
    }

    /// Puts a message on the network.
    fn send(&mut self, message: Happening) {
        if self.goes_wrong(self.faults.message_lost) {
            return;
        }
        let copies = if self.goes_wrong(self.faults.message_doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let longest_ms = if self.goes_wrong(self.faults.message_delayed) { 40_000 } else { 50 };
            let delay = self.between(1, longest_ms);
            self.after(delay, message.clone());
        }
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.scheduled += 1;
        self.events.push(Reverse(Scheduled { at: self.now + delay, number: self.scheduled, happening }));
    }

    /// What time a coordinator believes it is.
    fn clock(&self, coordinator: usize) -> Duration {
        self.coordinators[coordinator].clock + self.now
    }

    fn goes_wrong(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.now < FAULTS_END && self.below(1000) < per_mille
    }

    fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms - least_ms + 1))
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }
}
