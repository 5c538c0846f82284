//! Checks at load that the interpreter lays out objects as these layouts say.

use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3_ffi::{METH_O, METH_VARARGS, PyMethodDef, PyMethodDefPointer, PyObject, PyType_Type};

use super::{Code, Frame, Obj, Str, Thread, Tuple, Type, Version, behind_cell, definition};
use crate::python::{self, Owned, Result};
use crate::value::{self, Limits, Text};

/// What is laid out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch(pub(crate) String);

/// Reads known values and frames through the layouts of `V`.
pub(crate) fn check<V: Version>() -> Result<std::result::Result<(), Mismatch>> {
    // First what can be told without following a pointer that may not be one.
    if let Err(mismatch) = check_published::<V>().and_then(|()| check_class_size::<V>()) {
        return Ok(Err(mismatch));
    }
    if !definitions_are_found()? {
        return Ok(Err(Mismatch("PyMethodDef".into())));
    }
    let namespace = python::dict()?;
    let functions = [
        (c"text", text::<V> as Function, METH_O),
        (c"message", message::<V>, METH_O),
        (c"sees_frame", sees_frame::<V>, METH_VARARGS),
        (c"sees_namespace", sees_namespace::<V>, METH_O),
    ];
    for (name, function, flags) in functions {
        namespace.set_item(name, &new_function(name, function, flags)?)?;
    }
    namespace.set_item(c"__name__", &python::text("et_tracer.selftest")?)?;
    namespace.set_item(c"__builtins__", &python::import(c"builtins")?)?;
    let source = python::text(include_str!("selftest.py"))?;
    python::evaluate(&python::compile(&source, "<selftest>", "exec", 0)?, &namespace)?;
    let wrong = namespace.item(&python::text("wrong")?);
    Ok(match wrong.as_ref().and_then(|wrong| Str::plain(wrong.obj())) {
        Some(what) => Err(Mismatch(String::from_utf8_lossy(&value::to_utf8::<V>(what)).into_owned())),
        None => Ok(()),
    })
}

/// Compares with what the interpreter publishes about itself for debuggers, if it does.
fn check_published<V: Version>() -> std::result::Result<(), Mismatch> {
    const COOKIE: u64 = u64::from_ne_bytes(*b"xdebugpy");
    // SAFETY: the name is a C string; nothing is called.
    let runtime = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_PyRuntime".as_ptr()) }.cast::<u64>();
    if V::PUBLISHED.is_empty() || runtime.is_null() {
        return Ok(());
    }
    // SAFETY: from 3.13 on the runtime begins with the table of offsets, which is longer than any place here.
    let published = |place: usize| unsafe { runtime.add(place).read() };
    if published(0) != COOKIE {
        return Err(Mismatch("_PyRuntime".into()));
    }
    match V::PUBLISHED.iter().find(|&&(place, offset, _)| published(place) != offset as u64) {
        Some((_, _, what)) => Err(Mismatch((*what).into())),
        None => Ok(()),
    }
}

/// Compares the size of a class made by Python code, which every version has added to.
fn check_class_size<V: Version>() -> std::result::Result<(), Mismatch> {
    // SAFETY: `type` is a class.
    let class = unsafe { Type::from_obj(Obj::from_ptr((&raw mut PyType_Type).cast())) };
    if class.instance_size() == V::HEAP_TYPE.size { Ok(()) } else { Err(Mismatch("PyHeapTypeObject".into())) }
}

/// Whether the definitions of a function, a bound method and a method of a class are where they are looked for.
fn definitions_are_found() -> Result<bool> {
    let builtins = python::import(c"builtins")?;
    let list = builtins.attribute(c"list")?;
    let found = |object: Owned, name: &CStr| {
        // SAFETY: a definition's name is a C string.
        definition(object.obj())
            .is_some_and(|found| unsafe { CStr::from_ptr((*found.as_ptr()).ml_name) } == name)
    };
    Ok(found(builtins.attribute(c"len")?, c"len")
        && found(list.call(&[])?.attribute(c"append")?, c"append")
        && found(list.attribute(c"append")?, c"append"))
}

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

