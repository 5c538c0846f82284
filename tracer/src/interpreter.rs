//! Which interpreter this is: recognised when the module is loaded, or refused.

use std::ffi::CStr;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3_ffi as ffi;

use crate::layout::{self, Mismatch, V311, V312, V313, Version};
use crate::python::{self, Result};
use crate::value;

/// Something to be done for whichever version this is.
pub(crate) trait ForVersion {
    type Output;
    fn with<V: Version>(self) -> Self::Output;
}

/// The minor version, once [`learn`] has succeeded.
static MINOR: AtomicU8 = AtomicU8::new(0);

/// Does it for the version that [`learn`] recognised.
pub(crate) fn for_this_version<F: ForVersion>(function: F) -> F::Output {
    match MINOR.load(Ordering::Relaxed) {
        V311::MINOR => function.with::<V311>(),
        V312::MINOR => function.with::<V312>(),
        V313::MINOR => function.with::<V313>(),
        other => unreachable!("3.{other} was refused when the module was loaded"),
    }
}

/// Recognises the interpreter, and looks up what is not exported. Raises `ImportError` where the tracer cannot
/// work.
pub(crate) fn learn() -> Result<()> {
    // SAFETY: the version is a C string that lives as long as the interpreter.
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    let minor = supported(&version).map_err(|refusal| python::raise_import_error(&refusal.to_string()))?;
    layout::learn_names()?;
    layout::learn_types()?;
    layout::learn_windows()?;
    layout::learn_collector()?;
    value::learn()?;
    MINOR.store(minor, Ordering::Relaxed);
    struct Check;
    impl ForVersion for Check {
        type Output = Result<std::result::Result<(), Mismatch>>;
        fn with<V: Version>(self) -> Self::Output {
            layout::check::<V>()
        }
    }
    for_this_version(Check)?.map_err(|Mismatch(what)| {
        python::raise_import_error(&Refusal::Layout { version: number(&version).into(), what }.to_string())
    })
}

/// Why the tracer cannot work in this interpreter.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    TooOld { version: String },
    TooNew { version: String },
    FreeThreaded { version: String },
    Layout { version: String, what: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::TooOld { version } => {
                write!(f, "python {version} is too old to trace: use 3.11, 3.12 or 3.13")
            }
            Refusal::TooNew { version } => {
                write!(f, "python {version} is too new for this tracer: use 3.11, 3.12 or 3.13")
            }
            Refusal::FreeThreaded { version } => {
                write!(
                    f,
                    "python {version} is a free-threaded build, which cannot be traced: use one with a GIL"
                )
            }
            Refusal::Layout { version, what } => {
                write!(
                    f,
                    "python {version} lays out {what} in an unknown way: use an unmodified release build"
                )
            }
        }
    }
}

/// The minor version of an interpreter that says this of itself, if it is a supported one.
fn supported(version: &str) -> std::result::Result<u8, Refusal> {
    let name = number(version);
    let mut parts =
        name.split('.').map(|part| part.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>());
    let (major, minor) = match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => (0, 0),
    };
    let version_name = || name.to_owned();
    match (major, minor) {
        (..3, _) | (3, ..11) => Err(Refusal::TooOld { version: version_name() }),
        (3, 11..=13) if version.contains("free-threading") => {
            Err(Refusal::FreeThreaded { version: version_name() })
        }
        (3, 11..=13) => Ok(minor as u8),
        _ => Err(Refusal::TooNew { version: version_name() }),
    }
}

/// `3.13.0` of `3.13.0 (main, Oct  7 2024, …) [GCC …]`.
fn number(version: &str) -> &str {
    version.split(' ').next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_recognised_by_what_they_say() {
        assert_eq!(supported("3.11.7 (main, Jan 1 2024, 10:00:00) [GCC 12.2.0]"), Ok(11));
        assert_eq!(supported("3.13.0rc1+ (main, Oct 7 2024, 10:00:00) [GCC 12.2.0]"), Ok(13));
        assert_eq!(supported("3.10.13 (main)"), Err(Refusal::TooOld { version: "3.10.13".into() }));
        assert_eq!(supported("3.14.0a1 (main)"), Err(Refusal::TooNew { version: "3.14.0a1".into() }));
        assert_eq!(
            supported("3.13.0 experimental free-threading build (main)"),
            Err(Refusal::FreeThreaded { version: "3.13.0".into() })
        );
    }
}
