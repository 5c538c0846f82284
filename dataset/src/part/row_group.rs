//! The row group that is being gathered.

use std::fs::File;

use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result as ParquetResult;
use parquet::file::writer::SerializedFileWriter;

use super::chunk::Codec;
use super::columns::Columns;
use super::events::{EventColumns, EventWriter, Told};
use super::schema::FACTS;
use crate::Row;

/// Rows on their way into a row group: the last ones as columns, those before them as pages.
pub(super) struct RowGroup {
    facts: Columns,
    /// One for each column of facts, once there are pages.
    writers: Vec<ArrowColumnWriter>,
    factory: ArrowRowGroupWriterFactory,
    events: EventColumns,
    codec: Codec,
}

impl RowGroup {
    /// Row groups for this file.
    pub(super) fn new(file: &SerializedFileWriter<File>) -> ParquetResult<RowGroup> {
        Ok(RowGroup {
            facts: Columns::default(),
            writers: Vec::new(),
            factory: ArrowRowGroupWriterFactory::new(file, FACTS.clone()),
            events: EventColumns::new(),
            codec: Codec::new()?,
        })
    }

    /// Appends a row; gives it, the number of its events, and the bytes that it takes before compression.
    pub(super) fn append<'a>(
        &mut self,
        tell: impl FnOnce(&mut EventWriter<'_, 'a>) -> Row<'a>,
    ) -> (Row<'a>, Told) {
        let mut events = self.events.row();
        let row = tell(&mut events);
        for event in &row.events {
            events.push(event);
        }
        let Told { events, bytes } = events.finish();
        let bytes = bytes + self.facts.append(&row, events);
        (row, Told { events, bytes })
    }

    /// Makes pages of the rows gathered so far.
    pub(super) fn end_page(&mut self) -> ParquetResult<()> {
        if self.facts.is_empty() {
            return Ok(());
        }
        if self.writers.is_empty() {
            self.writers = self.factory.create_column_writers(0)?;
        }
        let facts = self.facts.take();
        let fields = FACTS.fields().iter().zip(facts.columns());
        for (writer, (field, column)) in self.writers.iter_mut().zip(fields) {
            for leaf in compute_leaves(field, column)? {
                writer.write(&leaf)?;
            }
        }
        self.events.end_page(&mut self.codec)
    }

    /// Writes what was gathered, if anything, and begins the next one.
    pub(super) fn write(&mut self, file: &mut SerializedFileWriter<File>) -> ParquetResult<()> {
        self.end_page()?;
        if self.writers.is_empty() {
            return Ok(());
        }
        let facts = self.writers.len();
        let events = self.events.end_row_group(&mut self.codec, &file.schema_descr().columns()[facts..])?;
        let mut group = file.next_row_group()?;
        for writer in self.writers.drain(..) {
            writer.close()?.append_to_row_group(&mut group)?;
        }
        for column in events {
            group.append_column(&column.bytes, column.close)?;
        }
        group.close()?;
        Ok(())
    }
}
