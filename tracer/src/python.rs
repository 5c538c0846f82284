//! The C API as the cold paths use it: owned references, and exceptions as errors.

use std::ffi::CStr;
use std::ptr::{NonNull, null_mut};

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use crate::layout::Obj;

/// An exception is set in the interpreter.
#[derive(Debug)]
pub(crate) struct Raised;

pub(crate) type Result<T> = std::result::Result<T, Raised>;

/// A counted reference.
#[derive(Debug)]
pub(crate) struct Owned(NonNull<PyObject>);

impl Owned {
    /// Takes over a new reference that the C API returned; null means that an exception is set.
    pub(crate) fn new(reference: *mut PyObject) -> Result<Owned> {
        NonNull::new(reference).map(Owned).ok_or(Raised)
    }

    /// Counts one more reference.
    pub(crate) fn of(object: Obj) -> Owned {
        // SAFETY: an `Obj` is alive.
        unsafe { ffi::Py_IncRef(object.as_ptr()) };
        Owned(object.pointer())
    }

    /// The same for a borrowed pointer.
    ///
    /// # Safety
    /// It must be that of a live object.
    pub(crate) unsafe fn borrowed(pointer: *mut PyObject) -> Owned {
        // SAFETY: the caller vouches for it.
        Owned::of(unsafe { Obj::from_ptr(pointer) })
    }

    pub(crate) fn obj(&self) -> Obj {
        // SAFETY: the reference keeps it alive.
        unsafe { Obj::from_non_null(self.0) }
    }

    pub(crate) fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// Gives the reference away, to whoever takes over the pointer.
    pub(crate) fn into_ptr(self) -> *mut PyObject {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }

    pub(crate) fn attribute(&self, name: &CStr) -> Result<Owned> {
        // SAFETY: both pointers are valid.
        Owned::new(unsafe { ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr()) })
    }

    /// The same for a name that is no C string.
    pub(crate) fn attribute_named(&self, name: &str) -> Result<Owned> {
        let name = text(name)?;
        // SAFETY: both pointers are valid.
        Owned::new(unsafe { ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr()) })
    }

    pub(crate) fn set_attribute(&self, name: &CStr, value: &Owned) -> Result<()> {
        // SAFETY: all pointers are valid.
        check(unsafe { ffi::PyObject_SetAttrString(self.as_ptr(), name.as_ptr(), value.as_ptr()) })
    }

    pub(crate) fn call(&self, arguments: &[&Owned]) -> Result<Owned> {
        let arguments = tuple(arguments)?;
        // SAFETY: both pointers are valid and the second is a tuple.
        Owned::new(unsafe { ffi::PyObject_CallObject(self.as_ptr(), arguments.as_ptr()) })
    }

    /// Calls it with a pair of positional and keyword arguments.
    pub(crate) fn call_with(&self, arguments: &Owned) -> Result<Owned> {
        // SAFETY: it is a live object; both references are borrowed from the pair, and null where there are none.
        unsafe {
            let positional = ffi::PyTuple_GetItem(arguments.as_ptr(), 0);
            let keywords = ffi::PyTuple_GetItem(arguments.as_ptr(), 1);
            Owned::new(ffi::PyObject_Call(self.as_ptr(), positional, keywords))
        }
    }

    pub(crate) fn call_method(&self, name: &CStr, arguments: &[&Owned]) -> Result<Owned> {
        self.attribute(name)?.call(arguments)
    }

    /// `self[key] = value` for an exact dict.
    pub(crate) fn set_item(&self, key: &CStr, value: &Owned) -> Result<()> {
        // SAFETY: all pointers are valid.
        check(unsafe { ffi::PyDict_SetItemString(self.as_ptr(), key.as_ptr(), value.as_ptr()) })
    }

    /// `self[key]` for an exact dict, if it is there.
    pub(crate) fn item(&self, key: &Owned) -> Option<Owned> {
        // SAFETY: both pointers are valid; the result is borrowed and counted at once.
        unsafe { Obj::maybe(ffi::PyDict_GetItemWithError(self.as_ptr(), key.as_ptr())) }.map(Owned::of)
    }

    pub(crate) fn is_true(&self) -> Result<bool> {
        // SAFETY: the pointer is valid.
        match unsafe { ffi::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            truth => Ok(truth != 0),
        }
    }

    pub(crate) fn is_callable(&self) -> bool {
        // SAFETY: the pointer is valid.
        unsafe { ffi::PyCallable_Check(self.as_ptr()) != 0 }
    }

    pub(crate) fn is_instance_of(&self, class: *mut PyObject) -> bool {
        // SAFETY: both pointers are valid. The method resolution order is followed without running code.
        unsafe { ffi::PyType_IsSubtype(self.obj().ty().as_ptr().cast(), class.cast()) != 0 }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.obj() == none().obj()
    }

    /// The number, if it is an `int` that fits.
    pub(crate) fn to_i64(&self) -> Result<i64> {
        // SAFETY: the pointer is valid.
        let number = unsafe { ffi::PyLong_AsLongLong(self.as_ptr()) };
        if number == -1 && raised() { Err(Raised) } else { Ok(number) }
    }
}

