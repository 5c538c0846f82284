//! Queues and the registry of this process as if they were on a network, for simulations: calls take time, fail on
//! their way there or back, and what they reach can forget.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dataset::Tally;

use super::here::{Here, HereQueue, HereRegistry};
use super::{
    Change, Depth, FailedShard, Finished, IntervalSet, JobRecord, JobState, Lease, Piece, QueueError, Reply,
    Report, Rules, Status, Swept, WorkerId,
};

/// The way between a coordinator and its queue.
pub(crate) trait Line: Send + Sync + fmt::Debug {
    /// Goes there or back.
    fn pass(&self) -> Pin<Box<dyn Future<Output = Result<(), QueueError>> + Send>>;

    /// The rule that is broken on purpose.
    fn mutation(&self) -> Mutation;
}

/// Rules of a coordinator that a simulation can break, to show that it would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// All hold.
    None,
    /// The publications of coordinators that are gone are nobody's.
    AbandonedIsForgotten,
    /// A publication is told before it is made.
    ToldBeforePublished,
    /// An offer that failed is not made again.
    FailedOfferIsForgotten,
    /// A queue takes the end of a plan whose beginning it has lost.
    GapsAreOverlooked,
    /// A dataset is sealed as soon as all is planned and something is done.
    SealedTooSoon,
    /// Who plans and who seals is not asked.
    ClaimsAreIgnored,
}

#[derive(Debug, Clone)]
pub struct Far {
    here: Here,
    line: Arc<dyn Line>,
}

#[derive(Debug, Clone)]
pub struct FarQueue {
    queue: HereQueue,
    line: Arc<dyn Line>,
}

#[derive(Debug, Clone)]
pub struct FarRegistry {
    registry: HereRegistry,
    line: Arc<dyn Line>,
}

impl Far {
    pub(crate) fn new(here: Here, line: Arc<dyn Line>) -> Far {
        Far { here, line }
    }

    pub(super) fn queue(&self, job: &str, rules: Rules) -> FarQueue {
        FarQueue { queue: self.here.queue(job, rules), line: Arc::clone(&self.line) }
    }

    pub(super) fn registry(&self) -> FarRegistry {
        FarRegistry { registry: self.here.registry(), line: Arc::clone(&self.line) }
    }
}

async fn over<T>(line: &dyn Line, call: impl FnOnce() -> T) -> Result<T, QueueError> {
    line.pass().await?;
    let answer = call();
    line.pass().await?;
    Ok(answer)
}

impl FarQueue {
    async fn call<T>(&self, call: impl FnOnce(&HereQueue) -> Result<T, QueueError>) -> Result<T, QueueError> {
        over(&*self.line, || call(&self.queue)).await?
    }

    fn breaks(&self, mutation: Mutation) -> bool {
        self.line.mutation() == mutation
    }

    pub(super) async fn begin(&self, done: &IntervalSet) -> Result<bool, QueueError> {
        self.call(|queue| queue.begin(done)).await
    }

    pub(super) async fn wants_shards(&self) -> Result<bool, QueueError> {
        self.call(HereQueue::wants_shards).await
    }

    pub(super) async fn offer(&self, shards: &[Piece]) -> Result<(), QueueError> {
        let offered = self.call(|queue| queue.offer(shards)).await;
        if self.breaks(Mutation::FailedOfferIsForgotten) { Ok(()) } else { offered }
    }

    pub(super) async fn all_offered(&self, planned: u64) -> Result<bool, QueueError> {
        // An offer that was forgotten would be found out here.
        let overlooks = [Mutation::FailedOfferIsForgotten, Mutation::GapsAreOverlooked];
        let planned = if overlooks.contains(&self.line.mutation()) { 0 } else { planned };
        self.call(|queue| queue.all_offered(planned)).await
    }

    pub(super) async fn reconcile(&self, report: &Report, now: Duration) -> Result<Reply, QueueError> {
        self.call(|queue| {
            let reply = queue.reconcile(report, now)?;
            if self.breaks(Mutation::ToldBeforePublished) {
                for Finished { lease, tally, .. } in &reply.committed {
                    queue.published(*lease, tally)?;
                }
            }
            Ok(reply)
        })
        .await
    }

    pub(super) async fn published(&self, lease: Lease, tally: &Tally) -> Result<bool, QueueError> {
        self.call(|queue| queue.published(lease, tally)).await
    }

    pub(super) async fn unpublished(&self, lease: Lease, reason: &str) -> Result<(), QueueError> {
        self.call(|queue| queue.unpublished(lease, reason)).await
    }

    pub(super) async fn worker_lost(&self, worker: &WorkerId) -> Result<(), QueueError> {
        self.call(|queue| queue.worker_lost(worker)).await
    }

    pub(super) async fn sweep(&self, now: Duration) -> Result<Swept, QueueError> {
        let mut swept = self.call(|queue| queue.sweep(now)).await?;
        if self.breaks(Mutation::AbandonedIsForgotten) {
            swept.abandoned.clear();
        }
        Ok(swept)
    }

    pub(super) async fn change(&self, change: Change) -> Result<(), QueueError> {
        self.call(|queue| queue.change(change)).await
    }

    pub(super) async fn status(&self) -> Result<Status, QueueError> {
        let mut status = self.call(HereQueue::status).await?;
        if self.breaks(Mutation::SealedTooSoon) {
            status.is_complete = status.all_planned && status.shards_done > 0;
        }
        Ok(status)
    }

    pub(super) async fn failures(&self) -> Result<Vec<FailedShard>, QueueError> {
        self.call(HereQueue::failures).await
    }

    pub(super) async fn depth(&self) -> Result<Depth, QueueError> {
        self.call(HereQueue::depth).await
    }

    pub(super) async fn forget(&self) -> Result<(), QueueError> {
        self.call(HereQueue::forget).await
    }
}

impl FarRegistry {
    async fn call<T>(&self, call: impl FnOnce(&HereRegistry) -> T) -> Result<T, QueueError> {
        over(&*self.line, || call(&self.registry)).await
    }

    pub(super) async fn put(&self, record: &JobRecord) -> Result<bool, QueueError> {
        self.call(|registry| registry.put(record)).await
    }

    pub(super) async fn get(&self, job: &str) -> Result<Option<JobRecord>, QueueError> {
        self.call(|registry| registry.get(job)).await
    }

    pub(super) async fn list(&self) -> Result<Vec<JobRecord>, QueueError> {
        self.call(HereRegistry::list).await
    }

    pub(super) async fn set_state(
        &self,
        job: &str,
        state: JobState,
        message: &str,
        ended_unix_ms: u64,
    ) -> Result<bool, QueueError> {
        self.call(|registry| registry.set_state(job, state, message, ended_unix_ms)).await
    }

    pub(super) async fn claim(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
        now: Duration,
    ) -> Result<bool, QueueError> {
        let is_held = self.call(|registry| registry.claim(name, holder, ttl, now)).await?;
        Ok(is_held || self.line.mutation() == Mutation::ClaimsAreIgnored)
    }

    pub(super) async fn release(&self, name: &str, holder: &str) -> Result<(), QueueError> {
        self.call(|registry| registry.release(name, holder)).await
    }
}
