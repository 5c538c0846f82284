//! Counting references without a call.

use pyo3_ffi::PyObject;

use super::{Obj, Version};

unsafe extern "C" {
    fn _Py_Dealloc(object: *mut PyObject);
}

/// The low half of a count as 3.12 and 3.13 read it: negative for an immortal object.
fn is_immortal(count: isize) -> bool {
    (count as i32) < 0
}

/// Counts one more reference; `false` if the object needs none, since it lives forever.
#[inline(always)]
pub(crate) fn hold<V: Version>(object: Obj) -> bool {
    let count = object.as_ptr().cast::<isize>();
    // SAFETY: the count is the first field of a live object, and the GIL is held.
    unsafe {
        if V::IMMORTAL_OBJECTS && is_immortal(*count) {
            return false;
        }
        *count += 1;
    }
    true
}

/// Whether more than so many references to an object are counted.
#[inline(always)]
pub(crate) fn is_held_beyond<V: Version>(object: Obj, count: usize) -> bool {
    // SAFETY: the count is the first field of a live object.
    let counted = unsafe { *object.as_ptr().cast::<isize>() };
    (V::IMMORTAL_OBJECTS && is_immortal(counted)) || counted > count as isize
}

/// Gives back a reference that [`hold`] counted.
///
/// # Safety
/// There must be one, and it must not be used any more.
#[inline(always)]
pub(crate) unsafe fn release<V: Version>(object: Obj) {
    let count = object.as_ptr().cast::<isize>();
    // SAFETY: the object is alive until its last reference, which may be the caller's, is gone.
    unsafe {
        if V::IMMORTAL_OBJECTS && is_immortal(*count) {
            return;
        }
        *count -= 1;
        if *count == 0 {
            _Py_Dealloc(object.as_ptr());
        }
    }
}
