//! Reading Parquet files that may be damaged, from stores that may fail.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::Result as ParquetResult;

use crate::StoreError;
use crate::store::Object;

/// Why a Parquet file gave nothing.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// Its bytes could not be had. That may pass, and says nothing of the file.
    Store(StoreError),
    /// It is not what it should be; this says in what, as a clause.
    Damaged(String),
}

/// Calls into Parquet's reader over an object. The reader answers some damaged files with a panic: an index out of
/// range, a number that overflows. That is damage like any other, and what was being read is dropped with it.
pub(crate) fn guarded<T>(object: &Object, read: impl FnOnce() -> ParquetResult<T>) -> Result<T, Unreadable> {
    let what = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its pages contradict each other".to_owned(),
    };
    // The reader tells of a failure of the store as it tells of damage.
    Err(object.take_failure().map_or(Unreadable::Damaged(what), Unreadable::Store))
}
