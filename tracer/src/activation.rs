//! A frame of the source while it runs or is suspended.

use crate::code::CodeNumber;
use crate::layout::{Frame, Version};
use crate::namespace::Namespace;
use crate::operands::Operands;
use crate::python::Owned;
use crate::watch::Slot;

/// A frame of the source that is entered or suspended.
pub(crate) struct Activation<V: Version> {
    pub(crate) frame: Frame<V>,
    pub(crate) number: u32,
    pub(crate) code: CodeNumber,
    pub(crate) line: u32,
    pub(crate) slots: Box<[Slot<V>]>,
    /// The names that a class body has bound.
    pub(crate) names: Option<Box<Namespace<V>>>,
    /// The exception that is on its way out of the frame, where the interpreter does not say so itself.
    pub(crate) leaving: Option<Owned>,
    pub(crate) operands: Operands,
}
