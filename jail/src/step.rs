//! The one error of this crate: which step of confinement failed, and why.

use std::io;

/// A layer that could not be put in place. It is never the program's fault.
#[derive(Debug, thiserror::Error)]
#[error("could not {step}: {source}")]
pub struct StepError {
    step: &'static str,
    source: io::Error,
}

impl StepError {
    pub(crate) fn new(step: &'static str, source: impl Into<io::Error>) -> StepError {
        StepError { step, source: source.into() }
    }
}

/// Names the step that a result belongs to: `open(path).step("open the interpreter")?`.
pub(crate) trait Step<T> {
    fn step(self, step: &'static str) -> Result<T, StepError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: &'static str) -> Result<T, StepError> {
        self.map_err(|source| StepError::new(step, source))
    }
}

/// What a plain system call returned, as a result.
pub(crate) fn check(returned: libc::c_long) -> io::Result<libc::c_long> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
