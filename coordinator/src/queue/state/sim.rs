//! Whole jobs on virtual time: workers that crash, and a network that loses, doubles, delays and reorders what
//! they say. A run is decided by its seed, so a failing one can be run again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use super::tests::shard_of;
use super::*;

const SHARDS: u64 = 60;
const WORKERS: usize = 4;
const SLOTS: usize = 2;
const REPORT_EVERY: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// From then on nothing goes wrong any more, so that the job must come to its end.
const FAULTS_END: Duration = Duration::from_secs(300);
const DEADLINE: Duration = Duration::from_secs(1200);

/// How likely each thing is to go wrong, in percent, whenever it could.
#[derive(Clone, Copy)]
struct Faults {
    message_lost: u64,
    message_doubled: u64,
    message_delayed: u64,
    worker_crashes: u64,
    worker_fails: u64,
    publication_fails: u64,
    coordinator_restarts: u64,
}

const NONE: Faults = Faults {
    message_lost: 0,
    message_doubled: 0,
    message_delayed: 0,
    worker_crashes: 0,
    worker_fails: 0,
    publication_fails: 0,
    coordinator_restarts: 0,
};

const MANY: Faults = Faults {
    message_lost: 10,
    message_doubled: 20,
    message_delayed: 10,
    worker_crashes: 1,
    worker_fails: 5,
    publication_fails: 5,
    coordinator_restarts: 1,
};

#[derive(Clone)]
enum Event {
    Sweep,
    WorkerReports { worker: usize, life: u32 },
    RequestArrives { worker: usize, life: u32, report: Report },
    ReplyArrives { worker: usize, life: u32, reply: Reply },
    ShardEnds { worker: usize, life: u32, lease: Lease },
    PublicationEnds { era: u32, lease: Lease },
}

struct Worker {
    /// A restarted worker is another one.
    life: u32,
    running: BTreeSet<Lease>,
    finished: BTreeSet<Lease>,
    failed: BTreeSet<Lease>,
}

struct Sim {
    seed: u64,
    faults: Faults,
    now: Duration,
    events: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    queue: Queue,
    /// Counts the coordinators: one that died publishes nothing any more.
    era: u32,
    workers: Vec<Worker>,
    parts: BTreeMap<u64, Token>,
    executions: u64,
}

/// Ordered by time, and by age among equals.
struct Scheduled {
    at: Duration,
    number: u64,
    event: Event,
}

impl Sim {
    fn new(seed: u64, faults: Faults) -> Sim {
        let mut sim = Sim {
            seed,
            faults,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            scheduled: 0,
            queue: queue(Token(1), IntervalSet::new()),
            era: 0,
            workers: (0..WORKERS).map(|_| Worker::new(0)).collect(),
            parts: BTreeMap::new(),
            executions: 0,
        };
        sim.after(SWEEP_EVERY, Event::Sweep);
        for worker in 0..WORKERS {
            sim.after(Duration::ZERO, Event::WorkerReports { worker, life: 0 });
        }
        sim
    }

