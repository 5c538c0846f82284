//! Receives events from the interpreter.

mod callback;
mod monitoring;
mod settrace;

use crate::layout::Version;
use crate::python::Result;
use crate::tracer::Tracer;

/// Runs `program` with its events switched on.
///
/// # Safety
/// Nothing else may use the tracer while the program runs.
pub(crate) unsafe fn during<V: Version, R>(tracer: *mut Tracer<V>, program: impl FnOnce() -> R) -> Result<R> {
    // SAFETY: the caller vouches for the tracer.
    unsafe {
        if V::MINOR >= 12 { monitoring::during(tracer, program) } else { settrace::during(tracer, program) }
    }
}
