//! The module that a program is, and what `sys` says of it.

use std::fs::File;
use std::io::Write;

use pyo3_ffi as ffi;

use crate::python::{self, Owned, Result};

/// What a program's source is to the interpreter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The script that was started.
    Main,
    /// A module that something has imported.
    Imported,
}

/// Makes a fresh module for a source of this name in the current folder, and returns its namespace.
pub(super) fn install(filename: &str, role: Role, arguments: &[&str]) -> Result<Owned> {
    let sys = python::import(c"sys")?;
    let modules = sys.attribute(c"modules")?;
    let main = new_module("__main__")?;
    modules.set_item(c"__main__", &main)?;
    let (name, module) = match role {
        Role::Main => ("__main__".to_owned(), main),
        Role::Imported => {
            let name = free_name(filename, &sys, &modules)?;
            let module = new_module(&name)?;
            modules.call_method(c"__setitem__", &[&python::text(&name)?, &module])?;
            (name, module)
        }
    };
    let namespace = module.attribute(c"__dict__")?;
    namespace.set_item(c"__annotations__", &python::dict()?)?;
    namespace.set_item(c"__builtins__", &python::import(c"builtins")?)?;
    namespace.set_item(c"__file__", &python::text(filename)?)?;
    namespace.set_item(c"__cached__", &python::none())?;
    let loader = python::import(c"_frozen_importlib_external")?.attribute(c"SourceFileLoader")?;
    let loader = loader.call(&[&python::text(&name)?, &python::text(filename)?])?;
    namespace.set_item(c"__loader__", &loader)?;
    let texts = std::iter::once(filename).chain(arguments.iter().copied()).map(python::text);
    let texts = texts.collect::<Result<Vec<_>>>()?;
    python::set_sys(c"argv", &python::list(&texts.iter().collect::<Vec<_>>())?)?;
    if role == Role::Main {
        // An imported module has a place among others, which are not here. If it were looked for in this folder,
        // `queue.py` would stand in for the module that half of the library imports.
        look_for_modules_here()?;
    }
    forget_own_source()?;
    Ok(namespace)
}

/// The name under which a module of this file can be imported without standing in for another.
fn free_name(filename: &str, sys: &Owned, modules: &Owned) -> Result<String> {
    let mut name = filename.strip_suffix(".py").unwrap_or(filename).to_owned();
    let library = sys.attribute(c"stdlib_module_names")?;
    loop {
        let key = python::text(&name)?;
        let has = |container: &Owned| container.call_method(c"__contains__", &[&key])?.is_true();
        if !has(&library)? && !has(modules)? {
            return Ok(name);
        }
        name.push('_');
    }
}

/// From 3.13 on `linecache` holds the text behind `-c`, which brought the tracer here, as that of `<string>`: the
/// name that code which the program makes of strings has, too. Later patch releases keep such texts apart from those of
/// files.
fn forget_own_source() -> Result<()> {
    let linecache = python::import(c"linecache")?;
    linecache.call_method(c"clearcache", &[])?;
    match linecache.attribute(c"_interactive_cache") {
        Ok(texts) => drop(texts.call_method(c"clear", &[])?),
        Err(_) => python::clear(),
    }
    Ok(())
}

fn new_module(name: &str) -> Result<Owned> {
    let name = python::text(name)?;
    // SAFETY: the name is a text.
    Owned::new(unsafe { ffi::PyModule_NewObject(name.as_ptr()) })
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
