//! A dataset on disk or in a bucket: what a job is, where its sources are, how rows become parts.
//!
//! `docs/format.md` is the specification; this crate is its one implementation. It knows nothing of the wire
//! between coordinator and workers, and nothing of Python.

mod job;
mod outcome;
mod row;
mod shard;
mod tally;

pub use job::{Job, JobId, Limits};
pub use outcome::Outcome;
pub use row::{Captured, InputOrigin, Row};
pub use shard::{Range, Shard};
pub use tally::Tally;
