//! A Parquet file back into what one asks of it.

use std::str::FromStr;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::batches::{Batches, guarded};
use super::schema::shape_of;
use super::stored::{StoredRow, name_at, option_at};
use super::whole::WholeRows;
use super::{PartError, PartHeader, footer};
use crate::hex::hex;
use crate::layout::FORMAT_VERSION;
use crate::store::Object;
use crate::{JobId, Outcome, Store, Tally};

/// Rows decoded at once when only light columns are read.
const SUMMARIES_AT_ONCE: usize = 1024;

/// Reads a part from a store, as much of it as is asked for.
pub struct PartReader {
    key: String,
    object: Object,
    metadata: ArrowReaderMetadata,
    header: PartHeader,
    tally: Tally,
}

/// A row without its large texts and its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSummary {
    pub trace_id: String,
    pub shard: u64,
    pub source_path: String,
    pub entry: String,
    pub outcome: Outcome,
    pub exception_type: Option<String>,
    pub exception_message: Option<String>,
    pub event_count: u64,
    pub wall_us: u64,
}

impl PartReader {
    /// Reads the footer.
    pub fn open(store: &Store, key: &str) -> Result<PartReader, PartError> {
        let object = store.read(key)?;
        let found = guarded(key, &object, || ArrowReaderMetadata::load(&object, ArrowReaderOptions::new()))?;
        let (header, tally) = read_footer(key, found.metadata(), object.size())?;
        let shape = shape_of(found.parquet_schema());
        let options = ArrowReaderOptions::new().with_schema(shape);
        let metadata =
            guarded(key, &object, || ArrowReaderMetadata::try_new(found.metadata().clone(), options))?;
        Ok(PartReader { key: key.to_owned(), object, metadata, header, tally })
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn header(&self) -> &PartHeader {
        &self.header
    }

    /// From the footer, and `bytes` from the length of the file.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The light columns of every row, in order.
    pub fn summaries(
        &self,
    ) -> Result<impl Iterator<Item = Result<RowSummary, PartError>> + use<>, PartError> {
        let columns = [
            "trace_id",
            "shard",
            "source_path",
            "entry",
            "outcome",
            "exception_type",
            "exception_message",
            "event_count",
            "wall_us",
        ];
        let key = self.key.clone();
        let batches = self.project(&columns)?;
        Ok(batches.flat_map(move |batch| match batch {
            Ok(batch) => summaries_of(&key, &batch),
            Err(error) => vec![Err(error)],
        }))
    }

    /// The rows from position `index` (from 0) on, whole, one at a time.
    pub fn rows_from(
        &self,
        index: u64,
    ) -> Result<impl Iterator<Item = Result<StoredRow, PartError>> + use<>, PartError> {
        // With the page index, the pages before the row are passed over unread.
        let options = ArrowReaderOptions::new()
            .with_schema(self.metadata.schema().clone())
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = guarded(&self.key, &self.object, || ArrowReaderMetadata::load(&self.object, options))?;
        let (groups, offset) = row_groups_from(metadata.metadata(), index);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.object.clone(), metadata)
            .with_row_groups(groups)
            .with_offset(offset)
            .with_batch_size(1);
        let key = self.key.clone();
        Ok(Batches::read(&self.key, &self.object, builder)?
            .map(move |batch| Ok(StoredRow::new(&key, batch?))))
    }

    /// All rows, whole, in order: several times as fast as one by one, in the memory of a row group.
    pub fn whole_rows(&self) -> WholeRows {
        WholeRows::of(&self.key, &self.object, &self.metadata)
    }

    /// One row with its events, by its position from 0.
    pub fn read(&self, index: u64) -> Result<StoredRow, PartError> {
        let absent = || PartError::damaged(&self.key, format!("it has no row {index}"));
        self.rows_from(index)?.next().ok_or_else(absent)?
    }

