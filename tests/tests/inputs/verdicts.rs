//! Verdicts of well-known datasets, against plain Python.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use tests::system::text;
use tests::tracers::interpreters;

use crate::place::{Found, Place};

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
