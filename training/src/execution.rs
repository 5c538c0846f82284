//! A stored row as styles see it.

use dataset::Row;
use render::Execution;
use trace::Value;

/// What styles are told of a row.
pub fn execution<'a>(row: &'a Row<'_>) -> Execution<'a> {
    let value = |type_name: &'a Option<String>, text: &'a Option<String>| {
        type_name.as_deref().map(|type_name| Value { type_name, text: text.as_deref().unwrap_or_default() })
    };
    Execution {
        id: &row.trace_id,
        path: &row.source_path,
        code: &row.code,
        entry: row.entry,
        input: row.input.as_deref(),
        outcome: row.outcome.name(),
        exception: value(&row.exception_type, &row.exception_message),
        output: value(&row.output_type, &row.output),
        stdout: &row.stdout.text,
        stdout_truncated: row.stdout.truncated,
        pure: row.pure,
        deterministic: row.deterministic,
        incomplete: row.trace_truncated || row.trace_damaged,
        events: &row.events,
    }
}
