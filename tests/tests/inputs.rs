//! Executions that are found: functions with inputs of their own, and the cases that rows bring.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dataset::{Dataset, InputOrigin, Outcome, Store, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::system::{et_coord, text, verify};
use tests::tracers::interpreters;

/// What these tests look at in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    source: String,
    entry: String,
    input: Option<String>,
    origin: &'static str,
    outcome: String,
    output: Option<String>,
    verdict: Option<&'static str>,
    stdout: String,
    functions: BTreeSet<String>,
    trace_id: String,
}

#[test]
fn functions_are_called_with_inputs_that_are_found() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let rows = place.rows("functions");
    let of = |entry: &str| rows.iter().filter(|row| row.entry == entry).collect::<Vec<_>>();
    for entry in ["classify", "Stack.push", "Stack.pop", "running", "from_doctest"] {
        let returned = of(entry).iter().filter(|row| row.outcome == "returned").count();
        assert!(returned >= 3, "{entry} returned {returned} times: {:?}", of(entry));
    }
    // Each of its branches is taken.
    let outputs: BTreeSet<&str> = of("classify").iter().filter_map(|row| row.output.as_deref()).collect();
    for branch in ["'negative'", "'magic'", "'many'"] {
        assert!(outputs.contains(branch), "{outputs:?}");
    }
    assert!(
        of("from_doctest")
            .iter()
            .any(|row| row.input.as_deref() == Some("[8, 1]") && row.origin == "harvested")
    );
    // A generator was asked for what it yields.
    assert!(
        of("running").iter().all(|row| row.output.as_deref().is_none_or(|output| output.starts_with('[')))
    );
    // A method's own frame is the first, and nothing of the making of its object is told.
    assert!(of("Stack.pop").iter().all(|row| !row.functions.contains("Stack.__init__")));
    assert!(rows.iter().all(|row| !row.stdout.contains("main block")), "the main block must not run");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.trace_id.as_str()).collect();
    assert_eq!(ids.len(), rows.len());
    place.verify();
}

#[test]
fn a_source_without_anything_to_call_is_accounted_for_by_its_import() {
    let place = Place::new(&[
        ("constants.py", "X = 1\n"),
        ("exits.py", "def f(a):\n    return a\nraise SystemExit(3)\n"),
        ("hangs.py", "def f(a):\n    return a\nwhile True:\n    pass\n"),
        ("lacks.py", "import absent_module\ndef f(a):\n    return a\n"),
        ("latin.py", "# coding: latin-1\nX = '\u{e4}'\n"),
        ("reads.py", "def f(a: int):\n    return a + 1\nprint('loading')\nimport sys\nsys.stdin.read()\n"),
        ("torn.py", "def f(:\n"),
    ]);
    let rows = place.run("dataset", &["--mode", "functions", "--timeout", "3s"]);
    let outcome = |name: &str| {
        let rows = rows.iter().filter(|row| row.source.ends_with(name));
        rows.map(|row| (row.entry.as_str(), row.outcome.as_str())).collect::<BTreeSet<_>>()
    };
    assert_eq!(outcome("/constants.py"), [("<import>", "returned")].into());
    assert_eq!(outcome("/exits.py"), [("<import>", "exited")].into());
    assert_eq!(outcome("/hangs.py"), [("<import>", "timed_out")].into());
    assert_eq!(outcome("/lacks.py"), [("<import>", "raised")].into());
    assert_eq!(outcome("/latin.py"), [("<import>", "returned")].into());
    assert_eq!(outcome("/reads.py"), [("f", "returned")].into());
    assert_eq!(outcome("/torn.py"), [("<import>", "syntax_error")].into());
    place.verify();
}

#[test]
fn the_same_job_finds_the_same_inputs_and_another_seed_others() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let first = place.run("first", &["--mode", "functions"]);
    assert_eq!(first, place.run("second", &["--mode", "functions"]));
    let other = place.run("third", &["--mode", "functions", "--seed", "1"]);
    let inputs = |rows: &[Found]| rows.iter().map(|row| row.input.clone()).collect::<BTreeSet<_>>();
    assert_ne!(inputs(&first), inputs(&other));
}

#[test]
fn what_one_input_leaves_behind_is_in_no_row_of_another() {
    let place = Place::new(&[("leaks.py", LEAKS)]);
    let rows = place.rows("functions");
    let of = |entry: &str| rows.iter().filter(|row| row.entry == entry).collect::<Vec<_>>();
    assert!(of("count").len() >= 3 && of("hoard").len() >= 3, "{rows:?}");
    let outputs = |entry: &str| of(entry).into_iter().filter_map(|row| row.output.as_deref());
    assert!(outputs("count").all(|output| output == "1"), "{rows:?}");
    assert!(outputs("hoard").all(|output| output.ends_with(", 1]")), "{rows:?}");
    place.verify();
}

