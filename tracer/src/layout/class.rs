//! Classes: flags, names and what they derive from.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::{PyObject, PyTypeObject};

use super::{Dict, Keys, Known, Obj, Str, Tuple, Version};
use crate::python::{self, Raised};

/// Ends an object, the last of whose references is gone.
pub(crate) type Deallocator = unsafe extern "C" fn(*mut PyObject);

/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Type(Obj);

// Offsets in `PyTypeObject`.
const NAME: usize = 24;
const INSTANCE_SIZE: usize = 32;
const ITEM_SIZE: usize = 40;
const DEALLOCATOR: usize = 48;
const FLAGS: usize = 168;
const BASE: usize = 256;
const NAMESPACE: usize = 264;
const DICT_OFFSET: usize = 288;

/// Bits of `tp_flags`.
pub(crate) mod flag {
    pub(crate) const INLINE_VALUES: u64 = 1 << 2;
    /// From 3.12 on.
    pub(crate) const MANAGED_WEAKREFS: u64 = 1 << 3;
    pub(crate) const MANAGED_DICT: u64 = 1 << 4;
    pub(crate) const IMMUTABLE: u64 = 1 << 8;
    pub(crate) const HEAP_TYPE: u64 = 1 << 9;
    pub(crate) const COLLECTED: u64 = 1 << 14;
    pub(crate) const INT: u64 = 1 << 24;
    pub(crate) const LIST: u64 = 1 << 25;
    pub(crate) const TUPLE: u64 = 1 << 26;
    pub(crate) const BYTES: u64 = 1 << 27;
    pub(crate) const STR: u64 = 1 << 28;
    pub(crate) const DICT: u64 = 1 << 29;
    pub(crate) const EXCEPTION: u64 = 1 << 30;
    pub(crate) const CLASS: u64 = 1 << 31;
}

unsafe extern "C" {
    static PyODict_Type: PyTypeObject;
}

/// `collections.deque`
static DEQUE: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());
/// `collections.defaultdict`
static DEFAULT_DICT: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());
/// `enum.EnumType`
static ENUM_TYPE: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());

/// Looks up what the interpreter does not export. Must have succeeded before any value is read.
pub(crate) fn learn_types() -> Result<(), Raised> {
    let collections = python::import(c"collections")?;
    DEQUE.store(collections.attribute(c"deque")?.into_ptr(), Ordering::Relaxed);
    DEFAULT_DICT.store(collections.attribute(c"defaultdict")?.into_ptr(), Ordering::Relaxed);
    ENUM_TYPE.store(python::import(c"enum")?.attribute(c"EnumType")?.into_ptr(), Ordering::Relaxed);
    Ok(())
}

/// What a dict keeps beside its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DictKind {
    Plain,
    /// An order of its own.
    Ordered,
    /// What makes the values of missing keys.
    Default,
}

impl Type {
    /// # Safety
    /// `class` must be a class.
    #[inline(always)]
    pub(crate) unsafe fn from_obj(class: Obj) -> Type {
        Type(class)
    }

    #[inline(always)]
    pub(crate) fn obj(self) -> Obj {
        self.0
    }

    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// Whether this is the static class at `class`.
    #[inline(always)]
    pub(crate) fn is(self, class: *const PyTypeObject) -> bool {
        std::ptr::eq(self.0.as_ptr().cast(), class)
    }

    pub(crate) fn is_exact_tuple(self) -> bool {
        self.is(&raw const ffi::PyTuple_Type)
    }

    pub(crate) fn is_deque(self) -> bool {
        std::ptr::eq(self.0.as_ptr(), DEQUE.load(Ordering::Relaxed))
    }

    /// Of a class of dicts.
    pub(crate) fn dict_kind(self) -> DictKind {
        let native = self.native();
        if native.is(&raw const PyODict_Type) {
            DictKind::Ordered
        } else if std::ptr::eq(native.as_ptr(), DEFAULT_DICT.load(Ordering::Relaxed)) {
            DictKind::Default
        } else {
            DictKind::Plain
        }
    }