    /// Where the row of this id stands.
    pub fn find(&self, trace_id: &str) -> Result<Option<u64>, PartError> {
        let mut before = 0;
        for batch in self.project(&["trace_id"])? {
            let batch = batch?;
            let ids = batch.column(0).as_string::<i64>();
            if let Some(at) = ids.iter().position(|id| id == Some(trace_id)) {
                return Ok(Some(before + at as u64));
            }
            before += batch.num_rows() as u64;
        }
        Ok(None)
    }

    /// Of the whole file, as lower-case hex.
    pub fn sha256(&self) -> Result<String, PartError> {
        const STRETCH: usize = 1 << 20;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; STRETCH];
        let mut at = 0;
        while at < self.object.size() {
            let count = (self.object.size() - at).min(STRETCH as u64) as usize;
            let stretch = &mut buffer[..count];
            guarded(&self.key, &self.object, || Ok(self.object.read_exact_at(stretch, at)?))?;
            hash.update(&buffer[..count]);
            at += count as u64;
        }
        Ok(hex(&hash.finalize()))
    }

    fn project(&self, columns: &[&str]) -> Result<Batches, PartError> {
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), columns.iter().copied());
        let (object, metadata) = (self.object.clone(), self.metadata.clone());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(object, metadata)
            .with_projection(mask)
            .with_batch_size(SUMMARIES_AT_ONCE);
        Batches::read(&self.key, &self.object, builder)
    }
}

/// The row groups from the one that holds row `index` on, and the rows to skip in them.
fn row_groups_from(metadata: &ParquetMetaData, index: u64) -> (Vec<usize>, usize) {
    let mut offset = index;
    let mut groups = 0..metadata.num_row_groups();
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if offset < rows {
            break;
        }
        offset -= rows;
        groups.start += 1;
    }
    (groups.collect(), usize::try_from(offset).unwrap_or(usize::MAX))
}

fn read_footer(key: &str, metadata: &ParquetMetaData, bytes: u64) -> Result<(PartHeader, Tally), PartError> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let value = |name: &str| {
        let pair = pairs.into_iter().flatten().find(|pair| pair.key == name);
        pair.and_then(|pair| pair.value.as_deref())
            .ok_or_else(|| PartError::damaged(key, format!("its footer has no {name}")))
    };
    let version: u32 = parsed(key, footer::FORMAT_VERSION, value(footer::FORMAT_VERSION)?)?;
    if version > FORMAT_VERSION {
        return Err(PartError::Newer { key: key.to_owned(), version });
    }
    let job = JobId(value(footer::JOB_ID)?.to_owned());
    let shard = parsed(key, footer::SHARD, value(footer::SHARD)?)?;
    let tally = Tally { bytes, ..parsed(key, footer::TALLY, value(footer::TALLY)?)? };
    Ok((PartHeader { job, shard }, tally))
}

fn parsed<T: DeserializeOwned>(key: &str, name: &str, json: &str) -> Result<T, PartError> {
    serde_json::from_str(json).map_err(|cause| PartError::damaged(key, format!("{name}: {cause}")))
}

fn summaries_of(key: &str, batch: &RecordBatch) -> Vec<Result<RowSummary, PartError>> {
    (0..batch.num_rows())
        .map(|row| {
            // The columns come in the order of the schema.
            let text = |column: usize| batch.column(column).as_string::<i64>().value(row).to_owned();
            let option = |column| option_at(batch.column(column), row).map(str::to_owned);
            let number = |column: usize| batch.column(column).as_primitive::<UInt64Type>().value(row);
            let outcome = name_at(batch.column(4), row);
            Ok(RowSummary {
                trace_id: text(0),
                shard: number(1),
                source_path: text(2),
                entry: name_at(batch.column(3), row).to_owned(),
                outcome: Outcome::from_str(outcome).map_err(|cause| PartError::damaged(key, cause))?,
                exception_type: option(5),
                exception_message: option(6),
                event_count: number(8),
                wall_us: number(7),
            })
        })
        .collect()
}
