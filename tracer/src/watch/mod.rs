//! Finds out whether a variable differs from what it was when it was last looked at.
//!
//! A [`Slot`] remembers one variable: the very object where its text cannot change, or else the [`Visit`] that
//! was made of everything its text showed, which is compared with what is there now. Only where they differ is
//! the value written again, and only if the new text differs is there a change: of the elements that read
//! otherwise, where the value was written whole, or else of the whole. The [`Clock`] knows where nothing can have
//! changed in place since.

mod clock;
mod difference;
mod slot;
mod visit;

pub(crate) use clock::{Clock, Touched};
pub(crate) use slot::Slot;
pub(crate) use visit::{is_namespace_shown, set_namespace};
