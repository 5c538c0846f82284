//! Which jobs there are, and who does what of which there must not be two.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::QueueError;
#[cfg(test)]
use super::far::FarRegistry;
use super::here::HereRegistry;
use super::redis::RedisRegistry;

/// A job as it was submitted, and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    pub id: String,
    pub kind: JobKind,
    /// What it is to do: a job as it stands in `_et/job.json`, or the order of a rendering.
    pub job_json: String,
    /// Folder or URI of what it makes.
    pub output: String,
    /// Jobs of a higher priority go first.
    pub priority: i32,
    /// Among jobs of one priority, workers are divided by their shares.
    pub share: u32,
    /// What a worker must have to run it.
    pub labels: BTreeMap<String, String>,
    pub submitted_unix_ms: u64,
    #[serde(skip)]
    pub state: JobState,
    /// Why it failed, or what it waits for, in one sentence. Empty where there is nothing to say.
    #[serde(skip)]
    pub message: String,
    /// 0 until it is over.
    #[serde(skip)]
    pub ended_unix_ms: u64,
}

/// What a job does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Runs programs; what comes of it is a dataset of traces.
    #[default]
    Trace,
    /// Makes training text of such a dataset.
    Render,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    #[default]
    Running,
    Paused,
    Cancelled,
    /// What it makes is sealed. No other state follows.
    Complete,
    /// It cannot go on.
    Failed,
}

/// The jobs of one home.
#[derive(Debug, Clone)]
pub enum Registry {
    Here(HereRegistry),
    Redis(RedisRegistry),
    #[cfg(test)]
    Far(FarRegistry),
}

impl Registry {
    /// Adds a job. False if there is one with this id: then nothing changes.
    pub async fn put(&self, record: &JobRecord) -> Result<bool, QueueError> {
        match self {
            Registry::Here(registry) => Ok(registry.put(record)),
            Registry::Redis(registry) => registry.put(record).await,
            #[cfg(test)]
            Registry::Far(registry) => registry.put(record).await,
        }
    }

    pub async fn get(&self, job: &str) -> Result<Option<JobRecord>, QueueError> {
        match self {
            Registry::Here(registry) => Ok(registry.get(job)),
            Registry::Redis(registry) => registry.get(job).await,
            #[cfg(test)]
            Registry::Far(registry) => registry.get(job).await,
        }
    }

    /// All jobs, by their ids.
    pub async fn list(&self) -> Result<Vec<JobRecord>, QueueError> {
        match self {
            Registry::Here(registry) => Ok(registry.list()),
            Registry::Redis(registry) => registry.list().await,
            #[cfg(test)]
            Registry::Far(registry) => registry.list().await,
        }
    }

    /// Says how a job stands now. False if there is no such job, or it is complete, or stands so already: then nothing
    /// changes.
    pub async fn set_state(
        &self,
        job: &str,
        state: JobState,
        message: &str,
        ended_unix_ms: u64,
    ) -> Result<bool, QueueError> {
        match self {
            Registry::Here(registry) => Ok(registry.set_state(job, state, message, ended_unix_ms)),
            Registry::Redis(registry) => registry.set_state(job, state, message, ended_unix_ms).await,
            #[cfg(test)]
            Registry::Far(registry) => registry.set_state(job, state, message, ended_unix_ms).await,
        }
    }

    /// Makes `holder` the one who does what `name` stands for, until `now + ttl`, or for longer if it is already.
    /// False if another one is. What it guards must bear two at once all the same: clocks may differ.
    pub async fn claim(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Duration,
    ) -> Result<bool, QueueError> {
        match self {
            Registry::Here(registry) => Ok(registry.claim(name, holder, ttl, now)),
            Registry::Redis(registry) => registry.claim(name, holder, ttl, now).await,
            #[cfg(test)]
            Registry::Far(registry) => registry.claim(name, holder, ttl, now).await,
        }
    }

    /// Gives a claim back, if `holder` has it.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), QueueError> {
        match self {
            Registry::Here(registry) => {
                registry.release(name, holder);
                Ok(())
            }
            Registry::Redis(registry) => registry.release(name, holder).await,
            #[cfg(test)]
            Registry::Far(registry) => registry.release(name, holder).await,
        }
    }
}
