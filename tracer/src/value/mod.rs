//! Writes values as bounded text, as `docs/trace.md` defines it. No code of the program is run: objects are
//! read as they lie in memory.

mod array;
mod exception;
mod float;
mod integer;
mod least;
mod names;
mod naming;
mod numpy;
mod pandas;
mod path;
mod record;
mod structured;
mod text;
mod window;
mod writer;

pub(crate) use exception::write_message;
pub(crate) use least::exceeds;
pub(crate) use naming::naming;
pub(crate) use path::Path;
pub(crate) use record::{NodeKind, Record};
pub(crate) use structured::write_factory;
pub(crate) use text::{Limits, Text, Written, to_utf8};
pub(crate) use writer::{Stability, write, write_part, write_recorded, write_unrecorded};

/// Looks up what values are written with. Must have succeeded before any value is written.
pub(crate) fn learn() -> Result<(), crate::python::Raised> {
    integer::learn_digit_limit()
}
