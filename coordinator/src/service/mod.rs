//! A coordinator: any number of jobs, and the workers that run them.
//!
//! It holds nothing that may not be lost. Which shard is whose is the queue's to know, and what is done is the
//! store's; so several coordinators serve the same jobs at once, and any of them may die at any time.
//!
//! `report` answers workers, `control` answers people, and for each job that is not over a task (`tend`) plans,
//! sweeps and seals.

mod control;
mod job;
mod machine;
mod measure;
mod planner;
mod product;
mod publish;
mod report;
mod schedule;
#[cfg(test)]
mod sim;
mod tend;
mod workers;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataset::{Dataset, OpenError, Store, StoreError};
use tokio::sync::watch;
use tracing::{info, warn};
use training::{Order, RenderError, Rendering};

use crate::queue::{Home, JobKind, JobRecord, JobState, QueueError, Registry};

pub(crate) use control::{Asked, Change, JobView};
pub(crate) use job::{Open, Over, Snapshot};
pub(crate) use machine::Machine;
pub(crate) use product::{Product, Work};
pub(crate) use report::{Answer, Heard, Said};
pub(crate) use schedule::Labels;
use workers::Workers;

/// How often a coordinator does what nobody asks it for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Between two looks at each job: leases are swept, the plan goes on, the progress is told.
    pub(crate) tick: Duration,
    /// When a worker reports again at the latest. A lease must last many times as long.
    pub(crate) report_within: Duration,
    /// The same for a worker that has nothing to do: there may be something soon, or the end.
    pub(crate) idle_report_within: Duration,
}

impl Pace {
    /// For one job on one machine, where nobody else shares the queue.
    pub(crate) const ALONE: Pace = Pace {
        tick: Duration::from_millis(250),
        report_within: Duration::from_secs(1),
        idle_report_within: Duration::from_millis(200),
    };
    /// For thousands of workers and a queue on the network.
    pub(crate) const FLEET: Pace = Pace {
        tick: Duration::from_secs(1),
        report_within: Duration::from_secs(2),
        idle_report_within: Duration::from_secs(1),
    };
}

/// Cheap to clone: all clones are one coordinator.
#[derive(Clone)]
pub(crate) struct Service(Arc<Shared>);

struct Shared {
    machine: Machine,
    home: Home,
    registry: Registry,
    pace: Pace,
    /// Tells this coordinator from others, where only one of them is to do something.
    name: String,
    open: Mutex<BTreeMap<String, Arc<Open>>>,
    workers: Mutex<Workers>,
    /// The registry answered when it was asked last.
    knows_jobs: AtomicBool,
    /// Workers that ask are told to go.
    is_dismissing: AtomicBool,
    /// Becomes true when this coordinator is to end.
    closing: watch::Sender<bool>,
}