    /// Whether it is an enumeration, whose instances are its members.
    #[inline(always)]
    pub(crate) fn is_enumeration(self) -> bool {
        let metaclass = self.0.ty();
        !metaclass.is(&raw const ffi::PyType_Type) && metaclass.is_of_enumerations()
    }

    fn is_of_enumerations(self) -> bool {
        let known = ENUM_TYPE.load(Ordering::Relaxed);
        let mut classes = std::iter::successors(Some(self), |class| class.base());
        classes.any(|class| std::ptr::eq(class.as_ptr(), known))
    }

    /// The names of the items, if the class is one of named tuples of so many.
    pub(crate) fn fields<V: Version>(self, len: usize) -> Option<Tuple> {
        let fields = self.made_by_python().find_map(|class| class.own::<V>(Known::Fields))?;
        let fields = Tuple::plain(fields)?;
        let names = fields.items();
        let is_named = |name: &Option<Obj>| name.and_then(Str::plain).is_some();
        (names.len() == len && names.iter().all(is_named)).then_some(fields)
    }

    /// What the class's own namespace holds under a name. Python code must have made the class.
    pub(in crate::layout) fn own<V: Version>(self, name: Known) -> Option<Obj> {
        // SAFETY: every class has the field; one made by Python code has a dict there.
        let entries = unsafe { Dict::from_obj(self.0.field::<Option<Obj>>(NAMESPACE)?) }.entries::<V>();
        let (_, value) = entries.get(entries.find(name.name())?)?;
        Some(value)
    }

    /// The class and those that it derives its layout from, as far as Python code made them.
    pub(in crate::layout) fn made_by_python(self) -> impl Iterator<Item = Type> {
        std::iter::successors(Some(self), |class| class.base()).take_while(|class| class.is_made_by_python())
    }

