//! What a coordinator meets in a simulation: a clock that is wrong, a store that fails, a queue that is far.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dataset::{Fate, Operation, Store};

use super::executor::Group;
use super::{World, threads};
use crate::queue::QueueError;
use crate::queue::far::{Line, Mutation};

/// Clocks that are behind still show something.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

/// A listing that is old does not show what came within this time.
const OLD: Duration = Duration::from_secs(60);

/// The machine of one life of one coordinator.
pub(crate) struct Simulated {
    world: World,
    group: Group,
    ahead: Duration,
}

impl Simulated {
    pub(super) fn new(world: World, group: Group, ahead: Duration) -> Simulated {
        Simulated { world, group, ahead }
    }

    pub(in crate::service) fn name(&self) -> String {
        format!("coordinator {}", self.group.0)
    }

    pub(in crate::service) fn clock(&self) -> Duration {
        EPOCH + self.ahead + self.uptime()
    }

    pub(in crate::service) fn uptime(&self) -> Duration {
        self.world.0.executor.now()
    }

    pub(in crate::service) async fn sleep(&self, duration: Duration) {
        self.world.0.executor.sleep(duration).await;
    }

    pub(in crate::service) fn store(&self) -> Store {
        Store::simulated(&self.world.0.memory, Arc::new(self.world.clone()))
    }

    pub(in crate::service) async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        threads::blocking(&self.world.0.executor, call).await
    }

    pub(in crate::service) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.world.0.executor.spawn(self.group, task);
    }
}

impl World {
    /// What may befall any call to the store on either way.
    fn store_call(&self) -> io::Result<()> {
        let longest_ms = if self.goes_wrong(self.0.faults.store_slow) { 40_000 } else { 50 };
        threads::pause(self.between(1, longest_ms));
        let is_gone = self.0.executor.now() < self.state().store_gone_until;
        if is_gone || self.goes_wrong(self.0.faults.store_fails) {
            self.state().happened.store_failures += 1;
            return Err(io::Error::other("as asked"));
        }
        Ok(())
    }

    /// What must hold whenever an object has changed.
    fn changed(&self, operation: Operation, key: &str) {
        let Some(bytes) = self.0.memory.get(key) else {
            if key.starts_with("data/") {
                self.violated(format!("{key} is removed"));
            }
            return;
        };
        let mut state = self.state();
        state.born.entry(key.to_owned()).or_insert(self.0.executor.now());
        if operation == Operation::Publish {
            let first = state.parts.entry(key.to_owned()).or_insert_with(|| bytes.clone());
            if *first != bytes {
                drop(state);
                self.violated(format!("{key} is replaced"));
            }
        } else if key == "_et/manifest.json" {
            state.happened.sealed += 1;
            let parts = state.parts.len() as u64;
            drop(state);
            if parts != self.0.scene.shards() {
                self.violated(format!("the manifest is written when {parts} parts are there"));
            }
        }
    }
}

impl Fate for World {
    fn before(&self, _: Operation, _: &str) -> io::Result<()> {
        self.store_call()
    }

    fn after(&self, operation: Operation, key: &str) -> io::Result<()> {
        match operation {
            Operation::Put | Operation::Publish | Operation::Delete => self.changed(operation, key),
            Operation::Exists if key.starts_with("data/") && self.0.memory.get(key).is_some() => {
                self.state().happened.republished += 1;
            }
            _ => {}
        }
        self.store_call()
    }

    fn is_listed(&self, key: &str) -> bool {
        let is_young = |born: &Duration| *born + OLD > self.0.executor.now();
        let is_young = self.state().born.get(key).is_some_and(is_young);
        !(is_young && self.goes_wrong(self.0.faults.listings_old))
    }
}

/// A store in which nothing goes wrong.
#[derive(Debug)]
pub(super) struct Calm;

impl Fate for Calm {
    fn before(&self, _: Operation, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn after(&self, _: Operation, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn is_listed(&self, _: &str) -> bool {
        true
    }
}

/// The way between a coordinator and the queue.
#[derive(Debug)]
pub(super) struct LineOf(pub(super) World);

impl Line for LineOf {
    fn pass(&self) -> Pin<Box<dyn Future<Output = Result<(), QueueError>> + Send>> {
        let world = self.0.clone();
        Box::pin(async move {
            let longest_ms = if world.goes_wrong(world.0.faults.queue_slow) { 30_000 } else { 10 };
            world.0.executor.sleep(world.between(1, longest_ms)).await;
            if world.goes_wrong(world.0.faults.queue_fails) {
                world.0.executor.sleep(world.between(1, 5000)).await;
                let (address, why) = ("far".to_owned(), "as asked".to_owned());
                return Err(QueueError::Unreachable { address, why });
            }
            Ok(())
        })
    }

    fn mutation(&self) -> Mutation {
        self.0.0.mutation
    }
}
