//! Answers people: jobs are submitted, looked at and changed.

use std::sync::Arc;

use dataset::{Dataset, Job, Store};
use training::Order;

use super::measure::job_is_over;
use super::{Open, Service, ServiceError, Work, is_over, lock};
use crate::queue::{FailedShard, JobKind, JobRecord, JobState, MAX_SHARDS, QueueError, Rules, Status};
use crate::service::Labels;

/// The label by which a worker tells the minor version of its interpreter.
const PYTHON: &str = "python";

/// A job that somebody wants to be done.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) work: Work,
    /// Folder or URI of what it makes, which any process must be able to find.
    pub(crate) output: String,
    pub(crate) priority: i32,
    pub(crate) share: u32,
    pub(crate) labels: Labels,
}

/// What is to become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Pause,
    Resume,
    Cancel,
}

/// A job as people see it.
#[derive(Debug, Clone)]
pub(crate) struct JobView {
    pub(crate) record: JobRecord,
    pub(crate) status: Status,
}

impl Service {
    /// Takes on a job. The same job again is the same job, and goes on if it had stopped.
    pub(crate) async fn submit(&self, asked: Asked) -> Result<JobView, ServiceError> {
        let (record, is_sealed) = self.record(asked).await?;
        let id = record.id.clone();
        let is_new = self.0.registry.put(&record).await?;
        if is_sealed {
            self.0.registry.set_state(&id, JobState::Complete, "", self.0.machine.unix_ms()).await?;
        } else if is_new {
            self.open(record).await?;
        } else {
            self.change(&id, Change::Resume).await?;
        }
        self.show(&id).await
    }

    /// Takes on a job that no other coordinator has, and that is not complete.
    pub(crate) async fn begin(&self, asked: Asked) -> Result<Arc<Open>, ServiceError> {
        let (record, _) = self.record(asked).await?;
        self.0.registry.put(&record).await?;
        self.open(record).await
    }

    /// All jobs that are known, by their ids.
    pub(crate) async fn jobs(&self) -> Result<Vec<JobView>, ServiceError> {
        let mut views = Vec::new();
        for record in self.0.registry.list().await? {
            views.push(self.view(record).await?);
        }
        Ok(views)
    }

    /// The job whose id is `name`, or begins with it as no other does.
    pub(crate) async fn show(&self, name: &str) -> Result<JobView, ServiceError> {
        let record = self.find(name).await?;
        self.view(record).await
    }

    pub(crate) async fn change(&self, name: &str, change: Change) -> Result<JobView, ServiceError> {
        let record = self.find(name).await?;
        let queue = self.0.home.queue(&record.id, Rules::default());
        let state = |state, ended| self.0.registry.set_state(&record.id, state, "", ended);
        match (change, record.state) {
            (_, JobState::Complete) => {
                return Err(ServiceError::Refused(format!("job {} is complete", record.id)));
            }
            (Change::Pause, JobState::Running) => {
                queue.pause().await?;
                state(JobState::Paused, 0).await?;
            }
            (Change::Resume, JobState::Paused) => {
                queue.resume().await?;
                state(JobState::Running, 0).await?;
            }
            // What failed is forgotten, and tried again.
            (Change::Resume, JobState::Failed | JobState::Cancelled) => {
                lock(&self.0.open).remove(&record.id);
                queue.forget().await?;
                state(JobState::Running, 0).await?;
                let running = JobRecord { state: JobState::Running, ..record.clone() };
                self.open(running).await?;
            }
            (Change::Cancel, JobState::Running | JobState::Paused) => {
                queue.cancel().await?;
                let now = self.0.machine.unix_ms();
                if state(JobState::Cancelled, now).await? {
                    let status = queue.status().await.unwrap_or_default();
                    job_is_over(&record, &status, JobState::Cancelled, now);
                }
            }
            (Change::Pause, JobState::Failed | JobState::Cancelled) => {
                let word = if record.state == JobState::Failed { "has failed" } else { "is cancelled" };
                return Err(ServiceError::Refused(format!("job {} {word}", record.id)));
            }
            (Change::Pause, JobState::Paused)
            | (Change::Resume, JobState::Running)
            | (Change::Cancel, JobState::Failed | JobState::Cancelled) => {}
        }
        self.show(&record.id).await
    }

    /// Shards of a job with which something went wrong.
    pub(crate) async fn failures(&self, name: &str) -> Result<Vec<FailedShard>, ServiceError> {
        let record = self.find(name).await?;
        Ok(self.0.home.queue(&record.id, Rules::default()).failures().await?)
    }