#[test]
fn inputs_at_which_a_function_hangs_cost_it_no_others() {
    let place = Place::new(&[("hangs.py", HANGS)]);
    let rows = place.rows("functions");
    for entry in ["loops", "sticks", "leaves"] {
        let of = rows.iter().filter(|row| row.entry == entry);
        let outputs: BTreeSet<&str> = of.filter_map(|row| row.output.as_deref()).collect();
        for output in ["'few'", "'many'", "'negative'"] {
            assert!(outputs.contains(output), "{entry}: {outputs:?}");
        }
        assert!(!outputs.contains("'never'"));
    }
    place.verify();
}

#[test]
fn an_async_function_is_run_to_its_end() {
    let place = Place::new(&[("waits.py", WAITS)]);
    let rows = place.rows("functions");
    let doubled = |input: &str| rows.iter().find(|row| row.input.as_deref() == Some(input)).unwrap();
    assert_eq!((doubled("21").outcome.as_str(), doubled("21").output.as_deref()), ("returned", Some("42")));
    assert!(doubled("21").functions.contains("pause"));
    assert!(rows.iter().any(|row| row.outcome == "raised"), "{rows:?}");
    place.verify();
}

#[test]
fn modes_add_up() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let rows = place.rows("script,functions");
    let scripts: Vec<&Found> = rows.iter().filter(|row| row.entry == "<module>").collect();
    assert_eq!(scripts.iter().map(|row| row.stdout.as_str()).collect::<Vec<_>>(), ["main block\n"]);
    assert!(rows.len() > 10);
    let none = place.run("none", &["--mode", "cases"]);
    assert_eq!(none.iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>(), ["no_entry"]);
}

#[test]
fn calls_in_tests_beside_a_module_and_in_its_row_are_harvested() {
    let code = "def scaled(vector, by):\n    return [part * by for part in vector]\n";
    let test = "from package import maths\n\ndef test_scaled():\n    assert maths.scaled((4711, 2), 3)\n";
    let place = Place::new(&[("maths.py", code), ("test_maths.py", test)]);
    let harvested = |rows: &[Found]| {
        let rows = rows.iter().filter(|row| row.entry == "scaled" && row.origin == "harvested");
        rows.filter_map(|row| row.input.clone()).collect::<Vec<_>>()
    };
    assert_eq!(harvested(&place.rows("functions")), ["(4711, 2), 3"]);
    place.verify();
    let row = json!({ "code": code, "test_list": ["assert scaled([4711], 2) == [9422]"] });
    let place = Place::new(&[("rows.jsonl", &row.to_string())]);
    assert_eq!(harvested(&place.rows("functions")), ["[4711], 2"]);
}

#[test]
fn each_case_of_a_row_is_an_execution() {
    let rows = [
        r#"{"code": "def add(a, b):\n    return a + b\n", "test_list": ["assert add(1, 2) == 3", "assert add(1, 2) == 4"]}"#,
        r#"{"code": "import sys\nprint(int(input()) * 2, sys.argv[1:], sys.stdin.read())\n", "stdin": ["4\nx", "5\n"], "argv": ["-v"]}"#,
        r#"{"prompt": "def one():\n", "canonical_solution": "    return 1\n", "entry_point": "one", "test": "def check(f):\n    assert f() == 1\n"}"#,
    ];
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    let rows = place.run("cases", &[]);
    let told: Vec<(&str, &str, &str)> =
        rows.iter().map(|row| (row.entry.as_str(), row.outcome.as_str(), row.stdout.as_str())).collect();
    assert_eq!(
        told,
        [
            ("<test>", "returned", ""),
            ("<test>", "raised", ""),
            ("<module>", "returned", "8 ['-v'] x\n"),
            ("<module>", "returned", "10 ['-v'] \n"),
            ("<test>", "returned", ""),
        ]
    );
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Some("passed"), Some("failed"), None, None, Some("passed")]);
    assert_eq!(rows[0].functions, ["add".to_owned()].into());
    assert_eq!(rows[1].input.as_deref(), Some("assert add(1, 2) == 4"));
    place.verify();
}

