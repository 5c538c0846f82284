//! Who takes part beside the coordinators: submitters, workers, and bad luck.

use std::collections::BTreeMap;
use std::time::Duration;

use dataset::{Tally, attempt_key};
use tokio::sync::oneshot;

use super::{COORDINATORS, SLOTS, World};
use crate::queue::{Finished, Here, Lease, Piece, WorkerId};
use crate::service::{Answer, Asked, Heard, Labels, Said, Service, Work};

/// A worker whose report is not answered within this time makes another.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks one coordinator for the job until it has taken it on, and again when it is not known any more. The others are
/// asked for the same.
pub(super) async fn submit(world: World, coordinator: usize) {
    let asked = Asked {
        work: Work::Trace(world.0.scene.job().clone()),
        output: "memory".to_owned(),
        priority: 0,
        share: 1,
        labels: Labels::new(),
    };
    loop {
        if world.0.here.registry().get(world.0.scene.id()).is_none() {
            let asked = asked.clone();
            // What became of it shows in the registry.
            world.ask(coordinator, async move |service: Service| service.submit(asked).await.is_ok()).await;
        }
        world.0.executor.sleep(world.between(5000, 20_000)).await;
    }
}

const DISTURBED_EVERY: Duration = Duration::from_secs(2);

struct Worker {
    name: String,
    running: BTreeMap<Lease, (Piece, Duration)>,
    finished: Vec<Finished>,
}

pub(super) async fn work(world: World, number: usize) {
    let born = |life: u64| Worker {
        name: format!("{number}.{life}"),
        running: BTreeMap::new(),
        finished: Vec::new(),
    };
    let mut life = 0;
    let mut worker = born(life);
    loop {
        world.0.executor.sleep(world.between(1000, 4000)).await;
        if world.state().is_over {
            return;
        }
        if world.goes_wrong(world.0.faults.worker_crashes) {
            life += 1;
            worker = born(life);
        }
        worker.finish(&world);
        let heard = worker.heard(world.0.scene.id());
        let report = async move |service: Service| service.report(heard).await.ok();
        let coordinator = world.below(COORDINATORS as u64) as usize;
        if let Some(Some(answer)) = world.ask(coordinator, report).await {
            worker.obey(&world, answer);
        }
    }
}

impl Worker {
    /// Writes the attempts of those shards that have been running for long enough.
    fn finish(&mut self, world: &World) {
        let now = world.0.executor.now();
        let ended = self.running.extract_if(.., |_, (_, ends)| *ends <= now);
        for (lease, (shard, _)) in ended {
            let attempt = attempt_key(shard.ordinal, lease.token.0);
            let number = {
                let mut state = world.state();
                state.happened.executions += 1;
                state.happened.executions
            };
            world.0.memory.put(&attempt, world.0.scene.attempt(shard.ordinal, number));
            let tally = Tally { sources: shard.sources, ..Tally::default() };
            self.finished.push(Finished { lease, attempt, tally });
        }
    }

    fn heard(&self, job: &str) -> Heard {
        let running = self.running.keys().map(|&lease| (lease, Tally::default())).collect();
        let said = Said { running, finished: self.finished.clone(), ..Said::default() };
        Heard {
            worker: WorkerId::new(&self.name),
            labels: Labels::new(),
            local_pid: None,
            free_slots: SLOTS.saturating_sub(self.running.len()),
            jobs: BTreeMap::from([(job.to_owned(), said)]),
        }
    }

    fn obey(&mut self, world: &World, answer: Answer) {
        let now = world.0.executor.now();
        self.finished
            .retain(|finished| !answer.acknowledged.iter().any(|(_, lease)| *lease == finished.lease));
        for (_, lease) in answer.stop {
            self.running.remove(&lease);
        }
        for (_, start) in answer.start {
            let is_known = self.finished.iter().any(|finished| finished.lease == start.lease);
            if !is_known && self.running.len() < SLOTS {
                let ends = now + world.between(1000, 20_000);
                self.running.entry(start.lease).or_insert((start.shard, ends));
            }
        }
    }
}

/// What befalls coordinators, the queue and the store.
pub(super) async fn disturb(world: World) {
    let faults = world.0.faults;
    loop {
        world.0.executor.sleep(DISTURBED_EVERY).await;
        for coordinator in 0..COORDINATORS {
            if world.goes_wrong(faults.coordinator_crashes) {
                world.kill_coordinator(coordinator);
                let (world, back) = (world.clone(), world.between(1000, 20_000));
                world.clone().0.executor.spawn(super::WORLD, async move {
                    world.0.executor.sleep(back).await;
                    world.kill_coordinator(coordinator);
                    world.start_coordinator(coordinator);
                });
            }
        }
        if world.goes_wrong(faults.flushes) {
            world.forget(&Here::default());
        }
        if world.goes_wrong(faults.restores) {
            let snapshot = world.state().snapshot.take();
            match snapshot {
                Some(snapshot) => world.forget(&snapshot),
                None => {
                    let copied = world.0.here.copied();
                    world.state().snapshot = Some(copied);
                }
            }
        }
        if world.goes_wrong(faults.outages) {
            let until = world.0.executor.now() + world.between(1000, 120_000);
            world.state().store_gone_until = until;
        }
        let is_over = world.is_over();
        world.state().is_over = is_over;
    }
}

impl World {
    fn forget(&self, instead: &Here) {
        self.0.here.restore(instead);
        let mut state = self.state();
        state.queue_forgot = true;
        state.happened.forgotten += 1;
    }

    /// Has a coordinator do something, if it is up and lives long enough. It may do it although nobody waits any more.
    async fn ask<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        coordinator: usize,
        call: impl FnOnce(Service) -> F,
    ) -> Option<T> {
        let (group, service) = self.state().coordinators[coordinator].up.clone()?;
        let (reply, answered) = oneshot::channel();
        let (world, call) = (self.clone(), call(service));
        let delay = self.between(1, 50);
        self.0.executor.spawn(group, async move {
            world.0.executor.sleep(delay).await;
            // The one who asked may have gone.
            let _ = reply.send(call.await);
        });
        tokio::select! {
            biased;
            answer = answered => answer.ok(),
            () = self.0.executor.sleep(PATIENCE) => None,
        }
    }
}
