//! Random operations on both homes, whose answers must be the same, one by one.

use std::time::Duration;

use dataset::Tally;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::server::Server;
use super::{EPOCH, RULES, block_on, shard_of};
use crate::queue::{Failure, Finished, Home, IntervalSet, JobQueue, Lease, Report, Running, Token, WorkerId};

#[derive(Debug, Clone)]
enum Step {
    Begin,
    Forget,
    Offer { how_many: u64 },
    AllOffered,
    Report { worker: usize, free_slots: usize, said: Vec<(Said, Index)> },
    Published { lease: Index },
    Unpublished { lease: Index },
    WorkerLost { worker: usize },
    Wait { micros: u64 },
    Pause,
    Resume,
    Drain,
    Cancel,
}

/// What a worker says of some lease that was ever given out.
#[derive(Debug, Clone)]
enum Said {
    Runs { position: u64 },
    Finished,
    Failed { source: Option<u64> },
    Released,
}

const WORKERS: [&str; 4] = ["a", "worker é", "", "a\0b"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let position = prop_oneof![20 => 0..3u64, 1 => Just(u64::MAX)];
    let said = prop_oneof![
        6 => position.clone().prop_map(|position| Said::Runs { position }),
        4 => Just(Said::Finished),
        3 => prop::option::of(position).prop_map(|source| Said::Failed { source }),
        1 => Just(Said::Released),
    ];
    let reports = (0..WORKERS.len(), 0..3usize, prop::collection::vec((said, any::<Index>()), 0..4));
    let step = prop_oneof![
        3 => (1..4u64).prop_map(|how_many| Step::Offer { how_many }),
        1 => Just(Step::AllOffered),
        20 => reports.prop_map(|(worker, free_slots, said)| Step::Report { worker, free_slots, said }),
        5 => any::<Index>().prop_map(|lease| Step::Published { lease }),
        2 => any::<Index>().prop_map(|lease| Step::Unpublished { lease }),
        2 => (0..WORKERS.len()).prop_map(|worker| Step::WorkerLost { worker }),
        6 => (0..40_000_000u64).prop_map(|micros| Step::Wait { micros }),
        1 => prop_oneof![
            4 => Just(Step::Begin),
            2 => Just(Step::Pause),
            4 => Just(Step::Resume),
            1 => Just(Step::Drain),
            1 => Just(Step::Cancel),
            1 => Just(Step::Forget),
        ],
    ];
    prop::collection::vec(step, 1..120)
}

/// Two queues that are told the same.
struct Twins {
    here: JobQueue,
    redis: JobQueue,
    now: Duration,
    offered: u64,
    /// Every lease ever given out, by whom it was asked for, and some that never were.
    leases: Vec<(usize, Lease)>,
    published: IntervalSet,
}

/// Asks both the same, and compares.
macro_rules! both {
    ($twins:ident, $queue:ident => $ask:expr) => {{
        let $queue = &$twins.here;
        let here = $ask.await;
        let $queue = &$twins.redis;
        let redis = $ask.await;
        assert_eq!(here, redis, "in this process, and in Redis");
        here
    }};
}

impl Twins {
    async fn apply(&mut self, step: &Step) {
        match step {
            Step::Begin => drop(both!(self, queue => queue.begin(&self.published))),
            Step::Forget => drop(both!(self, queue => queue.forget())),
            Step::Offer { how_many } => {
                let shards: Vec<_> = (self.offered..self.offered + how_many).map(shard_of).collect();
                self.offered += how_many - how_many / 2;
                both!(self, queue => queue.offer(&shards)).ok();
            }
            Step::AllOffered => drop(both!(self, queue => queue.all_offered(self.offered))),
            Step::Report { worker, free_slots, said } => self.report(*worker, *free_slots, said).await,
            Step::Published { lease } => {
                let (_, lease) = *lease.get(&self.leases);
                let tally = tally(lease);
                if let Ok(true) = both!(self, queue => queue.published(lease, &tally)) {
                    self.published.insert(lease.shard);
                }
            }
            Step::Unpublished { lease } => {
                let (_, lease) = *lease.get(&self.leases);
                both!(self, queue => queue.unpublished(lease, "no disk")).ok();
            }
            Step::WorkerLost { worker } => {
                let worker = WorkerId::new(WORKERS[*worker]);
                both!(self, queue => queue.worker_lost(&worker)).ok();
            }
            Step::Wait { micros } => {
                self.now += Duration::from_micros(*micros);
                both!(self, queue => queue.sweep(self.now)).ok();
            }
            Step::Pause => drop(both!(self, queue => queue.pause())),
            Step::Resume => drop(both!(self, queue => queue.resume())),
            Step::Drain => drop(both!(self, queue => queue.drain())),
            Step::Cancel => drop(both!(self, queue => queue.cancel())),
        }
        both!(self, queue => queue.status()).ok();
        both!(self, queue => queue.failures()).ok();
        both!(self, queue => queue.depth()).ok();
        both!(self, queue => queue.wants_shards()).ok();
    }

    async fn report(&mut self, worker: usize, free_slots: usize, said: &[(Said, Index)]) {
        let mut report = Report::idle(WorkerId::new(WORKERS[worker]), free_slots);
        for (said, which) in said {
            // Mostly of its own leases; at times of somebody else's.
            let own: Vec<Lease> =
                self.leases.iter().filter(|(asked, _)| *asked == worker).map(|&(_, lease)| lease).collect();
            let is_own = which.index(8) > 0 && !own.is_empty();
            let lease = if is_own {
                own[own.len() - 1 - which.index(own.len().min(4))]
            } else {
                which.get(&self.leases).1
            };
            match *said {
                Said::Runs { position } => report.running.push(Running { lease, position }),
                Said::Finished => {
                    let attempt = format!("_et/attempts/{}", lease.token.0);
                    report.finished.push(Finished { lease, attempt, tally: tally(lease) });
                }
                Said::Failed { source } => {
                    let reason = ["no disk", "", "é\0\n\"%s"][lease.token.0 as usize % 3].to_owned();
                    report.failed.push(Failure { lease, reason, source });
                }
                Said::Released => report.released.push(lease),
            }
        }
        if let Ok(reply) = both!(self, queue => queue.reconcile(&report, self.now)) {
            self.leases.extend(reply.start.iter().map(|start| (worker, start.lease)));
        }
    }
}

fn tally(lease: Lease) -> Tally {
    Tally {
        sources: 3,
        rows: lease.token.0,
        outcomes: [("returned".to_owned(), 2)].into(),
        reasons: [(format!("reason {}", lease.shard), 1)].into(),
        ..Tally::default()
    }
}

#[test]
fn both_homes_answer_the_same_whatever_they_are_told() {
    let Some(server) = Server::shared() else { return };
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            block_on(play(&server.url(), &steps));
            Ok(())
        })
        .unwrap();
}

async fn play(url: &str, steps: &[Step]) {
    let redis = Home::redis(url).await.unwrap().queue("model", RULES);
    redis.forget().await.unwrap();
    let stray = Lease { shard: 2, token: Token(7) };
    let mut twins = Twins {
        here: Home::here().queue("model", RULES),
        redis,
        now: EPOCH,
        offered: 0,
        leases: vec![(0, stray), (1, Lease { shard: 99, token: Token(1 << 50) })],
        published: IntervalSet::new(),
    };
    twins.apply(&Step::Begin).await;
    for step in steps {
        twins.apply(step).await;
    }
}
