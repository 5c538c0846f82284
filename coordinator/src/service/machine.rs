//! What a coordinator takes from the machine that it runs on: time, threads for calls that block, and stores.
//!
//! It takes these from nowhere else, so that a simulation can be its machine.

use std::sync::Mutex;
use std::time::Duration;

use dataset::{Store, StoreError};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

#[cfg(test)]
use super::sim::Simulated;
use super::{ServiceError, lock, since_epoch};

pub(crate) enum Machine {
    /// The one that this process runs on.
    This { started: Instant, tasks: Mutex<JoinSet<()>> },
    #[cfg(test)]
    Simulated(Simulated),
}

impl Machine {
    pub(crate) fn this() -> Machine {
        Machine::This { started: Instant::now(), tasks: Mutex::default() }
    }

    /// Tells this coordinator from others.
    pub(super) fn name(&self) -> String {
        match self {
            Machine::This { .. } => format!("{}-{:x}", std::process::id(), since_epoch().as_nanos()),
            #[cfg(test)]
            Machine::Simulated(machine) => machine.name(),
        }
    }

    /// Since the epoch, as its clock shows it.
    pub(super) fn clock(&self) -> Duration {
        match self {
            Machine::This { .. } => since_epoch(),
            #[cfg(test)]
            Machine::Simulated(machine) => machine.clock(),
        }
    }

    pub(super) fn unix_ms(&self) -> u64 {
        self.clock().as_millis() as u64
    }

    /// For how long it has been running, which no clock can turn back.
    pub(super) fn uptime(&self) -> Duration {
        match self {
            Machine::This { started, .. } => started.elapsed(),
            #[cfg(test)]
            Machine::Simulated(machine) => machine.uptime(),
        }
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        match self {
            Machine::This { .. } => tokio::time::sleep(duration).await,
            #[cfg(test)]
            Machine::Simulated(machine) => machine.sleep(duration).await,
        }
    }

    /// Sleeps until it has been running for so long.
    pub(super) async fn sleep_until(&self, uptime: Duration) {
        self.sleep(uptime.saturating_sub(self.uptime())).await;
    }

    pub(super) fn open_store(&self, location: &str) -> Result<Store, StoreError> {
        match self {
            Machine::This { .. } => Store::open(location),
            #[cfg(test)]
            Machine::Simulated(machine) => Ok(machine.store()),
        }
    }

    /// Makes a call that blocks, such as those to a store.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        match self {
            Machine::This { .. } => {
                spawn_blocking(call).await.map_err(|bug| ServiceError::Bug(bug.to_string()))
            }
            #[cfg(test)]
            Machine::Simulated(machine) => Ok(machine.blocking(call).await),
        }
    }

    /// Runs a task beside others.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Machine::This { tasks, .. } => {
                let mut tasks = lock(tasks);
                while tasks.try_join_next().is_some() {}
                tasks.spawn(task);
            }
            #[cfg(test)]
            Machine::Simulated(machine) => machine.spawn(task),
        }
    }

    /// Waits until all tasks have ended.
    pub(super) async fn idle(&self) {
        match self {
            Machine::This { tasks, .. } => loop {
                let mut tasks = std::mem::take(&mut *lock(tasks));
                if tasks.is_empty() {
                    return;
                }
                while tasks.join_next().await.is_some() {}
            },
            #[cfg(test)]
            Machine::Simulated(_) => unreachable!("a simulated coordinator is killed"),
        }
    }
}
