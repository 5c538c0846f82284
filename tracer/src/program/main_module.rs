//! The `__main__` module of a program, and what `sys` says of it.

use std::fs::File;
use std::io::Write;

use pyo3_ffi as ffi;

use crate::python::{self, Owned, Result};

/// Makes a fresh `__main__` as for a script of this name in the current folder, and returns its namespace.
pub(super) fn install(filename: &str) -> Result<Owned> {
    let main = new_module()?;
    let namespace = main.attribute(c"__dict__")?;
    namespace.set_item(c"__annotations__", &python::dict()?)?;
    namespace.set_item(c"__builtins__", &python::import(c"builtins")?)?;
    namespace.set_item(c"__file__", &python::text(filename)?)?;
    namespace.set_item(c"__cached__", &python::none())?;
    let loader = python::import(c"_frozen_importlib_external")?.attribute(c"SourceFileLoader")?;
    let loader = loader.call(&[&python::text("__main__")?, &python::text(filename)?])?;
    namespace.set_item(c"__loader__", &loader)?;
    let modules = python::import(c"sys")?.attribute(c"modules")?;
    modules.set_item(c"__main__", &main)?;
    python::set_sys(c"argv", &python::list(&[&python::text(filename)?])?)?;
    look_for_modules_here()?;
    forget_own_source()?;
    Ok(namespace)
}

/// From 3.13 on `linecache` holds the text behind `-c`, which brought the tracer here, as that of `<string>`: the
/// name that code which the program makes of strings has, too.
fn forget_own_source() -> Result<()> {
    python::import(c"linecache")?.call_method(c"clearcache", &[])?;
    Ok(())
}

fn new_module() -> Result<Owned> {
    // SAFETY: the name is a C string.
    Owned::new(unsafe { ffi::PyModule_New(c"__main__".as_ptr()) })
}

/// Puts the current folder first on `sys.path`, as that of a script is.
fn look_for_modules_here() -> Result<()> {
    let Ok(here) = std::env::current_dir() else { return Ok(()) };
    let path = python::import(c"sys")?.attribute(c"path")?;
    path.call_method(c"insert", &[&python::int(0)?, &python::text(&here.to_string_lossy())?])?;
    Ok(())
}

/// Puts the source where tracebacks and `inspect` look for it, unless there is such a file.
pub(super) fn write_source(filename: &str, source: &[u8]) {
    // Where that cannot be done tracebacks show no source lines, as for any script that was deleted.
    let _ = File::create_new(filename).and_then(|mut file| file.write_all(source));
}
