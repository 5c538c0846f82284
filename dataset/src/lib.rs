//! A dataset on disk or in a bucket: what a job is, where its sources are, how rows become parts.
//!
//! `docs/format.md` is the specification; this crate is its one implementation. It knows nothing of the wire
//! between coordinator and workers, and nothing of Python. Start at `dataset`, the life of one dataset.

mod card;
mod columns;
mod damage;
mod dataset;
mod executions;
mod filters;
mod granularity;
mod hex;
mod job;
mod layout;
mod manifest;
mod outcome;
mod part;
mod plan;
mod row;
mod run;
mod shard;
pub mod source;
mod store;
mod tally;
mod trace_id;
mod verdict;
mod verify;
mod walk;

pub use columns::{BadMapping, ColumnMap, Columns, Field, MappedTwice, Mapping};
pub use dataset::{Dataset, OpenError, SealError, Times};
pub use executions::{Executions, Mode, Search, UnknownMode};
pub use filters::{Distinct, Dropped, Filters, UnknownDistinct};
pub use job::{Job, JobId, Limits};
pub use layout::{FORMAT_VERSION, attempt_key, part_key};
pub use manifest::{Manifest, ManifestError, ManifestPart, Report};
pub use outcome::{Outcome, UnknownOutcome};
pub use part::{
    EventWriter, PartError, PartHeader, PartReader, PartStats, PartWriter, RowSummary, StoredRow, WholeRows,
};
pub use plan::{Plan, PlanError, Shards};
pub use row::{Captured, InputOrigin, Row, UnknownInputOrigin};
pub use run::Run;
pub use shard::{Range, Shard};
pub use store::{
    BadEndpoint, Calls, ErrorKind, Fate, Memory, Object, ObjectWriter, Operation, Published, S3Keys,
    S3Settings, Store, StoreError,
};
pub use tally::Tally;
pub use trace_id::Execution;
pub use verdict::{UnknownVerdict, Verdict};
pub use verify::{Finding, Findings, Found, VerifyError, VerifyReport, verify};
