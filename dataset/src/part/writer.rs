//! Rows into a Parquet file, in memory that does not grow with their number.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::row_group::RowGroup;
use super::schema::{SCHEMA, properties};
use super::{EventWriter, PartError, PartHeader, footer};
use crate::layout::FORMAT_VERSION;
use crate::{Dropped, Row, Tally};

/// Rows gathered before they are encoded, which are then a page of each column.
const PAGE_BYTES: usize = 4 << 20;

/// Where a row group ends.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Writes a part to a local file. Dropping it unfinished removes the file.
pub struct PartWriter {
    writer: SerializedFileWriter<File>,
    file: Unfinished,
    header: PartHeader,
    row_group: RowGroup,
    page_bytes: usize,
    row_group_bytes: usize,
    last_source: Option<String>,
    /// That it lacks a module, if it does.
    last_missing: Option<String>,
    tally: Tally,
}

/// What a finished part holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStats {
    pub tally: Tally,
}

impl PartWriter {
    /// Begins a part at `path`, where nothing may be yet.
    pub fn create(path: &Path, header: PartHeader) -> Result<PartWriter, PartError> {
        let file = File::create_new(path).map_err(|cause| PartError::io(path, &cause))?;
        PartWriter::over(file, Unfinished { path: path.to_owned() }, header)
    }

    fn over(file: File, unfinished: Unfinished, header: PartHeader) -> Result<PartWriter, PartError> {
        let (writer, row_group) =
            begin(file).map_err(|cause| PartError::writing(&unfinished.path, &cause))?;
        Ok(PartWriter {
            writer,
            file: unfinished,
            header,
            row_group,
            page_bytes: 0,
            row_group_bytes: 0,
            last_source: None,
            last_missing: None,
            tally: Tally::default(),
        })
    }

    /// Appends a row. Rows come in the order of their sources, the rows of one source after each other.
    pub fn append(&mut self, row: Row<'_>) -> Result<(), PartError> {
        self.append_told(|_| row)
    }

    /// Appends the row that `tell` gives, as [`append`](PartWriter::append) does. The events that it tells meanwhile
    /// stand before the row's own, so that a long trace need never be held as a whole.
    pub fn append_told<'a>(
        &mut self,
        tell: impl FnOnce(&mut EventWriter<'_, 'a>) -> Row<'a>,
    ) -> Result<(), PartError> {
        let (row, told) = self.row_group.append(tell);
        self.page_bytes += told.bytes;
        self.row_group_bytes += told.bytes;
        if self.last_source.as_ref() != Some(&row.source_path) {
            self.tally.sources += 1;
            self.last_source = Some(row.source_path.clone());
            self.last_missing = None;
        }
        let mut reason = row.reason();
        if reason.as_ref().is_some_and(|reason| reason.starts_with(Tally::MISSING_MODULE)) {
            // A source that lacks a module lacks it in each of its rows, and is one source.
            if reason == self.last_missing {
                reason = None;
            } else {
                self.last_missing.clone_from(&reason);
            }
        }
        self.tally.count(row.outcome, reason.as_deref(), told.events);
        if self.row_group_bytes >= ROW_GROUP_BYTES {
            self.end_row_group()
        } else if self.page_bytes >= PAGE_BYTES {
            self.page_bytes = 0;
            self.row_group.end_page().map_err(|cause| self.failed(&cause))
        } else {
            Ok(())
        }
    }

    /// Counts an execution that does not become a row.
    pub fn drop_row(&mut self, why: Dropped) {
        self.tally.count_dropped(why);
    }

    /// What the rows so far say. `bytes` is known once the part is finished.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Writes the footer and waits until the file is on the disk.
    pub fn finish(mut self) -> Result<PartStats, PartError> {
        self.end_row_group()?;
        for (key, value) in [
            (footer::FORMAT_VERSION, FORMAT_VERSION.to_string()),
            (footer::JOB_ID, self.header.job.to_string()),
            (footer::SHARD, to_json(&self.header.shard)),
            (footer::TALLY, to_json(&self.tally)),
        ] {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        self.writer.finish().map_err(|cause| self.failed(&cause))?;
        let file = self.writer.inner();
        let synced = file.sync_all().and_then(|()| file.metadata());
        self.tally.bytes = synced.map_err(|cause| PartError::io(&self.file.path, &cause))?.len();
        self.file.keep();
        Ok(PartStats { tally: self.tally })
    }

    fn end_row_group(&mut self) -> Result<(), PartError> {
        self.page_bytes = 0;
        self.row_group_bytes = 0;
        self.row_group.write(&mut self.writer).map_err(|cause| self.failed(&cause))
    }

    fn failed(&self, cause: &ParquetError) -> PartError {
        PartError::writing(&self.file.path, cause)
    }
}

fn begin(file: File) -> ParquetResult<(SerializedFileWriter<File>, RowGroup)> {
    let schema = ArrowSchemaConverter::new().convert(&SCHEMA)?;
    let writer = SerializedFileWriter::new(file, schema.root_schema_ptr(), Arc::new(properties()))?;
    let row_group = RowGroup::new(&writer)?;
    Ok((writer, row_group))
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("numbers, texts and maps by text are JSON")
}

/// Removes the file unless it is kept.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn keep(mut self) {
        self.path.clear();
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // A failure leaves a file in the worker's scratch, which is wiped anyway.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobId, Range, Shard};

    #[test]
    fn a_full_disk_is_told_in_one_sentence() {
        let range = Range::Tree { root: "/".to_owned(), first: b"a.py".to_vec(), last: b"a.py".to_vec() };
        let header = PartHeader { job: JobId(String::new()), shard: Shard { ordinal: 0, sources: 1, range } };
        let full = File::options().write(true).open("/dev/full").unwrap();
        // The device is no file of ours, so the path is one that nothing is removed at.
        let unfinished = Unfinished { path: PathBuf::from("/dev/full/part") };
        let error = PartWriter::over(full, unfinished, header).and_then(PartWriter::finish).unwrap_err();
        assert!(error.is_full());
        assert!(
            error.to_string().starts_with("the disk that holds /dev/full/part is full: free some"),
            "{error}"
        );
    }
}