impl Clone for Owned {
    fn clone(&self) -> Owned {
        Owned::of(self.obj())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: this is the reference that was counted for `self`.
        unsafe { ffi::Py_DecRef(self.0.as_ptr()) };
    }
}

/// Turns the C API's -1 into an error.
pub(crate) fn check(status: i32) -> Result<()> {
    if status < 0 { Err(Raised) } else { Ok(()) }
}

pub(crate) fn raised() -> bool {
    // SAFETY: the GIL is held.
    unsafe { !ffi::PyErr_Occurred().is_null() }
}

/// Drops the exception that is set, if any.
pub(crate) fn clear() {
    // SAFETY: the GIL is held.
    unsafe { ffi::PyErr_Clear() };
}

pub(crate) fn none() -> Owned {
    // SAFETY: `None` always exists.
    Owned::of(unsafe { Obj::from_ptr(ffi::Py_None()) })
}

pub(crate) fn text(text: &str) -> Result<Owned> {
    // SAFETY: the bytes are valid for their length.
    Owned::new(unsafe { ffi::PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as isize) })
}

pub(crate) fn bytes(bytes: &[u8]) -> Result<Owned> {
    // SAFETY: the bytes are valid for their length.
    Owned::new(unsafe { ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as isize) })
}

/// What a bytes object holds.
pub(crate) fn as_bytes(bytes: &Owned) -> &[u8] {
    // SAFETY: the bytes belong to the object, which is one of these.
    unsafe {
        let start = ffi::PyBytes_AsString(bytes.as_ptr());
        std::slice::from_raw_parts(start.cast(), ffi::PyBytes_Size(bytes.as_ptr()).max(0) as usize)
    }
}

pub(crate) fn int(number: i64) -> Result<Owned> {
    // SAFETY: the GIL is held.
    Owned::new(unsafe { ffi::PyLong_FromLongLong(number) })
}

pub(crate) fn boolean(truth: bool) -> Result<Owned> {
    // SAFETY: the GIL is held.
    Owned::new(unsafe { ffi::PyBool_FromLong(truth.into()) })
}

pub(crate) fn dict() -> Result<Owned> {
    // SAFETY: the GIL is held.
    Owned::new(unsafe { ffi::PyDict_New() })
}

pub(crate) fn list(items: &[&Owned]) -> Result<Owned> {
    // SAFETY: the GIL is held.
    let list = Owned::new(unsafe { ffi::PyList_New(0) })?;
    for item in items {
        // SAFETY: both pointers are valid and the first is a list.
        check(unsafe { ffi::PyList_Append(list.as_ptr(), item.as_ptr()) })?;
    }
    Ok(list)
}

/// A list of what an object yields.
pub(crate) fn to_list(iterable: &Owned) -> Result<Owned> {
    // SAFETY: it is a live object.
    Owned::new(unsafe { ffi::PySequence_List(iterable.as_ptr()) })
}

pub(crate) fn tuple(items: &[&Owned]) -> Result<Owned> {
    // SAFETY: the GIL is held.
    let tuple = Owned::new(unsafe { ffi::PyTuple_New(items.len() as isize) })?;
    for (index, item) in (0..).zip(items) {
        // SAFETY: the tuple is fresh and has room for each item; the call takes over the reference.
        check(unsafe { ffi::PyTuple_SetItem(tuple.as_ptr(), index, (*item).clone().into_ptr()) })?;
    }
    Ok(tuple)
}

/// The items of a list or a tuple.
pub(crate) fn items(sequence: &Owned) -> Result<Vec<Owned>> {
    // SAFETY: the pointer is valid; each item is handed over.
    unsafe {
        let count = ffi::PySequence_Size(sequence.as_ptr());
        check(if count < 0 { -1 } else { 0 })?;
        (0..count).map(|index| Owned::new(ffi::PySequence_GetItem(sequence.as_ptr(), index))).collect()
    }
}

