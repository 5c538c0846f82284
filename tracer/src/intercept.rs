//! Stands in for built-in functions of the interpreter.
//!
//! What is replaced is the pointer in a function's definition, which every way of calling it reads: under whatever
//! name, through a bound method, by a library, after its module was deleted and imported again. The objects stay the
//! same, so the program sees the function that it always was, and code that does not call it pays nothing.

use std::ffi::{CStr, c_void};
use std::mem::transmute;
use std::ptr::{self, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::{PyMethodDefPointer, PyObject};

use crate::layout::{Obj, Tuple, definition};
use crate::python::{self, Result};

/// A built-in function that is stood in for, and what is known of it.
pub(crate) struct Function<Known> {
    module: &'static CStr,
    /// Its name in the module, or that of a method behind its class and a point.
    name: &'static str,
    pub(crate) known: Known,
    stand_ins: StandIns,
    /// What the definition held; null until it is replaced.
    original: AtomicPtr<c_void>,
}

/// What is done instead of calling a function.
pub(crate) trait StandIn: 'static {
    type Known;

    fn function() -> &'static Function<Self::Known>;

    /// Returns what the caller gets: a new reference, or null with an exception set.
    fn call(function: &'static Function<Self::Known>, call: &Call<'_>) -> *mut PyObject;
}

/// One call of a function.
pub(crate) struct Call<'a> {
    /// What a method was called on; for a function, its module.
    pub(crate) this: Option<Obj>,
    /// Those that are passed by position.
    pub(crate) arguments: &'a [Obj],
    original: &'a dyn Fn() -> *mut PyObject,
}

impl Call<'_> {
    /// Calls what is stood in for, with the same arguments.
    pub(crate) fn go_on(&self) -> *mut PyObject {
        (self.original)()
    }
}

/// Makes a `&'static Function` of a module, a name, what is known, and how it is stood in for: a function like
/// [`StandIn::call`].
macro_rules! intercepted {
    ($module:literal, $name:literal, $known:ty: $value:expr, $call:path) => {{
        struct Here;
        static FUNCTION: $crate::intercept::Function<$known> =
            $crate::intercept::Function::new::<Here>($module, $name, $value);
        impl $crate::intercept::StandIn for Here {
            type Known = $known;

            fn function() -> &'static $crate::intercept::Function<$known> {
                &FUNCTION
            }

            fn call(
                function: &'static $crate::intercept::Function<$known>,
                call: &$crate::intercept::Call<'_>,
            ) -> *mut pyo3_ffi::PyObject {
                $call(function, call)
            }
        }
        &FUNCTION
    }};
}
pub(crate) use intercepted;

impl<Known: 'static> Function<Known> {
    pub(crate) const fn new<S: StandIn<Known = Known>>(
        module: &'static CStr,
        name: &'static str,
        known: Known,
    ) -> Function<Known> {
        let original = AtomicPtr::new(null_mut());
        Function { module, name, known, stand_ins: StandIns::of::<S>(), original }
    }

    pub(crate) fn module(&self) -> &'static str {
        self.module.to_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Stands in for the function from now on. Where this build of the interpreter does not have it, nothing has to
    /// be done.
    pub(crate) fn install(&'static self) -> Result<()> {
        if !self.original().is_null() {
            return Ok(());
        }
        let Ok(mut object) = python::import(self.module) else {
            python::clear();
            return Ok(());
        };
        for name in self.name.split('.') {
            let Ok(attribute) = object.attribute_named(name) else {
                python::clear();
                return Ok(());
            };
            object = attribute;
        }
        let Some(definition) = definition(object.obj()) else { return Err(self.refusal()) };
        // SAFETY: a definition is never freed, and interpreters keep them where they can be written to. The GIL is
        // held, so nobody calls the function meanwhile.
        unsafe {
            let definition = definition.as_ptr();
            let Some(stand_in) = self.stand_ins.for_flags((*definition).ml_flags) else {
                return Err(self.refusal());
            };
            self.original.store((*definition).ml_meth.as_ptr(), Ordering::Relaxed);
            (&raw mut (*definition).ml_meth).write(stand_in);
        }
        Ok(())
    }

    fn refusal(&self) -> python::Raised {
        python::raise_import_error(&format!(
            "this python defines {}.{} in a way that cannot be traced: use a CPython 3.11, 3.12 or 3.13",
            self.module(),
            self.name
        ))
    }

    fn original(&self) -> *mut c_void {
        self.original.load(Ordering::Relaxed)
    }
}

/// The ways in which the interpreter calls a built-in function.
struct StandIns {
    without: ffi::PyCFunction,
    single: ffi::PyCFunction,
    tuple: ffi::PyCFunction,
    tuple_and_keywords: ffi::PyCFunctionWithKeywords,
    vector: ffi::PyCFunctionFast,
    vector_and_keywords: ffi::PyCFunctionFastWithKeywords,
}