    /// Runs the job to its end.
    fn run(mut self) -> Sim {
        while !self.queue.is_at_rest() {
            let Reverse(next) = self.events.pop().expect("sweeping never ends");
            self.now = next.at;
            assert!(self.now < DEADLINE, "the job is stuck: {:?}", self.queue);
            self.apply(next.event);
        }
        let done: Vec<u64> = (0..SHARDS).filter(|&shard| self.queue.done().contains(shard)).collect();
        assert!(done.iter().eq(self.parts.keys()), "what is done is what is published");
        assert_eq!(done.len() as u64 + self.queue.set_aside(), SHARDS, "no shard is lost");
        self
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Sweep => {
                self.queue.sweep(self.now);
                self.after(SWEEP_EVERY, Event::Sweep);
                if self.goes_wrong(self.faults.coordinator_restarts) {
                    self.restart_coordinator();
                }
            }
            Event::WorkerReports { worker, life } => {
                if self.workers[worker].life == life {
                    let report = self.workers[worker].report(worker);
                    self.send(Event::RequestArrives { worker, life, report });
                    self.after(REPORT_EVERY, Event::WorkerReports { worker, life });
                    if self.goes_wrong(self.faults.worker_crashes) {
                        self.crash(worker);
                    }
                }
            }
            Event::RequestArrives { worker, life, report } => {
                let reply = self.queue.reconcile(&report, self.now);
                for &lease in &reply.committed {
                    let took = self.pick(1, 3000);
                    self.after(took, Event::PublicationEnds { era: self.era, lease });
                }
                self.send(Event::ReplyArrives { worker, life, reply });
            }
            Event::ReplyArrives { worker, life, reply } => {
                if self.workers[worker].life == life {
                    self.obey(worker, &reply);
                }
            }
            Event::ShardEnds { worker, life, lease } => {
                let fails = self.goes_wrong(self.faults.worker_fails);
                let worker = &mut self.workers[worker];
                if worker.life == life && worker.running.remove(&lease) {
                    let ended = if fails { &mut worker.failed } else { &mut worker.finished };
                    ended.insert(lease);
                }
            }
            Event::PublicationEnds { era, lease } => {
                if era == self.era {
                    self.publish(lease);
                }
            }
        }
    }

    /// What a worker makes of a reply.
    fn obey(&mut self, worker: usize, reply: &Reply) {
        let state = &mut self.workers[worker];
        let life = state.life;
        for lease in &reply.acknowledged {
            state.finished.remove(lease);
            state.failed.remove(lease);
        }
        for lease in &reply.stop {
            state.running.remove(lease);
        }
        for &lease in &reply.start {
            let state = &mut self.workers[worker];
            let held = state.finished.contains(&lease) || state.failed.contains(&lease);
            if !held && state.running.len() < SLOTS && state.running.insert(lease) {
                self.executions += 1;
                let takes = self.pick(100, 20_000);
                self.after(takes, Event::ShardEnds { worker, life, lease });
            }
        }
    }

    fn publish(&mut self, lease: Lease) {
        if self.goes_wrong(self.faults.publication_fails) {
            self.queue.unpublished(lease.shard, "no disk");
            return;
        }
        let before = self.parts.insert(lease.shard, lease.token);
        assert_eq!(before, None, "a part is published once");
        self.queue.published(lease.shard);
    }

    fn crash(&mut self, worker: usize) {
        let state = &mut self.workers[worker];
        let gone = worker_id(worker, state.life);
        *state = Worker::new(state.life + 1);
        let life = state.life;
        self.after(Duration::from_secs(3), Event::WorkerReports { worker, life });
        // Only whoever started a worker sees it die.
        if self.pick(0, 1) == Duration::ZERO {
            self.queue.worker_lost(&gone);
        }
    }

    /// The new coordinator knows what is published, and nothing else.
    fn restart_coordinator(&mut self) {
        self.era += 1;
        let first_token = Token(u64::from(self.era) * 1_000_000);
        self.queue = queue(first_token, self.parts.keys().copied().collect());
    }

    /// Puts a message on the network.
    fn send(&mut self, message: Event) {
        if self.goes_wrong(self.faults.message_lost) {
            return;
        }
        let copies = if self.goes_wrong(self.faults.message_doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let longest_ms = if self.goes_wrong(self.faults.message_delayed) { 60_000 } else { 50 };
            let delay = self.pick(1, longest_ms);
            self.after(delay, message.clone());
        }
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse(Scheduled { at: self.now + delay, number: self.scheduled, event }));
    }

    fn goes_wrong(&mut self, percent: u64) -> bool {
        self.random() % 100 < percent && self.now < FAULTS_END
    }

    fn pick(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.random() % (most_ms - least_ms + 1))
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl Worker {
    fn new(life: u32) -> Worker {
        Worker { life, running: BTreeSet::new(), finished: BTreeSet::new(), failed: BTreeSet::new() }
    }

    fn report(&self, worker: usize) -> Report {
        Report {
            worker: worker_id(worker, self.life),
            free_slots: SLOTS - self.running.len(),
            running: self.running.iter().copied().collect(),
            finished: self.finished.iter().copied().collect(),
            failed: self.failed.iter().map(|&lease| (lease, "no disk".to_owned())).collect(),
        }
    }
}

fn worker_id(worker: usize, life: u32) -> WorkerId {
    WorkerId::new(&format!("{worker}.{life}"))
}

fn queue(first_token: Token, done: IntervalSet) -> Queue {
    let mut queue = Queue::new(Rules::default(), first_token, done);
    for shard in 0..SHARDS {
        queue.offer(shard_of(shard));
    }
    queue.all_offered();
    queue
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

#[test]
fn every_shard_is_published_once_whatever_crashes_and_gets_lost() {
    let mut total = Counts::default();
    for seed in 0..300 {
        let sim = Sim::new(seed, MANY).run();
        let counts = sim.queue.counts();
        total.expired += counts.expired;
        total.lost += counts.lost;
        total.withdrawn += counts.withdrawn;
        total.failed += counts.failed;
        total.adopted += counts.adopted;
    }
    // A simulation in which nothing happens would prove nothing.
    let kinds = [total.expired, total.lost, total.withdrawn, total.failed, total.adopted];
    assert!(kinds.iter().all(|&count| count > 100), "{total:?}");
}

#[test]
fn without_faults_every_shard_runs_once() {
    for seed in 0..50 {
        let sim = Sim::new(seed, NONE).run();
        assert_eq!(sim.executions, SHARDS);
        assert_eq!(sim.queue.counts(), Counts::default());
    }
}

#[test]
fn without_faults_but_with_doubled_and_late_messages_no_work_is_lost() {
    for seed in 0..50 {
        let sim = Sim::new(seed, Faults { message_doubled: 30, ..NONE }).run();
        assert!(sim.executions < SHARDS + SHARDS / 4, "seed {seed}: {} executions", sim.executions);
    }
}
