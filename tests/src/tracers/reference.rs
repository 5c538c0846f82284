//! Runs the slow twin, `tracer/python/reference.py`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::account::Account;
use super::bounded::{self, Ended};
use super::{Interpreter, Program};

/// What the reference says of a program, or how its process ended where it could not say anything.
pub fn trace(interpreter: &Interpreter, program: &Program) -> Result<Account, Ended> {
    run(interpreter, program, false)
}

/// The same with `Event::state` at every event of a frame.
pub fn trace_with_states(interpreter: &Interpreter, program: &Program) -> Result<Account, Ended> {
    run(interpreter, program, true)
}

fn run(interpreter: &Interpreter, program: &Program, states: bool) -> Result<Account, Ended> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let request = json!({
        "filename": Program::FILENAME,
        "source": at("source"),
        "function": program.call.as_ref().map(|(function, _)| function),
        "input": program.call.as_ref().map(|(_, input)| input),
        "granularity": program.granularity.name(),
        "identities": program.identities,
        "max_events": program.bounds.max_events,
        "value_chars": program.bounds.value_chars,
        "output_chars": program.bounds.output_chars,
        "states": states,
    });
    let written = fs::write(at("source"), &program.source).and(fs::write(at("request"), request.to_string()));
    written.expect("a temporary folder takes files");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tracer/python/reference.py");
    let arguments = [script, at("request"), at("answer")];
    let ended = bounded::run(&interpreter.path, arguments, folder.path(), program.foreign);
    let ended = ended.expect("a shell to run the reference in");
    match fs::read(at("answer")) {
        Ok(answer) if ended.success => {
            Ok(serde_json::from_slice(&answer).expect("the reference answers in its form"))
        }
        _ => Err(ended),
    }
}
