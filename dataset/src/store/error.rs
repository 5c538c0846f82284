//! What can go wrong with a store, as callers tell it apart.

use std::fmt;
use std::io;

/// A call to a store that failed. Its message is one complete sentence.
#[derive(Debug)]
pub struct StoreError {
    action: &'static str,
    location: String,
    key: String,
    cause: io::Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    NotFound,
    /// No space is left, or the quota is used up.
    Full,
    /// Permission is missing.
    Denied,
    Other,
}

impl StoreError {
    pub(super) fn new(action: &'static str, location: &str, key: &str, cause: io::Error) -> StoreError {
        StoreError { action, location: location.to_owned(), key: key.to_owned(), cause }
    }

    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of(&self.cause)
    }

    /// The object that the call was about; empty where it was about the store.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl ErrorKind {
    pub(crate) fn of(error: &io::Error) -> ErrorKind {
        match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
            _ => ErrorKind::Other,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreError { action, location, key, cause } = self;
        let object = if key.is_empty() { location.clone() } else { format!("{key} in {location}") };
        match self.kind() {
            ErrorKind::NotFound => write!(f, "there is no {object}"),
            ErrorKind::Full => {
                write!(
                    f,
                    "the disk that holds {location} is full: free some space, then run the same job again"
                )
            }
            ErrorKind::Denied => write!(f, "no permission to {action} {object}"),
            ErrorKind::Other => write!(f, "cannot {action} {object}: {cause}"),
        }
    }
}

// The cause is part of the message, so that it is complete wherever it is shown, and is not told twice.
impl std::error::Error for StoreError {}