/// Why a coordinator could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Dataset(#[from] OpenError),
    #[error(transparent)]
    Text(#[from] RenderError),
    #[error(transparent)]
    Product(#[from] product::Fault),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Refused(String),
    #[error("there is no job {0}")]
    NoJob(String),
    #[error("a task of the coordinator failed, which is a bug: {0}")]
    Bug(String),
}

impl Service {
    /// A coordinator for the jobs in `home`, which it begins to tend.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(home: Home, pace: Pace, machine: Machine) -> Service {
        let service = Service(Arc::new(Shared {
            registry: home.registry(),
            home,
            pace,
            name: machine.name(),
            machine,
            open: Mutex::default(),
            workers: Mutex::default(),
            knows_jobs: AtomicBool::new(false),
            is_dismissing: AtomicBool::new(false),
            closing: watch::Sender::new(false),
        }));
        service.0.machine.spawn(service.clone().find_jobs());
        service
    }

    /// From now on every worker that asks is told to go.
    pub(crate) fn dismiss_workers(&self) {
        self.0.is_dismissing.store(true, Ordering::Relaxed);
    }

    /// Ends what this coordinator does by itself, and returns when publications under way are finished.
    pub(crate) async fn close(&self) {
        self.0.closing.send_replace(true);
        self.0.machine.idle().await;
    }

    /// The process with this number on this machine is gone, and so is the worker that it was, if it was one.
    pub(crate) async fn local_process_gone(&self, pid: u32) -> bool {
        let Some(worker) = lock(&self.0.workers).take_local(pid) else { return false };
        info!(%worker, "a worker is gone");
        for open in self.open_jobs() {
            if let Err(error) = open.queue.worker_lost(&worker).await {
                warn!(job = open.id(), %error, "the worker's shards will be free when their leases expire");
            }
        }
        true
    }

    /// Opens the jobs that others have submitted, as long as this coordinator lives.
    async fn find_jobs(self) {
        let mut closing = self.0.closing.subscribe();
        let mut trouble = Trouble::default();
        let mut troubled_jobs: BTreeMap<String, Trouble> = BTreeMap::new();
        loop {
            let found = self.0.registry.list().await;
            self.0.knows_jobs.store(found.is_ok(), Ordering::Relaxed);
            let records = match found {
                Ok(records) => {
                    trouble.note("cannot look for jobs", Ok::<_, QueueError>(()));
                    records
                }
                Err(error) => {
                    trouble.note("cannot look for jobs", Err(error));
                    Vec::new()
                }
            };
            for record in records.into_iter().filter(|record| !is_over(record.state)) {
                // One job whose store is gone must not keep the others waiting.
                let trouble = troubled_jobs.entry(record.id.clone()).or_default();
                trouble.note("cannot open a job", self.open(record).await.map(drop));
            }
            self.tell_depth();
            tokio::select! {
                biased;
                () = closed(&mut closing) => return,
                () = self.0.machine.sleep(self.0.pace.tick) => {}
            }
        }
    }

    /// The job, being tended here; `None` if it is over or unknown.
    async fn job(&self, id: &str) -> Result<Option<Arc<Open>>, ServiceError> {
        if let Some(open) = lock(&self.0.open).get(id) {
            return Ok(Some(open.clone()));
        }
        match self.0.registry.get(id).await? {
            Some(record) if !is_over(record.state) => self.open(record).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Begins to tend a job, unless that is done already.
    async fn open(&self, record: JobRecord) -> Result<Arc<Open>, ServiceError> {
        if let Some(open) = lock(&self.0.open).get(&record.id) {
            return Ok(open.clone());
        }
        let product = self.product(&record).await?;
        let queue = self.0.home.queue(&record.id, Product::rules(record.kind));
        let fresh = Arc::new(Open::new(record, product, queue));
        self.begin_queue(&fresh).await?;
        let open = lock(&self.0.open).entry(fresh.id().to_owned()).or_insert_with(|| fresh.clone()).clone();
        if Arc::ptr_eq(&open, &fresh) {
            self.0.machine.spawn(self.clone().tend(fresh));
        }
        Ok(open)
    }

    /// What a job makes, in its place.
    async fn product(&self, record: &JobRecord) -> Result<Product, ServiceError> {
        let store = self.0.machine.open_store(&record.output)?;
        match record.kind {
            JobKind::Trace => {
                let dataset = self.0.machine.blocking(move || Dataset::open(store)).await??;
                Ok(Product::Traces(dataset))
            }
            JobKind::Render => {
                let order = serde_json::from_str(&record.job_json).map_err(|error| {
                    ServiceError::Refused(format!("the order of job {} is damaged: {error}", record.id))
                })?;
                Ok(Product::Text(Arc::new(self.rendering(order, store).await?)))
            }
        }
    }

    /// A rendering, begun or gone on with.
    async fn rendering(&self, order: Order, store: Store) -> Result<Rendering, ServiceError> {
        let traces = self.0.machine.open_store(&order.traces)?;
        let prepare = move || -> Result<_, ServiceError> {
            Ok(Rendering::prepare(Dataset::open(traces)?, store, order.options)?)
        };
        self.0.machine.blocking(prepare).await?
    }

    /// Whether this is what the coordinator knows of the job; it may have been taken up anew since.
    fn is_current(&self, open: &Arc<Open>) -> bool {
        lock(&self.0.open).get(open.id()).is_some_and(|current| Arc::ptr_eq(current, open))
    }

    fn open_jobs(&self) -> Vec<Arc<Open>> {
        lock(&self.0.open).values().cloned().collect()
    }

    /// Begins the job's queue from the parts that exist. One that has begun already stays as it is.
    async fn begin_queue(&self, open: &Open) -> Result<(), ServiceError> {
        let product = open.product.clone();
        let published = self.0.machine.blocking(move || product.published()).await??;
        open.queue.begin(&published).await?;
        Ok(())
    }
}

/// Says once that something does not work, and once that it does again.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn note<E: std::fmt::Display>(&mut self, what: &str, result: Result<(), E>) {
        let now = result.err().map(|error| error.to_string());
        match (&self.0, &now) {
            (before, Some(error)) if before.as_ref() != Some(error) => warn!(%error, "{what}"),
            (Some(_), None) => info!("it works again: {what}"),
            _ => {}
        }
        self.0 = now;
    }
}

/// Waits until the coordinator is to end.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // Without a coordinator there is nothing to wait for.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Nothing is done for a job in such a state.
fn is_over(state: JobState) -> bool {
    match state {
        JobState::Running | JobState::Paused => false,
        JobState::Cancelled | JobState::Complete | JobState::Failed => true,
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// No holder of these locks panics, and what they guard would still be sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
