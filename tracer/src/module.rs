//! The extension module `et_tracer`, as Python sees it.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::ptr::null_mut;

use pyo3_ffi as ffi;
use pyo3_ffi::{METH_NOARGS, METH_O, METH_VARARGS, PyMethodDef, PyMethodDefPointer, PyModuleDef, PyObject};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use trace::Arena;

use crate::interpreter;
use crate::program;
use crate::python::{self, Owned, Result};
use crate::zygote;

/// The functions of the module.
static mut METHODS: [PyMethodDef; 4] = [
    method(
        c"run_file",
        run_file,
        METH_O,
        c"Run the program in the arena file at this path; return its exit status.",
    ),
    method(c"warm_up", warm_up, METH_NOARGS, c"Run a small program, so that forked processes start warm."),
    method(
        c"serve",
        zygote::serve,
        METH_VARARGS,
        c"Run one program after another for the worker that started us.",
    ),
    PyMethodDef::zeroed(),
];

type Function = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

const fn method(name: &'static CStr, function: Function, flags: i32, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: function },
        ml_flags: flags,
        ml_doc: doc.as_ptr(),
    }
}

static mut MODULE: PyModuleDef = PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: c"et_tracer".as_ptr(),
    m_doc: c"A native tracer for CPython.".as_ptr(),
    m_size: -1,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// Called by the interpreter when it imports the module.
///
/// # Safety
/// Only the interpreter may call it.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn PyInit_et_tracer() -> *mut PyObject {
    answer(|| {
        interpreter::learn()?;
        // SAFETY: the definition is well-formed and lives as long as the process; only this hands it out.
        Owned::new(unsafe { ffi::PyModule_Create(&raw mut MODULE) })
    })
}

unsafe extern "C" fn run_file(_: *mut PyObject, path: *mut PyObject) -> *mut PyObject {
    answer(|| {
        // SAFETY: the argument is an object.
        let path = unsafe { Owned::borrowed(path) };
        let path = python::to_string(&path)?;
        let arena = map(&path).map_err(|error| python::raise_os_error(&format!("{path}: {error}")))?;
        // SAFETY: the arena stays mapped until the process ends.
        python::int(unsafe { program::run(arena) }.into())
    })
}

unsafe extern "C" fn warm_up(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    answer(|| {
        program::warm_up()?;
        Ok(python::none())
    })
}

fn answer(function: impl FnOnce() -> Result<Owned>) -> *mut PyObject {
    function().map_or(null_mut(), Owned::into_ptr)
}

/// Maps a file that was laid out as an arena, for as long as the process lives.
fn map(path: &str) -> std::io::Result<Arena> {
    let file = File::options().read(true).write(true).open(path)?;
    let len = file.metadata()?.len() as usize;
    // SAFETY: the mapping is a fresh one and is never removed.
    let arena = unsafe {
        let base =
            mmap(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file.as_fd(), 0)?;
        Arena::open(base.cast(), len)
    };
    arena.ok_or_else(|| std::io::Error::other("not an arena"))
}
