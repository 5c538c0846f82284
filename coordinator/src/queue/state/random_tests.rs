//! Random operations against what must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::queue::conformance::{RULES, finished, shard_of};

#[derive(Debug, Clone)]
enum Step {
    Offer,
    Lease { worker: usize, most: usize },
    Renew { lease: usize, worker: Option<usize> },
    Complete { lease: usize, worker: Option<usize> },
    Fail { lease: usize, worker: Option<usize> },
    Published { nth: usize },
    Unpublished { nth: usize },
    Lost { worker: usize },
    Wait { seconds: u64 },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let worker = 0..4usize;
    let other = prop::option::weighted(0.1, 0..4usize);
    let step = prop_oneof![
        3 => Just(Step::Offer),
        4 => (worker.clone(), 0..4usize).prop_map(|(worker, most)| Step::Lease { worker, most }),
        4 => (any::<usize>(), other.clone()).prop_map(|(lease, worker)| Step::Renew { lease, worker }),
        4 => (any::<usize>(), other.clone()).prop_map(|(lease, worker)| Step::Complete { lease, worker }),
        2 => (any::<usize>(), other).prop_map(|(lease, worker)| Step::Fail { lease, worker }),
        3 => any::<usize>().prop_map(|nth| Step::Published { nth }),
        1 => any::<usize>().prop_map(|nth| Step::Unpublished { nth }),
        1 => worker.prop_map(|worker| Step::Lost { worker }),
        2 => (0..40u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..200)
}

/// The queue beside a naive memory of all that it ever said.
struct Model {
    queue: Queue,
    now: Duration,
    offered: u64,
    /// Every lease ever granted, with the worker that got it; also those of earlier queues.
    granted: Vec<(WorkerId, Lease)>,
    highest: BTreeMap<u64, Token>,
    /// The highest token of each shard of which this queue can know.
    known: BTreeMap<u64, Token>,
    publishing: BTreeMap<u64, Lease>,
    published: BTreeSet<u64>,
}

const SHARDS: u64 = 6;

impl Model {
    fn new() -> Model {
        let queue = Queue::new(Rules { max_losses: 1000, ..RULES }, IntervalSet::new());
        Model {
            queue,
            now: Duration::ZERO,
            offered: 0,
            granted: Vec::new(),
            highest: BTreeMap::new(),
            known: BTreeMap::new(),
            publishing: BTreeMap::new(),
            published: BTreeSet::new(),
        }
    }

    fn lease(&mut self, worker: usize, most: usize) -> Vec<Lease> {
        let worker = WorkerId::new(&worker.to_string());
        let leases = self.queue.lease(&worker, most, self.now);
        assert!(leases.len() <= most);
        for &lease in &leases {
            let before = self.highest.insert(lease.shard, lease.token);
            assert!(before.is_none_or(|before| before < lease.token), "tokens of a shard only grow");
            assert!(!self.published.contains(&lease.shard), "a published shard does not run again");
            assert!(!self.publishing.contains_key(&lease.shard), "nor does a committed one");
            assert!(lease.shard < self.offered, "only what the planner described can be run");
            self.known.insert(lease.shard, lease.token);
            self.granted.push((worker.clone(), lease));
        }
        leases
    }

    /// A lease that was granted at some time, and who speaks of it.
    fn pick(&self, lease: usize, impostor: Option<usize>) -> Option<(WorkerId, Lease)> {
        let (holder, lease) = self.granted.get(lease.checked_rem(self.granted.len())?)?;
        let worker = impostor.map_or(holder.clone(), |worker| WorkerId::new(&worker.to_string()));
        Some((worker, *lease))
    }

    /// Called with every lease that the queue lets pass.
    fn accepted(&mut self, lease: Lease) {
        let known = self.known.insert(lease.shard, lease.token);
        assert!(known.is_none_or(|known| known <= lease.token), "stale leases are refused");
    }

    fn complete(&mut self, worker: &WorkerId, lease: Lease) {
        if self.queue.complete(worker, &finished(lease), self.now) == Verdict::Accepted {
            self.accepted(lease);
            assert!(!self.published.contains(&lease.shard), "none is committed after it was published");
            assert!(self.publishing.insert(lease.shard, lease).is_none(), "none is committed twice");
        }
    }

    fn end_publication(&mut self, nth: usize, success: bool) {
        let Some(nth) = nth.checked_rem(self.publishing.len()) else { return };
        let (shard, lease) =
            self.publishing.iter().nth(nth).map(|(&shard, &lease)| (shard, lease)).expect("it is below");
        self.publishing.remove(&shard);
        if success {
            assert!(self.queue.published(lease, &Tally::default()));
            self.published.insert(shard);
        } else {
            self.queue.unpublished(lease, "no disk");
        }
    }

    fn offer(&mut self) {
        if self.offered < SHARDS && self.queue.wants_shards() {
            self.queue.offer(shard_of(self.offered));
            self.offered += 1;
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Offer => self.offer(),
            Step::Lease { worker, most } => drop(self.lease(worker, most)),
            Step::Renew { lease, worker } => {
                if let Some((worker, lease)) = self.pick(lease, worker)
                    && self.queue.renew(&worker, lease, Some(0), self.now)
                {
                    self.accepted(lease);
                }
            }
            Step::Complete { lease, worker } => {
                if let Some((worker, lease)) = self.pick(lease, worker) {
                    self.complete(&worker, lease);
                }
            }
            Step::Fail { lease, worker } => {
                if let Some((worker, lease)) = self.pick(lease, worker) {
                    let failure = Failure { lease, reason: "no disk".to_owned(), source: None };
                    if self.queue.fail(&worker, &failure, self.now) == Verdict::Accepted {
                        self.accepted(lease);
                    }
                }
            }
            Step::Published { nth } => self.end_publication(nth, true),
            Step::Unpublished { nth } => self.end_publication(nth, false),
            Step::Lost { worker } => self.queue.worker_lost(&WorkerId::new(&worker.to_string())),
            Step::Wait { seconds } => {
                self.now += Duration::from_secs(seconds);
                self.queue.sweep(self.now);
            }
            Step::Restart => self.restart(),
        }
    }

    /// A publication that was under way when the coordinator died has happened or it has not.
    fn restart(&mut self) {
        while let Some((shard, _)) = self.publishing.pop_first() {
            if shard % 2 == 0 {
                self.published.insert(shard);
            }
        }
        let done = self.published.iter().copied().collect();
        self.queue = Queue::new(Rules { max_losses: 1000, ..RULES }, done);
        // Tokens are given far more slowly than one in a microsecond.
        self.now += Duration::from_secs(1);
        self.offered = 0;
        self.known.clear();
    }

    /// Lets one faultless worker finish the job, and checks that nothing is missing then.
    fn finish(mut self) {
        while !self.publishing.is_empty() {
            self.end_publication(0, true);
        }
        while self.offered < SHARDS {
            self.offer();
        }
        self.queue.all_offered(SHARDS);
        self.now += RULES.lease * 2;
        self.queue.sweep(self.now);
        for lease in self.lease(9, SHARDS as usize) {
            self.complete(&WorkerId::new("9"), lease);
            self.end_publication(0, true);
        }
        assert!(self.queue.is_at_rest(), "{:?}", self.queue);
        assert_eq!(self.queue.done().len(), self.published.len() as u64);
        assert_eq!(
            self.published.len() as u64 + self.queue.status().shards_set_aside,
            SHARDS,
            "no shard is lost"
        );
    }
}

proptest! {
    #[test]
    fn whatever_happens_each_shard_is_published_once_or_set_aside(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.apply(step);
        }
        model.finish();
    }
}
