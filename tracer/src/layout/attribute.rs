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
    let class = object.ty();
    if !class.is_made_by_python() {
        return None;
    }
    // SAFETY: every class has the field. Looking something up in a class and those that it derives from runs no code of
    // the program, since names are plain strings.
    unsafe {
        let getter = class.obj().field::<*const ()>(GET_ATTRIBUTE);
        if !std::ptr::eq(getter, ffi::PyObject_GenericGetAttr as *const ())
            || !_PyType_Lookup(class.as_ptr(), name.obj().as_ptr()).is_null()
        {
            return None;
        }
    }
    let (attributes, _) = Instance::from_obj(object).attributes::<V>();
    let (_, value) = attributes.get(attributes.find(name)?)?;
    Some(value)
}
