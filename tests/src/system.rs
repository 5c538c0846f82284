//! Drives the real binaries as a user would.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binaries;

/// Far more than any step of a test takes; reached only when something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn et_coord<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    command(arguments).output().expect("et-coord starts")
}

/// All files below a folder: their bytes by their paths in it.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Starts `et-coord` and leaves it running.
pub fn start_et_coord<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Child {
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("et-coord starts")
}

/// The minor version of the interpreter that workers find on this machine, for jobs that they are to run.
pub fn python_of_workers() -> String {
    let told = Command::new(binaries::et_worker()).arg("python").output().expect("et-worker starts");
    assert!(told.status.success(), "{}", text(&told.stderr));
    text(&told.stdout).trim_end().to_owned()
}

fn command<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binaries::et_coord());
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// The rows of a dataset by source path, as `et-coord inspect --json` gives them.
pub fn rows(dataset: &Path) -> BTreeMap<String, Value> {
    let output = et_coord([OsStr::new("inspect"), dataset.as_os_str(), OsStr::new("--json")]);
    assert!(output.status.success(), "inspect failed: {}", text(&output.stderr));
    let mut rows = BTreeMap::new();
    for line in text(&output.stdout).lines() {
        let row: Value = serde_json::from_str(line).expect("inspect prints JSON");
        let path = row["source_path"].as_str().expect("a row has a source path").to_owned();
        assert!(rows.insert(path.clone(), row).is_none(), "{path} stands twice");
    }
    rows
}

/// One row with all its events.
pub fn row(dataset: &Path, trace: &str) -> Value {
    let output =
        et_coord([OsStr::new("inspect"), dataset.as_os_str(), OsStr::new(trace), OsStr::new("--json")]);
    assert!(output.status.success(), "inspect failed: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("inspect prints JSON")
}

/// # Panics
/// If `et-coord verify` finds anything wrong.
pub fn verify(dataset: &Path, sources: &[&Path]) {
    let mut arguments = vec![OsStr::new("verify"), dataset.as_os_str(), OsStr::new("--against")];
    arguments.extend(sources.iter().map(|source| source.as_os_str()));
    let output = et_coord(arguments);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// The published parts of a dataset, with what would differ had one been written again.
pub fn parts(dataset: &Path) -> BTreeMap<PathBuf, (u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(dataset.join("data")).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let metadata = entry.metadata().expect("a part can be looked at");
            (entry.path(), (metadata.ino(), metadata.mtime_nsec() as u64))
        })
        .collect()
}

/// Waits until something is so.
///
/// # Panics
/// If it never is.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
