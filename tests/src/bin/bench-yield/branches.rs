//! All branches that functions have, as CPython compiles them.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::found::Step;

const PROGRAM: &str = include_str!("branches.py");

/// The branches of those functions of the files that were searched, and of what is defined within them.
pub(crate) fn of(
    python: &Path,
    files: &[PathBuf],
    searched: &BTreeSet<(usize, String)>,
) -> Result<BTreeSet<Step>, Box<dyn Error>> {
    let mut interpreter =
        Command::new(python).args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut names = interpreter.stdin.take().ok_or("no pipe to the interpreter")?;
    for file in files {
        writeln!(names, "{}", file.display())?;
    }
    drop(names);
    let answer = interpreter.wait_with_output()?.stdout;
    let of_files: Vec<BTreeMap<String, Vec<(u32, u32)>>> = serde_json::from_slice(&answer)?;
    let mut branches = BTreeSet::new();
    for (number, functions) in of_files.into_iter().enumerate() {
        for (function, steps) in functions {
            if searched.contains(&(number, outermost(&function))) {
                branches.extend(steps.iter().map(|&(from, to)| (number, function.clone(), from, to)));
            }
        }
    }
    Ok(branches)
}

/// The function that holds another one, or the same.
pub(crate) fn outermost(function: &str) -> String {
    function.split(".<locals>").next().unwrap_or_default().to_owned()
}
