//! The shape of a row in Arrow's types, and how each column is stored.
//!
//! In memory, texts and lists have 64-bit offsets, so that no row is too large, and names are numbers into a
//! dictionary, so that a name that a program made long is not held once for every event. On disk there is no
//! such difference: both are Parquet's strings and lists.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

/// The columns of a row: facts, then events.
pub(super) static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let events = field("events", DataType::LargeList(EVENT.clone()));
    let columns = FACTS.fields().iter().cloned().chain([Arc::new(events)]);
    Arc::new(Schema::new(columns.collect::<Fields>()))
});

/// What a row says beside its events, in the order in which `columns` gathers it.
pub(super) static FACTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        text("trace_id"),
        name("job_id"),
        field("shard", DataType::UInt64),
        text("source_id"),
        text("source_path"),
        text("source_sha256"),
        text("source_meta"),
        name("language"),
        name("interpreter"),
        name("tracer_version"),
        name("entry"),
        text("code"),
        text("input").with_nullable(true),
        name("input_origin"),
        name("granularity"),
        name("outcome"),
        text("exception_type").with_nullable(true),
        text("exception_message").with_nullable(true),
        field("exit_code", DataType::Int32).with_nullable(true),
        field("signal", DataType::Int32).with_nullable(true),
        text("output_type").with_nullable(true),
        text("output").with_nullable(true),
        text("stdout"),
        field("stdout_truncated", DataType::Boolean),
        text("stderr"),
        field("stderr_truncated", DataType::Boolean),
        name("confinement"),
        field("pure", DataType::Boolean).with_nullable(true),
        field("deterministic", DataType::Boolean).with_nullable(true),
        field("wall_us", DataType::UInt64),
        field("cpu_us", DataType::UInt64),
        field("peak_memory_bytes", DataType::UInt64),
        field("event_count", DataType::UInt64),
        field("trace_damaged", DataType::Boolean),
        field("trace_truncated", DataType::Boolean),
        name("verdict").with_nullable(true),
    ]))
});

static EVENT: LazyLock<FieldRef> = LazyLock::new(|| element(EVENT_FIELDS.clone()));

static EVENT_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        name("kind"),
        field("frame", DataType::UInt32),
        field("parent", DataType::UInt32).with_nullable(true),
        field("depth", DataType::UInt32),
        name("function"),
        field("line", DataType::UInt32),
        field("changes", DataType::LargeList(CHANGE.clone())),
        name("type").with_nullable(true),
        text("text").with_nullable(true),
        field("thread", DataType::UInt32),
        field("offset", DataType::UInt32).with_nullable(true),
        field("stack", DataType::LargeList(STACK_ITEM.clone())).with_nullable(true),
    ])
});

static STACK_ITEM: LazyLock<FieldRef> = LazyLock::new(|| element(STACK_ITEM_FIELDS.clone()));

static STACK_ITEM_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        name("local").with_nullable(true),
        name("type").with_nullable(true),
        text("text").with_nullable(true),
    ])
});

static CHANGE: LazyLock<FieldRef> = LazyLock::new(|| element(CHANGE_FIELDS.clone()));

static CHANGE_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        name("scope"),
        name("name"),
        name("kind"),
        name("type").with_nullable(true),
        text("text").with_nullable(true),
        text("element").with_nullable(true),
    ])
});

/// Columns that the first parts of this version lack.
const ADDED: [&str; 5] = [
    "verdict",
    "events.list.element.changes.list.element.element",
    "events.list.element.thread",
    "events.list.element.offset",
    "events.list.element.stack",
];

/// The shape of a part that was perhaps written before the last columns were added.
pub(super) fn shape_of(part: &SchemaDescriptor) -> SchemaRef {
    let is_stored = |path: &str| {
        let below = format!("{path}.");
        part.columns()
            .iter()
            .map(|column| column.path().string())
            .any(|stored| stored == path || stored.starts_with(&below))
    };
    let absent: Vec<&str> = ADDED.into_iter().filter(|path| !is_stored(path)).collect();
    if absent.is_empty() {
        SCHEMA.clone()
    } else {
        Arc::new(Schema::new(without(SCHEMA.fields(), "", &absent)))
    }
}

/// The fields below `path`, but for those that are absent.
fn without(fields: &Fields, path: &str, absent: &[&str]) -> Fields {
    let path_of = |field: &Field| format!("{path}{}", field.name());
    let kept = fields.iter().filter(|field| !absent.contains(&path_of(field).as_str()));
    let kept = kept.map(|field| match field.data_type() {
        DataType::LargeList(member) => match member.data_type() {
            DataType::Struct(members) => {
                let members = without(members, &format!("{}.list.element.", path_of(field)), absent);
                let list = DataType::LargeList(element(members));
                Arc::new(field.as_ref().clone().with_data_type(list))
            }
            _ => field.clone(),
        },
        _ => field.clone(),
    });
    kept.collect()
}

/// Columns whose values hardly repeat, so that a dictionary would be built in vain.
const UNREPEATED: [&str; 7] =
    ["trace_id", "source_id", "source_path", "source_sha256", "code", "stdout", "stderr"];

/// Columns that one filters on. Statistics of any other would only take space.
const FILTERED: [&str; 6] = ["trace_id", "shard", "source_path", "outcome", "exception_type", "event_count"];

/// The fastest level. The next ones take longer and hardly less room.
pub(super) fn compression_level() -> ZstdLevel {
    ZstdLevel::default()
}

/// How a part is stored. Nothing here depends on when or where.
pub(super) fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by("et version 1".to_owned())
        .set_compression(Compression::ZSTD(compression_level()))
        .set_statistics_enabled(EnabledStatistics::None)
        // Row groups end where the writer says.
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None);
    for column in UNREPEATED {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    for column in FILTERED {
        properties =
            properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::Page);
    }
    properties.build()
}

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn text(name: &str) -> Field {
    field(name, DataType::LargeUtf8)
}

/// A text that few values make up.
fn name(name: &str) -> Field {
    field(name, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
}

/// What Parquet calls the members of a list.
fn element(fields: Fields) -> FieldRef {
    Arc::new(field("element", DataType::Struct(fields)))
}