/// What a `str` says.
pub(crate) fn to_string(text: &Owned) -> Result<String> {
    let mut len = 0;
    // SAFETY: the text belongs to the object, which outlives its use here.
    unsafe {
        let text = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &mut len);
        if text.is_null() {
            return Err(Raised);
        }
        let text = std::slice::from_raw_parts(text.cast::<u8>(), len as usize);
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

pub(crate) fn import(name: &CStr) -> Result<Owned> {
    // SAFETY: the name is a C string.
    Owned::new(unsafe { ffi::PyImport_ImportModule(name.as_ptr()) })
}

/// A built-in function that is called with `this` before its arguments.
pub(crate) fn function(definition: &'static mut ffi::PyMethodDef, this: &Owned) -> Result<Owned> {
    unsafe extern "C" {
        // The one of `pyo3-ffi` needs a newer interpreter, which could not refuse older ones by name.
        fn PyCFunction_NewEx(
            definition: *mut ffi::PyMethodDef,
            this: *mut PyObject,
            module: *mut PyObject,
        ) -> *mut PyObject;
    }
    // SAFETY: the definition is well-formed and lives as long as the process.
    Owned::new(unsafe { PyCFunction_NewEx(definition, this.as_ptr(), null_mut()) })
}

/// A module that has been imported before, if it has.
pub(crate) fn imported(name: &str) -> Option<Owned> {
    let name = text(name).ok()?;
    // SAFETY: `sys.modules` is borrowed only for the call.
    let module = unsafe { ffi::PyImport_GetModule(name.as_ptr()) };
    Owned::new(module).inspect_err(|_| clear()).ok()
}

/// An attribute of `sys`, if it is there.
pub(crate) fn sys(name: &CStr) -> Option<Owned> {
    // SAFETY: the name is a C string; the result is borrowed and counted at once.
    unsafe { Obj::maybe(ffi::PySys_GetObject(name.as_ptr())) }.map(Owned::of)
}

pub(crate) fn set_sys(name: &CStr, value: &Owned) -> Result<()> {
    // SAFETY: both pointers are valid.
    check(unsafe { ffi::PySys_SetObject(name.as_ptr(), value.as_ptr()) })
}

/// Calls a function of `sys` that takes nothing and returns a number.
pub(crate) fn call_sys(name: &CStr) -> Result<i64> {
    import(c"sys")?.call_method(name, &[])?.to_i64()
}

/// Compiles source text or bytes in one of the modes of `compile`.
pub(crate) fn compile(source: &Owned, filename: &str, mode: &str, flags: i64) -> Result<Owned> {
    let compile = import(c"builtins")?.attribute(c"compile")?;
    let do_not_inherit = boolean(true)?;
    compile.call(&[source, &text(filename)?, &text(mode)?, &int(flags)?, &do_not_inherit])
}

/// Runs a code object in a namespace.
pub(crate) fn evaluate(code: &Owned, namespace: &Owned) -> Result<Owned> {
    // SAFETY: the first is a code object, the others are dicts.
    Owned::new(unsafe { ffi::PyEval_EvalCode(code.as_ptr(), namespace.as_ptr(), namespace.as_ptr()) })
}

/// Takes the exception that is set out of the interpreter.
///
/// # Panics
/// If none is set.
pub(crate) fn take_exception() -> Owned {
    let (mut ty, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the three places are valid; each reference is taken over.
    unsafe {
        ffi::PyErr_Fetch(&mut ty, &mut value, &mut traceback);
        ffi::PyErr_NormalizeException(&mut ty, &mut value, &mut traceback);
        if !traceback.is_null() {
            ffi::PyException_SetTraceback(value, traceback);
            ffi::Py_DecRef(traceback);
        }
        ffi::Py_DecRef(ty);
    }
    Owned::new(value).expect("an exception is set wherever `Raised` is returned")
}

/// Runs something that leaves the exception that is set, if one is, as it is.
pub(crate) fn undisturbed<R>(run: impl FnOnce() -> R) -> R {
    let (mut ty, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the three places are valid; the references are taken over and given back.
    unsafe {
        ffi::PyErr_Fetch(&mut ty, &mut value, &mut traceback);
        let result = run();
        ffi::PyErr_Restore(ty, value, traceback);
        result
    }
}

/// Sets the exception, as if it had just been raised.
pub(crate) fn set_exception(exception: Owned) -> Raised {
    // SAFETY: the exception is an instance; the call takes over all three references.
    unsafe {
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        let ty = exception.obj().ty().as_ptr();
        ffi::Py_IncRef(ty);
        ffi::PyErr_Restore(ty, exception.into_ptr(), traceback);
    }
    Raised
}

/// Raises `ImportError`.
pub(crate) fn raise_import_error(message: &str) -> Raised {
    // SAFETY: this names a static class.
    raise(unsafe { ffi::PyExc_ImportError }, message)
}

/// Raises `OSError`.
pub(crate) fn raise_os_error(message: &str) -> Raised {
    // SAFETY: this names a static class.
    raise(unsafe { ffi::PyExc_OSError }, message)
}

/// Raises `ValueError`.
pub(crate) fn raise_value_error(message: &str) -> Raised {
    // SAFETY: this names a static class.
    raise(unsafe { ffi::PyExc_ValueError }, message)
}

fn raise(class: *mut PyObject, message: &str) -> Raised {
    if let Ok(message) = text(message) {
        // SAFETY: both pointers are valid.
        unsafe { ffi::PyErr_SetObject(class, message.as_ptr()) };
    }
    Raised
}