#[test]
fn each_script_is_given_what_the_job_lists() {
    let place = Place::new(&[("told.py", "import sys\nprint(sys.argv[1:], sys.stdin.read())\n")]);
    let list = place.0.path().join("runs.jsonl");
    fs::write(&list, "{\"argv\": [\"-v\"], \"stdin\": \"4\"}\n{\"argv\": [\"-q\"], \"stdin\": \"4\"}\n")
        .unwrap();
    let rows = place.run("dataset", &["--runs", list.to_str().unwrap()]);
    let told: Vec<_> =
        rows.iter().map(|row| (row.origin, row.input.as_deref().unwrap(), row.stdout.as_str())).collect();
    assert_eq!(
        told,
        [
            ("listed", r#"{"argv":["-v"],"stdin":"4"}"#, "['-v'] 4\n"),
            ("listed", r#"{"argv":["-q"],"stdin":"4"}"#, "['-q'] 4\n"),
        ]
    );
    place.verify();
}

#[test]
fn what_a_case_gives_is_compared_with_what_it_should() {
    let rows = [
        r#"{"code": "def f(x):\n    return {'b': x, 'a': [1.0]}\n", "input": "2", "output": "{'a': [1], 'b': 2}"}"#,
        r#"{"code": "def f(x):\n    return x\n", "input": "2", "output": "3"}"#,
        r#"{"code": "def f(x):\n    return x[0]\n", "input": "2", "output": "3"}"#,
        r#"{"code": "print(int(input()) * 2, '')\n", "stdin": ["4\n", "5", "x"], "expected_stdout": ["8\n", "11\n", "1"]}"#,
    ];
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    let rows = place.run("dataset", &[]);
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.unwrap()).collect();
    assert_eq!(verdicts, ["passed", "failed", "error", "passed", "failed", "error"]);
    assert_eq!(rows[2].outcome, "raised");
    place.verify();
}

#[test]
fn filters_drop_executions_and_count_them_by_reason() {
    let place = Place::new(&[
        ("a.py", SHAPES),
        ("again.py", SHAPES),
        ("exits.py", "raise SystemExit(3)\n"),
        ("lacks.py", "import absent_module\n"),
    ]);
    let all = place.rows("functions");
    let filters = "--mode functions --outcomes returned --distinct content,coverage,output --fewest-events 3";
    let rows = place.run("filtered", &filters.split(' ').collect::<Vec<_>>());
    let of = |name: &str| rows.iter().filter(|row| row.source.ends_with(name)).collect::<Vec<_>>();
    assert!(of("/a.py").len() > 4 && of("/a.py").len() < all.len() / 2, "{rows:?}");
    assert!(of("/a.py").iter().all(|row| row.outcome == "returned"));
    // Each source has a row, which says what was wrong where something was.
    for name in ["/again.py", "/exits.py", "/lacks.py"] {
        assert_eq!(
            of(name).iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>(),
            ["filtered"],
            "{name}"
        );
    }
    let tally = place.tally("filtered");
    let dropped = |why: &str| tally["dropped"][why].as_u64().unwrap_or(0);
    assert_eq!((dropped("same_content"), dropped("impure")), (1, 0));
    assert!(dropped("outcome") > 2 && dropped("no_new_coverage") > 0, "{tally}");
    assert_eq!(tally["reasons"]["ModuleNotFoundError: No module named 'absent_module'"], 1);
    let total: u64 = tally["dropped"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    // What the source that was not searched again would have given is not known.
    let searched = all.iter().filter(|row| !row.source.ends_with("/again.py")).count() as u64;
    assert_eq!(total - dropped("same_content"), searched - of("/a.py").len() as u64);
    verify(&place.0.path().join("filtered"), &[&place.sources()]);
}

#[test]
fn impure_and_varying_programs_can_be_left_out() {
    let place = Place::new(&[
        ("clock.py", "import time\nx = time.time_ns()\n"),
        ("plain.py", "x = 1\n"),
        ("same.py", "x = 1  \n"),
    ]);
    let outcomes = |dataset: &str, options: &[&str]| {
        let rows = place.run(dataset, options);
        rows.iter().map(|row| row.outcome.clone()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("pure", &["--pure"]), ["filtered", "returned", "returned"]);
    let alike = ["--repeat", "2", "--deterministic", "--distinct", "shape"];
    assert_eq!(outcomes("alike", &alike), ["filtered", "returned", "filtered"]);
    let dropped = &place.tally("alike")["dropped"];
    assert_eq!((&dropped["not_deterministic"], &dropped["same_shape"]), (&1.into(), &1.into()));
}

/// Each assertion of MBPP and each call of CRUXEval, against plain Python.
#[test]
fn verdicts_are_those_of_plain_python() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let files = ["mbpp_dev.jsonl", "cruxeval_dev.jsonl"].map(|name| shared.join(name));
    if !files.iter().all(|file| file.exists()) {
        eprintln!("left out: {} does not hold MBPP and CRUXEval", shared.display());
        return;
    }
    for file in files {
        let place = Place::new(&[]);
        let name = file.file_name().unwrap();
        fs::copy(&file, place.sources().join(name)).unwrap();
        let source = place.sources().join(name);
        let rows = place.run_on(&source, "verdicts", &["--timeout", "60s"]);
        let told: Vec<Vec<String>> = rows.iter().map(|row| vec![verdict(row), row.source.clone()]).collect();
        let asked = Command::new(&interpreters().last().unwrap().path)
            .args(["-c", PLAIN.trim_start()])
            .arg(&source)
            .output()
            .unwrap();
        assert!(asked.status.success(), "{}", text(&asked.stderr));
        let plain: Vec<Vec<String>> = serde_json::from_slice(&asked.stdout).unwrap();
        assert!(plain.len() >= 400);
        assert_eq!(told.len(), plain.len());
        let verdicts: BTreeMap<Option<&str>, usize> = rows.iter().fold(BTreeMap::new(), |mut counts, row| {
            *counts.entry(row.verdict).or_default() += 1;
            counts
        });
        assert_eq!(verdicts, BTreeMap::from([(Some("passed"), rows.len())]));
        let differing: Vec<_> = told.iter().zip(&plain).filter(|(told, plain)| told != plain).collect();
        assert!(differing.is_empty(), "{differing:?}");
    }
}

/// `passed`, `failed`, or what else came of it; for a call, what it returned.
fn verdict(row: &Found) -> String {
    match (row.entry.as_str(), row.outcome.as_str()) {
        ("f", "returned") => row.output.clone().unwrap_or_default(),
        (_, outcome) => outcome.to_owned(),
    }
}

/// Prints what each row of a file comes to, in the order of its executions.
const PLAIN: &str = r#"
import contextlib, io, json, pathlib, sys
told = []
for number, line in enumerate(open(sys.argv[1]), 1):
    row = json.loads(line)
    source = f"{pathlib.Path(sys.argv[1]).name}:{number}"
    tests = row.get("test_list")
    tests = list(dict.fromkeys(tests + row["challenge_test_list"])) if tests else [None]
    for test in tests:
        space = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                exec(row["code"], space)
                if test is None:
                    verdict = repr(eval(f"f({row['input']})", space))
                else:
                    exec(row["test_setup_code"] + "\n" + test, space)
                    verdict = "returned"
            except Exception:
                verdict = "raised"
        told.append([verdict, source])
json.dump(told, sys.stdout)
"#;

const WAITS: &str = r#"
import asyncio

async def pause():
    await asyncio.sleep(0)

async def double(number: int):
    '''
    >>> double(21)
    '''
    await pause()
    if number < 0:
        raise ValueError("negative")
    return number * 2
"#;

const LEAKS: &str = r#"
class Counter:
    seen = []


def count(number: int):
    for _ in range(abs(number) % 7):
        pass
    Counter.seen.append(number)
    return len(Counter.seen)


KEPT = {}


def hoard(number: int):
    KEPT[number] = str(number)
    return [number, len(KEPT)]
"#;

const HANGS: &str = r#"
import os


def loops(number: int):
    while number == 48271:
        pass
    return told(number)


def sticks(number: int):
    if number == 48271:
        sum(iter(int, 1))
    return told(number)


def leaves(number: int):
    if number == 48271:
        os._exit(0)
    return told(number)


def told(number):
    if number == 48271:
        return "never"
    if number < 0:
        return "negative"
    return "few" if number < 10 else "many"
"#;

const SHAPES: &str = r#"
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

/// Sources and datasets of one test.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
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

    fn sources(&self) -> PathBuf {
        self.0.path().join("sources")
    }

    /// What the folder is to a job: a file of rows is named itself.
    fn named(&self) -> PathBuf {
        let rows = self.sources().join("rows.jsonl");
        if rows.exists() { rows } else { self.sources() }
    }

    /// The rows of a job in these modes.
    fn rows(&self, modes: &str) -> Vec<Found> {
        self.run("dataset", &["--mode", modes])
    }

    fn run(&self, dataset: &str, options: &[&str]) -> Vec<Found> {
        self.run_on(&self.named(), dataset, options)
    }

    fn run_on(&self, sources: &Path, dataset: &str, options: &[&str]) -> Vec<Found> {
        let dataset = self.0.path().join(dataset);
        let python = &interpreters().last().unwrap().path;
        let mut arguments =
            vec![OsStr::new("run"), sources.as_os_str(), OsStr::new("--output"), dataset.as_os_str()];
        arguments.extend([OsStr::new("--python"), python.as_os_str()]);
        arguments.extend(options.iter().map(OsStr::new));
        let finished = et_coord(arguments);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        let opened = Dataset::open(Store::local(&dataset)).unwrap();
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
    fn tally(&self, dataset: &str) -> Value {
        let report = fs::read(self.0.path().join(dataset).join("_et/report.json")).unwrap();
        serde_json::from_slice::<Value>(&report).unwrap()["tally"].take()
    }

    fn verify(&self) {
        for dataset in ["dataset", "cases"].map(|name| self.0.path().join(name)) {
            if dataset.exists() {
                verify(&dataset, &[&self.named()]);
            }
        }
    }
}
