//! Executions as JSON, with the names of the dataset's columns.

use std::io::{self, Write};

use dataset::{Captured, Row, RowSummary};
use serde_json::{Value, json};
use trace::{Event, EventKind, StackItem};

/// One line.
pub(crate) fn summary(row: &RowSummary, out: &mut impl Write) -> io::Result<()> {
    let object = json!({
        "trace_id": row.trace_id,
        "shard": row.shard,
        "source_path": row.source_path,
        "entry": row.entry,
        "outcome": row.outcome.name(),
        "exception_type": row.exception_type,
        "event_count": row.event_count,
        "wall_us": row.wall_us,
    });
    writeln!(out, "{object}")
}

/// One object over several lines.
pub(crate) fn row(row: &Row<'_>, out: &mut impl Write) -> io::Result<()> {
    let Captured { text: stdout, truncated: stdout_truncated } = &row.stdout;
    let Captured { text: stderr, truncated: stderr_truncated } = &row.stderr;
    let object = json!({
        "trace_id": row.trace_id,
        "job_id": row.job_id,
        "shard": row.shard,
        "source_id": row.source_id,
        "source_path": row.source_path,
        "source_sha256": row.source_sha256,
        "source_meta": row.source_meta,
        "language": row.language,
        "interpreter": row.interpreter,
        "tracer_version": row.tracer_version,
        "entry": row.entry,
        "code": row.code,
        "input": row.input,
        "input_origin": row.input_origin.name(),
        "granularity": row.granularity.name(),
        "outcome": row.outcome.name(),
        "exception_type": row.exception_type,
        "exception_message": row.exception_message,
        "exit_code": row.exit_code,
        "signal": row.signal,
        "output_type": row.output_type,
        "output": row.output,
        "stdout": stdout,
        "stdout_truncated": stdout_truncated,
        "stderr": stderr,
        "stderr_truncated": stderr_truncated,
        "confinement": row.confinement,
        "pure": row.pure,
        "deterministic": row.deterministic,
        "wall_us": row.wall_us,
        "cpu_us": row.cpu_us,
        "peak_memory_bytes": row.peak_memory_bytes,
        "trace_damaged": row.trace_damaged,
        "trace_truncated": row.trace_truncated,
        "verdict": row.verdict.map(dataset::Verdict::name),
        "event_count": row.events.len(),
        "events": row.events.iter().map(event).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}

fn event(event: &Event<'_>) -> Value {
    let changes: Vec<Value> = event
        .changes
        .iter()
        .map(|change| {
            json!({
                "scope": change.scope.name(),
                "name": change.name,
                "kind": change.kind.name(),
                "type": change.value.map(|value| value.type_name),
                "text": change.value.map(|value| value.text),
                "element": change.element,
            })
        })
        .collect();
    let (type_name, text) = match &event.kind {
        EventKind::Call | EventKind::Line | EventKind::Resume => (None, None),
        EventKind::Return(value)
        | EventKind::Yield(value)
        | EventKind::Raise(value)
        | EventKind::Unwind(value) => (Some(value.type_name), Some(value.text.to_owned())),
        EventKind::Instruction(instruction) => {
            (Some(instruction.name), instruction.argument.map(str::to_owned))
        }
        EventKind::Effect(effect) => (Some(effect.kind.name()), Some(effect.detail.to_owned())),
        EventKind::Output(stream, bytes) => {
            (Some(stream.name()), Some(String::from_utf8_lossy(bytes).into_owned()))
        }
        EventKind::Gap { reason, skipped } => (Some(reason.name()), Some(skipped.to_string())),
    };
    let (offset, stack) = match &event.kind {
        EventKind::Instruction(instruction) => {
            let stack: Vec<Value> = instruction.stack.iter().map(stack_item).collect();
            (Some(instruction.offset), Some(stack))
        }
        _ => (None, None),
    };
    json!({
        "kind": event.kind.name(),
        "frame": event.frame,
        "parent": event.parent,
        "depth": event.depth,
        "function": event.function,
        "line": event.line,
        "changes": changes,
        "type": type_name,
        "text": text,
        "thread": event.thread,
        "offset": offset,
        "stack": stack,
    })
}

fn stack_item(item: &StackItem<'_>) -> Value {
    let (local, value) = match item {
        StackItem::Null => (None, None),
        StackItem::Local(name) => (Some(name), None),
        StackItem::Value(value) => (None, Some(value)),
    };
    json!({
        "local": local,
        "type": value.map(|value| value.type_name),
        "text": value.map(|value| value.text),
    })
}
