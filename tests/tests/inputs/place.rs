//! Sources and datasets of one test.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use dataset::{Dataset, InputOrigin, Outcome, Store, Verdict};
use serde_json::Value;
use tempfile::TempDir;
use tests::system::{et_coord, text, verify};
use tests::tracers::interpreters;

/// What these tests look at in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) source: String,
    pub(crate) entry: String,
    pub(crate) input: Option<String>,
    pub(crate) origin: &'static str,
    pub(crate) outcome: String,
    pub(crate) output: Option<String>,
    pub(crate) verdict: Option<&'static str>,
    pub(crate) stdout: String,
    pub(crate) functions: BTreeSet<String>,
    pub(crate) trace_id: String,
}

/// Sources and datasets of one test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new(files: &[(&str, &str)]) -> Place {
        let place = Place(TempDir::new().unwrap());
        fs::create_dir(place.sources()).unwrap();
        for (name, content) in files {
            let bytes: Vec<u8> = match content.contains("latin-1") {
                true => content.chars().map(|character| character as u8).collect(),
                false => content.as_bytes().to_vec(),
            };
            fs::write(place.sources().join(name), bytes).unwrap();
        }
        place
    }

    /// Where everything lies, datasets by their names.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.0.path().join("sources")
    }

    /// What the folder is to a job: a file of rows is named itself.
    pub(crate) fn named(&self) -> PathBuf {
        let rows = self.sources().join("rows.jsonl");
        if rows.exists() { rows } else { self.sources() }
    }

    /// The rows of a job in these modes.
    pub(crate) fn rows(&self, modes: &str) -> Vec<Found> {
        self.run("dataset", &["--mode", modes])
    }

    pub(crate) fn run(&self, dataset: &str, options: &[&str]) -> Vec<Found> {
        self.run_on(&self.named(), dataset, options)
    }

    pub(crate) fn run_on(&self, sources: &Path, dataset: &str, options: &[&str]) -> Vec<Found> {
        self.told(sources, dataset, options);
        self.found(dataset)
    }

    /// Runs a job, and gives what that says at its end.
    pub(crate) fn told(&self, sources: &Path, dataset: &str, options: &[&str]) -> String {
        let dataset = self.0.path().join(dataset);
        let python = &interpreters().last().unwrap().path;
        let mut arguments =
            vec![OsStr::new("run"), sources.as_os_str(), OsStr::new("--output"), dataset.as_os_str()];
        arguments.extend([OsStr::new("--python"), python.as_os_str()]);
        arguments.extend(options.iter().map(OsStr::new));
        let finished = et_coord(arguments);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        text(&finished.stdout)
    }

    fn found(&self, dataset: &str) -> Vec<Found> {
        let opened = Dataset::open(Store::local(&self.0.path().join(dataset))).unwrap();
        let mut found = Vec::new();
        for shard in opened.published().unwrap() {
            for stored in opened.part(shard.unwrap()).unwrap().rows_from(0).unwrap() {
                let stored = stored.unwrap();
                let row = stored.row().unwrap();
                found.push(Found {
                    source: row.source_path.clone(),
                    entry: row.entry.to_owned(),
                    input: row.input.clone(),
                    origin: InputOrigin::name(row.input_origin),
                    outcome: Outcome::name(row.outcome).to_owned(),
                    output: row.output.clone(),
                    verdict: row.verdict.map(Verdict::name),
                    stdout: row.stdout.text.clone(),
                    functions: row.events.iter().map(|event| event.function.to_owned()).collect(),
                    trace_id: row.trace_id.clone(),
                });
            }
        }
        found
    }

    /// What the report of a dataset counts.
    pub(crate) fn tally(&self, dataset: &str) -> Value {
        let report = fs::read(self.0.path().join(dataset).join("_et/report.json")).unwrap();
        serde_json::from_slice::<Value>(&report).unwrap()["tally"].take()
    }

    pub(crate) fn verify(&self) {
        for dataset in ["dataset", "cases"].map(|name| self.0.path().join(name)) {
            if dataset.exists() {
                verify(&dataset, &[&self.named()]);
            }
        }
    }
}

/// A file with something of everything.
pub(crate) const SHAPES: &str = r#"
class Stack:
    def __init__(self, items=None):
        self.items = list(items or [])

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("empty")
        return self.items.pop()


def classify(number):
    if number < 0:
        return "negative"
    if number == 4217:
        return "magic"
    seen = 0
    while seen < number:
        seen += 1
        if seen > 5:
            return "many"
    return "few"


def running(values):
    total = 0
    for value in values:
        total += value
        yield total


def from_doctest(numbers):
    """
    >>> from_doctest([8, 1])
    9
    """
    result = 0
    for number in numbers:
        result += number
    return result


if __name__ == "__main__":
    print("main block")
"#;
