//! Values that are looked through: iterators, views, slices and generators.

use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi::PyObject;

use super::{Code, Dict, Obj, Set, Str, Tuple, Type, Version};
use crate::python::{self, Raised};

/// A value that is shown by what lies behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Window {
    /// An iterator, and what it runs over at which position; nothing once it is done.
    Iterator(Option<(Position, Obj)>),
    /// Start, step and end of what is left of a range.
    Range([i64; 3]),
    /// What an iterator takes its values from, and the function that it applies.
    Sources {
        function: Option<Obj>,
        of: Option<Obj>,
    },
    Keys(Dict),
    Values(Dict),
    Items(Dict),
    Proxy(Obj),
    /// Start, stop and step.
    Slice([Obj; 3]),
    Suspendable(Suspendable),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Position {
    Index(isize),
    /// An `int` that an index cannot hold.
    Beyond(Obj),
}

/// A generator or coroutine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspendable(Obj);

/// Where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    NotStarted,
    AtLine(u32),
    Running,
    Done,
}

/// `PyGenObject`.
#[derive(Clone, Copy)]
pub(crate) struct GeneratorLayout {
    pub(crate) qualified_name: usize,
    pub(crate) state: usize,
    pub(crate) frame: usize,
    /// The states before it runs. From 0 on it is running, and from 1 on it is done.
    pub(crate) not_started: i8,
}

/// The classes, in the order of [`Window::of`]; a tuple.
static CLASSES: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());

const EXPRESSION: &str = "tuple(map(type, (iter([]), iter(()), iter(''), iter('\\u20ac'), reversed([]), reversed(()), \
    iter({}), iter({}.values()), iter({}.items()), iter(set()), iter(range(0)), enumerate(()), zip(), \
    map(None, ()), filter(None, ()), {}.keys(), {}.values(), {}.items(), type.__dict__, slice(0), \
    (0 for _ in ())))) + (__import__('types').CoroutineType,)";

/// Looks the classes up. Must have succeeded before any value is read.
pub(crate) fn learn_windows() -> Result<(), Raised> {
    let namespace = python::dict()?;
    namespace.set_item(c"__builtins__", &python::import(c"builtins")?)?;
    let code = python::compile(&python::text(EXPRESSION)?, "<classes>", "eval", 0)?;
    CLASSES.store(python::evaluate(&code, &namespace)?.into_ptr(), Ordering::Relaxed);
    Ok(())
}

impl Window {
    /// If the object is one.
    pub(crate) fn of(object: Obj, class: Type) -> Option<Window> {
        // SAFETY: `learn_windows` put a tuple there, which is never released.
        let classes = unsafe { Tuple::from_obj(Obj::maybe(CLASSES.load(Ordering::Relaxed))?) };
        let kind = classes.items().iter().position(|known| *known == Some(class.obj()))?;
        // SAFETY: each is read as its class lays it out, which all versions do alike but for the range's.
        unsafe {
            Some(match kind {
                // One in reverse that has given its last element still holds what it ran over.
                0..=5 if object.field::<isize>(16) < 0 => Window::Iterator(None),
                0..=5 => Window::at(object.field(24), object.field(16)),
                6..=8 => {
                    let dict = object.field::<Option<Obj>>(16);
                    let len = |dict: Obj| Dict::from_obj(dict).len();
                    Window::counted(dict, len, object.field(24), object.field(48))
                }
                9 => {
                    let len = |set: Obj| Set::from_obj(set).len();
                    Window::counted(object.field(16), len, object.field(24), object.field(40))
                }
                10 => {
                    // 3.11 keeps an index beside where it began, later versions where it is.
                    let instance_size = class.instance_size();
                    if instance_size == 48 {
                        let [index, start, step, len] = object.field::<[i64; 4]>(16);
                        Window::Range([
                            start.wrapping_add(index.wrapping_mul(step)),
                            step,
                            start.wrapping_add(len.wrapping_mul(step)),
                        ])
                    } else {
                        let [start, step, len] = object.field::<[i64; 3]>(16);
                        Window::Range([start, step, start.wrapping_add(len.wrapping_mul(step))])
                    }
                }
                11 => match (object.field::<isize>(16), object.field::<Option<Obj>>(40)) {
                    (isize::MAX, Some(beyond)) => {
                        Window::Iterator(Some((Position::Beyond(beyond), object.field(24))))
                    }
                    (index, _) => Window::at(object.field(24), index),
                },
                12 => Window::Sources { function: None, of: object.field(24) },
                13 => Window::Sources { function: object.field(24), of: object.field(16) },
                14 => Window::Sources { function: object.field(16), of: object.field(24) },
                15 => Window::Keys(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                16 => Window::Values(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                17 => Window::Items(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                18 => Window::Proxy(object.field(16)),
                19 => Window::Slice(object.field(16)),
                _ => Window::Suspendable(Suspendable(object)),
            })
        }
    }

    fn at(of: Option<Obj>, index: isize) -> Window {
        Window::Iterator(of.map(|of| (Position::Index(index), of)))
    }

    /// An iterator that knows how many it will still give, unless the number of elements has changed.
    fn counted(of: Option<Obj>, len: impl Fn(Obj) -> usize, then: isize, left: isize) -> Window {
        let index = of.map_or(0, |of| {
            let len = len(of) as isize;
            if then == len { len - left } else { len }
        });
        Window::at(of, index)
    }
}

impl Suspendable {
    pub(crate) fn qualified_name<V: Version>(self) -> Str {
        // SAFETY: a generator has the field, which is a `str`.
        unsafe { Str::from_obj(self.0.field(V::GENERATOR.qualified_name)) }
    }

    pub(crate) fn progress<V: Version>(self) -> Progress {
        // SAFETY: a generator has the fields; its frame is there until it is done.
        unsafe {
            match self.0.field::<i8>(V::GENERATOR.state) {
                state if state == V::GENERATOR.not_started => Progress::NotStarted,
                ..0 => {
                    let frame = V::GENERATOR.frame;
                    let code = self.0.field::<Obj>(frame + V::FRAME.code);
                    let instruction = self.0.field::<usize>(frame + V::FRAME.instruction);
                    Progress::AtLine(Code::<V>::of(code).map_or(0, |code| code.line_of(instruction)))
                }
                0 => Progress::Running,
                _ => Progress::Done,
            }
        }
    }
}
