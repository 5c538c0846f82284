//! Learns when objects end, without holding them.
//!
//! Objects give their memory back through the interpreter's allocator, whose function for that is stood in for. Lists
//! and dicts alone may skip it, since the interpreter keeps the memory of some for the next ones: of these, the
//! function that ends them is stood in for, too.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::ptr::{fn_addr_eq, null, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use crate::layout::{Deallocator, Obj, Type};

/// `PyMemAllocatorEx`
#[repr(C)]
struct Allocator {
    context: *mut c_void,
    malloc: *const c_void,
    calloc: *const c_void,
    realloc: *const c_void,
    free: *const c_void,
}

type Free = unsafe extern "C" fn(context: *mut c_void, block: *mut c_void);

/// `PYMEM_DOMAIN_OBJ`
const OBJECTS: c_int = 2;

unsafe extern "C" {
    fn PyMem_GetAllocator(domain: c_int, allocator: *mut Allocator);
    fn PyMem_SetAllocator(domain: c_int, allocator: *const Allocator);
}

static FREE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static END_LIST: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static END_DICT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Has [`forget`](super::forget) called for every object that ends from now on.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    // SAFETY: the GIL is held, so nobody allocates, ends an object or looks for these functions meanwhile. Both classes
    // are static ones, of which the interpreter itself writes to the fields.
    ONCE.call_once(|| unsafe {
        let mut allocator =
            Allocator { context: null_mut(), malloc: null(), calloc: null(), realloc: null(), free: null() };
        PyMem_GetAllocator(OBJECTS, &raw mut allocator);
        FREE.store(allocator.free.cast_mut(), Ordering::Relaxed);
        allocator.free = free as *const c_void;
        PyMem_SetAllocator(OBJECTS, &raw const allocator);
        for (class, original) in
            [(&raw mut ffi::PyList_Type, &END_LIST), (&raw mut ffi::PyDict_Type, &END_DICT)]
        {
            let class = Type::from_obj(Obj::from_ptr(class.cast()));
            original.store(class.deallocator() as *mut c_void, Ordering::Relaxed);
            class.set_deallocator(end);
        }
    });
}

unsafe extern "C" fn free(context: *mut c_void, block: *mut c_void) {
    super::forget(block as usize);
    // SAFETY: this is the function that the allocator had.
    unsafe { transmute::<*mut c_void, Free>(FREE.load(Ordering::Relaxed))(context, block) }
}

/// Ends a list or a dict.
unsafe extern "C" fn end(object: *mut PyObject) {
    // SAFETY: the interpreter passes an object, the last of whose references is gone.
    unsafe {
        let gone = Obj::from_ptr(object);
        if !fn_addr_eq(gone.ty().deallocator(), end as Deallocator) {
            // That of its own class has called, and bounds how deep this goes.
            return end_as_before(gone);
        }
        super::forget(gone.block());
        let is_put_off = NESTED.with_borrow_mut(|nested| nested.enter_or_put_off(gone));
        if is_put_off {
            return;
        }
        end_as_before(gone);
        while let Some(next) = NESTED.with_borrow_mut(Nested::next) {
            end_as_before(next);
        }
        NESTED.with_borrow_mut(|nested| nested.depth -= 1);
    }
}

/// # Safety
/// It must be a list or a dict, or of a class derived from theirs, the last of whose references is gone.
unsafe fn end_as_before(gone: Obj) {
    let original = if gone.ty().is_list() { &END_LIST } else { &END_DICT };
    // SAFETY: this is the function that the class had, and the caller vouches for the object.
    unsafe { transmute::<*mut c_void, Deallocator>(original.load(Ordering::Relaxed))(gone.as_ptr()) }
}

thread_local! {
    static NESTED: RefCell<Nested> = const { RefCell::new(Nested { depth: 0, put_off: Vec::new() }) };
}

/// Lists and dicts whose end is the end of others. The interpreter bounds how many of its functions are in each other
/// there, but only of a class that has its own.
struct Nested {
    depth: usize,
    /// Those that end when the others have.
    put_off: Vec<Obj>,
}

impl Nested {
    /// As many as the interpreter allows.
    const MOST: usize = 50;

    /// Whether the object stands too deep to be ended now.
    fn enter_or_put_off(&mut self, gone: Obj) -> bool {
        let is_too_deep = self.depth == Nested::MOST;
        if is_too_deep {
            // SAFETY: lists and dicts are known to the collector, which must not find this one.
            unsafe { ffi::PyObject_GC_UnTrack(gone.as_ptr().cast()) };
            self.put_off.push(gone);
        } else {
            self.depth += 1;
        }
        is_too_deep
    }

    /// What the outermost one has left to end.
    fn next(&mut self) -> Option<Obj> {
        if self.depth == 1 { self.put_off.pop() } else { None }
    }
}
