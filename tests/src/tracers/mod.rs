//! The two tracers, side by side: one program in, one account of it out of each.
//!
//! A `Program` is run by `native` and by `reference` under one of the `interpreters`; both answer with an
//! `Account`, which `compact` shows as a line that a test can spell out. `plain` runs it untraced.

mod account;
mod bounded;
mod compact;
mod identities;
mod interpreters;
pub mod native;
pub mod plain;
mod program;
pub mod reference;

pub use account::{Account, End, Event, Looked};
pub use bounded::Ended;
pub use compact::{compact, normalised};
pub use identities::with_numbers_of;
pub use interpreters::{Interpreter, interpreters};
pub use program::Program;
