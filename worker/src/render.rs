//! Does the steps of renderings. Nothing is confined: what runs is ours, and what it reads we have written.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use dataset::{Dataset, ErrorKind, OpenError, Store, StoreError, Tally};
use tracing::warn;
use training::{Done, Order, RenderError, Rendering, Watcher};

use crate::ledger::{Ended, Failure, Lease};
use crate::patience::Patience;
use crate::progress::Progress;

/// What this worker could not do for a step.
#[derive(Debug, thiserror::Error)]
enum StepFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Traces(#[from] OpenError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("the rendering has no step {0}")]
    NoStep(u64),
}

impl StepFault {
    fn may_pass(&self) -> bool {
        match self {
            StepFault::Store(error) | StepFault::Traces(OpenError::Store(error)) => {
                error.kind() == ErrorKind::Other
            }
            StepFault::Render(error) => error.may_pass(),
            StepFault::Traces(_) | StepFault::NoStep(_) => false,
        }
    }
}

/// The rendering that was worked on last, for all slots: to open one takes reading what its traces hold, a tokenizer
/// and benchmarks.
#[derive(Clone, Default)]
pub(crate) struct Renderings(Arc<Mutex<Option<(String, Arc<Rendering>)>>>);

impl Renderings {
    /// Does a step to its end, or until the progress says to stop. Its number is the shard's.
    pub(crate) fn run(&self, lease: &Lease, output: &str, order: &Order, progress: &Progress) -> Ended {
        let mut patience = Patience::new();
        loop {
            let fault = match self.perform(lease, output, order, progress) {
                Ok(ended) => return ended,
                Err(_) if progress.is_stopped() => return Ended::Dropped,
                Err(fault) => fault,
            };
            if !fault.may_pass() || !patience.wait() {
                return Ended::Failed(Failure { reason: fault.to_string(), source: None });
            }
            warn!(shard = lease.shard, %fault, "could not do a step of a rendering, trying again");
        }
    }

    fn perform(
        &self,
        lease: &Lease,
        output: &str,
        order: &Order,
        progress: &Progress,
    ) -> Result<Ended, StepFault> {
        let rendering = self.open(&lease.job, output, order)?;
        let step = rendering.step(lease.shard).ok_or(StepFault::NoStep(lease.shard))?;
        let sources = rendering.weight(step);
        let Some(done) = rendering.perform(step, &Watching::new(progress, sources))? else {
            return Ok(Ended::Dropped);
        };
        Ok(Ended::Finished { attempt: step.key(), tally: tally(done, sources) })
    }

    fn open(&self, job: &str, output: &str, order: &Order) -> Result<Arc<Rendering>, StepFault> {
        // The slots that wait here would otherwise open the same one.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, rendering)) = &*last
            && of == job
        {
            return Ok(Arc::clone(rendering));
        }
        let traces = Dataset::open(Store::open(&order.traces)?)?;
        let rendering = Arc::new(Rendering::prepare(traces, Store::open(output)?, order.options.clone())?);
        *last = Some((job.to_owned(), Arc::clone(&rendering)));
        Ok(rendering)
    }
}

/// Passes on how far a step is and whether it is still wanted.
struct Watching<'a> {
    progress: &'a Progress,
    /// What the step stands for. It may count things of which there are more.
    sources: u64,
    tally: RefCell<Tally>,
}

impl Watching<'_> {
    fn new(progress: &Progress, sources: u64) -> Watching<'_> {
        Watching { progress, sources, tally: RefCell::default() }
    }
}

impl Watcher for Watching<'_> {
    fn done(&self, count: u64) {
        let mut tally = self.tally.borrow_mut();
        tally.sources = self.sources.min(tally.sources + count);
        self.progress.set_tally(&tally);
    }

    fn rendered(&self, _: u64) {}

    fn is_stopped(&self) -> bool {
        self.progress.is_stopped()
    }
}

/// A step as a shard is counted: its rows are examples, and outcomes say what became of executions.
fn tally(done: Done, sources: u64) -> Tally {
    let Done { tally, files } = done;
    let mut outcomes = tally.left_out;
    if tally.rendered > 0 {
        outcomes.insert("rendered".to_owned(), tally.rendered);
    }
    let rows = files.iter().map(|file| file.examples).sum();
    let bytes = files.iter().map(|file| file.bytes).sum();
    Tally { sources, rows, bytes, outcomes, ..Tally::default() }
}
