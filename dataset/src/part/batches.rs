//! Batches of rows out of a file that may be damaged.

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::Result as ParquetResult;

use super::PartError;
use crate::damage::{self, Unreadable};
use crate::store::Object;

/// Yields batches up to the first damage.
pub(super) struct Batches {
    key: String,
    object: Object,
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches {
    pub(super) fn read(
        key: &str,
        object: &Object,
        builder: ParquetRecordBatchReaderBuilder<Object>,
    ) -> Result<Batches, PartError> {
        let reader = guarded(key, object, || builder.build())?;
        Ok(Batches { key: key.to_owned(), object: object.clone(), reader: Some(reader) })
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let step = guarded(&self.key, &self.object, || reader.next().transpose().map_err(Into::into));
        if step.is_err() {
            self.reader = None;
        }
        step.transpose()
    }
}

/// Calls into Parquet's reader.
pub(super) fn guarded<T>(
    key: &str,
    object: &Object,
    read: impl FnOnce() -> ParquetResult<T>,
) -> Result<T, PartError> {
    damage::guarded(object, read).map_err(|unreadable| match unreadable {
        Unreadable::Store(error) => error.into(),
        Unreadable::Damaged(what) => PartError::damaged(key, what),
    })
}
