//! A part: the rows of one shard as a Parquet file.
//!
//! `schema` is the shape of a row, `columns` and `events` turn rows into columns, `writer` columns into a file.
//! `reader` and `batches` give columns back, and `stored` turns them into rows,
//! and `whole` reads all of them.

mod batches;
mod columns;
mod error;
mod events;
mod reader;
mod schema;
mod stored;
mod whole;
mod writer;

use crate::{JobId, Shard};

pub use error::PartError;
pub use reader::{PartReader, RowSummary};
pub use stored::StoredRow;
pub use whole::WholeRows;
pub use writer::{PartStats, PartWriter};

/// Whose rows a part holds; it stands in the part's footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHeader {
    pub job: JobId,
    pub shard: Shard,
}

/// Keys of the footer's metadata.
mod footer {
    pub(super) const FORMAT_VERSION: &str = "et.format_version";
    pub(super) const JOB_ID: &str = "et.job_id";
    pub(super) const SHARD: &str = "et.shard";
    pub(super) const TALLY: &str = "et.tally";
}