    /// The class that decides the layout: the nearest one that Python code did not make.
    pub(in crate::layout) fn native(self) -> Type {
        let mut class = self;
        while class.is_made_by_python() {
            match class.base() {
                Some(base) => class = base,
                None => break,
            }
        }
        class
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u64 {
        // SAFETY: every class has the field.
        unsafe { self.0.field(FLAGS) }
    }

    #[inline(always)]
    pub(crate) fn has(self, flag: u64) -> bool {
        self.flags() & flag != 0
    }

    pub(crate) fn base(self) -> Option<Type> {
        // SAFETY: every class has the field, which holds a class or null.
        unsafe { self.0.field::<Option<Obj>>(BASE) }.map(Type)
    }

    /// Whether Python code made this class: then it can be changed.
    pub(crate) fn is_made_by_python(self) -> bool {
        self.flags() & (flag::HEAP_TYPE | flag::IMMUTABLE) == flag::HEAP_TYPE
    }

    /// Whether the class has no part in how its instances are laid out: it is `object`.
    pub(crate) fn is_object(self) -> bool {
        self.is(&raw const ffi::PyBaseObject_Type)
    }

    /// The full name that C code gave, which cannot be changed; empty for a class that Python code made.
    pub(in crate::layout) fn native_name(&self) -> &[u8] {
        if self.is_made_by_python() {
            return b"";
        }
        self.given_name()
    }

    /// The name that C code gave, in full, or the one that a class of Python code's has now.
    pub(in crate::layout) fn given_name(&self) -> &[u8] {
        // SAFETY: every class has a C string for its name, which lives until the class is renamed.
        unsafe { CStr::from_ptr(self.0.field::<*const c_char>(NAME)) }.to_bytes()
    }

    /// Bytes of an instance's memory that lie before it.
    pub(in crate::layout) fn prefix_size(self) -> usize {
        const PART: usize = 2 * size_of::<usize>();
        // What the collector links it by, and what manages its attributes.
        let parts = [flag::COLLECTED, flag::MANAGED_DICT | flag::MANAGED_WEAKREFS];
        parts.into_iter().filter(|part| self.has(*part)).count() * PART
    }

    /// Whether its instances are lists.
    pub(crate) fn is_list(self) -> bool {
        self.has(flag::LIST)
    }

    /// What ends its instances.
    pub(crate) fn deallocator(self) -> Deallocator {
        // SAFETY: every class that has instances has the field.
        unsafe { self.0.field(DEALLOCATOR) }
    }

    /// # Safety
    /// `deallocator` must do all that the one before does.
    pub(crate) unsafe fn set_deallocator(self, deallocator: Deallocator) {
        // SAFETY: every class has the field, and can be written to.
        unsafe { self.0.as_ptr().byte_add(DEALLOCATOR).cast::<Deallocator>().write(deallocator) };
    }

    /// Bytes that an instance takes at least.
    pub(crate) fn instance_size(self) -> usize {
        // SAFETY: every class has the field.
        unsafe { self.0.field(INSTANCE_SIZE) }
    }

    /// Offset of the pointer to an instance's `__dict__`, if it has one; negative where it is to be counted from
    /// the end of an instance of variable size.
    pub(crate) fn dict_offset(self) -> Option<isize> {
        // SAFETY: every class has the field.
        Some(unsafe { self.0.field::<isize>(DICT_OFFSET) }).filter(|&offset| offset != 0)
    }

    /// Bytes that each item of an instance of variable size takes.
    pub(in crate::layout) fn item_size(self) -> usize {
        // SAFETY: every class has the field.
        unsafe { self.0.field(ITEM_SIZE) }
    }

    /// Address of what decides the class's name: it changes when the class is renamed.
    #[inline(always)]
    pub(crate) fn naming<V: Version>(self) -> usize {
        let offset = if self.has(flag::HEAP_TYPE) { V::HEAP_TYPE.name } else { NAME };
        // SAFETY: a heap type has the one field, every class the other.
        unsafe { self.0.field(offset) }
    }

    /// The `str` at that address, if it is one; otherwise it is a C string that is never freed.
    pub(crate) fn naming_object<V: Version>(self) -> Option<Obj> {
        // SAFETY: a heap type has the field.
        self.has(flag::HEAP_TYPE).then(|| unsafe { self.0.field(V::HEAP_TYPE.name) })
    }

    /// The same for the qualified name.
    #[inline(always)]
    pub(crate) fn qualified_naming<V: Version>(self) -> usize {
        let offset = if self.has(flag::HEAP_TYPE) { V::HEAP_TYPE.qualified_name } else { NAME };
        // SAFETY: as above.
        unsafe { self.0.field(offset) }
    }

    /// The `str` at that address, if it is one.
    pub(crate) fn qualified_naming_object<V: Version>(self) -> Option<Obj> {
        // SAFETY: as above.
        self.has(flag::HEAP_TYPE).then(|| unsafe { self.0.field(V::HEAP_TYPE.qualified_name) })
    }

    /// `__name__`.
    pub(crate) fn name<V: Version>(self) -> ClassName {
        self.name_at(V::HEAP_TYPE.name)
    }

    /// `__qualname__`.
    pub(crate) fn qualified_name<V: Version>(self) -> ClassName {
        self.name_at(V::HEAP_TYPE.qualified_name)
    }

    fn name_at(self, offset: usize) -> ClassName {
        if self.has(flag::HEAP_TYPE) {
            // SAFETY: a heap type's names are `str`.
            return ClassName::Str(unsafe { Str::from_obj(self.0.field(offset)) });
        }
        // SAFETY: a static class has a C string for its name, which is never freed.
        let name = unsafe { CStr::from_ptr(self.0.field::<*const c_char>(NAME)) }.to_bytes();
        let start = name.iter().rposition(|&byte| byte == b'.').map_or(0, |dot| dot + 1);
        ClassName::Static(&name[start..])
    }

    /// The keys that instances of this class share.
    ///
    /// # Safety
    /// The class must have `MANAGED_DICT` among its flags, and an instance that keeps its values by them.
    pub(in crate::layout) unsafe fn cached_keys<V: Version>(self) -> Keys {
        // SAFETY: the caller vouches for them.
        unsafe { Keys::from_ptr(self.0.field(V::HEAP_TYPE.cached_keys)) }
    }
}

/// The name of a class.
pub(crate) enum ClassName {
    Str(Str),
    /// UTF-8 that lives as long as the process.
    Static(&'static [u8]),
}
