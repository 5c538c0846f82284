//! The tools that people read datasets with, on what the real binaries wrote: in a folder and in S3.
//!
//! They run in a Python environment that `make test` sets up. Where there is none, for example because there is no
//! network, the tests say so and are left out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use s3_server::{ACCESS_KEY_ID, S3Server, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::binaries;
use tests::system::text;

/// A folder with `my-traces`, `my-text` and `my-lines`, and the same in a bucket.
struct Library {
    folder: TempDir,
    server: S3Server,
    _bucket: TempDir,
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let (folder, bucket) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let server = S3Server::start(bucket.path()).unwrap();
        server.create_bucket("traces");
        server.create_bucket("text");
        let library = Library { folder, server, _bucket: bucket };
        let cases = library.folder.path().join("cases.jsonl");
        fs::write(&cases, self::cases()).unwrap();
        for (traces, text, lines) in [
            ("my-traces", "my-text", "my-lines"),
            ("s3://traces/first", "s3://text/first", "s3://text/lines"),
        ] {
            library.et_coord(&["run", "cases.jsonl", "-o", traces, "--shard-sources", "6"]);
            library.et_coord(&["render", traces, "--style", "direct", "--as", "text", "-o", text]);
            let as_lines = ["--as", "text", "-o", lines, "--format", "jsonl"];
            library.et_coord(&[&["render", traces, "--style", "direct"], &as_lines[..]].concat());
        }
        library
    })
}

/// Programs with texts that readers have stumbled over elsewhere.
fn cases() -> String {
    (0..24)
        .map(|number| {
            let code = "def f(text, n):\n    parts = {}\n    for i in range(n):\n        parts[i] = text * i\n    return parts\n";
            let input = format!("'été \\x00 \u{1f600} \" , {number}', {}", number % 5);
            format!("{}\n", json!({"code": code, "input": input, "licence": "MIT"}))
        })
        .collect()
}

impl Library {
    fn et_coord(&self, arguments: &[&str]) {
        let finished = self.command(&binaries::et_coord()).args(arguments).output().unwrap();
        assert!(finished.status.success(), "{arguments:?}: {}", text(&finished.stderr));
    }

    /// A program in the library's folder that finds the bucket where Amazon's tools look.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env("AWS_ENDPOINT_URL", self.server.endpoint())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .env("AWS_REGION", "us-east-1")
            // Polars would refuse a service without TLS.
            .env("AWS_ALLOW_HTTP", "true");
        command
    }

    /// Runs Python, which may ask nobody else for anything and keeps what it caches here.
    fn python(&self, python: &Path, arguments: &[OsString]) -> Output {
        let cache = TempDir::new_in(self.folder.path()).unwrap();
        self.command(python)
            .args(arguments)
            .env("HF_HOME", cache.path())
            .env("HF_HUB_DISABLE_TELEMETRY", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap()
    }
}

/// The Python of an environment that `make` has set up.
fn environment(name: &str, target: &str) -> Option<PathBuf> {
    let folder = repository().join("target").join(name);
    if !folder.join("ready").exists() {
        eprintln!(
            "there is no Python with readers in target/{name}: `make {target}` sets it up; this test is left out"
        );
        return None;
    }
    Some(folder.join("bin/python"))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The blocks of Python in the README, with the lines at which they stand.
fn blocks() -> Vec<(usize, String)> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(readme.lines()) {
        match (&mut block, line) {
            (None, "```python") => block = Some((number, String::new())),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some((_, code)), line) => *code += &format!("{line}\n"),
            (None, _) => {}
        }
    }
    blocks
}

fn run_blocks(python: &Path, wanted: impl Fn(&str) -> bool) {
    let library = library();
    let blocks: Vec<_> = blocks().into_iter().filter(|(_, code)| wanted(code)).collect();
    assert!(!blocks.is_empty(), "the README shows nothing of this kind");
    for (line, code) in blocks {
        let script = library.folder.path().join(format!("readme_{line}.py"));
        fs::write(&script, &code).unwrap();
        let finished = library.python(python, &[script.into()]);
        let (said, failed) = (text(&finished.stdout), text(&finished.stderr));
        assert!(finished.status.success(), "README.md:{line} fails:\n{failed}");
        assert!(!said.trim().is_empty(), "README.md:{line} prints nothing");
    }
}

#[test]
fn what_the_readme_shows_runs() {
    let Some(python) = environment("readers", "readers") else { return };
    run_blocks(&python, |code| !code.contains("torch"));
}

#[test]
fn a_training_loop_goes_on_in_the_middle_of_an_epoch() {
    let Some(python) = environment("readers-torch", "test-torch") else { return };
    run_blocks(&python, |code| code.contains("torch"));
    let script = repository().join("tests/readers/resume.py");
    for examples in ["my-text/data/*.parquet", "s3://text/first/data/*.parquet", "my-traces/data/*.parquet"] {
        let finished = library().python(&python, &[script.clone().into(), examples.into()]);
        assert!(finished.status.success(), "{examples}: {}", text(&finished.stderr));
    }
}

#[test]
fn all_readers_see_the_same() {
    let Some(python) = environment("readers", "readers") else { return };
    let script = repository().join("tests/readers/agree.py");
    let mut figures = Vec::new();
    let folder = library().folder.path();
    let here = ["my-traces", "my-text", "my-lines"].map(|name| folder.join(name).into_os_string());
    let there = ["s3://traces/first", "s3://text/first", "s3://text/lines"].map(OsString::from);
    for places in [here, there] {
        let finished = library().python(&python, &[&[script.clone().into()], &places[..]].concat());
        assert!(finished.status.success(), "{places:?}: {}", text(&finished.stderr));
        let seen: BTreeMap<String, Value> = serde_json::from_slice(&finished.stdout).unwrap();
        for (kind, readers, rows) in [("traces", 6, 24), ("text", 6, 48), ("lines", 3, 48)] {
            let of_kind = || seen.iter().filter(|(name, _)| name.starts_with(&format!("{kind}: ")));
            assert_eq!(of_kind().count(), readers, "{seen:#?}");
            let (first, figure) = of_kind().next().unwrap();
            assert_eq!(figure["rows"], rows, "{first}");
            for (name, other) in of_kind() {
                assert_eq!(other, figure, "{name} does not see what {first} sees in {places:?}");
            }
            figures.push((kind, figure.clone()));
        }
    }
    // Text in JSON lines is the text in Parquet, and what is in S3 is what is here.
    assert_eq!(figures[1].1, figures[2].1);
    assert_eq!(figures[..3], figures[3..]);
    assert!(figures[0].1["changes"].as_u64().unwrap() > 100, "{figures:?}");
}
