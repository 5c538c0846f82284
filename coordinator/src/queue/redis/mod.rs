//! Queues and the registry in Redis, for coordinators that share them.
//!
//! Every change is one script, so it is atomic and one round trip. `lua/queue.lua` says how a job is kept. A job takes
//! one bit for each shard, and some hundreds of bytes for each that is open, of which there are never many.

mod address;
mod link;
mod queue;
mod registry;
mod script;

use std::fmt;
use std::sync::Arc;

use super::{QueueError, Rules};
use link::Link;
pub(super) use queue::RedisQueue;
pub(super) use registry::RedisRegistry;

/// A Redis, wherever and however many servers it is.
#[derive(Clone)]
pub struct Redis(Arc<Link>);

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Redis, QueueError> {
        Ok(Redis(Arc::new(Link::connect(url).await?)))
    }

    pub(super) fn queue(&self, job: &str, rules: Rules) -> RedisQueue {
        RedisQueue::new(self.0.clone(), job, rules)
    }

    pub(super) fn registry(&self) -> RedisRegistry {
        RedisRegistry::new(self.0.clone())
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.address()).finish()
    }
}
