//! Which worker may run which shard: the queue of a job, the registry of jobs, and where the two live.
//!
//! `state` decides, and knows neither clock nor I/O. `home` is what the rest of the program talks to: the same
//! queue in this process, or in a Redis that several coordinators share.

#[cfg(test)]
mod conformance;
mod error;
#[cfg(test)]
pub(crate) mod far;
mod here;
mod home;
mod redis;
mod registry;
mod state;

pub use error::QueueError;
#[cfg(test)]
pub(crate) use here::Here;
pub use home::{Home, JobQueue};
pub use registry::{JobKind, JobRecord, JobState, Registry};
pub(crate) use state::limits::MAX_SHARDS;
pub use state::{
    Change, Counts, Depth, FailedShard, Failure, Finished, IntervalSet, Lease, Mode, Piece, Queue, Reply,
    Report, Rules, Running, Start, Status, Swept, Token, Verdict, WorkerId,
};
