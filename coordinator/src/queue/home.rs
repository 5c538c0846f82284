//! One queue, wherever it lives: in this process, or in a Redis that several coordinators share.
//!
//! Every change is atomic, and every method may be called again after an error: none counts anything twice.
//! `now` is the time since the epoch. Clocks may differ: a shard is safe whatever they say.

use std::time::Duration;

use dataset::Tally;

#[cfg(test)]
use super::far::{Far, FarQueue};
use super::here::{Here, HereQueue};
use super::redis::{Redis, RedisQueue};
use super::{
    Change, Depth, FailedShard, IntervalSet, Lease, Piece, QueueError, Registry, Reply, Report, Rules,
    Status, Swept, WorkerId,
};

/// Where queues live.
#[derive(Debug, Clone)]
pub enum Home {
    Here(Here),
    Redis(Redis),
    #[cfg(test)]
    Far(Far),
}

impl Home {
    /// In this process. It ends with the process, and nothing is lost that the parts do not say.
    pub fn here() -> Home {
        Home::Here(Here::default())
    }

    /// In Redis, at one of
    ///
    /// - `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, or `redis+unix:///PATH`,
    /// - `redis-cluster://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]`,
    /// - `redis-sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DB]`,
    ///
    /// and over TLS with `rediss` in place of `redis`. Its user needs the keys `et:*` and the commands of `@scripting`,
    /// `@read`, `@write` and `@connection`. It is connected to once, so that a wrong address or password
    /// is known at once.
    pub async fn redis(url: &str) -> Result<Home, QueueError> {
        Redis::connect(url).await.map(Home::Redis)
    }

    /// The queue of a job. To begin it is up to the caller.
    pub fn queue(&self, job: &str, rules: Rules) -> JobQueue {
        match self {
            Home::Here(here) => JobQueue::Here(here.queue(job, rules)),
            Home::Redis(redis) => JobQueue::Redis(redis.queue(job, rules)),
            #[cfg(test)]
            Home::Far(far) => JobQueue::Far(far.queue(job, rules)),
        }
    }

    /// The jobs of this home.
    pub fn registry(&self) -> Registry {
        match self {
            Home::Here(here) => Registry::Here(here.registry()),
            Home::Redis(redis) => Registry::Redis(redis.registry()),
            #[cfg(test)]
            Home::Far(far) => Registry::Far(far.registry()),
        }
    }
}

/// The queue of one job.
#[derive(Debug, Clone)]
pub enum JobQueue {
    Here(HereQueue),
    Redis(RedisQueue),
    #[cfg(test)]
    Far(FarQueue),
}

/// Calls the same method of whichever queue it is.
macro_rules! either {
    ($self:ident, $queue:ident => $here:expr, $away:expr) => {
        match $self {
            JobQueue::Here($queue) => $here,
            JobQueue::Redis($queue) => $away.await,
            #[cfg(test)]
            JobQueue::Far($queue) => $away.await,
        }
    };
}

impl JobQueue {
    /// Begins the queue of a job of which the shards in `done` are published. False if it has begun already: then
    /// nothing changes.
    pub async fn begin(&self, done: &IntervalSet) -> Result<bool, QueueError> {
        either!(self, queue => queue.begin(done), queue.begin(done))
    }

    /// Whether [`offer`](JobQueue::offer) should be called now.
    pub async fn wants_shards(&self) -> Result<bool, QueueError> {
        either!(self, queue => queue.wants_shards(), queue.wants_shards())
    }

    /// Makes shards of the plan known, up to a thousand at once. Those that are known already stay as they are.
    pub async fn offer(&self, shards: &[Piece]) -> Result<(), QueueError> {
        either!(self, queue => queue.offer(shards), queue.offer(shards))
    }

    /// The planner has offered all that there is, which is so many shards. False if the queue has lost some of them
    /// since: then all are to be offered again.
    pub async fn all_offered(&self, planned: u64) -> Result<bool, QueueError> {
        either!(self, queue => queue.all_offered(planned), queue.all_offered(planned))
    }

    /// A worker says how it stands. What is `committed` by the reply is the caller's to publish.
    pub async fn reconcile(&self, report: &Report, now: Duration) -> Result<Reply, QueueError> {
        either!(self, queue => queue.reconcile(report, now), queue.reconcile(report, now))
    }

    /// The part of a committed shard stands where readers look. True if that is news: the tally counts once.
    pub async fn published(&self, lease: Lease, tally: &Tally) -> Result<bool, QueueError> {
        either!(self, queue => queue.published(lease, tally), queue.published(lease, tally))
    }

    /// The part of a committed shard could not be published: the shard runs again.
    pub async fn unpublished(&self, lease: Lease, reason: &str) -> Result<(), QueueError> {
        either!(self, queue => queue.unpublished(lease, reason), queue.unpublished(lease, reason))
    }

    /// The worker is known to be gone: its shards are free at once.
    pub async fn worker_lost(&self, worker: &WorkerId) -> Result<(), QueueError> {
        either!(self, queue => queue.worker_lost(worker), queue.worker_lost(worker))
    }

    /// Frees the shards whose workers have not been heard of for too long, and gives the caller the publications
    /// of coordinators that seem to be gone.
    pub async fn sweep(&self, now: Duration) -> Result<Swept, QueueError> {
        either!(self, queue => queue.sweep(now), queue.sweep(now))
    }

    /// Hands out nothing; what runs goes on.
    pub async fn pause(&self) -> Result<(), QueueError> {
        either!(self, queue => queue.change(Change::Pause), queue.change(Change::Pause))
    }

    /// Goes on after [`pause`](JobQueue::pause) or [`drain`](JobQueue::drain), and is no longer hopeless.
    pub async fn resume(&self) -> Result<(), QueueError> {
        either!(self, queue => queue.change(Change::Resume), queue.change(Change::Resume))
    }

    /// Drops all that runs. What is published, or about to be, stays. There is no way back.
    pub async fn cancel(&self) -> Result<(), QueueError> {
        either!(self, queue => queue.change(Change::Cancel), queue.change(Change::Cancel))
    }

    /// Hands out nothing, and rests once what runs is finished.
    pub async fn drain(&self) -> Result<(), QueueError> {
        either!(self, queue => queue.change(Change::Drain), queue.change(Change::Drain))
    }

    pub async fn status(&self) -> Result<Status, QueueError> {
        either!(self, queue => queue.status(), queue.status())
    }

    /// The first thousand shards with which something went wrong, in order.
    pub async fn failures(&self) -> Result<Vec<FailedShard>, QueueError> {
        either!(self, queue => queue.failures(), queue.failures())
    }

    /// How much there is to do, for a scheduler that chooses among jobs. Cheap.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        either!(self, queue => queue.depth(), queue.depth())
    }

    /// Removes all that the queue knows of the job. What is published stays, of course.
    pub async fn forget(&self) -> Result<(), QueueError> {
        either!(self, queue => queue.forget(), queue.forget())
    }
}
