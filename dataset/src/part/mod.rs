//! A part: the rows of one shard as a Parquet file.
//!
//! `schema` is the shape of a row. `writer` puts rows into a file, a `row_group` at a time: `columns` gathers what they
//! say beside their events, which Parquet's own writers encode, and `events` their events, which take nearly all the
//! time and room and are encoded here. For that, `leaf` holds the values of a column, `levels` how they fall into rows
//! and lists, `dictionary` their names; `encoding` writes a page of them, and `chunk` keeps the pages.
//! `reader` and `batches` give columns back, `stored` turns them into rows, and `whole` reads all of
//! them.

mod batches;
mod chunk;
mod columns;
mod dictionary;
mod encoding;
mod error;
mod events;
mod leaf;
mod levels;
mod reader;
mod row_group;
mod schema;
mod stored;
mod whole;
mod writer;

use crate::{JobId, Shard};

pub use error::PartError;
pub use events::EventWriter;
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
