//! A shard: the range of sources that becomes one part.

use serde::{Deserialize, Serialize};

use crate::columns::Columns;

/// One unit of work, and one part of the dataset. Ranges of a plan do not overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Position in the plan, from 0; the part's number.
    pub ordinal: u64,
    /// Sources in the range when it was planned.
    pub sources: u64,
    pub range: Range,
}

/// Which sources, as a range rather than a list: a plan of a hundred million files stays small. Folders and files
/// are absolute paths, or URIs like `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// The `.py` files of a folder whose keys (paths below the root, as bytes, `/`-separated) lie between
    /// the two, both included, in order of their bytes.
    Tree { root: String, first: Vec<u8>, last: Vec<u8> },
    /// Lines of a JSONL file. Bytes count after decompression.
    Lines { path: String, from_byte: u64, to_byte: u64, first_line: u64 },
    /// Lines of a manifest, each of which names a `.py` file.
    Listed { path: String, from_byte: u64, to_byte: u64, first_line: u64 },
    /// Rows `from_row..to_row`, from 0, of the Parquet file that lies at a key below a folder.
    Rows { root: String, key: String, from_row: u64, to_row: u64, columns: Columns },
}
