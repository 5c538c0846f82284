//! Runs a script as it is, untraced.

use std::fs;

use super::bounded::{self, Ended};
use super::{Interpreter, Program};

/// # Panics
/// If it is not a script.
pub fn run(interpreter: &Interpreter, program: &Program) -> Ended {
    assert!(program.call.is_none(), "only a script can run untraced");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let work = folder.path().join("work");
    let written =
        fs::create_dir(&work).and_then(|()| fs::write(work.join(Program::FILENAME), &program.source));
    written.expect("a temporary folder takes files");
    bounded::run(&interpreter.path, ["-u", Program::FILENAME], folder.path(), program.foreign)
        .expect("a shell to run it in")
}
