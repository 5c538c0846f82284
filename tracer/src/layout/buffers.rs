//! Objects that hold plain memory: `array.array`, and the `memoryview` of such.

use pyo3_ffi as ffi;

use super::{Obj, Type};

/// An `array.array`, or an instance of a subclass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Array(Obj);

/// A `memoryview` whose memory is known to be there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryView(Obj);

impl Array {
    const ITEMS: usize = 24;
    const DESCRIPTION: usize = 40;

    /// Whether this is the class itself.
    pub(in crate::layout) fn is_class(class: Type) -> bool {
        class.native_name() == b"array.array"
    }

    /// # Safety
    /// `object` must be one.
    pub(crate) unsafe fn from_obj(object: Obj) -> Array {
        Array(object)
    }

    /// `'i'` for an array of C's `int`.
    pub(crate) fn type_code(self) -> u8 {
        // SAFETY: an array has the field, which leads to a description that begins with the code.
        unsafe { *self.0.field::<*const u8>(Array::DESCRIPTION) }
    }

    /// Bytes that each item takes.
    pub(crate) fn item_size(self) -> usize {
        // SAFETY: as above; the code is followed by the size, an `int`.
        let size = unsafe { self.0.field::<*const i32>(Array::DESCRIPTION).add(1).read() };
        usize::try_from(size).unwrap_or(1).max(1)
    }

    pub(crate) fn len(self) -> usize {
        // SAFETY: an array has a size.
        unsafe { self.0.size() as usize }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: that many items lie there; the address may be null when there are none.
        unsafe {
            match self.len() {
                0 => &[],
                len => std::slice::from_raw_parts(self.0.field(Array::ITEMS), len * self.item_size()),
            }
        }
    }
}

impl MemoryView {
    const FLAGS: usize = 40;
    const START: usize = 56;
    const OWNER: usize = 64;
    const LEN: usize = 72;
    /// Bits of the flags.
    const RELEASED: i32 = 1;
    const CONTIGUOUS: i32 = 2;

    /// If it is one whose bytes lie side by side in memory that its owner keeps.
    pub(in crate::layout) fn of(object: Obj, class: Type) -> Option<MemoryView> {
        if !class.is(&raw const ffi::PyMemoryView_Type) {
            return None;
        }
        // SAFETY: a memoryview has the fields.
        let (flags, owner) = unsafe {
            (object.field::<i32>(MemoryView::FLAGS), object.field::<Option<Obj>>(MemoryView::OWNER))
        };
        let is_there = flags & (MemoryView::RELEASED | MemoryView::CONTIGUOUS) == MemoryView::CONTIGUOUS;
        let is_kept = |owner: Obj| {
            let class = owner.ty().native();
            class.is(&raw const ffi::PyBytes_Type)
                || class.is(&raw const ffi::PyByteArray_Type)
                || Array::is_class(class)
        };
        (is_there && owner.is_some_and(is_kept)).then_some(MemoryView(object))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: the owner does not move or free its memory while there is a view of it.
        unsafe {
            match self.0.field::<isize>(MemoryView::LEN) {
                ..=0 => &[],
                len => std::slice::from_raw_parts(self.0.field(MemoryView::START), len as usize),
            }
        }
    }
}
