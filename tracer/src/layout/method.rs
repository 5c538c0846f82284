//! Built-in functions and methods: what they are defined by.

use std::ptr::NonNull;

use pyo3_ffi::{PyCFunction_Type, PyMethodDef, PyMethodDescr_Type};

use super::Obj;

/// The definition behind a built-in function, or behind a method that was looked up in its class. All objects for
/// the function share it, and every way of calling one of them reads it.
pub(crate) fn definition(object: Obj) -> Option<NonNull<PyMethodDef>> {
    const OF_FUNCTION: usize = 16;
    const OF_METHOD: usize = 40;
    let ty = object.ty();
    let offset = if ty.is(&raw const PyCFunction_Type) {
        OF_FUNCTION
    } else if ty.is(&raw const PyMethodDescr_Type) {
        OF_METHOD
    } else {
        return None;
    };
    // SAFETY: an object of this type has the field.
    unsafe { object.field(offset) }
}
