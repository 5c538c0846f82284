//! Inputs that Hypothesis draws for annotated functions.
//!
//! It has to import the files to see their annotations, outside of any confinement: compare packages that you trust.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

const PROGRAM: &str = include_str!("hypothesis.py");

/// By source and function, argument lists as Python text.
pub(crate) type Drawn = BTreeMap<(usize, String), Vec<String>>;

/// The interpreter that has Hypothesis, if it is set up beside the programs of this build.
pub(crate) fn python() -> Option<PathBuf> {
    let folder = env::current_exe().ok()?.parent()?.parent()?.join("hypothesis");
    folder.join("ready").exists().then(|| folder.join("bin/python"))
}

/// Up to `count` inputs for each of these functions of the files of which all parameters are annotated.
pub(crate) fn draw(
    python: &Path,
    files: &[PathBuf],
    functions: &BTreeSet<(usize, String)>,
    count: usize,
) -> Result<Drawn, Box<dyn Error>> {
    let mut drawn = Drawn::new();
    for (number, file) in files.iter().enumerate() {
        // A method would need an object.
        let of_file = functions.iter().filter(|(of, name)| *of == number && !name.contains('.'));
        let names: Vec<&str> = of_file.map(|(_, name)| name.as_str()).collect();
        if names.is_empty() {
            continue;
        }
        let mut interpreter = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let asked = json!({ "file": file, "functions": names, "count": count });
        let mut question = interpreter.stdin.take().ok_or("no pipe to the interpreter")?;
        serde_json::to_writer(&mut question, &asked)?;
        drop(question);
        let answer = interpreter.wait_with_output()?.stdout;
        // Nothing is drawn for a file that needs what is not installed there.
        let answer: BTreeMap<String, Vec<String>> = serde_json::from_slice(&answer).unwrap_or_default();
        drawn.extend(answer.into_iter().map(|(name, inputs)| ((number, name), inputs)));
    }
    Ok(drawn)
}
