//! What can go wrong with a part.

use std::io;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::layout::FORMAT_VERSION;
use crate::store::{ErrorKind, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error("the disk that holds {} is full: free some space, then run the same job again", path.display())]
    Full { path: PathBuf },
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} is damaged: {what}")]
    Damaged { key: String, what: String },
    #[error(
        "{key} is of format {version}, and this program knows formats up to {FORMAT_VERSION}: use a newer one"
    )]
    Newer { key: String, version: u32 },
}

impl PartError {
    /// Whether space or a quota was used up: another place, or later, will do.
    pub fn is_full(&self) -> bool {
        match self {
            PartError::Full { .. } => true,
            PartError::Store(error) => error.kind() == ErrorKind::Full,
            _ => false,
        }
    }

    pub(super) fn damaged(key: &str, what: impl ToString) -> PartError {
        PartError::Damaged { key: key.to_owned(), what: what.to_string() }
    }

    pub(super) fn io(path: &Path, cause: &io::Error) -> PartError {
        match ErrorKind::of(cause) {
            ErrorKind::Full => PartError::Full { path: path.to_owned() },
            _ => PartError::Write { path: path.to_owned(), cause: cause.to_string() },
        }
    }

    pub(super) fn writing(path: &Path, cause: &ParquetError) -> PartError {
        if let ParquetError::External(inner) = cause
            && let Some(io) = inner.downcast_ref::<io::Error>()
        {
            return PartError::io(path, io);
        }
        PartError::Write { path: path.to_owned(), cause: cause.to_string() }
    }
}
