//! The standard streams of a program: as under `python -u`, except that what is written to standard output and
//! error is also told to the log.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::{METH_O, PyMethodDef, PyMethodDefPointer, PyObject};
use trace::{GapReason, Stream, Verdict};

use super::with_log;
use crate::layout::{Exception, Int, Version};
use crate::log::{Full, VerdictText};
use crate::python::{self, Owned, Raised, Result};

/// `io.FileIO.write`
static WRITE: AtomicPtr<PyObject> = AtomicPtr::new(null_mut());

/// Gives `sys` the streams of a program, on the descriptors 0, 1 and 2.
pub(super) fn install<V: Version>() -> Result<()> {
    let io = python::import(c"io")?;
    let base = io.attribute(c"FileIO")?;
    WRITE.store(base.attribute(c"write")?.into_ptr(), Ordering::Relaxed);
    set(c"stdin", c"__stdin__", open_input(&io))?;
    let stdout = recording_class(&base, write::<V, STDOUT>)?;
    set(c"stdout", c"__stdout__", open_output(&io, &stdout, 1, "<stdout>", "strict"))?;
    let stderr = recording_class(&base, write::<V, STDERR>)?;
    set(c"stderr", c"__stderr__", open_output(&io, &stderr, 2, "<stderr>", "backslashreplace"))
}

/// A stream whose descriptor is closed is `None`, as in Python.
fn set(name: &CStr, original_name: &CStr, stream: Result<Owned>) -> Result<()> {
    let stream = stream.unwrap_or_else(|Raised| {
        python::clear();
        python::none()
    });
    python::set_sys(name, &stream)?;
    python::set_sys(original_name, &stream)
}

fn open_input(io: &Owned) -> Result<Owned> {
    let text = python::text;
    let (no, nothing) = (python::boolean(false)?, python::none());
    let descriptor = python::int(0)?;
    let default_buffer = python::int(-1)?;
    let open = [&descriptor, &text("rb")?, &default_buffer, &nothing, &nothing, &nothing, &no];
    let buffer = io.call_method(c"open", &open)?;
    buffer.attribute(c"raw")?.set_attribute(c"name", &text("<stdin>")?)?;
    let wrap = [&buffer, &text("utf-8")?, &text("strict")?, &nothing, &no, &no];
    let stream = io.call_method(c"TextIOWrapper", &wrap)?;
    stream.set_attribute(c"mode", &text("r")?)?;
    Ok(stream)
}

fn open_output(io: &Owned, class: &Owned, descriptor: i64, name: &str, errors: &str) -> Result<Owned> {
    let (yes, no) = (python::boolean(true)?, python::boolean(false)?);
    let text = python::text;
    let file = class.call(&[&python::int(descriptor)?, &text("wb")?, &no])?;
    file.set_attribute(c"name", &text(name)?)?;
    let (line_buffering, write_through) = (&no, &yes);
    let wrap = [&file, &text("utf-8")?, &text(errors)?, &text("\n")?, line_buffering, write_through];
    let stream = io.call_method(c"TextIOWrapper", &wrap)?;
    stream.set_attribute(c"mode", &text("w")?)?;
    Ok(stream)
}

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// A subclass of `FileIO` with this method `write`, under the same name.
fn recording_class(base: &Owned, write: Function) -> Result<Owned> {
    let end = PyMethodDef::zeroed();
    let write = PyMethodDef {
        ml_name: c"write".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: write },
        ml_flags: METH_O,
        ml_doc: null_mut(),
    };
    // The class refers to the definition for as long as it lives, which is as long as the process does.
    let methods = Box::leak(Box::new([write, end]));
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_methods, pfunc: methods.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: 0, pfunc: null_mut() },
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"_io.FileIO".as_ptr(),
        basicsize: 0,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as _,
        slots: slots.as_mut_ptr(),
    };
    let bases = python::tuple(&[base])?;
    // SAFETY: the specification is well-formed, and the second argument is a tuple of classes.
    Owned::new(unsafe { ffi::PyType_FromSpecWithBases(&mut spec, bases.as_ptr()) })
}

const STDOUT: bool = true;
const STDERR: bool = false;

/// The method `write`.
unsafe extern "C" fn write<V: Version, const IS_STDOUT: bool>(
    file: *mut PyObject,
    data: *mut PyObject,
) -> *mut PyObject {
    let stream = if IS_STDOUT { Stream::Stdout } else { Stream::Stderr };
    // SAFETY: the interpreter passes live objects, and `install` came first.
    let (file, data, base) = unsafe {
        let base = Owned::borrowed(WRITE.load(Ordering::Relaxed));
        (Owned::borrowed(file), Owned::borrowed(data), base)
    };
    write_all::<V>(&file, &data, &base, stream).map_or(null_mut(), Owned::into_ptr)
}

/// Writes all of the data, and tells the log what was written.
fn write_all<V: Version>(file: &Owned, data: &Owned, base: &Owned, stream: Stream) -> Result<Owned> {
    let mut rest = data.clone();
    let mut total = 0;
    loop {
        let written = base.call(&[file, &rest]).map_err(|Raised| end_at_limit::<V>())?;
        // `None` says that the descriptor would block.
        let Some(count) = Int::plain(written.obj()).and_then(Int::small::<V>) else { return Ok(written) };
        // SAFETY: it is an object that was just written as bytes.
        let bytes = Owned::new(unsafe { ffi::PyBytes_FromObject(rest.as_ptr()) })?;
        let bytes_written = &python::as_bytes(&bytes)[..count as usize];
        with_log(|log| {
            if let Err(Full) = log.output(stream, bytes_written) {
                log.close(GapReason::Bytes);
            }
        });
        total += count;
        let left = &python::as_bytes(&bytes)[count as usize..];
        if left.is_empty() || count == 0 {
            return python::int(total);
        }
        // A regular file takes less than all only at its limit, which the next attempt tells.
        rest = python::bytes(left)?;
    }
}

/// A write has failed: if that is because the file has reached its largest size, the process ends here.
fn end_at_limit<V: Version>() -> Raised {
    let exception = python::take_exception();
    // SAFETY: this names a static class.
    let os_error = Exception::of(exception.obj()).filter(|error| error.is_a(unsafe { ffi::PyExc_OSError }));
    let number = os_error.and_then(|error| error.arguments().items().first().copied().flatten());
    let number = number.and_then(Int::plain).and_then(Int::small::<V>);
    if number == Some(libc::EFBIG.into()) {
        with_log(|log| log.verdict::<V>(Verdict::OutputLimit, None, VerdictText::Empty));
        // SAFETY: nothing of the process is needed any more.
        unsafe { libc::_exit(1) };
    }
    python::set_exception(exception)
}
