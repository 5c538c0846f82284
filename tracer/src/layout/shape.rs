//! What kind of value an object is, as far as its text is concerned.

use std::ffi::{CStr, c_char};

use pyo3_ffi as ffi;
use pyo3_ffi::PyTypeObject;

use super::class::flag;
use super::{
    Array, ByteArray, Bytes, Deque, Dict, Instance, Int, List, NumpyArray, Obj, Set, Str, Tuple, Type,
    Version,
};

unsafe extern "C" {
    static PyFunction_Type: PyTypeObject;
    static PyMethod_Type: PyTypeObject;
    static PyCell_Type: PyTypeObject;
}

/// A value, seen as what it is laid out as. Subclasses have the shape of their base.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    None,
    Ellipsis,
    NotImplemented,
    Bool(bool),
    Int(Int),
    Float(f64),
    Complex(f64, f64),
    Str(Str),
    Bytes(Bytes),
    Range(Range),
    ByteArray(ByteArray),
    List(List),
    Tuple(Tuple),
    Set(Set),
    FrozenSet(Set),
    Dict(Dict),
    Deque(Deque),
    Exception(Exception),
    Class(Type),
    Function(Function),
    Method(Method),
    Builtin(Builtin),
    Module(Module),
    Array(Array),
    Instance(Instance),
    /// Anything else: it may be one that is [looked through](super::Window).
    Other,
}

impl Shape {
    /// Runs no code of the program.
    #[inline(always)]
    pub(crate) fn of(object: Obj) -> Shape {
        let class = object.ty();
        // SAFETY: each view is made of an object of exactly its class.
        unsafe {
            if class.is(&raw const ffi::PyLong_Type) {
                Shape::Int(Int::from_obj(object))
            } else if class.is(&raw const ffi::PyUnicode_Type) {
                Shape::Str(Str::from_obj(object))
            } else if class.is(&raw const ffi::PyFloat_Type) {
                float(object)
            } else if class.is(&raw const ffi::PyList_Type) {
                Shape::List(List::from_obj(object))
            } else if class.is(&raw const ffi::PyTuple_Type) {
                Shape::Tuple(Tuple::from_obj(object))
            } else if class.is(&raw const ffi::PyDict_Type) {
                Shape::Dict(Dict::from_obj(object))
            } else if class.is(&raw const ffi::PyBool_Type) {
                Shape::Bool(object.as_ptr() == ffi::Py_True())
            } else if object.as_ptr() == ffi::Py_None() {
                Shape::None
            } else if class.is(&raw const PyFunction_Type) {
                Shape::Function(Function(object))
            } else {
                Shape::of_rarer(object, class)
            }
        }
    }

    fn of_rarer(object: Obj, class: Type) -> Shape {
        // What most classes derive from is `object`.
        if class.is_made_by_python() && class.base().is_some_and(Type::is_object) {
            return Shape::instance(object, class);
        }
        let flags = class.flags();
        // SAFETY: each view is made of an object that its flag, or its class, says it is.
        unsafe {
            if flags & flag::CLASS != 0 {
                Shape::Class(Type::from_obj(object))
            } else if flags & flag::LIST != 0 {
                Shape::List(List::from_obj(object))
            } else if flags & flag::TUPLE != 0 {
                Shape::Tuple(Tuple::from_obj(object))
            } else if flags & flag::DICT != 0 {
                Shape::Dict(Dict::from_obj(object))
            } else if flags & flag::STR != 0 {
                Shape::Str(Str::from_obj(object))
            } else if flags & flag::INT != 0 {
                Shape::Int(Int::from_obj(object))
            } else if flags & flag::BYTES != 0 {
                Shape::Bytes(Bytes::from_obj(object))
            } else if flags & flag::EXCEPTION != 0 {
                Shape::Exception(Exception(object))
            } else if class.is(&raw const ffi::PyRange_Type) {
                Shape::Range(Range(object))
            } else if class.is(&raw const PyMethod_Type) {
                method(object)
            } else if is_builtin_function(class) {
                Shape::Builtin(Builtin(object))
            } else if class.is(&raw const ffi::PyModule_Type) {
                Shape::Module(Module(object))
            } else if object.as_ptr() == ffi::Py_Ellipsis() {
                Shape::Ellipsis
            } else if object.as_ptr() == ffi::Py_NotImplemented() {
                Shape::NotImplemented
            } else {
                Shape::by_base(object, class)
            }
        }
    }

