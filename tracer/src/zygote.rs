//! Makes this interpreter a zygote: warm, confined once, and forked for one program after another.
//!
//! What a zygote is and does is `jail`'s; this is what forking and running mean to an interpreter.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::{null, null_mut};

use jail::{Forker, Shared, UnknownLayer, Zygote};
use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;
use rustix::process::Pid;
use trace::Arena;

use crate::program;

/// `serve(scratch, profile)`: never returns, unless something is wrong with this process.
///
/// # Safety
/// Called by the interpreter, with a tuple of arguments and the GIL held, in a process that `jail::Launch` has
/// started.
pub(crate) unsafe extern "C" fn serve(_module: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    let (mut scratch, mut profile): (*const c_char, *const c_char) = (null(), null());
    // SAFETY: both are set where this succeeds, and their texts belong to the arguments, which outlive them.
    let (scratch, profile) = unsafe {
        if ffi::PyArg_ParseTuple(arguments, c"ss".as_ptr(), &raw mut scratch, &raw mut profile) == 0 {
            return null_mut();
        }
        (CStr::from_ptr(scratch), CStr::from_ptr(profile))
    };
    if program::warm_up().is_err() {
        return null_mut();
    }
    // SAFETY: as the caller promises.
    let Err(error) = unsafe { serve_until_alone(scratch, profile) };
    let error = CString::new(error).unwrap_or_default();
    // SAFETY: the GIL is held.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_RuntimeError, error.as_ptr()) };
    null_mut()
}

/// # Safety
/// As for [`serve`].
unsafe fn serve_until_alone(scratch: &CStr, profile: &CStr) -> Result<Infallible, String> {
    let profile = profile.to_string_lossy().parse().map_err(|error: UnknownLayer| error.to_string())?;
    let scratch = PathBuf::from(OsStr::from_bytes(scratch.to_bytes()));
    // SAFETY: `Launch` has started this process, and nothing in it has touched what it was given.
    let zygote = unsafe { Zygote::adopt(profile, scratch) }.map_err(|error| error.to_string())?;
    program::use_up_holes();
    zygote.serve(&version(), &mut Interpreter).map_err(|error| error.to_string())
}

/// For example `3.13.0`.
fn version() -> String {
    // SAFETY: the interpreter's version is a constant text, "3.13.0 (main, …".
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_string_lossy();
    version.split(' ').next().unwrap_or_default().to_owned()
}

struct Interpreter;

impl Forker for Interpreter {
    fn fork(&mut self) -> io::Result<Option<Pid>> {
        // SAFETY: the GIL is held, and the process has one thread. Each half tells the interpreter.
        let (child, error) = unsafe {
            ffi::PyOS_BeforeFork();
            let child = libc::fork();
            let error = io::Error::last_os_error();
            if child == 0 {
                ffi::PyOS_AfterFork_Child();
            } else {
                ffi::PyOS_AfterFork_Parent();
            }
            (child, error)
        };
        if child < 0 { Err(error) } else { Ok(Pid::from_raw(child)) }
    }

    fn run(&mut self, shared: Shared) -> i32 {
        // SAFETY: the memory stays mapped until the process ends.
        let arena = unsafe { Arena::open(shared.base.as_ptr(), shared.len) };
        let arena = arena.expect("the worker lays the arena out before it hands it over");
        // SAFETY: the GIL is held, in a fork of a warm interpreter.
        unsafe { program::run(arena) }
    }
}
