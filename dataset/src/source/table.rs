//! Programs as rows of a Parquet file.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::cell::{bytes_at, json_at, text_at};
use super::{Body, Source, SourceError, given, objects, tree};
use crate::damage::{Unreadable, guarded};
use crate::store::Object;
use crate::{ColumnMap, Columns};

/// Rows decoded at once: some of them may be large.
const ROWS_AT_ONCE: usize = 32;

/// What tracebacks call a program that has no file.
const FILENAME: &str = "main.py";

/// Whether a file of this name is a table.
pub(super) fn is_table(name: &str) -> bool {
    name.ends_with(".parquet")
}

/// What a row calls a row, from 0, of the file at `key` below `root`. Rows count from 1 there, as lines do.
pub(super) fn source_path(root: &str, key: &str, row: u64) -> String {
    format!("{}:{}", tree::source_path(root, key.as_bytes()), row + 1)
}

/// A Parquet file, of which the footer has been read.
pub(super) struct Table {
    path: String,
    object: Object,
    metadata: ArrowReaderMetadata,
}

impl Table {
    /// Opens the file at a key below a folder.
    pub(super) fn open(root: &str, key: &str) -> Result<Table, SourceError> {
        let path = format!("{}/{key}", root.trim_end_matches('/'));
        let object = objects::open(&path)?;
        let options = ArrowReaderOptions::new()
            // Parquet's own types say enough, and do not depend on who wrote the file.
            .with_skip_arrow_metadata(true)
            // With the page index, the pages before a row are passed over unread.
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = guarded(&object, || ArrowReaderMetadata::load(&object, options))
            .map_err(|unreadable| failed(&path, unreadable))?;
        Ok(Table { path, object, metadata })
    }

    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Whether a row can be reached without those before it in its row group.
    pub(super) fn has_page_index(&self) -> bool {
        let mut chunks = self.metadata.metadata().row_groups().iter().flat_map(|group| group.columns());
        chunks.all(|chunk| chunk.offset_index_offset().is_some())
    }

    /// The rows of each row group.
    pub(super) fn row_groups(&self) -> Vec<Range<u64>> {
        let groups = self.metadata.metadata().row_groups().iter();
        let rows = groups.scan(0_u64, |end, group| {
            let start = *end;
            *end = end.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
            Some(start..*end)
        });
        rows.collect()
    }

    /// Which of its columns hold what.
    pub(super) fn columns(&self, map: &ColumnMap) -> Result<Columns, SourceError> {
        let fields = self.metadata.schema().fields();
        let present: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        map.resolve(&present)
            .map_err(|missing| SourceError::Columns { path: self.path.clone(), what: missing.to_string() })
    }

    /// Reads row groups that hold some of the rows, and nothing of the others.
    fn read(&self, rows: &Range<u64>) -> Result<ParquetRecordBatchReader, SourceError> {
        let (groups, offset) = groups_of(self.metadata.metadata(), rows);
        let count = usize::try_from(rows.end - rows.start).unwrap_or(usize::MAX);
        let metadata = self.metadata.clone();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.object.clone(), metadata)
            .with_row_groups(groups)
            .with_offset(offset)
            .with_limit(count)
            .with_batch_size(ROWS_AT_ONCE.min(count));
        guarded(&self.object, || builder.build()).map_err(|unreadable| failed(&self.path, unreadable))
    }
}

/// Yields the sources of a stretch of rows.
pub(super) struct Rows {
    path: String,
    name: Name,
    object: Object,
    columns: Columns,
    reader: Option<ParquetRecordBatchReader>,
    batch: Option<(RecordBatch, usize)>,
    rows: Range<u64>,
    source_bytes: u64,
}

struct Name {
    root: String,
    key: String,
}

impl Rows {
    pub(super) fn open(
        root: &str,
        key: &str,
        rows: Range<u64>,
        columns: &Columns,
        source_bytes: u64,
    ) -> Result<Rows, SourceError> {
        let table = Table::open(root, key)?;
        if rows.is_empty() || rows.end > table.rows() {
            return Err(SourceError::Changed { path: table.path });
        }
        Ok(Rows {
            reader: Some(table.read(&rows)?),
            path: table.path,
            object: table.object,
            name: Name { root: root.to_owned(), key: key.to_owned() },
            columns: columns.clone(),
            batch: None,
            rows,
            source_bytes,
        })
    }

