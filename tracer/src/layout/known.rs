//! Names of attributes that say how a value reads.

use std::ffi::CStr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi::{PyObject, PyUnicode_InternFromString};

use super::{Obj, Str};
use crate::python::{Owned, Raised};

/// An attribute that says how a value reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Known {
    /// What a module is called.
    ModuleName,
    /// The names of a named tuple's items.
    Fields,
    /// The names that a class has slots for.
    Slots,
    /// What a member of an enumeration is called.
    MemberName,
    /// What it stands for.
    MemberValue,
    /// What a file was opened as.
    FileName,
    /// What the module is called that a class was made in.
    Module,
}

/// In the order of [`Known`].
const TEXTS: [&CStr; 7] =
    [c"__name__", c"_fields", c"__slots__", c"_name_", c"_value_", c"name", c"__module__"];

static NAMES: [AtomicPtr<PyObject>; 7] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 7];

/// Must have succeeded before any value is read.
pub(crate) fn learn_names() -> Result<(), Raised> {
    for (name, text) in NAMES.iter().zip(TEXTS) {
        // SAFETY: the text is a C string.
        let interned = Owned::new(unsafe { PyUnicode_InternFromString(text.as_ptr()) })?;
        name.store(interned.into_ptr(), Ordering::Relaxed);
    }
    Ok(())
}

impl Known {
    pub(crate) fn name(self) -> Str {
        // SAFETY: `learn_names` put a `str` there, which is never released.
        unsafe { Str::from_obj(Obj::from_ptr(NAMES[self as usize].load(Ordering::Relaxed))) }
    }
}
