//! Parquet, in memory that does not grow with the number of examples.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use dataset::StoreError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::object::HashedObject;
use super::record::{Content, Form, Message, Record};

/// Bytes of text gathered before they are encoded.
const BATCH_BYTES: usize = 4 << 20;

/// Bytes of text after which a row group ends: what a reader has to hold.
const ROW_GROUP_BYTES: usize = 32 << 20;

pub(super) struct ParquetFile {
    writer: ArrowWriter<Target>,
    schema: SchemaRef,
    columns: Columns,
    batch_bytes: usize,
    row_group_bytes: usize,
}

/// The object, until it is taken: a finished `ArrowWriter` does not give back what it wrote to.
struct Target(Option<HashedObject>);

impl Target {
    fn object(&mut self) -> &mut HashedObject {
        self.0.as_mut().expect("nothing is written to a file that is finished")
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.object().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.object().flush()
    }
}

/// Records that are being gathered.
struct Columns {
    id: StringBuilder,
    trace_id: StringBuilder,
    source_path: StringBuilder,
    source_meta: StringBuilder,
    content: ContentColumns,
}

enum ContentColumns {
    Text(StringBuilder),
    Prompt { prompt: StringBuilder, completion: StringBuilder },
    Messages(Box<ListBuilder<StructBuilder>>),
}

impl ParquetFile {
    pub(super) fn create(object: HashedObject, form: Form) -> ParquetFile {
        let schema = schema(form);
        let options = ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
        // What is written before the first row group fits into a buffer, so only a schema that Parquet lacks could fail.
        let writer = ArrowWriter::try_new_with_options(Target(Some(object)), schema.clone(), options)
            .expect("Parquet has texts, lists and structs");
        let columns = Columns::new(form);
        ParquetFile { writer, schema, columns, batch_bytes: 0, row_group_bytes: 0 }
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let bytes = self.columns.append(record);
        self.batch_bytes += bytes;
        self.row_group_bytes += bytes;
        if self.batch_bytes >= BATCH_BYTES {
            self.encode()?;
        }
        if self.row_group_bytes >= ROW_GROUP_BYTES {
            self.encode()?;
            self.row_group_bytes = 0;
            let flushed = self.writer.flush();
            flushed.map_err(|cause| self.failed(cause))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<HashedObject, StoreError> {
        self.encode()?;
        let finished = self.writer.finish();
        finished.map_err(|cause| self.failed(cause))?;
        Ok(self.writer.inner_mut().0.take().expect("it is taken once"))
    }

    fn encode(&mut self) -> Result<(), StoreError> {
        if self.batch_bytes == 0 {
            return Ok(());
        }
        self.batch_bytes = 0;
        let batch = self.columns.take(&self.schema);
        let written = self.writer.write(&batch);
        written.map_err(|cause| self.failed(cause))
    }

    fn failed(&mut self, cause: ParquetError) -> StoreError {
        let cause = match cause {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(cause) => *cause,
                Err(other) => io::Error::other(other.to_string()),
            },
            other => io::Error::other(other.to_string()),
        };
        self.writer.inner_mut().object().error(cause)
    }
}

impl Columns {
    fn new(form: Form) -> Columns {
        let text = StringBuilder::new;
        let content = match form {
            Form::Text => ContentColumns::Text(text()),
            Form::Prompt => ContentColumns::Prompt { prompt: text(), completion: text() },
            Form::Messages => {
                let message = StructBuilder::new(message_fields(), vec![Box::new(text()), Box::new(text())]);
                ContentColumns::Messages(Box::new(ListBuilder::new(message).with_field(message_field())))
            }
        };
        Columns { id: text(), trace_id: text(), source_path: text(), source_meta: text(), content }
    }

    /// Appends a record; gives the bytes that it takes, at least one.
    fn append(&mut self, record: &Record) -> usize {
        let Record { id, trace_id, source_path, source_meta, content } = record;
        self.id.append_value(id);
        self.trace_id.append_value(trace_id);
        self.source_path.append_value(source_path);
        self.source_meta.append_value(source_meta);
        match (&mut self.content, content) {
            (ContentColumns::Text(column), Content::Text(text)) => column.append_value(text),
            (
                ContentColumns::Prompt { prompt, completion },
                Content::Prompt { prompt: asked, completion: told },
            ) => {
                prompt.append_value(asked);
                completion.append_value(told);
            }
            (ContentColumns::Messages(lists), Content::Messages(messages)) => append_chat(lists, messages),
            _ => unreachable!("all records of a file have its form"),
        }
        let ids = [id, trace_id, source_path, source_meta];
        1 + ids.map(String::len).iter().sum::<usize>() + content.pieces().map(str::len).sum::<usize>()
    }

    fn take(&mut self, schema: &SchemaRef) -> RecordBatch {
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.id.finish())];
        match &mut self.content {
            ContentColumns::Text(text) => columns.push(Arc::new(text.finish())),
            ContentColumns::Prompt { prompt, completion } => {
                columns.push(Arc::new(prompt.finish()));
                columns.push(Arc::new(completion.finish()));
            }
            ContentColumns::Messages(lists) => columns.push(Arc::new(lists.finish())),
        }
        for column in [&mut self.trace_id, &mut self.source_path, &mut self.source_meta] {
            columns.push(Arc::new(column.finish()));
        }
        RecordBatch::try_new(schema.clone(), columns).expect("columns are in the order of the schema")
    }
}

fn append_chat(lists: &mut ListBuilder<StructBuilder>, messages: &[Message]) {
    for Message { role, content } in messages {
        let builder = lists.values();
        for (column, text) in [role, content].into_iter().enumerate() {
            let texts = builder.field_builder::<StringBuilder>(column);
            texts.expect("both fields of a message are texts").append_value(text);
        }
        builder.append(true);
    }
    lists.append(true);
}

fn schema(form: Form) -> SchemaRef {
    let content = match form {
        Form::Text => vec![text("text")],
        Form::Prompt => vec![text("prompt"), text("completion")],
        Form::Messages => vec![Field::new("messages", DataType::List(Arc::new(message_field())), false)],
    };
    let whence = [text("trace_id"), text("source_path"), text("source_meta")];
    let fields: Vec<Field> = [text("id")].into_iter().chain(content).chain(whence).collect();
    Arc::new(Schema::new(fields))
}

/// What Parquet calls the members of a list.
fn message_field() -> Field {
    Field::new("element", DataType::Struct(message_fields()), false)
}

fn message_fields() -> Fields {
    Fields::from(vec![text("role"), text("content")])
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

/// How a file is stored. Nothing here depends on when or where.
fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("et".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::None)
        // Row groups end where the file says.
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None);
    for column in ["id", "text", "prompt", "completion"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    properties.build()
}
