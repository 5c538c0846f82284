//! One job that this coordinator tends.

use std::sync::{Arc, Mutex};

use dataset::Report;
use tokio::sync::watch;

use super::{Product, lock};
use crate::progress::Progress;
use crate::queue::{Depth, FailedShard, JobQueue, JobRecord};

/// What a coordinator needs at hand to serve a job.
pub(crate) struct Open {
    /// As it was when the job was opened; state and message may have changed since.
    pub(crate) record: JobRecord,
    pub(crate) product: Product,
    pub(crate) queue: JobQueue,
    /// How much there was to do when somebody looked last.
    depth: Mutex<Depth>,
    snapshot: watch::Sender<Snapshot>,
}

/// A job as its watchers see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) progress: Progress,
    /// How it ended, once it has.
    pub(crate) over: Option<Over>,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(crate) enum Over {
    /// The dataset is sealed.
    Complete(Arc<Report>),
    /// The set of training text is.
    Rendered,
    /// Every shard is published but these, which failed too often.
    Incomplete {
        set_aside: u64,
        failures: Vec<FailedShard>,
    },
    /// It makes no sense to go on, for this reason.
    GaveUp(String),
    /// It was asked to stop, and what ran then is finished.
    Drained,
    Cancelled,
}

impl Open {
    pub(super) fn new(record: JobRecord, product: Product, queue: JobQueue) -> Open {
        Open {
            record,
            product,
            queue,
            depth: Mutex::default(),
            snapshot: watch::Sender::new(Snapshot::default()),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    /// How the job is, from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    pub(super) fn tell(&self, snapshot: Snapshot) {
        self.snapshot.send_replace(snapshot);
    }

    pub(super) fn depth(&self) -> Depth {
        *lock(&self.depth)
    }

    pub(super) fn note_depth(&self, depth: Depth) {
        *lock(&self.depth) = depth;
    }

    /// So many shards have just been leased.
    pub(super) fn note_leased(&self, count: usize) {
        let mut depth = lock(&self.depth);
        depth.leased += count as u64;
        depth.ready = depth.ready.saturating_sub(count as u64);
    }
}
