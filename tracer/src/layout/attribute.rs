//! Attributes that are there to be read.

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use super::{Instance, Obj, Str, Version};

unsafe extern "C" {
    fn _PyType_Lookup(class: *mut PyObject, name: *mut PyObject) -> *mut PyObject;
}

/// What an instance holds under a name, if asking for that attribute does nothing but read it there: its class was made
/// by Python code, has no say in how attributes are found, and has nothing of that name itself.
pub(crate) fn plain_attribute<V: Version>(object: Obj, name: Str) -> Option<Obj> {
    const GET_ATTRIBUTE: usize = 144;
    let generic = ffi::PyObject_GenericGetAttr as *const ();
    // SAFETY: every class has the field.
    if !unsafe { is_kept_in_instance(object, name, GET_ATTRIBUTE, generic) } {
        return None;
    }
    let (attributes, _) = Instance::from_obj(object).attributes::<V>();
    if !attributes.has_only_strings() {
        return None;
    }
    let (_, value) = attributes.get(attributes.find(name)?)?;
    Some(value)
}

/// Whether setting that attribute of an instance does nothing but put the value there, in the place of what
/// [`plain_attribute`] reads.
pub(crate) fn is_plainly_set<V: Version>(object: Obj, name: Str) -> bool {
    const SET_ATTRIBUTE: usize = 152;
    let generic = ffi::PyObject_GenericSetAttr as *const ();
    let has_only_strings = || Instance::from_obj(object).attributes::<V>().0.has_only_strings();
    // SAFETY: every class has the field.
    let is_kept = unsafe { is_kept_in_instance(object, name, SET_ATTRIBUTE, generic) };
    is_kept && has_only_strings()
}

/// Whether the class has the generic function in a field, and nothing under a name.
///
/// # Safety
/// The field must be that of a function.
unsafe fn is_kept_in_instance(object: Obj, name: Str, field: usize, generic: *const ()) -> bool {
    let class = object.ty();
    // SAFETY: the caller vouches for the field. Looking something up in a class and those that it derives from runs no
    // code of the program, since names are plain strings.
    class.is_made_by_python()
        && unsafe {
            std::ptr::eq(class.obj().field::<*const ()>(field), generic)
                && _PyType_Lookup(class.as_ptr(), name.obj().as_ptr()).is_null()
        }
}
