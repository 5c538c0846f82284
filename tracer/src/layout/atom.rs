//! Values that hold nothing else: what is computed with them runs no code of the program, and letting go of them neither.

use std::ptr;

use pyo3_ffi as ffi;

use super::{Obj, Type};

/// Whether an object is a number, a string, `bytes`, a `bool` or `None`, and no instance of a subclass.
#[inline(always)]
pub(crate) fn is_atom(object: Obj) -> bool {
    let class = object.ty();
    class.is(&raw const ffi::PyLong_Type)
        || class.is(&raw const ffi::PyUnicode_Type)
        || class.is(&raw const ffi::PyFloat_Type)
        || class.is(&raw const ffi::PyBool_Type)
        // SAFETY: it only names a static object.
        || ptr::eq(object.as_ptr(), unsafe { ffi::Py_None() })
        || is_rare_atom(class)
}

fn is_rare_atom(class: Type) -> bool {
    class.is(&raw const ffi::PyBytes_Type) || class.is(&raw const ffi::PyComplex_Type)
}

/// Whether an object is a built-in container that knows its own length, and no instance of a subclass.
pub(crate) fn is_plain_container(object: Obj) -> bool {
    let class = object.ty();
    class.is(&raw const ffi::PyList_Type)
        || class.is(&raw const ffi::PyDict_Type)
        || class.is(&raw const ffi::PyTuple_Type)
        || class.is(&raw const ffi::PySet_Type)
        || class.is(&raw const ffi::PyFrozenSet_Type)
        || class.is_deque()
}
