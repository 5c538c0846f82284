//! What is done stays done: small objects that tell of it.

use dataset::{ErrorKind, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::RenderError;
use crate::output::FileEntry;
use crate::tally::Tally;

/// What came of a step that is done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Of the executions that it told.
    pub tally: Tally,
    /// The files that are whole with it.
    pub files: Vec<FileEntry>,
}

pub(crate) fn put(store: &Store, key: &str, value: &impl Serialize) -> Result<(), StoreError> {
    let mut text = serde_json::to_string(value).expect("numbers and texts are JSON");
    text.push('\n');
    store.put(key, text.as_bytes())
}

/// What stands at a key, if anything does.
pub(crate) fn get<T: DeserializeOwned>(store: &Store, key: &str) -> Result<Option<T>, RenderError> {
    let text = match store.get(key) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let damaged =
        |error: serde_json::Error| RenderError::Damaged { key: key.to_owned(), what: error.to_string() };
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}
