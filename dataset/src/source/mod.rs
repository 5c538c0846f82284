//! Where programs come from: Python files, JSONL and Parquet files, manifests, on this machine or in S3.
//!
//! `location` tells what the user named, `listing` names the sources of it in order, `plan` cuts that order into
//! shards, and `tree`, `cases`, `table` and `listed` read what a shard's range holds.

mod beside;
mod cases;
mod cell;
mod encoding;
mod given;
mod lines;
mod listed;
mod listing;
mod location;
mod objects;
mod plan;
mod table;
mod tree;

use std::io;

use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::store::Object;
use crate::walk::WalkError;
use crate::{ErrorKind, Job, Range, Shard, StoreError};
pub use beside::tests_beside;
pub use encoding::{EncodingError, decode_source};
pub(crate) use listing::{Listed, Listing};
pub(crate) use location::{Location, resolve};

/// One program to run, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Names this source and no other of the job: `corpus/pkg/mod.py`, `cases.jsonl:17`.
    pub path: String,
    /// The row's own id, else the path.
    pub id: String,
    /// A JSON object of what came with it.
    pub meta: String,
    /// What tracebacks show, without a folder.
    pub filename: String,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Runs as a script. The bytes as found: their encoding is the interpreter's to decide.
    Script(Vec<u8>),
    /// [`CALLED_FUNCTION`] is called with `input`, an argument list as Python text, and should give `expected`.
    Call { code: String, input: String, expected: Option<String> },
    /// The code is executed once for each of these, of which there is at least one.
    Cases { code: String, cases: Vec<Case> },
    /// Becomes a row of outcome `unreadable` that says why, in one sentence.
    Unreadable { reason: String },
}

/// One execution that a row asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// Statements that use what the code defines, and raise if it does not do as it should.
    Test(String),
    /// The code runs as a script with these arguments and this on its standard input, and should write `expected`.
    Run { arguments: Vec<String>, stdin: String, expected: Option<String> },
}

/// What a row with an `input` is a call of.
pub const CALLED_FUNCTION: &str = "f";

/// The entry of a test.
pub const TEST_ENTRY: &str = "<test>";

/// The entry of a script.
pub const SCRIPT_ENTRY: &str = "<module>";

impl Source {
    /// The file's bytes, or those of the row's `code`; empty where there are none.
    pub fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Script(bytes) => bytes,
            Body::Call { code, .. } | Body::Cases { code, .. } => code.as_bytes(),
            Body::Unreadable { .. } => &[],
        }
    }

    /// Of its bytes, as lower-case hex; empty where there are none.
    pub fn sha256(&self) -> String {
        match self.body {
            Body::Unreadable { .. } => String::new(),
            _ => hex(&Sha256::digest(self.bytes())),
        }
    }

    /// Where its execution begins, as a row names it.
    pub fn entry(&self) -> &'static str {
        match self.body {
            Body::Call { .. } => CALLED_FUNCTION,
            Body::Script(_) | Body::Cases { .. } | Body::Unreadable { .. } => SCRIPT_ENTRY,
        }
    }

    /// What its row has to test it, as Python that calls what it defines.
    pub fn tests(&self) -> Vec<String> {
        match &self.body {
            Body::Call { input, .. } => vec![format!("{CALLED_FUNCTION}({input})")],
            Body::Cases { cases, .. } => {
                let tests = cases.iter().filter_map(|case| match case {
                    Case::Test(test) => Some(test.clone()),
                    Case::Run { .. } => None,
                });
                tests.collect()
            }
            Body::Script(_) | Body::Unreadable { .. } => Vec::new(),
        }
    }

    /// The name by which others import it.
    pub fn module_name(&self) -> &str {
        self.filename.strip_suffix(".py").unwrap_or(&self.filename)
    }

    /// Its text; empty where there is none or it cannot be decoded.
    pub fn code(&self) -> String {
        match &self.body {
            Body::Script(bytes) => decode_source(bytes).unwrap_or_default(),
            Body::Call { code, .. } | Body::Cases { code, .. } => code.clone(),
            Body::Unreadable { .. } => String::new(),
        }
    }
}

/// What can be named as a source.
const WHAT: &str = "a folder or prefix of .py or .parquet files, or a file that ends in .py, .jsonl (also .gz or \
                    .zst), .parquet, or .manifest or .txt for a list of .py files";

/// The sources themselves cannot be found, listed or read on. A single one that cannot be read is a row.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("no source was named: name {WHAT}")]
    None,
    #[error("there is no {path}: name {WHAT}")]
    NotFound { path: String },
    #[error("{path} is not {WHAT}")]
    Unsupported { path: String },
    #[error("{path} holds no {what}")]
    Empty { path: String, what: &'static str },
    #[error(
        "{first} and {second} would share names in the dataset: rename one of them, or name the folder that \
         holds both"
    )]
    SameName { first: String, second: String },
    #[error(transparent)]
    List(#[from] WalkError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path} has {what}")]
    Columns { path: String, what: String },
    #[error("no source is a Parquet file, and --map is for those alone")]
    NothingToMap,
    #[error("cannot read {path}: {what}")]
    Damaged { path: String, what: String },
    #[error("cannot read {path}: {cause}")]
    Read { path: String, cause: io::Error },
    #[error("{path} has changed since it was planned: give the job another output folder")]
    Changed { path: String },
}

impl SourceError {
    /// Whether it may be gone when one tries again: the store failed, not what it holds.
    pub fn may_pass(&self) -> bool {
        matches!(self, SourceError::Store(error) if error.kind() == ErrorKind::Other)
    }

    /// What it means that a file cannot be read.
    fn reading(path: &str, object: &Object, cause: io::Error) -> SourceError {
        match object.take_failure() {
            Some(failure) => failure.into(),
            None => SourceError::Read { path: path.to_owned(), cause },
        }
    }
}

/// Streams the shards of a job's sources, after the shard `after` if there is one. Fails at once if a source
/// that is still to be planned does not exist or holds nothing.
pub fn plan(
    job: &Job,
    after: Option<&Shard>,
) -> Result<impl Iterator<Item = Result<Shard, SourceError>> + Send + use<>, SourceError> {
    plan::Planner::new(job, after)
}

/// Streams the sources of a range, in order. Those of more than `source_bytes` bytes are not read.
pub fn read(
    range: &Range,
    source_bytes: u64,
) -> Result<impl Iterator<Item = Result<Source, SourceError>> + Send + use<>, SourceError> {
    let sources: Box<dyn Iterator<Item = Result<Source, SourceError>> + Send> = match range {
        Range::Tree { root, first, last } => Box::new(tree::Files::open(root, first, last, source_bytes)?),
        Range::Lines { path, from_byte, to_byte, first_line } => {
            Box::new(cases::Cases::open(path, *from_byte..*to_byte, *first_line, source_bytes)?)
        }
        Range::Listed { path, from_byte, to_byte, first_line } => {
            Box::new(listed::ListedFiles::open(path, *from_byte..*to_byte, *first_line, source_bytes)?)
        }
        Range::Rows { root, key, from_row, to_row, columns } => {
            Box::new(table::Rows::open(root, key, *from_row..*to_row, columns, source_bytes)?)
        }
    };
    Ok(sources)
}
