//! What a worker says, and what it is told.

use dataset::Tally;

use super::{Lease, Piece, WorkerId};

/// How a worker stands with one job.
#[derive(Debug, Clone)]
pub struct Report {
    pub worker: WorkerId,
    /// How many more shards it would take.
    pub free_slots: usize,
    pub running: Vec<Running>,
    pub finished: Vec<Finished>,
    pub failed: Vec<Failure>,
    /// Given back unfinished, because the worker has to go.
    pub released: Vec<Lease>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    pub lease: Lease,
    /// How many of the shard's sources are finished: the position, from 0, of the one that runs.
    pub position: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub lease: Lease,
    /// Where in the store the part lies until it is published.
    pub attempt: String,
    pub tally: Tally,
}

/// The worker could not do its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub lease: Lease,
    /// One sentence.
    pub reason: String,
    /// Position in the shard of the source at which it happened, if it was at one.
    pub source: Option<u64>,
}

/// What should be different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub start: Vec<Start>,
    pub stop: Vec<Lease>,
    /// Leases of which the worker need not speak again.
    pub acknowledged: Vec<Lease>,
    /// What was committed just now. The caller publishes the parts, and then says so.
    pub committed: Vec<Finished>,
}

/// A shard to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub lease: Lease,
    pub shard: Piece,
    /// Positions of the sources that are not to be run, in order.
    pub set_aside: Vec<u64>,
    /// Workers were lost with this shard: say before each source which one it is, and wait for the answer.
    pub careful: bool,
}

impl Report {
    /// A report of a worker that holds nothing.
    pub fn idle(worker: WorkerId, free_slots: usize) -> Report {
        Report {
            worker,
            free_slots,
            running: Vec::new(),
            finished: Vec::new(),
            failed: Vec::new(),
            released: Vec::new(),
        }
    }
}
