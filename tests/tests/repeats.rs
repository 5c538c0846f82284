//! What rows say of effects and of further runs, from a whole job.

use std::ffi::OsStr;
use std::fs;

use serde_json::Value;
use tests::system::{et_coord, row, text};

/// A program, and what its row must say: `pure` and `deterministic`.
const PROGRAMS: [(&str, &str, Value, Value); 6] = [
    ("computes.py", "print(sorted({'a': 1}.items()))\n", Value::Bool(true), Value::Bool(true)),
    ("reads_itself.py", "print(len(open(__file__).read()))\n", Value::Bool(false), Value::Bool(true)),
    ("tells_the_time.py", "import time\nprint(time.time_ns())\n", Value::Bool(false), Value::Bool(false)),
    ("draws.py", "import random\nx = random.random()\n", Value::Bool(false), Value::Bool(false)),
    (
        "draws_seeded.py",
        "import random\nrandom.seed(1)\nx = random.random()\n",
        Value::Bool(true),
        Value::Bool(true),
    ),
    ("does_not_compile.py", "1 +\n", Value::Null, Value::Bool(true)),
];

#[test]
fn rows_say_whether_programs_are_pure_and_whether_their_runs_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (code, dataset) = (folder.path().join("code"), folder.path().join("dataset"));
    fs::create_dir(&code).unwrap();
    for (name, source, ..) in &PROGRAMS {
        fs::write(code.join(name), source).unwrap();
    }
    let arguments = ["run".as_ref(), code.as_os_str(), "--output".as_ref(), dataset.as_os_str()];
    let output = et_coord(arguments.into_iter().chain(["--repeat", "3"].map(OsStr::new)));
    assert!(output.status.success(), "{}", text(&output.stderr));
    for (name, _, pure, deterministic) in &PROGRAMS {
        let row = row(&dataset, name);
        assert_eq!((&row["pure"], &row["deterministic"]), (pure, deterministic), "{name}");
    }
}

#[test]
fn a_job_that_runs_programs_once_leaves_open_whether_they_are_deterministic() {
    let folder = tempfile::tempdir().unwrap();
    let (code, dataset) = (folder.path().join("a.py"), folder.path().join("dataset"));
    fs::write(&code, "print(1)\n").unwrap();
    let output = et_coord(["run".as_ref(), code.as_os_str(), "--output".as_ref(), dataset.as_os_str()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let row = row(&dataset, "a.py");
    assert_eq!((&row["pure"], &row["deterministic"]), (&Value::Bool(true), &Value::Null));
}
