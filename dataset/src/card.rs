//! The dataset's card: what people read first, and the YAML that tells `datasets` where the parts are.

use std::fmt::Write;

use crate::{Job, Tally};

const IDENTITIES: &str = "
In `events`, a number stands before the text of each object that can change, as in `#3[1, 2]`: where it is the same, so is
the object.
";

/// The text of `README.md`.
pub(crate) fn card(job: &Job, parts: u64, tally: &Tally) -> String {
    let mut outcomes = String::new();
    for (outcome, rows) in &tally.outcomes {
        writeln!(outcomes, "| `{outcome}` | {rows} |").expect("a String takes any text");
    }
    let id = job.id();
    let identities = if job.identities { IDENTITIES } else { "" };
    let Tally { rows, sources, events, .. } = tally;
    format!(
        r#"---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
tags:
- code
- execution-traces
---

# Execution traces of Python programs

{rows} executions of {sources} sources, {events} events, in {parts} parts. Job `{id}`.

```python
from datasets import load_dataset

rows = load_dataset("path/to/this/folder", split="train", streaming=True)
row = next(iter(rows))
for event in row["events"]:
    print(event["kind"], event["function"], event["line"], event["changes"])
```

DuckDB, Polars and PyArrow take `data/*.parquet` as it is.

| outcome | rows |
|---|---|
{outcomes}
Every source has at least one row, also where it could not be run: filter on `outcome`.
{identities}
| columns | what they say |
|---|---|
| `trace_id`, `job_id`, `shard` | which execution this is |
| `source_id`, `source_path`, `source_sha256`, `source_meta` | where its program came from |
| `language`, `interpreter`, `tracer_version`, `granularity`, `confinement` | what ran it, and how finely it was traced |
| `entry`, `code`, `input`, `input_origin` | what was run |
| `outcome`, `exception_type`, `exception_message`, `exit_code`, `signal` | how it ended |
| `output_type`, `output`, `stdout`, `stderr` | what it gave |
| `verdict` | whether it did what its source says it should |
| `wall_us`, `cpu_us`, `peak_memory_bytes` | what it cost |
| `pure`, `deterministic` | whether it had no effect on the world outside it; whether further runs were alike |
| `events` | the trace: calls, lines with the variables that changed, returns, exceptions, output |
| `event_count`, `trace_damaged`, `trace_truncated` | how much of it there is |
"#
    )
}