fn new_function(name: &'static CStr, function: Function, flags: i32) -> Result<Owned> {
    // A function refers to its definition for as long as it lives; these are few and made once.
    let definition = Box::leak(Box::new(PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: function },
        ml_flags: flags,
        ml_doc: std::ptr::null(),
    }));
    python::function(definition, &python::none())
}

fn written(write: impl FnOnce(&mut Text)) -> *mut PyObject {
    let limits = Limits::new(512);
    let mut buffer = vec![0; limits.room()];
    // SAFETY: the buffer has the room that the limits ask for.
    let mut text = unsafe { Text::new(buffer.as_mut_ptr(), limits) };
    write(&mut text);
    let len = text.byte_len();
    python::text(&String::from_utf8_lossy(&buffer[..len])).map_or(null_mut(), Owned::into_ptr)
}

unsafe extern "C" fn text<V: Version>(_: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is an object.
    written(|text| value::write::<V>(text, unsafe { Obj::from_ptr(value) }))
}

unsafe extern "C" fn message<V: Version>(_: *mut PyObject, exception: *mut PyObject) -> *mut PyObject {
    // SAFETY: the argument is an object.
    written(|text| value::write_message::<V>(text, unsafe { Obj::from_ptr(exception) }))
}

fn truth(truth: bool) -> *mut PyObject {
    python::boolean(truth).map_or(null_mut(), Owned::into_ptr)
}

/// Whether the caller's frame reads as that of `known`, of which it is given the code and the arguments.
unsafe extern "C" fn sees_frame<V: Version>(_: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: the arguments are a tuple.
    let arguments = unsafe { Tuple::from_obj(Obj::from_ptr(arguments)) };
    let &[Some(code), Some(sentinel), Some(boxed)] = arguments.items() else { return truth(false) };
    let thread = Thread::<V>::current();
    let (Some(frame), Some(known)) = (thread.frame(), Code::<V>::of(code)) else { return truth(false) };
    if frame.code().obj() != code || known.local_count() != 3 {
        return truth(false);
    }
    let locals = known.locals();
    let is_named = |index: usize, name: &str| value::to_utf8::<V>(locals[index].name) == name.as_bytes();
    // SAFETY: the code has three locals.
    let (first, second) = unsafe { (frame.local(0), frame.local(1)) };
    let instructions = 0..4096;
    truth(
        first == Some(sentinel)
            && second != Some(boxed)
            && second.and_then(behind_cell) == Some(boxed)
            && is_named(0, "sentinel")
            && is_named(1, "boxed")
            && !locals[0].in_cell
            && locals[1].in_cell
            && !locals[1].is_free
            && known.is_function()
            && known.first_line() > 1
            && value::to_utf8::<V>(known.qualified_name()) == b"known"
            && value::to_utf8::<V>(known.filename()) == b"<selftest>"
            && frame
                .caller()
                .and_then(Frame::python_code)
                .is_some_and(|caller| value::to_utf8::<V>(caller.qualified_name()) == b"find_wrong")
            && known.names().items().len() == 3
            && known.constants().items().iter().flatten().any(|constant| Code::<V>::of(*constant).is_some())
            && instructions.contains(&frame.instruction_offset())
            && python::call_sys(c"getrecursionlimit")
                .is_ok_and(|limit| limit == i64::from(thread.recursion_limit())),
    )
}

/// Whether the caller's frame binds its names in this mapping.
unsafe extern "C" fn sees_namespace<V: Version>(_: *mut PyObject, mapping: *mut PyObject) -> *mut PyObject {
    let namespace = Thread::<V>::current().frame().and_then(|frame| frame.namespace());
    truth(namespace.is_some_and(|namespace| std::ptr::eq(namespace.as_ptr(), mapping)))
}
