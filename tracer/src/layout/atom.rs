//! Values that hold nothing else: what is computed with them runs no code of the program, and letting go of them
//! neither.

use std::ptr;

use pyo3_ffi as ffi;

use super::{Deque, Dict, List, Obj, Set, Tuple, Type, Version};

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

/// Whether an object is an atom, or a plain tuple of such: no code of the program runs where it is hashed, compared with
/// another one or let go of, and nobody can change it.
pub(crate) fn is_inert(object: Obj) -> bool {
    const DEEPEST: usize = 8;
    is_atom(object) || is_inert_tuple(object, DEEPEST)
}

fn is_inert_tuple(object: Obj, depth: usize) -> bool {
    let Some(tuple) = Tuple::plain(object).filter(|_| depth > 0) else { return false };
    tuple.items().iter().flatten().all(|item| is_atom(*item) || is_inert_tuple(*item, depth - 1))
}

/// Whether an object is a plain container of a few elements, all of which are of this kind; keys and values both are.
pub(crate) fn is_few<V: Version>(object: Obj, kind: impl Fn(Obj) -> bool) -> bool {
    const FEW: usize = 32;
    let are = |items: &[Option<Obj>]| items.len() <= FEW && items.iter().flatten().all(|item| kind(*item));
    let class = object.ty();
    // SAFETY: each is read as what its class says that it is.
    unsafe {
        if class.is(&raw const ffi::PyList_Type) {
            are(List::from_obj(object).items())
        } else if class.is(&raw const ffi::PyTuple_Type) {
            are(Tuple::from_obj(object).items())
        } else if class.is(&raw const ffi::PyDict_Type) {
            let entries = Dict::from_obj(object).entries::<V>();
            entries.count() <= FEW && entries.iter().all(|(key, value)| kind(key) && kind(value))
        } else if class.is(&raw const ffi::PySet_Type) || class.is(&raw const ffi::PyFrozenSet_Type) {
            let set = Set::from_obj(object);
            set.len() <= FEW && set.iter().all(kind)
        } else if class.is_deque() {
            let deque = Deque::from_obj(object);
            deque.len() <= FEW && deque.iter().flatten().all(kind)
        } else {
            false
        }
    }
}
