//! Notices who looks into `os.environ`, which is a mapping written in Python: it translates each name that it is asked
//! for, or that it hands out, with a function of its own, and those are stood in for. What it sets, it reports.

use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3_ffi::{METH_O, PyMethodDef, PyMethodDefPointer, PyObject};
use trace::EffectKind;

use super::Happening;
use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::{Obj, Thread, Version};
use crate::python::{self, Owned, Result};
use crate::value;

/// The methods that only look.
const LOOKS: [&[u8]; 2] = [b"_Environ.__getitem__", b"_Environ.__iter__"];

pub(super) fn install() -> Result<()> {
    let os = python::import(c"os")?;
    for mapping in [c"environ", c"environb"] {
        let mapping = os.attribute(mapping)?;
        for translation in [c"encodekey", c"decodekey"] {
            stand_in(&mapping, translation)?;
        }
    }
    Ok(())
}

fn stand_in(mapping: &Owned, translation: &'static CStr) -> Result<()> {
    let original = mapping.attribute(translation)?;
    // A function refers to its definition for as long as it lives; these are few and live as long as the process.
    let definition = Box::leak(Box::new(PyMethodDef {
        ml_name: translation.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: translate },
        ml_flags: METH_O,
        ml_doc: null_mut(),
    }));
    mapping.set_attribute(translation, &python::function(definition, &original)?)
}

/// Calls the translation that it is bound to.
unsafe extern "C" fn translate(original: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter passes live objects.
    let (original, name) = unsafe { (Owned::borrowed(original), Owned::borrowed(name)) };
    if for_this_version(IsLookedAt) {
        let arguments: &[Obj] = &[name.obj()];
        Happening { kind: EffectKind::Environment, module: "os", name: "getenv", arguments }.tell();
    }
    original.call(&[&name]).map_or(null_mut(), Owned::into_ptr)
}

/// Whether the caller only looks.
struct IsLookedAt;

impl ForVersion for IsLookedAt {
    type Output = bool;

    fn with<V: Version>(self) -> bool {
        let code = Thread::<V>::current().frame().and_then(|frame| frame.python_code());
        code.is_some_and(|code| LOOKS.contains(&value::to_utf8::<V>(code.qualified_name()).as_slice()))
    }
}