impl StandIns {
    const fn of<S: StandIn>() -> StandIns {
        StandIns {
            without: without::<S>,
            single: single::<S>,
            tuple: tuple::<S>,
            tuple_and_keywords: tuple_and_keywords::<S>,
            vector: vector::<S>,
            vector_and_keywords: vector_and_keywords::<S>,
        }
    }

    fn for_flags(&self, flags: i32) -> Option<PyMethodDefPointer> {
        const BINDING: i32 = ffi::METH_CLASS | ffi::METH_STATIC | ffi::METH_COEXIST;
        const TUPLE_AND_KEYWORDS: i32 = ffi::METH_VARARGS | ffi::METH_KEYWORDS;
        const VECTOR_AND_KEYWORDS: i32 = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
        match flags & !BINDING {
            ffi::METH_NOARGS => Some(PyMethodDefPointer { PyCFunction: self.without }),
            ffi::METH_O => Some(PyMethodDefPointer { PyCFunction: self.single }),
            ffi::METH_VARARGS => Some(PyMethodDefPointer { PyCFunction: self.tuple }),
            TUPLE_AND_KEYWORDS => {
                Some(PyMethodDefPointer { PyCFunctionWithKeywords: self.tuple_and_keywords })
            }
            ffi::METH_FASTCALL => Some(PyMethodDefPointer { PyCFunctionFast: self.vector }),
            VECTOR_AND_KEYWORDS => {
                Some(PyMethodDefPointer { PyCFunctionFastWithKeywords: self.vector_and_keywords })
            }
            _ => None,
        }
    }
}

fn run<S: StandIn>(
    this: *mut PyObject,
    arguments: &[Obj],
    original: &dyn Fn() -> *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter passes an object or null.
    let this = unsafe { Obj::maybe(this) };
    S::call(S::function(), &Call { this, arguments, original })
}

unsafe extern "C" fn without<S: StandIn>(this: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: a function of this convention was replaced.
    run::<S>(this, &[], &|| unsafe {
        transmute::<*mut c_void, ffi::PyCFunction>(S::function().original())(this, nothing)
    })
}

unsafe extern "C" fn single<S: StandIn>(this: *mut PyObject, argument: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter passes an object; a function of this convention was replaced.
    unsafe {
        run::<S>(this, &[Obj::from_ptr(argument)], &|| {
            transmute::<*mut c_void, ffi::PyCFunction>(S::function().original())(this, argument)
        })
    }
}

unsafe extern "C" fn tuple<S: StandIn>(this: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: the interpreter passes a tuple; a function of this convention was replaced.
    unsafe {
        run::<S>(this, items(arguments), &|| {
            transmute::<*mut c_void, ffi::PyCFunction>(S::function().original())(this, arguments)
        })
    }
}

unsafe extern "C" fn tuple_and_keywords<S: StandIn>(
    this: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `tuple`.
    unsafe {
        run::<S>(this, items(arguments), &|| {
            let original = S::function().original();
            transmute::<*mut c_void, ffi::PyCFunctionWithKeywords>(original)(this, arguments, keywords)
        })
    }
}

unsafe extern "C" fn vector<S: StandIn>(
    this: *mut PyObject,
    arguments: *mut *mut PyObject,
    count: isize,
) -> *mut PyObject {
    // SAFETY: the interpreter passes as many objects; a function of this convention was replaced.
    unsafe {
        run::<S>(this, objects(arguments, count), &|| {
            let original = S::function().original();
            transmute::<*mut c_void, ffi::PyCFunctionFast>(original)(this, arguments, count)
        })
    }
}

unsafe extern "C" fn vector_and_keywords<S: StandIn>(
    this: *mut PyObject,
    arguments: *const *mut PyObject,
    count: isize,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `vector`.
    unsafe {
        run::<S>(this, objects(arguments, count), &|| {
            let original = S::function().original();
            transmute::<*mut c_void, ffi::PyCFunctionFastWithKeywords>(original)(
                this, arguments, count, keywords,
            )
        })
    }
}

/// The items of a tuple of arguments, none of which is null.
///
/// # Safety
/// It must be a live tuple.
unsafe fn items<'a>(arguments: *mut PyObject) -> &'a [Obj] {
    // SAFETY: the caller vouches for it. An `Option<Obj>` that is not null reads as an `Obj`.
    unsafe {
        let tuple = Tuple::from_obj(Obj::from_ptr(arguments));
        let items = tuple.items();
        std::slice::from_raw_parts(ptr::from_ref(items).cast::<Obj>(), items.len())
    }
}

/// # Safety
/// There must be as many live objects.
unsafe fn objects<'a>(arguments: *const *mut PyObject, count: isize) -> &'a [Obj] {
    if count <= 0 {
        return &[];
    }
    // SAFETY: the caller vouches for them.
    unsafe { std::slice::from_raw_parts(arguments.cast(), count as usize) }
}
