//! All rows of a part, decoded a row group at a time.

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use super::batches::Batches;
use super::{PartError, StoredRow};
use crate::store::Object;

/// Yields rows in order. One row group is held at a time, and so are rows that are still in use.
pub struct WholeRows {
    key: String,
    object: Object,
    metadata: ArrowReaderMetadata,
    next_group: usize,
    batches: Option<Batches>,
    batch: Option<RecordBatch>,
    next_row: usize,
}

impl WholeRows {
    pub(super) fn of(key: &str, object: &Object, metadata: &ArrowReaderMetadata) -> WholeRows {
        WholeRows {
            key: key.to_owned(),
            object: object.clone(),
            metadata: metadata.clone(),
            next_group: 0,
            batches: None,
            batch: None,
            next_row: 0,
        }
    }

    fn advance(&mut self) -> Result<Option<StoredRow>, PartError> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.next_row < batch.num_rows()) {
                // A slice shares the batch's memory.
                let row = batch.slice(self.next_row, 1);
                self.next_row += 1;
                return Ok(Some(StoredRow::new(&self.key, row)));
            }
            self.batch = None;
            self.next_row = 0;
            if let Some(batches) = &mut self.batches
                && let Some(batch) = batches.next()
            {
                self.batch = Some(batch?);
            } else if self.next_group < self.metadata.metadata().num_row_groups() {
                self.batches = Some(self.open_group()?);
            } else {
                return Ok(None);
            }
        }
    }

    /// Begins the next row group. A reader over several would fill its batches across their borders.
    fn open_group(&mut self) -> Result<Batches, PartError> {
        let group = self.next_group;
        self.next_group += 1;
        let rows = usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
        let (object, metadata) = (self.object.clone(), self.metadata.clone());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(object, metadata)
            .with_row_groups(vec![group])
            .with_batch_size(rows.max(1));
        Batches::read(&self.key, &self.object, builder)
    }
}

impl Iterator for WholeRows {
    type Item = Result<StoredRow, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.advance();
        if step.is_err() {
            self.batch = None;
            self.batches = None;
            self.next_group = self.metadata.metadata().num_row_groups();
        }
        step.transpose()
    }
}
