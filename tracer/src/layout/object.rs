//! A live object, and reading its fields.

use std::ptr::NonNull;

use pyo3_ffi::PyObject;

use super::Type;

/// A borrowed object. It is alive for as long as the event in which it was read: nothing of the program runs
/// meanwhile. `Option<Obj>` is what a `PyObject *` field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct Obj(NonNull<PyObject>);

/// Offset of `ob_type` in `PyObject`.
const TYPE: usize = 8;
/// Offset of `ob_size` in `PyVarObject`.
const SIZE: usize = 16;

impl Obj {
    /// # Safety
    /// The pointer must be that of a live object.
    #[inline(always)]
    pub(crate) unsafe fn from_non_null(pointer: NonNull<PyObject>) -> Obj {
        Obj(pointer)
    }

    /// # Safety
    /// The pointer must be that of a live object.
    #[inline(always)]
    pub(crate) unsafe fn from_ptr(pointer: *mut PyObject) -> Obj {
        // SAFETY: an object's address is not null.
        Obj(unsafe { NonNull::new_unchecked(pointer) })
    }

    /// # Safety
    /// The pointer must be null or that of a live object.
    #[inline(always)]
    pub(crate) unsafe fn maybe(pointer: *mut PyObject) -> Option<Obj> {
        NonNull::new(pointer).map(Obj)
    }

    #[inline(always)]
    pub(crate) fn pointer(self) -> NonNull<PyObject> {
        self.0
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// For comparing with what was seen before.
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Where its memory begins.
    pub(crate) fn block(self) -> usize {
        self.address() - self.ty().prefix_size()
    }

    #[inline(always)]
    pub(crate) fn ty(self) -> Type {
        // SAFETY: every object has a type, which is alive as long as the object.
        unsafe { Type::from_obj(self.field(TYPE)) }
    }

    /// Reads the field at `offset` bytes.
    ///
    /// # Safety
    /// An object of this one's type must have a field of type `T` there.
    #[inline(always)]
    pub(in crate::layout) unsafe fn field<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the caller vouches for the field.
        unsafe { self.0.as_ptr().byte_add(offset).cast::<T>().read() }
    }

    /// The address `offset` bytes into the object.
    ///
    /// # Safety
    /// The object must reach that far.
    #[inline(always)]
    pub(in crate::layout) unsafe fn at<T>(self, offset: usize) -> *const T {
        // SAFETY: the caller vouches for the size.
        unsafe { self.0.as_ptr().byte_add(offset).cast::<T>() }
    }

    /// `ob_size` of an object of variable size.
    ///
    /// # Safety
    /// The object must have one.
    #[inline(always)]
    pub(in crate::layout) unsafe fn size(self) -> isize {
        // SAFETY: the caller vouches for it.
        unsafe { self.field(SIZE) }
    }
}
