//! Runs a script as it is, untraced.

use std::fs;

use super::bounded::{self, Ended};
use super::{Begins, Interpreter, Program};

/// Runs a script without leaving a name of its own behind. The interpreter goes without finalisation, as in a
/// traced process, and without automatic collections, so that objects go when they go there.
const RUN: &str = "__import__('gc').disable(); __import__('atexit').register(__import__('os')._exit, 0)\n\
    __file__ = __import__('sys').argv.pop(); __import__('sys').argv[0] = __file__\n\
    exec(compile(open(__file__, 'rb').read(), __file__, 'exec'))";

/// # Panics
/// If it is not a script.
pub fn run(interpreter: &Interpreter, program: &Program) -> Ended {
    assert!(program.begins == Begins::Script, "only a script can run untraced");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let work = folder.path().join("work");
    let written =
        fs::create_dir(&work).and_then(|()| fs::write(work.join(Program::FILENAME), &program.source));
    written.expect("a temporary folder takes files");
    bounded::run(&interpreter.path, ["-u", "-c", RUN, Program::FILENAME], folder.path(), program.foreign)
        .expect("a shell to run it in")
}
