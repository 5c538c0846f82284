//! Compares how programs end under `et-coord run` with how they end under plain `python -I` with the same
//! limits, and groups the differences so that each can be explained.
//!
//! Usage: agreement PYTHON SOURCE…

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::system::{et_coord, row, rows, text, verify};

const WALL: Duration = Duration::from_secs(5);
const MEMORY_KIB: u64 = 1 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agreement: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let python = arguments.next().ok_or("usage: agreement PYTHON SOURCE…")?;
    let sources: Vec<PathBuf> = arguments.collect();
    let folder = tempfile::tempdir()?;
    let dataset = folder.path().join("dataset");
    let mut command = vec!["run".into(), "--timeout".into(), "5s".into(), "--memory".into(), "1GiB".into()];
    command.extend(["--output".into(), dataset.clone().into_os_string()]);
    command.extend(["--python".into(), python.clone().into_os_string()]);
    command.extend(sources.iter().map(|source| source.clone().into_os_string()));
    let finished = et_coord(command);
    if !finished.status.success() {
        return Err(text(&finished.stderr).into());
    }
    verify(&dataset, &sources.iter().map(PathBuf::as_path).collect::<Vec<_>>());

    let rows: Vec<(String, Value)> = rows(&dataset).into_iter().collect();
    let plain = plainly(&python, &files(&rows, &sources)?, folder.path())?;
    let mut agreed = 0;
    let mut differences: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for ((path, summary), plain) in rows.iter().zip(&plain) {
        let ours = ours(summary, &dataset, path);
        if ours.0 == *plain {
            agreed += 1;
        } else {
            differences.entry((plain.clone(), ours.0)).or_default().push(format!("{path}: {}", ours.1));
        }
    }
    println!("{} programs, {agreed} end alike", rows.len());
    let mut differences: Vec<_> = differences.into_iter().collect();
    differences.sort_by_key(|(_, paths)| std::cmp::Reverse(paths.len()));
    for ((plain, ours), paths) in differences {
        println!("{:>5}  plain: {plain:<28} et: {ours}", paths.len());
        for example in &paths {
            println!("           {example}");
        }
    }
    Ok(())
}

/// Where the file of each row lies. A row's path begins with the name of its source folder.
fn files(rows: &[(String, Value)], sources: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let find = |path: &str| {
        let candidates = sources.iter().map(|source| match source.parent() {
            Some(parent) if !path.starts_with('/') => parent.join(path),
            _ => PathBuf::from(path),
        });
        candidates.into_iter().find(|file| file.symlink_metadata().is_ok())
    };
    rows.iter().map(|(path, _)| find(path).ok_or_else(|| format!("no file for {path}").into())).collect()
}

/// How each file ends under the interpreter alone.
fn plainly(python: &Path, files: &[PathBuf], scratch: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(vec![String::new(); files.len()]);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (next, ended) = (&next, &ended);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else { break };
                    let place = scratch.join(format!("plain-{worker}"));
                    let how = plain_end(python, file, &place).unwrap_or_else(|error| format!("? {error}"));
                    ended.lock().expect("no thread panics with the lock")[index] = how;
                }
            });
        }
    });
    Ok(ended.into_inner()?)
}

fn plain_end(python: &Path, file: &Path, place: &Path) -> Result<String, Box<dyn Error>> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir_all(place)?;
    let copy = place.join(file.file_name().ok_or("a file has a name")?);
    fs::copy(file, &copy)?;
    let errors = place.with_extension("stderr");
    let limits = format!("ulimit -t {} -d {MEMORY_KIB} -f 65536 -c 0; exec \"$@\"", WALL.as_secs());
    let mut command = Command::new("bash");
    command
        .args(["-c", &limits, "bash"])
        .arg(python)
        .arg("-I")
        .arg(copy.file_name().ok_or("a copy has a name")?);
    command
        .current_dir(place)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", place);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&errors)?).process_group(0);
    let mut child = command.spawn()?;
    let deadline = Instant::now() + WALL;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
            child.wait()?;
            return Ok("timed_out".to_owned());
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let errors = text(&fs::read(&errors)?);
    Ok(match (status.code(), status.signal()) {
        (Some(0), _) => "ok".to_owned(),
        (Some(code), _) => match (code, last_exception(&errors)) {
            (1, Some(name)) => format!("raised {name}"),
            _ => format!("exit {code}"),
        },
        (None, Some(24)) => "timed_out".to_owned(),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    })
}

/// The name of the exception whose traceback ends what a program wrote to standard error.
fn last_exception(errors: &str) -> Option<String> {
    let unindented =
        errors.lines().rfind(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))?;
    let name = unindented.split(':').next()?.trim();
    let is_name = name.chars().all(|character| character.is_alphanumeric() || "._".contains(character));
    let name = name.rsplit('.').next()?;
    (is_name && (errors.contains("Traceback (most recent") || errors.contains("  File ")))
        .then(|| name.to_owned())
}

/// How a row says that it ended, in the same words, and what it says beyond that.
fn ours(summary: &Value, dataset: &Path, path: &str) -> (String, String) {
    let outcome = summary["outcome"].as_str().unwrap_or_default();
    let exception = summary["exception_type"].as_str();
    let whole = || row(dataset, path);
    match outcome {
        "returned" => ("ok".to_owned(), String::new()),
        "raised" | "syntax_error" | "out_of_memory" => {
            let whole = whole();
            let message = whole["exception_message"].as_str().unwrap_or_default().to_owned();
            (exception.map_or(outcome.to_owned(), |name| format!("raised {name}")), message)
        }
        "exited" => {
            let whole = whole();
            let errors = whole["stderr"].as_str().unwrap_or_default();
            let last =
                errors.lines().rev().find(|line| line.contains("Error")).unwrap_or_default().to_owned();
            match whole["exit_code"].as_i64() {
                Some(0) => ("ok".to_owned(), last),
                code => (format!("exit {}", code.unwrap_or(-1)), last),
            }
        }
        "killed" | "denied" => (format!("signal {}", whole()["signal"]), String::new()),
        other => (other.to_owned(), String::new()),
    }
}