    fn advance(&mut self) -> Result<Option<Source>, SourceError> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        loop {
            if let Some((batch, next)) = &mut self.batch
                && *next < batch.num_rows()
            {
                let row = *next;
                *next += 1;
                let number = self.rows.start;
                self.rows.start += 1;
                return Ok(Some(self.source(row, number)));
            }
            let changed = || SourceError::Changed { path: self.path.clone() };
            let reader = self.reader.as_mut().ok_or_else(changed)?;
            let batch = guarded(&self.object, || reader.next().transpose().map_err(Into::into))
                .map_err(|unreadable| failed(&self.path, unreadable))?;
            self.batch = Some((batch.ok_or_else(changed)?, 0));
        }
    }

    /// The source at a row of the batch, which is row `number` of the file.
    fn source(&self, row: usize, number: u64) -> Source {
        let (batch, _) = self.batch.as_ref().expect("a row lies in a batch");
        let path = source_path(&self.name.root, &self.name.key, number);
        let column = |name: &Option<String>| name.as_ref().and_then(|name| batch.column_by_name(name));
        let id = column(&self.columns.id).and_then(|column| text_at(column, row));
        Source {
            id: id.unwrap_or_else(|| path.clone()),
            path,
            meta: self.meta(batch, row),
            filename: FILENAME.to_owned(),
            body: self.body(batch, row, number).unwrap_or_else(|reason| Body::Unreadable { reason }),
        }
    }

    /// The program, or what is wrong with the row.
    fn body(&self, batch: &RecordBatch, row: usize, number: u64) -> Result<Body, String> {
        let Columns { code, completion, input, .. } = &self.columns;
        let number = number + 1;
        let cell = |name: &str| -> Result<Option<Vec<u8>>, String> {
            let column = batch.column_by_name(name).ok_or_else(|| format!("row {number} has no `{name}`"))?;
            if column.is_null(row) {
                return Ok(None);
            }
            let bytes = if name == given::SOLUTIONS {
                let Some(program) = given::first_solution(json_at(column, row)) else { return Ok(None) };
                program.into_bytes()
            } else {
                let bytes = bytes_at(column, row);
                bytes.ok_or_else(|| format!("`{name}` of row {number} is not a string"))?.to_owned()
            };
            if bytes.len() as u64 > self.source_bytes {
                return Err(format!("`{name}` of row {number} has more than {} bytes", self.source_bytes));
            }
            Ok(Some(bytes))
        };
        let mut program = cell(code)?.ok_or_else(|| format!("row {number} has no `{code}`"))?;
        if let Some(completion) = completion {
            program.extend(cell(completion)?.ok_or_else(|| format!("row {number} has no `{completion}`"))?);
        }
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| format!("row {number} is not UTF-8"));
        let field = |name: &str| Some(json_at(batch.column_by_name(name)?, row));
        let Some(input) = input.as_ref().map(|input| cell(input)).transpose()?.flatten() else {
            let cases = given::cases(field);
            return Ok(match cases.is_empty() {
                true => Body::Script(program),
                false => Body::Cases { code: text(program)?, cases },
            });
        };
        let expected = given::text(field("output"));
        Ok(Body::Call { code: text(program)?, input: text(input)?, expected })
    }

    /// All other columns, as JSON.
    fn meta(&self, batch: &RecordBatch, row: usize) -> String {
        let Columns { code, completion, input, id } = &self.columns;
        let used = [Some(code), completion.as_ref(), input.as_ref(), id.as_ref()];
        let schema = batch.schema_ref();
        let cells: BTreeMap<&str, serde_json::Value> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, column)| !used.contains(&Some(field.name())) && !column.is_null(row))
            .map(|(field, column)| (field.name().as_str(), json_at(column, row)))
            .collect();
        serde_json::to_string(&cells).expect("texts and JSON are JSON")
    }
}

impl Iterator for Rows {
    type Item = Result<Source, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.advance();
        if step.is_err() {
            self.rows = 0..0;
        }
        step.transpose()
    }
}

fn failed(path: &str, unreadable: Unreadable) -> SourceError {
    match unreadable {
        Unreadable::Store(error) => error.into(),
        Unreadable::Damaged(what) => SourceError::Damaged { path: path.to_owned(), what },
    }
}

/// The row groups that hold some of the rows, and how many rows come before those in the first of them.
fn groups_of(metadata: &ParquetMetaData, rows: &Range<u64>) -> (Vec<usize>, usize) {
    let mut groups = Vec::new();
    let (mut start, mut offset) = (0_u64, 0);
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let end = start.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
        if end > rows.start && start < rows.end {
            if groups.is_empty() {
                offset = rows.start - start;
            }
            groups.push(index);
        }
        start = end;
    }
    (groups, usize::try_from(offset).unwrap_or(usize::MAX))
}
