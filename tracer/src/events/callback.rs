//! The objects through which the interpreter calls the tracer.
//!
//! They are called by vectorcall: unlike functions made from a `PyMethodDef` they do not count towards the
//! program's limit of recursion, and they carry what they work on with them.

use std::ffi::{c_char, c_int, c_ulong};
use std::mem::offset_of;
use std::ptr::null_mut;

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use crate::layout::Obj;
use crate::python::{Owned, Result};

/// `vectorcallfunc`
pub(super) type Vectorcall =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

#[repr(C)]
pub(super) struct Callback<Carried> {
    header: PyObject,
    call: Vectorcall,
    pub(super) carried: *mut Carried,
    /// What tells the interpreter to stop reporting from a place, where there is such a thing.
    pub(super) disable: Option<Owned>,
}

/// `PyMemberDef`
#[repr(C)]
struct Member {
    name: *const c_char,
    kind: c_int,
    offset: isize,
    flags: c_int,
    doc: *const c_char,
}

unsafe extern "C" {
    fn PyVectorcall_Call(callable: *mut PyObject, tuple: *mut PyObject, dict: *mut PyObject)
    -> *mut PyObject;
}

/// The class of callbacks.
pub(super) fn class<Carried>() -> Result<Owned> {
    const READ_ONLY: c_int = 1;
    const SSIZE: c_int = 19;
    const HAVE_VECTORCALL: c_ulong = 1 << 11;
    const DISALLOW_INSTANTIATION: c_ulong = 1 << 7;
    let end = Member { name: std::ptr::null(), kind: 0, offset: 0, flags: 0, doc: std::ptr::null() };
    let offset = Member {
        name: c"__vectorcalloffset__".as_ptr(),
        kind: SSIZE,
        offset: offset_of!(Callback<Carried>, call) as isize,
        flags: READ_ONLY,
        ..end
    };
    let mut members = [offset, end];
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: PyVectorcall_Call as *mut _ },
        ffi::PyType_Slot { slot: 0, pfunc: null_mut() },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"et_tracer.Callback".as_ptr(),
        basicsize: size_of::<Callback<Carried>>() as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | HAVE_VECTORCALL | DISALLOW_INSTANTIATION) as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the specification is well-formed, and copied before the call returns.
    Owned::new(unsafe { ffi::PyType_FromSpec(&mut spec) })
}

/// A new callback of the class for what it carries.
pub(super) fn new<Carried>(
    class: &Owned,
    call: Vectorcall,
    carried: *mut Carried,
    disable: Option<Owned>,
) -> Result<Owned> {
    // SAFETY: the class is that of callbacks, so the memory is as large as one, and its header is set up.
    unsafe {
        let object = Owned::new(ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0))?;
        let callback = object.as_ptr().cast::<Callback<Carried>>();
        (&raw mut (*callback).call).write(call);
        (&raw mut (*callback).carried).write(carried);
        (&raw mut (*callback).disable).write(disable);
        Ok(object)
    }
}

/// The arguments of a call.
///
/// # Safety
/// They must be those that the interpreter passed.
#[inline(always)]
pub(super) unsafe fn arguments<'a>(arguments: *const *mut PyObject, count: usize) -> &'a [Obj] {
    // The highest bit says that the interpreter lends the place before the arguments.
    const OFFSET: usize = 1 << (usize::BITS - 1);
    // SAFETY: the caller vouches for them; arguments are never null.
    unsafe { std::slice::from_raw_parts(arguments.cast(), count & !OFFSET) }
}
