//! Answers workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dataset::Tally;
use tracing::{info, warn};

use super::schedule::{Candidate, Labels, divide, fits};
use super::{Open, Service, ServiceError, lock};
use crate::queue::{Failure, Finished, Lease, QueueError, Reply, Report, Running, Start, WorkerId};

/// How a worker stands, with all jobs.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) worker: WorkerId,
    pub(crate) labels: Labels,
    /// Set if the worker runs on this machine.
    pub(crate) local_pid: Option<u32>,
    /// How many more shards it would take.
    pub(crate) free_slots: usize,
    /// What it says of each job, by id.
    pub(crate) jobs: BTreeMap<String, Said>,
}

/// What a worker says of one job.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// With how far it is.
    pub(crate) running: Vec<(Lease, Tally)>,
    pub(crate) finished: Vec<Finished>,
    pub(crate) failed: Vec<Failure>,
    pub(crate) released: Vec<Lease>,
}

/// What a worker should do. Leases stand with the id of their job.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) start: Vec<(Arc<Open>, Start)>,
    pub(crate) stop: Vec<(String, Lease)>,
    pub(crate) acknowledged: Vec<(String, Lease)>,
    /// No work will come any more.
    pub(crate) drain: bool,
    pub(crate) report_within: Duration,
}

impl Service {
    /// Fails only if the queue cannot be asked; the worker goes on meanwhile, and asks again.
    pub(crate) async fn report(&self, heard: Heard) -> Result<Answer, ServiceError> {
        let now = self.0.machine.clock();
        self.note(&heard, now);
        let is_dismissing = self.0.is_dismissing.load(Ordering::Relaxed);
        let mut left = if is_dismissing { 0 } else { heard.free_slots };
        let is_idle = heard.jobs.is_empty();

        let mut answer = Answer { drain: is_dismissing, ..Answer::default() };
        let mut asked = BTreeSet::new();
        let mut said = self.of_open_jobs(heard.jobs, &mut answer).await?;
        for (open, slots) in self.turns(&heard.labels, left, &said) {
            if !asked.insert(open.id().to_owned()) {
                continue;
            }
            let of_job = said.remove(open.id()).map(|(_, said)| said).unwrap_or_default();
            let report = of_job.into_report(&heard.worker, slots.unwrap_or(left).min(left));
            let reply = match self.reconcile(&open, &report, now).await {
                Ok(reply) => reply,
                Err(error @ ServiceError::Queue(QueueError::Unreachable { .. })) => return Err(error),
                // It is this job's trouble, and the others go on.
                Err(error) => {
                    warn!(job = open.id(), %error, "cannot deal with a report");
                    continue;
                }
            };
            left -= reply.start.len().min(left);
            open.note_leased(reply.start.len());
            self.take_over(&open, reply, &mut answer);
        }
        let is_idle = is_idle && answer.start.is_empty();
        answer.report_within =
            if is_idle { self.0.pace.idle_report_within } else { self.0.pace.report_within };
        Ok(answer)
    }

    fn note(&self, heard: &Heard, now: Duration) {
        let mut at_work = BTreeMap::new();
        for (job, said) in &heard.jobs {
            let running = said.running.iter().map(|(lease, tally)| (lease.shard, tally));
            let finished = said.finished.iter().map(|finished| (finished.lease.shard, &finished.tally));
            at_work
                .extend(running.chain(finished).map(|(shard, tally)| ((job.clone(), shard), tally.clone())));
        }
        let (worker, labels) = (heard.worker.clone(), heard.labels.clone());
        if lock(&self.0.workers).note(worker, labels, heard.local_pid, at_work, now) {
            info!(worker = %heard.worker, "a worker is here");
        }
    }

    /// What is said of jobs that are not over. Of the others nothing counts any more.
    async fn of_open_jobs(
        &self,
        jobs: BTreeMap<String, Said>,
        answer: &mut Answer,
    ) -> Result<BTreeMap<String, (Arc<Open>, Said)>, ServiceError> {
        let mut open_jobs = BTreeMap::new();
        for (job, said) in jobs {
            if let Some(open) = self.job(&job).await? {
                open_jobs.insert(job, (open, said));
                continue;
            }
            let failed = said.failed.into_iter().map(|failure| failure.lease);
            let finished = said.finished.into_iter().map(|finished| finished.lease);
            let ended = failed.chain(finished).chain(said.released);
            answer.acknowledged.extend(ended.map(|lease| (job.clone(), lease)));
            answer.stop.extend(said.running.into_iter().map(|(lease, _)| (job.clone(), lease)));
        }
        Ok(open_jobs)
    }

    /// The jobs to ask for work, in order, each with how much to ask for; `None` stands for whatever is left then.
    fn turns(
        &self,
        labels: &Labels,
        slots: usize,
        said: &BTreeMap<String, (Arc<Open>, Said)>,
    ) -> Vec<(Arc<Open>, Option<usize>)> {
        let open = self.open_jobs();
        let fitting: Vec<_> = open.iter().filter(|open| fits(&open.record.labels, labels)).collect();
        let candidates = fitting.iter().map(|open| {
            let depth = open.depth();
            let (priority, share) = (open.record.priority, open.record.share);
            Candidate { job: Arc::clone(open), priority, share, leased: depth.leased, ready: depth.ready }
        });
        let mut turns: Vec<_> = divide(slots, candidates.collect())
            .into_iter()
            .map(|(open, slots)| (open, Some(slots)))
            .collect();
        // What those have no use for goes to the others: more may be ready than was when somebody looked last, and
        // slow shards may want a second copy.
        turns.extend(fitting.into_iter().map(|open| (open.clone(), None)));
        turns.extend(said.values().map(|(open, _)| (open.clone(), Some(0))));
        turns
    }

    async fn reconcile(
        &self,
        open: &Arc<Open>,
        report: &Report,
        now: Duration,
    ) -> Result<Reply, ServiceError> {
        for failure in &report.failed {
            let Failure { lease, reason, .. } = failure;
            info!(job = open.id(), shard = lease.shard, worker = %report.worker, %reason, "a shard failed");
        }
        match open.queue.reconcile(report, now).await {
            Err(QueueError::UnknownJob(_)) => {
                self.begin_again(open).await?;
                Ok(open.queue.reconcile(report, now).await?)
            }
            reply => Ok(reply?),
        }
    }

    /// The queue has lost the job: it begins again from the parts that exist.
    pub(super) async fn begin_again(&self, open: &Open) -> Result<(), ServiceError> {
        warn!(job = open.id(), "the queue has lost the job, which begins again from the parts that exist");
        self.0.registry.put(&open.record).await?;
        self.begin_queue(open).await
    }

    fn take_over(&self, open: &Arc<Open>, reply: Reply, answer: &mut Answer) {
        let with_job = |lease| (open.id().to_owned(), lease);
        answer.start.extend(reply.start.into_iter().map(|start| (open.clone(), start)));
        answer.stop.extend(reply.stop.into_iter().map(with_job));
        answer.acknowledged.extend(reply.acknowledged.into_iter().map(with_job));
        for finished in reply.committed {
            self.publish(open.clone(), finished);
        }
    }
}

impl Said {
    fn into_report(self, worker: &WorkerId, free_slots: usize) -> Report {
        let running =
            self.running.into_iter().map(|(lease, tally)| Running { lease, position: tally.sources });
        Report {
            worker: worker.clone(),
            free_slots,
            running: running.collect(),
            finished: self.finished,
            failed: self.failed,
            released: self.released,
        }
    }
}
