//! Reading Parquet files that may be damaged.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::Result as ParquetResult;

/// Calls into Parquet's reader, which answers some damaged files with a panic: an index out of range, a number
/// that overflows. That is damage like any other, and what was being read is dropped with it. The error says what is
/// wrong, as a clause.
pub(crate) fn guarded<T>(read: impl FnOnce() -> ParquetResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("its pages contradict each other".to_owned()),
    }
}
