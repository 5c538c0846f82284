//! Built-in functions and methods of which it is known what they change.

use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use crate::layout::{Deque, Dict, List, Obj, Str, Version, has_inert_keys, is_atom};
use crate::namespace::{Namespace, VariableNumber};
use crate::python::{self, Result};

/// What a function makes of its arguments, which are numbers, strings and plain containers of such. It changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// The length of one thing, whatever is in it.
    Length,
    /// An atom of one.
    Single,
    /// An atom.
    Compute,
    /// One of them, or what their operators make of them or of what is in them.
    Choose,
    /// Something new, a container.
    Make,
}

const FUNCTIONS: [(&str, Function); 26] = [
    ("len", Function::Length),
    ("abs", Function::Single),
    ("all", Function::Single),
    ("any", Function::Single),
    ("ascii", Function::Single),
    ("bin", Function::Single),
    ("bool", Function::Single),
    ("chr", Function::Single),
    ("float", Function::Single),
    ("hash", Function::Single),
    ("hex", Function::Single),
    ("oct", Function::Single),
    ("ord", Function::Single),
    ("repr", Function::Single),
    ("str", Function::Single),
    ("format", Function::Compute),
    ("int", Function::Compute),
    ("round", Function::Compute),
    ("max", Function::Choose),
    ("min", Function::Choose),
    ("pow", Function::Choose),
    ("sum", Function::Choose),
    ("divmod", Function::Make),
    ("list", Function::Make),
    ("sorted", Function::Make),
    ("tuple", Function::Make),
];

/// The functions themselves, in that order, as they are before any program can replace them. They are never let go of.
static ORIGINALS: [AtomicPtr<PyObject>; FUNCTIONS.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; FUNCTIONS.len()];

/// Looks them up. No program may have run before.
pub(super) fn prepare() -> Result<()> {
    let builtins = python::import(c"builtins")?;
    for ((name, _), original) in FUNCTIONS.iter().zip(&ORIGINALS) {
        if original.load(Ordering::Relaxed).is_null() {
            original.store(builtins.attribute_named(name)?.into_ptr(), Ordering::Relaxed);
        }
    }
    Ok(())
}

/// A built-in function, as code finds it under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Builtin {
    /// The variable of the module that would hide it.
    variable: VariableNumber,
    function: usize,
    /// Where it is in the dict of built-in names.
    entry: usize,
}

impl Builtin {
    /// The one of this name, if it is known, in the dict of built-in names.
    pub(super) fn of<V: Version>(name: Str, variable: VariableNumber, builtins: Dict) -> Option<Builtin> {
        let function = FUNCTIONS.iter().position(|(known, _)| name.is_ascii::<V>(known))?;
        let entry = builtins.entries::<V>().find(name)?;
        Some(Builtin { variable, function, entry })
    }

    /// The function, if that is what the code finds.
    pub(super) fn value<V: Version>(self, globals: &Namespace<V>, builtins: Option<Obj>) -> Option<Obj> {
        if !globals.slot(self.variable).is_absent() {
            return None;
        }
        let (name, found) = Dict::plain(builtins?)?.entries::<V>().get(self.entry)?;
        let is_original = std::ptr::eq(found.as_ptr(), ORIGINALS[self.function].load(Ordering::Relaxed));
        let is_named = |name: Str| name.is_ascii::<V>(FUNCTIONS[self.function].0);
        (is_original && Str::plain(name).is_some_and(is_named)).then_some(found)
    }

    pub(super) fn effect(self) -> Function {
        FUNCTIONS[self.function].1
    }
}

/// What a method does to what it is called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Nothing; it makes an atom of atoms.
    Compute,
    /// Nothing; it makes a list or a tuple of atoms.
    Split,
    /// It puts its last argument into it.
    Put,
    /// It takes something out and returns it.
    Take,
    /// It adds or removes its argument, which is inert like all that is in it.
    Update,
    /// It removes or moves what is in it.
    Rearrange,
    /// Nothing; it looks something up under a key, or else returns its other argument.
    Get,
}

/// The class that has a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Atom,
    List,
    Dict,
    Set,
    Deque,
}

impl Kind {
    pub(super) fn of<V: Version>(object: Obj) -> Option<Kind> {
        [Kind::Atom, Kind::List, Kind::Dict, Kind::Set, Kind::Deque]
            .into_iter()
            .find(|kind| kind.is_of::<V>(object))
    }

    /// Whether an object is a plain one of this kind: of dicts one in which keys can be searched for without running
    /// code, of deques one that lets nothing go when it grows.
    pub(super) fn is_of<V: Version>(self, object: Obj) -> bool {
        let class = object.ty();
        match self {
            Kind::Atom => is_atom(object),
            Kind::List => List::plain(object).is_some(),
            Kind::Dict => Dict::plain(object).is_some_and(has_inert_keys::<V>),
            Kind::Set => class.is(&raw const ffi::PySet_Type),
            // SAFETY: the class was looked at.
            Kind::Deque => class.is_deque() && unsafe { Deque::from_obj(object) }.max_len().is_none(),
        }
    }

    /// What its method of this name does, if that is known.
    pub(super) fn method<V: Version>(self, name: Str) -> Option<Method> {
        let (name, 1) = name.units::<V>().bytes() else { return None };
        Some(match (self, name) {
            (
                Kind::Atom,
                b"bit_count" | b"bit_length" | b"capitalize" | b"casefold" | b"center" | b"count"
                | b"endswith" | b"find" | b"hex" | b"index" | b"is_integer" | b"isalnum" | b"isalpha"
                | b"isascii" | b"isdecimal" | b"isdigit" | b"isidentifier" | b"islower" | b"isnumeric"
                | b"isprintable" | b"isspace" | b"istitle" | b"isupper" | b"join" | b"ljust" | b"lower"
                | b"lstrip" | b"removeprefix" | b"removesuffix" | b"replace" | b"rfind" | b"rindex"
                | b"rjust" | b"rstrip" | b"startswith" | b"strip" | b"swapcase" | b"title" | b"upper"
                | b"zfill",
            ) => Method::Compute,
            (Kind::Atom, b"partition" | b"rpartition" | b"rsplit" | b"split" | b"splitlines") => {
                Method::Split
            }
            (Kind::List, b"append" | b"insert") | (Kind::Deque, b"append" | b"appendleft") => Method::Put,
            (Kind::List, b"pop") | (Kind::Deque, b"pop" | b"popleft") => Method::Take,
            (Kind::Set, b"add" | b"discard" | b"remove") => Method::Update,
            (Kind::List, b"clear" | b"reverse" | b"sort")
            | (Kind::Dict | Kind::Set | Kind::Deque, b"clear") => Method::Rearrange,
            (Kind::Dict, b"get") => Method::Get,
            _ => return None,
        })
    }
}
