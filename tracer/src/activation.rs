//! A frame of the source while it runs or is suspended.

use crate::code::{CodeNumber, Watched};
use crate::layout::{Frame, Obj, Shape, Version};
use crate::log::{Full, Log};
use crate::namespace::Namespace;
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
}

impl<V: Version> Activation<V> {
    /// Writes an object on the stack: by the name of the first local that holds it and is known to read as it was
    /// last told, else by its value.
    pub(crate) fn write_item(&self, log: &mut Log, locals: &mut [Watched], object: Obj) -> Result<(), Full> {
        let mut both = locals.iter_mut().zip(&self.slots);
        let holder = both.find(|(local, slot)| {
            // SAFETY: the locals are those of the frame's code.
            let value = unsafe { local.value_in(self.frame) };
            value == Some(object) && slot.reads_as(log, object)
        });
        match holder {
            Some((local, _)) => log.local_item::<V>(&mut local.name),
            None => log.value_item::<V>(object),
        }
    }
}

/// Whether an object on the stack is always written out: a number or a text says no less than the name of a local
/// that happens to hold the same object.
pub(crate) fn is_told_by_value(object: Obj) -> bool {
    let shape = Shape::of(object);
    let is_plain = matches!(
        shape,
        Shape::None
            | Shape::Bool(_)
            | Shape::Int(_)
            | Shape::Float(_)
            | Shape::Complex(..)
            | Shape::Str(_)
            | Shape::Bytes(_)
    );
    is_plain && shape.is_exact(object.ty())
}