    /// By the class that decides the layout.
    fn by_base(object: Obj, class: Type) -> Shape {
        let base = class.native();
        // SAFETY: a class whose chain of bases leads to this one is laid out as this one is.
        unsafe {
            if base.is_object() {
                Shape::instance(object, class)
            } else if base.is(&raw const ffi::PySet_Type) {
                Shape::Set(Set::from_obj(object))
            } else if base.is(&raw const ffi::PyFrozenSet_Type) {
                Shape::FrozenSet(Set::from_obj(object))
            } else if base.is_deque() {
                Shape::Deque(Deque::from_obj(object))
            } else if base.is(&raw const ffi::PyByteArray_Type) {
                Shape::ByteArray(ByteArray::from_obj(object))
            } else if base.is(&raw const ffi::PyFloat_Type) {
                float(object)
            } else if base.is(&raw const ffi::PyComplex_Type) {
                Shape::Complex(object.field(16), object.field(24))
            } else if Array::is_class(base) {
                Shape::Array(Array::from_obj(object))
            } else if NumpyArray::is_class(base) {
                Shape::Other
            } else {
                Shape::instance(object, class)
            }
        }
    }

    fn instance(object: Obj, class: Type) -> Shape {
        Instance::of(object, class).map_or(Shape::Other, Shape::Instance)
    }

    /// Whether `class` is the very class that this shape is named after.
    pub(crate) fn is_exact(&self, class: Type) -> bool {
        let exact: *const PyTypeObject = match self {
            Shape::Int(_) => &raw const ffi::PyLong_Type,
            Shape::Float(_) => &raw const ffi::PyFloat_Type,
            Shape::Complex(..) => &raw const ffi::PyComplex_Type,
            Shape::Str(_) => &raw const ffi::PyUnicode_Type,
            Shape::Bytes(_) => &raw const ffi::PyBytes_Type,
            Shape::ByteArray(_) => &raw const ffi::PyByteArray_Type,
            Shape::List(_) => &raw const ffi::PyList_Type,
            Shape::Tuple(_) => &raw const ffi::PyTuple_Type,
            Shape::Set(_) => &raw const ffi::PySet_Type,
            Shape::FrozenSet(_) => &raw const ffi::PyFrozenSet_Type,
            Shape::Dict(_) => &raw const ffi::PyDict_Type,
            Shape::Deque(_) => return class.is_deque(),
            Shape::Array(_) => return Array::is_class(class),
            _ => return true,
        };
        class.is(exact)
    }
}

/// Whether instances are functions made in C, or such that know the class that defines them.
fn is_builtin_function(class: Type) -> bool {
    let is_function = |class: Type| class.is(&raw const ffi::PyCFunction_Type);
    is_function(class) || class.base().is_some_and(is_function)
}

/// # Safety
/// `object` must be a float.
#[inline(always)]
unsafe fn float(object: Obj) -> Shape {
    const VALUE: usize = 16;
    // SAFETY: a float has the field.
    Shape::Float(unsafe { object.field(VALUE) })
}

/// # Safety
/// `object` must be a bound method.
unsafe fn method(object: Obj) -> Shape {
    // SAFETY: a method has the field; the class tells a Python function from what else can be bound.
    unsafe {
        let function = object.field::<Obj>(Method::FUNCTION);
        if function.ty().is(&raw const PyFunction_Type) {
            Shape::Method(Method(object))
        } else {
            Shape::Other
        }
    }
}

/// A Python function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function(Obj);

impl Function {
    const QUALIFIED_NAME: usize = 40;

    /// If it is one.
    #[inline(always)]
    pub(crate) fn of(object: Obj) -> Option<Function> {
        object.ty().is(&raw const PyFunction_Type).then_some(Function(object))
    }

    #[inline(always)]
    pub(crate) fn qualified_name(self) -> Str {
        // SAFETY: a function has the field, which is a `str`.
        unsafe { Str::from_obj(self.0.field(Function::QUALIFIED_NAME)) }
    }
}

/// A bound method of a Python function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method(Obj);

impl Method {
    const FUNCTION: usize = 16;

