//! Executions as a table.

use std::io::{self, Write};

use dataset::RowSummary;

use super::text::{fit_end, harmless};
use crate::paint::Paint;

const TRACE_COLUMNS: usize = 8;
const OUTCOME_COLUMNS: usize = 13;
const NUMBER_COLUMNS: usize = 8;

pub(crate) fn heading(paint: &Paint, out: &mut impl Write) -> io::Result<()> {
    let titles = format!("{:8}  {:13} {:>8} {:>8}  {}", "trace", "outcome", "events", "ms", "source");
    writeln!(out, "{}", paint.dim(&titles))
}

pub(crate) fn line(row: &RowSummary, columns: usize, paint: &Paint, out: &mut impl Write) -> io::Result<()> {
    let taken = TRACE_COLUMNS + 2 + OUTCOME_COLUMNS + 2 * (1 + NUMBER_COLUMNS) + 2;
    let trace = row.trace_id.get(..TRACE_COLUMNS).unwrap_or(&row.trace_id);
    let outcome = paint.outcome(row.outcome, &format!("{:OUTCOME_COLUMNS$}", row.outcome.name()));
    let milliseconds = row.wall_us as f64 / 1000.0;
    let source = fit_end(&harmless(&row.source_path), columns.saturating_sub(taken));
    writeln!(
        out,
        "{trace}  {outcome} {:>NUMBER_COLUMNS$} {milliseconds:>NUMBER_COLUMNS$.1}  {source}",
        row.event_count
    )
}
