//! The registry of jobs in Redis: what was submitted and how it stands, in two hashes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::FromRedisValue;
use serde::{Deserialize, Serialize};

use super::link::Link;
use super::script::{Call, SCRIPTS, Text};
use crate::queue::{JobRecord, JobState, QueueError};

const RECORDS: &str = "et:{jobs}:records";
const STANDINGS: &str = "et:{jobs}:standings";

#[derive(Clone)]
pub struct RedisRegistry(Arc<Link>);

/// How a job stands. The state comes first, so that a script can tell a complete job without reading JSON.
#[derive(Serialize, Deserialize)]
struct Standing {
    state: JobState,
    message: String,
    ended_unix_ms: u64,
}

impl RedisRegistry {
    pub(super) fn new(link: Arc<Link>) -> RedisRegistry {
        RedisRegistry(link)
    }

    pub(in crate::queue) async fn put(&self, record: &JobRecord) -> Result<bool, QueueError> {
        let JobRecord { state, message, ended_unix_ms, .. } = record.clone();
        let standing = Standing { state, message, ended_unix_ms };
        let call = jobs(&SCRIPTS.registry_put).text(record.id.as_str()).json(record).json(&standing);
        Ok(self.ask::<u8>(&record.id, call).await? == 1)
    }

    pub(in crate::queue) async fn get(&self, job: &str) -> Result<Option<JobRecord>, QueueError> {
        let call = jobs(&SCRIPTS.registry_get).text(job);
        Ok(self.read(self.ask(job, call).await?)?.pop())
    }

    pub(in crate::queue) async fn list(&self) -> Result<Vec<JobRecord>, QueueError> {
        let mut records = self.read(self.ask("", jobs(&SCRIPTS.registry_list)).await?)?;
        records.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(records)
    }

    pub(in crate::queue) async fn set_state(
        &self,
        job: &str,
        state: JobState,
        message: &str,
        ended_unix_ms: u64,
    ) -> Result<bool, QueueError> {
        let standing = Standing { state, message: message.to_owned(), ended_unix_ms };
        let call = jobs(&SCRIPTS.registry_set_state).text(job).json(&standing);
        Ok(self.ask::<u8>(job, call.text(r#"{"state":"complete""#)).await? == 1)
    }

    pub(in crate::queue) async fn claim(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Duration,
    ) -> Result<bool, QueueError> {
        let millis = |time: Duration| time.as_millis() as u64;
        let call =
            SCRIPTS.claim.call(&claim_key(name)).text(holder).number(millis(now)).number(millis(now + ttl));
        Ok(self.ask::<u8>(name, call).await? == 1)
    }

    pub(in crate::queue) async fn release(&self, name: &str, holder: &str) -> Result<(), QueueError> {
        self.0.call(name, &SCRIPTS.release.call(&claim_key(name)).text(holder)).await.map(drop)
    }

    async fn ask<T: FromRedisValue>(&self, job: &str, call: Call) -> Result<T, QueueError> {
        let value = self.0.call(job, &call).await?;
        redis::from_redis_value(value).map_err(|error| self.0.damaged(error))
    }

    /// Records with how they stand, in turns.
    fn read(&self, texts: Vec<String>) -> Result<Vec<JobRecord>, QueueError> {
        let read = |pair: &[String]| -> Result<JobRecord, serde_json::Error> {
            let mut record: JobRecord = serde_json::from_str(&pair[0])?;
            let Standing { state, message, ended_unix_ms } = serde_json::from_str(&pair[1])?;
            (record.state, record.message, record.ended_unix_ms) = (state, message, ended_unix_ms);
            Ok(record)
        };
        texts.chunks_exact(2).map(read).collect::<Result<_, _>>().map_err(|error| self.0.damaged(error))
    }
}

impl fmt::Debug for RedisRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisRegistry").field(&self.0.address()).finish()
    }
}

fn jobs(script: &'static Text) -> Call {
    script.call(RECORDS).text(STANDINGS)
}

fn claim_key(name: &str) -> String {
    format!("et:claim:{name}")
}
