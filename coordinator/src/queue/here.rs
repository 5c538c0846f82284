//! Queues and the registry in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dataset::Tally;

use super::{
    Change, Depth, FailedShard, IntervalSet, JobRecord, JobState, Lease, Piece, Queue, QueueError, Reply,
    Report, Rules, Status, Swept, WorkerId,
};

/// All that lives here.
#[derive(Debug, Clone, Default)]
pub struct Here(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    queues: BTreeMap<String, Arc<Mutex<Option<Queue>>>>,
    jobs: BTreeMap<String, JobRecord>,
    /// Who holds what until when.
    claims: BTreeMap<String, (String, Duration)>,
}

/// The queue of one job; none before it is begun.
#[derive(Debug, Clone)]
pub struct HereQueue {
    job: String,
    rules: Rules,
    queue: Arc<Mutex<Option<Queue>>>,
}

#[derive(Debug, Clone)]
pub struct HereRegistry(Here);

impl Here {
    pub(crate) fn queue(&self, job: &str, rules: Rules) -> HereQueue {
        let queue = self.lock().queues.entry(job.to_owned()).or_default().clone();
        HereQueue { job: job.to_owned(), rules, queue }
    }

    pub(crate) fn registry(&self) -> HereRegistry {
        HereRegistry(self.clone())
    }

    /// Another one that holds the same now.
    #[cfg(test)]
    pub(crate) fn copied(&self) -> Here {
        let Content { queues, jobs, claims } = &*self.lock();
        let copied = |queue: &Arc<Mutex<Option<Queue>>>| {
            Arc::new(Mutex::new(queue.lock().unwrap_or_else(PoisonError::into_inner).clone()))
        };
        let queues = queues.iter().map(|(job, queue)| (job.clone(), copied(queue))).collect();
        Here(Arc::new(Mutex::new(Content { queues, jobs: jobs.clone(), claims: claims.clone() })))
    }

    /// Forgets all, for what another one holds.
    #[cfg(test)]
    pub(crate) fn restore(&self, other: &Here) {
        let other = other.copied();
        let Content { queues, jobs, claims } = std::mem::take(&mut *other.lock());
        let mut content = self.lock();
        (content.jobs, content.claims) = (jobs, claims);
        for (job, queue) in &content.queues {
            let restored = queues.get(job).and_then(|queue| queue.lock().ok()?.clone());
            *queue.lock().unwrap_or_else(PoisonError::into_inner) = restored;
        }
        for (job, queue) in queues {
            content.queues.entry(job).or_insert(queue);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HereQueue {
    pub(super) fn begin(&self, done: &IntervalSet) -> Result<bool, QueueError> {
        let mut queue = self.lock();
        let is_new = queue.is_none();
        if is_new {
            *queue = Some(Queue::new(self.rules, done.clone()));
        }
        Ok(is_new)
    }

    pub(super) fn wants_shards(&self) -> Result<bool, QueueError> {
        self.with(|queue| queue.wants_shards())
    }

    pub(super) fn offer(&self, shards: &[Piece]) -> Result<(), QueueError> {
        self.with(|queue| {
            for shard in shards {
                queue.offer(shard.clone());
            }
        })
    }

    pub(super) fn all_offered(&self, planned: u64) -> Result<bool, QueueError> {
        self.with(|queue| queue.all_offered(planned))
    }

    pub(super) fn reconcile(&self, report: &Report, now: Duration) -> Result<Reply, QueueError> {
        self.with(|queue| queue.reconcile(report, now))
    }

    pub(super) fn published(&self, lease: Lease, tally: &Tally) -> Result<bool, QueueError> {
        self.with(|queue| queue.published(lease, tally))
    }

    pub(super) fn unpublished(&self, lease: Lease, reason: &str) -> Result<(), QueueError> {
        self.with(|queue| queue.unpublished(lease, reason))
    }

    pub(super) fn worker_lost(&self, worker: &WorkerId) -> Result<(), QueueError> {
        self.with(|queue| queue.worker_lost(worker))
    }

    pub(super) fn sweep(&self, now: Duration) -> Result<Swept, QueueError> {
        self.with(|queue| queue.sweep(now))
    }

    pub(super) fn change(&self, change: Change) -> Result<(), QueueError> {
        self.with(|queue| queue.change(change))
    }

    pub(crate) fn status(&self) -> Result<Status, QueueError> {
        self.with(|queue| queue.status())
    }

    pub(super) fn failures(&self) -> Result<Vec<FailedShard>, QueueError> {
        self.with(|queue| queue.failures())
    }

    pub(super) fn depth(&self) -> Result<Depth, QueueError> {
        self.with(|queue| queue.depth())
    }

    pub(super) fn forget(&self) -> Result<(), QueueError> {
        *self.lock() = None;
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> Result<T, QueueError> {
        match &mut *self.lock() {
            Some(queue) => Ok(act(queue)),
            None => Err(QueueError::UnknownJob(self.job.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Queue>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HereRegistry {
    pub(super) fn put(&self, record: &JobRecord) -> bool {
        let mut content = self.0.lock();
        let is_new = !content.jobs.contains_key(&record.id);
        if is_new {
            content.jobs.insert(record.id.clone(), record.clone());
        }
        is_new
    }

    pub(crate) fn get(&self, job: &str) -> Option<JobRecord> {
        self.0.lock().jobs.get(job).cloned()
    }

    pub(super) fn list(&self) -> Vec<JobRecord> {
        self.0.lock().jobs.values().cloned().collect()
    }

    pub(super) fn set_state(&self, job: &str, state: JobState, message: &str, ended_unix_ms: u64) -> bool {
        match self.0.lock().jobs.get_mut(job) {
            Some(record) if record.state != JobState::Complete && record.state != state => {
                (record.state, record.message, record.ended_unix_ms) =
                    (state, message.to_owned(), ended_unix_ms);
                true
            }
            _ => false,
        }
    }

    pub(super) fn claim(&self, name: &str, holder: &str, ttl: Duration, now: Duration) -> bool {
        let mut content = self.0.lock();
        let is_free = content.claims.get(name).is_none_or(|(other, until)| other == holder || *until <= now);
        if is_free {
            content.claims.insert(name.to_owned(), (holder.to_owned(), now + ttl));
        }
        is_free
    }

    pub(super) fn release(&self, name: &str, holder: &str) {
        let mut content = self.0.lock();
        if content.claims.get(name).is_some_and(|(other, _)| other == holder) {
            content.claims.remove(name);
        }
    }
}
