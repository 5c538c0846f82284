//! What happens after a program's main code: its verdict is written, and the interpreter shuts down as far as
//! the program can tell.

use std::ffi::CStr;

use pyo3_ffi as ffi;
use trace::Verdict;

use super::SharedLog;
use super::entry::End;
use crate::effects;
use crate::layout::{Int, Shape, Version};
use crate::log::VerdictText;
use crate::python::{self, Owned, Result};

const SUCCESS: i32 = 0;
const FAILURE: i32 = 1;
/// What Python exits with where the standard streams could not be flushed.
const FLUSH_FAILURE: i32 = 120;
/// As a shell shows it: 128 and the number of the signal that Python ends itself with.
const INTERRUPTED: i32 = 128 + libc::SIGINT;

/// Ends the program and returns its exit status.
pub(super) fn finish<V: Version>(end: End, log: SharedLog) -> i32 {
    let status = tell::<V>(&end, log);
    match end {
        // Nobody wants more of it than what was told, least of all to wait for its threads.
        End::Probed => return status,
        // Code of the program may run when it goes, so it stays.
        End::Returned(value) => std::mem::forget(value),
        End::Raised(exception) if is_exit(&exception) => print_message(&code_of(&exception)),
        End::Raised(exception) | End::Uncompiled(exception) => print(exception),
        End::Finished | End::NoEntry | End::BadInput => {}
    }
    join_threads();
    run_exit_functions();
    if flush() { status } else { FLUSH_FAILURE }
}

/// Writes the verdict. Returns the exit status that it comes to.
pub(super) fn tell<V: Version>(end: &End, mut log: SharedLog) -> i32 {
    match end {
        End::Probed => SUCCESS,
        End::Finished => {
            log.verdict::<V>(Verdict::Returned, None, VerdictText::Empty);
            SUCCESS
        }
        End::Returned(value) => {
            log.verdict::<V>(Verdict::Returned, Some(value.obj()), VerdictText::Value(value.obj()));
            SUCCESS
        }
        End::NoEntry => {
            log.verdict::<V>(Verdict::NoEntry, None, VerdictText::Empty);
            FAILURE
        }
        End::BadInput => {
            log.verdict::<V>(Verdict::BadInput, None, VerdictText::Empty);
            FAILURE
        }
        End::Uncompiled(exception) => {
            let message = VerdictText::Message(exception.obj());
            log.verdict::<V>(Verdict::SyntaxError, Some(exception.obj()), message);
            FAILURE
        }
        End::Raised(exception) if is_exit(exception) => {
            let status = status_of::<V>(&code_of(exception));
            let text = status.to_string();
            log.verdict::<V>(Verdict::Exited, Some(exception.obj()), VerdictText::Plain(&text));
            status
        }
        End::Raised(exception) => {
            log.verdict::<V>(Verdict::Raised, Some(exception.obj()), VerdictText::Message(exception.obj()));
            // SAFETY: this names a static class.
            let is_interrupt = exception.is_instance_of(unsafe { ffi::PyExc_KeyboardInterrupt });
            if is_interrupt { INTERRUPTED } else { FAILURE }
        }
    }
}

fn is_exit(exception: &Owned) -> bool {
    // SAFETY: this names a static class.
    exception.is_instance_of(unsafe { ffi::PyExc_SystemExit })
}

/// What `SystemExit` was raised with.
fn code_of(exception: &Owned) -> Owned {
    exception.attribute(c"code").unwrap_or_else(|_| {
        python::clear();
        exception.clone()
    })
}

/// The status that the argument of `SystemExit` asks for.
fn status_of<V: Version>(code: &Owned) -> i32 {
    match Shape::of(code.obj()) {
        Shape::None => SUCCESS,
        Shape::Int(int) => low_bits::<V>(int),
        Shape::Bool(truth) => truth.into(),
        _ => FAILURE,
    }
}

/// What the operating system keeps of an exit code.
fn low_bits<V: Version>(code: Int) -> i32 {
    let (negative, digits) = code.digits::<V>();
    let magnitude = digits.first().map_or(0, |&digit| digit as i32);
    (if negative { -magnitude } else { magnitude }) & 0xff
}

/// Prints the argument of `SystemExit` as Python does, if it is a message.
fn print_message(code: &Owned) {
    if matches!(Shape::of(code.obj()), Shape::None | Shape::Int(_) | Shape::Bool(_)) {
        return;
    }
    flush_stream(c"stdout");
    if let Some(stream) = python::sys(c"stderr") {
        // SAFETY: both pointers are valid, and so is the C string.
        unsafe {
            ffi::PyFile_WriteObject(code.as_ptr(), stream.as_ptr(), ffi::Py_PRINT_RAW);
            python::clear();
            ffi::PyFile_WriteString(c"\n".as_ptr(), stream.as_ptr());
            python::clear();
        }
    }
}

/// Prints an exception that was not caught, as Python does.
fn print(exception: Owned) {
    const AND_REMEMBER: i32 = 1;
    python::set_exception(exception);
    // SAFETY: an exception is set.
    effects::excused(|| unsafe { ffi::PyErr_PrintEx(AND_REMEMBER) });
}

/// Waits for the program's threads, but for daemons.
fn join_threads() {
    if let Some(threading) = python::imported("threading") {
        report(threading.call_method(c"_shutdown", &[]), &threading);
    }
}

fn run_exit_functions() {
    if let Some(atexit) = python::imported("atexit") {
        report(atexit.call_method(c"_run_exitfuncs", &[]), &atexit);
    }
}

/// Prints what was raised where nobody could catch it.
fn report(result: Result<Owned>, place: &Owned) {
    if result.is_err() {
        // SAFETY: an exception is set, and the pointer is valid.
        unsafe { ffi::PyErr_WriteUnraisable(place.as_ptr()) };
    }
}

/// Flushes both streams; `false` if one could not be.
fn flush() -> bool {
    let stdout = flush_stream(c"stdout");
    let stderr = flush_stream(c"stderr");
    stdout && stderr
}

fn flush_stream(name: &CStr) -> bool {
    let Some(stream) = python::sys(name).filter(|stream| !stream.is_none()) else { return true };
    let is_closed = stream.attribute(c"closed").and_then(|closed| closed.is_true());
    if is_closed.is_ok_and(|closed| closed) {
        return true;
    }
    python::clear();
    let flushed = stream.call_method(c"flush", &[]);
    let is_flushed = flushed.is_ok();
    report(flushed, &stream);
    is_flushed
}