    pub(crate) fn function(self) -> Function {
        // SAFETY: a method has the field, and `method` looked at what it holds.
        Function(unsafe { self.0.field(Method::FUNCTION) })
    }
}

/// A function or method made in C.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builtin(Obj);

impl Builtin {
    const DEFINITION: usize = 16;
    const BOUND_TO: usize = 24;

    /// Address of its `PyMethodDef`, which begins with the name.
    fn definition(self) -> *const *const c_char {
        // SAFETY: a builtin has the field.
        unsafe { self.0.field(Builtin::DEFINITION) }
    }

    /// Address of what decides its name.
    pub(crate) fn naming(self) -> usize {
        self.definition() as usize
    }

    pub(crate) fn name(&self) -> &[u8] {
        // SAFETY: a definition outlives the functions made of it, and its name is a C string.
        unsafe { CStr::from_ptr(*self.definition()) }.to_bytes()
    }

    /// Whether it is bound to anything but a module.
    pub(crate) fn is_method(self) -> bool {
        // SAFETY: a builtin has the field.
        let bound_to = unsafe { self.0.field::<Option<Obj>>(Builtin::BOUND_TO) };
        bound_to.is_some_and(|owner| !owner.ty().is(&raw const ffi::PyModule_Type))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Module(Obj);

impl Module {
    const DICT: usize = 16;

    /// `__name__`, if it is a plain `str`.
    pub(crate) fn name<V: Version>(self, key: Str) -> Option<Str> {
        // SAFETY: a module has the field, which is a dict or null.
        let dict = unsafe { Dict::from_obj(self.0.field::<Option<Obj>>(Module::DICT)?) };
        let entries = dict.entries::<V>();
        // A module's name is nearly always its first entry.
        let first = entries.get(0).filter(|&(first, _)| first == key.obj());
        let (_, name) = first.or_else(|| entries.get(entries.find(key)?))?;
        Str::plain(name)
    }
}

/// `range`; its numbers are exact ints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range(Obj);

impl Range {
    const START: usize = 16;

    /// Start, stop and step.
    pub(crate) fn bounds(self) -> [Int; 3] {
        // SAFETY: a range has the three, side by side.
        unsafe { self.0.field::<[Obj; 3]>(Range::START).map(|number| Int::from_obj(number)) }
    }
}

/// An instance of `BaseException`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exception(Obj);

impl Exception {
    const ARGUMENTS: usize = 24;
    const TRACEBACK: usize = 40;
    const FILE_NAME: usize = 88;
    const FILE_NAME_2: usize = 96;

    /// If it is one.
    pub(crate) fn of(object: Obj) -> Option<Exception> {
        object.ty().has(flag::EXCEPTION).then_some(Exception(object))
    }

    pub(crate) fn arguments(self) -> Tuple {
        // SAFETY: an exception has the field, which is a tuple.
        unsafe { Tuple::from_obj(self.0.field(Exception::ARGUMENTS)) }
    }

    /// Its traceback, or `None` in either language.
    pub(crate) fn traceback(self) -> Option<Obj> {
        // SAFETY: an exception has the field.
        unsafe { self.0.field(Exception::TRACEBACK) }
    }

    /// Whether its class derives from this static one.
    pub(crate) fn is_a(self, class: *mut ffi::PyObject) -> bool {
        // SAFETY: both are classes. The method resolution order is followed without running code.
        unsafe { ffi::PyType_IsSubtype(self.0.ty().as_ptr().cast(), class.cast()) != 0 }
    }

    /// `filename` and `filename2` of an `OSError`.
    ///
    /// # Safety
    /// It must be an `OSError`.
    pub(crate) unsafe fn file_names(self) -> [Option<Obj>; 2] {
        // SAFETY: an `OSError` has both fields.
        unsafe { [self.0.field(Exception::FILE_NAME), self.0.field(Exception::FILE_NAME_2)] }
    }
}

/// What a cell holds; `object` itself if it is no cell.
#[inline(always)]
pub(crate) fn behind_cell(object: Obj) -> Option<Obj> {
    const CONTENT: usize = 16;
    if object.ty().is(&raw const PyCell_Type) {
        // SAFETY: a cell has the field.
        unsafe { object.field(CONTENT) }
    } else {
        Some(object)
    }
}
