//! What rows say beside their events, as columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int32Builder, LargeStringBuilder, StringDictionaryBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};

use super::schema::FACTS;
use crate::{Row, Verdict};

type Text = LargeStringBuilder;
type Name = StringDictionaryBuilder<Int32Type>;

/// Bytes of the columns whose size does not vary, roughly.
const FIXED_BYTES: usize = 128;

/// Gathers rows until they are taken as one batch.
#[derive(Default)]
pub(super) struct Columns {
    rows: usize,
    trace_id: Text,
    job_id: Name,
    shard: UInt64Builder,
    source_id: Text,
    source_path: Text,
    source_sha256: Text,
    source_meta: Text,
    language: Name,
    interpreter: Name,
    tracer_version: Name,
    entry: Name,
    code: Text,
    input: Text,
    input_origin: Name,
    granularity: Name,
    outcome: Name,
    exception_type: Text,
    exception_message: Text,
    exit_code: Int32Builder,
    signal: Int32Builder,
    output_type: Text,
    output: Text,
    stdout: Text,
    stdout_truncated: BooleanBuilder,
    stderr: Text,
    stderr_truncated: BooleanBuilder,
    confinement: Name,
    pure: BooleanBuilder,
    deterministic: BooleanBuilder,
    wall_us: UInt64Builder,
    cpu_us: UInt64Builder,
    peak_memory_bytes: UInt64Builder,
    event_count: UInt64Builder,
    trace_damaged: BooleanBuilder,
    trace_truncated: BooleanBuilder,
    verdict: Name,
}

impl Columns {
    /// Appends one row of so many events; gives the bytes that it takes before compression, without them.
    pub(super) fn append(&mut self, row: &Row<'_>, events: u64) -> usize {
        self.rows += 1;
        self.trace_id.append_value(&row.trace_id);
        self.job_id.append_value(row.job_id);
        self.shard.append_value(row.shard);
        self.source_id.append_value(&row.source_id);
        self.source_path.append_value(&row.source_path);
        self.source_sha256.append_value(&row.source_sha256);
        self.source_meta.append_value(&row.source_meta);
        self.language.append_value(row.language);
        self.interpreter.append_value(row.interpreter);
        self.tracer_version.append_value(row.tracer_version);
        self.entry.append_value(row.entry);
        self.code.append_value(&row.code);
        self.input.append_option(row.input.as_deref());
        self.input_origin.append_value(row.input_origin.name());
        self.granularity.append_value(row.granularity.name());
        self.outcome.append_value(row.outcome.name());
        self.exception_type.append_option(row.exception_type.as_deref());
        self.exception_message.append_option(row.exception_message.as_deref());
        self.exit_code.append_option(row.exit_code);
        self.signal.append_option(row.signal);
        self.output_type.append_option(row.output_type.as_deref());
        self.output.append_option(row.output.as_deref());
        self.stdout.append_value(&row.stdout.text);
        self.stdout_truncated.append_value(row.stdout.truncated);
        self.stderr.append_value(&row.stderr.text);
        self.stderr_truncated.append_value(row.stderr.truncated);
        self.confinement.append_value(row.confinement);
        self.pure.append_option(row.pure);
        self.deterministic.append_option(row.deterministic);
        self.wall_us.append_value(row.wall_us);
        self.cpu_us.append_value(row.cpu_us);
        self.peak_memory_bytes.append_value(row.peak_memory_bytes);
        self.event_count.append_value(events);
        self.trace_damaged.append_value(row.trace_damaged);
        self.trace_truncated.append_value(row.trace_truncated);
        self.verdict.append_option(row.verdict.map(Verdict::name));
        FIXED_BYTES + text_bytes(row)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows gathered so far, which are gathered no more.
    pub(super) fn take(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.trace_id.finish()),
            Arc::new(self.job_id.finish()),
            Arc::new(self.shard.finish()),
            Arc::new(self.source_id.finish()),
            Arc::new(self.source_path.finish()),
            Arc::new(self.source_sha256.finish()),
            Arc::new(self.source_meta.finish()),
            Arc::new(self.language.finish()),
            Arc::new(self.interpreter.finish()),
            Arc::new(self.tracer_version.finish()),
            Arc::new(self.entry.finish()),
            Arc::new(self.code.finish()),
            Arc::new(self.input.finish()),
            Arc::new(self.input_origin.finish()),
            Arc::new(self.granularity.finish()),
            Arc::new(self.outcome.finish()),
            Arc::new(self.exception_type.finish()),
            Arc::new(self.exception_message.finish()),
            Arc::new(self.exit_code.finish()),
            Arc::new(self.signal.finish()),
            Arc::new(self.output_type.finish()),
            Arc::new(self.output.finish()),
            Arc::new(self.stdout.finish()),
            Arc::new(self.stdout_truncated.finish()),
            Arc::new(self.stderr.finish()),
            Arc::new(self.stderr_truncated.finish()),
            Arc::new(self.confinement.finish()),
            Arc::new(self.pure.finish()),
            Arc::new(self.deterministic.finish()),
            Arc::new(self.wall_us.finish()),
            Arc::new(self.cpu_us.finish()),
            Arc::new(self.peak_memory_bytes.finish()),
            Arc::new(self.event_count.finish()),
            Arc::new(self.trace_damaged.finish()),
            Arc::new(self.trace_truncated.finish()),
            Arc::new(self.verdict.finish()),
        ];
        RecordBatch::try_new(FACTS.clone(), columns).expect("columns are in the order of the schema")
    }
}

fn text_bytes(row: &Row<'_>) -> usize {
    let texts = [&row.source_id, &row.source_path, &row.source_meta, &row.code];
    let options = [&row.input, &row.exception_type, &row.exception_message, &row.output_type, &row.output];
    let streams = [&row.stdout, &row.stderr];
    texts.map(String::len).iter().sum::<usize>()
        + options.map(|text| text.as_ref().map_or(0, String::len)).iter().sum::<usize>()
        + streams.map(|stream| stream.text.len()).iter().sum::<usize>()
}
