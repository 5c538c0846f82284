//! Files that a request names beside the traces: a tokenizer, benchmarks.

use dataset::{Store, StoreError};

/// The store and the key of a file, which is named by its path or as `s3://bucket/key`.
pub(crate) fn find(location: &str) -> Result<(Store, &str), StoreError> {
    let (folder, name) = location.rsplit_once('/').unwrap_or((".", location));
    Ok((Store::open(if folder.is_empty() { "/" } else { folder })?, name))
}