    async fn find(&self, name: &str) -> Result<JobRecord, ServiceError> {
        if let Some(record) = self.0.registry.get(name).await? {
            return Ok(record);
        }
        let mut records = self.0.registry.list().await?;
        // A queue that was lost hears of them again within a moment.
        let open = self.open_jobs().into_iter().map(|open| open.record.clone());
        let unheard: Vec<_> = open.filter(|open| records.iter().all(|known| known.id != open.id)).collect();
        records.extend(unheard);
        records.retain(|record| !name.is_empty() && record.id.starts_with(name));
        match records.len() {
            1 => Ok(records.remove(0)),
            0 => Err(ServiceError::NoJob(name.to_owned())),
            count => Err(ServiceError::Refused(format!(
                "the ids of {count} jobs begin with {name}: write more of it"
            ))),
        }
    }

    async fn view(&self, mut record: JobRecord) -> Result<JobView, ServiceError> {
        let queue = self.0.home.queue(&record.id, Rules::default());
        let status = match queue.status().await {
            Ok(status) => status,
            // Of a job that is over the queue need not know any more.
            Err(QueueError::UnknownJob(_)) => Status::default(),
            Err(error) => return Err(error.into()),
        };
        let waits = !is_over(record.state) && status.shards_running == 0 && status.shards_ready > 0;
        if waits && record.message.is_empty() {
            record.message = self.what_is_missing(&record.labels).unwrap_or_default();
        }
        Ok(JobView { record, status })
    }

    /// Why nobody works on a job that has work to give, as far as can be told here.
    fn what_is_missing(&self, labels: &Labels) -> Option<String> {
        let workers = lock(&self.0.workers);
        let asked: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        match workers.count() {
            0 => Some("no worker has reported to this coordinator lately".to_owned()),
            _ if workers.any_fits(labels) => None,
            count => Some(format!(
                "of the {count} workers that report to this coordinator none has {}",
                asked.join(" and ")
            )),
        }
    }

    /// A job as it is kept, its output begun; and whether that is sealed already.
    async fn record(&self, asked: Asked) -> Result<(JobRecord, bool), ServiceError> {
        let Asked { work, output, priority, share, mut labels } = asked;
        let store = self.0.machine.open_store(&output)?;
        let (kind, Begun { id, job_json, is_sealed }) = match work {
            Work::Trace(job) => {
                ask_for_python(&job, &mut labels)?;
                (JobKind::Trace, self.begin_dataset(job, store).await?)
            }
            Work::Render(order) => (JobKind::Render, self.begin_rendering(order, store).await?),
        };
        let record = JobRecord {
            id,
            kind,
            job_json,
            output,
            priority,
            share: share.max(1),
            labels,
            submitted_unix_ms: self.0.machine.unix_ms(),
            state: JobState::Running,
            message: String::new(),
            ended_unix_ms: 0,
        };
        Ok((record, is_sealed))
    }

    async fn begin_dataset(&self, job: Job, store: Store) -> Result<Begun, ServiceError> {
        let begin = move || -> Result<_, ServiceError> {
            let job_json = serde_json::to_string(&job).expect("numbers and texts are JSON");
            // A source that does not exist or holds nothing is told before anything is written.
            drop(
                dataset::source::plan(&job, None)
                    .map_err(|error| ServiceError::Refused(error.to_string()))?,
            );
            let dataset = Dataset::start(store, job)?;
            Ok(Begun { id: dataset.id().0.clone(), job_json, is_sealed: dataset.is_sealed()? })
        };
        self.0.machine.blocking(begin).await?
    }

    async fn begin_rendering(&self, order: Order, store: Store) -> Result<Begun, ServiceError> {
        let job_json = serde_json::to_string(&order).expect("numbers and texts are JSON");
        let rendering = self.rendering(order, store).await?;
        let steps: u64 = rendering.stages().iter().map(|(_, count)| count).sum();
        if steps > MAX_SHARDS {
            return Err(ServiceError::Refused(format!(
                "the rendering has {steps} steps, and a job has {MAX_SHARDS} shards at most: render it with --share"
            )));
        }
        let id = rendering.id();
        let is_sealed = self.0.machine.blocking(move || rendering.finished()).await??.is_some();
        Ok(Begun { id, job_json, is_sealed })
    }
}

/// What a job makes, begun in its place.
struct Begun {
    id: String,
    job_json: String,
    is_sealed: bool,
}

/// A job that is for one interpreter asks for its workers.
fn ask_for_python(job: &Job, labels: &mut Labels) -> Result<(), ServiceError> {
    let Some(python) = &job.python else { return Ok(()) };
    let asked = labels.insert(PYTHON.to_owned(), python.clone());
    match asked.filter(|other| other != python) {
        None => Ok(()),
        Some(other) => Err(ServiceError::Refused(format!(
            "the label {PYTHON}={other} contradicts the job, which is for CPython {python}: leave it out"
        ))),
    }
}
