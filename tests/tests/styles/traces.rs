//! Traces of real runs: of the corpus in this repository, and of the functions of CRUXEval where they are
//! present.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dataset::{Dataset, Row, Store, StoredRow};
use render::{Example, Execution, Settings, Skipped};
use tempfile::TempDir;
use tests::system::{et_coord, text};
use trace::Value;

/// Calls `check` with every execution that is at hand.
pub(crate) fn each(mut check: impl FnMut(&Execution<'_>)) {
    static ROWS: OnceLock<Vec<StoredRow>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let programs = repository("tests/programs/ordinary");
        let cases = repository("tests/programs/cases.jsonl");
        let broken = repository("tests/programs/broken");
        let mut rows = run(&[&programs, &cases, &broken]);
        assert!(rows.len() > 20, "the corpus is run");
        match cruxeval() {
            Some(path) => rows.extend(run(&[&path])),
            None => {
                eprintln!("../shared/data/cruxeval_dev.jsonl does not exist: its 400 functions are left out")
            }
        }
        rows
    });
    for row in rows {
        let row = row.row().expect("the row reads");
        check(&execution(&row));
    }
}

/// What a style makes of an execution.
pub(crate) fn render(
    name: &str,
    settings: &[&str],
    execution: &Execution<'_>,
) -> Result<Vec<Example>, Skipped> {
    let style = render::find(name).unwrap().with(&Settings::parse(settings).unwrap()).unwrap();
    let mut examples = Vec::new();
    style.render(execution, 7, &mut examples).map(|()| examples)
}

/// Prompt and completion of an example that has them.
pub(crate) fn pieces(example: &Example) -> (&str, &str) {
    match &example.text {
        render::Text::Prompt { prompt, completion } => (prompt, completion),
        other => panic!("no prompt: {other:?}"),
    }
}

fn execution<'r>(row: &'r Row<'_>) -> Execution<'r> {
    let exception = row
        .exception_type
        .as_deref()
        .map(|type_name| Value { type_name, text: row.exception_message.as_deref().unwrap_or("") });
    let output = row
        .output_type
        .as_deref()
        .zip(row.output.as_deref())
        .map(|(type_name, text)| Value { type_name, text });
    Execution {
        id: &row.trace_id,
        path: &row.source_path,
        code: &row.code,
        entry: row.entry,
        input: row.input.as_deref(),
        outcome: row.outcome.name(),
        exception,
        output,
        stdout: &row.stdout.text,
        stdout_truncated: row.stdout.truncated,
        pure: row.pure,
        deterministic: row.deterministic,
        incomplete: row.trace_damaged || row.trace_truncated,
        events: &row.events,
    }
}

fn run(sources: &[&Path]) -> Vec<StoredRow> {
    let folder = TempDir::new().unwrap();
    let dataset = folder.path().join("dataset");
    let mut arguments = vec![OsStr::new("run")];
    arguments.extend(sources.iter().map(|source| source.as_os_str()));
    arguments.extend([OsStr::new("--output"), dataset.as_os_str()]);
    let output = et_coord(arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let dataset = Dataset::open(Store::local(&dataset)).unwrap();
    let shards: Vec<u64> = dataset.published().unwrap().map(Result::unwrap).collect();
    shards
        .into_iter()
        .flat_map(|shard| dataset.part(shard).unwrap().rows_from(0).unwrap())
        .map(Result::unwrap)
        .collect()
}

fn cruxeval() -> Option<PathBuf> {
    let path = repository("../shared/data/cruxeval_dev.jsonl");
    path.exists().then_some(path)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
