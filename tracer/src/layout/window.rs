//! Values that are looked through: iterators, views, slices and generators.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;

use super::buffers::MemoryView;
use super::files::File;
use super::numpy::{Item, NumpyArray};
use super::{Code, Dict, List, Obj, Set, Str, Tuple, Type, Version, is_held_beyond, iterators};
use crate::python::{self, Raised};

/// A value that is shown by what lies behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Window {
    /// An iterator: where it is, or how it goes on, and what it takes its values from.
    Over {
        parts: [Option<Part>; 2],
        of: Obj,
    },
    /// An iterator that has nothing more to give.
    Done,
    /// Start, step and end of what is left of a range.
    Range([i64; 3]),
    /// What reads as the call that would make it anew.
    Call([Option<Part>; 3]),
    Keys(Dict),
    Values(Dict),
    Items(Dict),
    Memory(MemoryView),
    NumpyArray(NumpyArray),
    /// A scalar of numpy.
    Scalar(Item),
    File(File),
    Suspendable(Suspendable),
}

/// Something that a window lets see.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Value(Obj),
    Number(isize),
    /// Numbers that last as long as the object.
    Numbers(NonNull<[isize]>),
    /// Which of the values that come are taken.
    Slice {
        start: isize,
        stop: Option<isize>,
        step: isize,
    },
}

/// A generator, coroutine or asynchronous generator.
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
    (0 for _ in ())))) + (__import__('types').CoroutineType, __import__('types').AsyncGeneratorType)";

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
    pub(crate) fn of<V: Version>(object: Obj, class: Type) -> Option<Window> {
        Window::of_class(object, class)
            .or_else(|| iterators::of::<V>(object, class))
            .or_else(|| Window::of_ordered(object, class))
            .or_else(|| MemoryView::of(object, class).map(Window::Memory))
            .or_else(|| File::of(object, class).map(Window::File))
            .or_else(|| NumpyArray::of(object, class).map(Window::NumpyArray))
            .or_else(|| Item::of(object, class).map(Window::Scalar))
    }

    /// Whether what it shows can change while it stays the same object of this class. A view is not told apart from
    /// another one of the same.
    pub(crate) fn has_state(&self, class: Type) -> bool {
        match self {
            Window::Over { .. }
            | Window::Done
            | Window::Range(_)
            | Window::NumpyArray(_)
            | Window::File(_)
            | Window::Suspendable(_) => true,
            Window::Call(_) => class.native_name().starts_with(b"itertools."),
            Window::Keys(_)
            | Window::Values(_)
            | Window::Items(_)
            | Window::Memory(_)
            | Window::Scalar(_) => false,
        }
    }

    fn of_class(object: Obj, class: Type) -> Option<Window> {
        // SAFETY: `learn_windows` put a tuple there, which is never released.
        let classes = unsafe { Tuple::from_obj(Obj::maybe(CLASSES.load(Ordering::Relaxed))?) };
        let kind = classes.items().iter().position(|known| *known == Some(class.obj()))?;
        // SAFETY: each is read as its class lays it out, which all versions do alike but for the range's.
        unsafe {
            Some(match kind {
                // One in reverse that has given its last element still holds what it ran over.
                0..=5 if object.field::<isize>(16) < 0 => Window::Done,
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
                        Window::over([Some(Part::Value(beyond)), None], object.field(24))
                    }
                    (index, _) => Window::at(object.field(24), index),
                },
                12 => Window::over([None, None], object.field(24)),
                13 => {
                    Window::over([object.field::<Option<Obj>>(24).map(Part::Value), None], object.field(16))
                }
                14 => {
                    Window::over([object.field::<Option<Obj>>(16).map(Part::Value), None], object.field(24))
                }
                15 => Window::Keys(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                16 => Window::Values(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                17 => Window::Items(Dict::from_obj(object.field::<Option<Obj>>(16)?)),
                18 => Window::Call([Some(Part::Value(object.field(16))), None, None]),
                19 => Window::Call(object.field::<[Obj; 3]>(16).map(|part| Some(Part::Value(part)))),
                _ => Window::Suspendable(Suspendable(object)),
            })
        }
    }

    /// The odd ones among the views have a class of their own.
    fn of_ordered(object: Obj, class: Type) -> Option<Window> {
        let window = match class.native_name() {
            b"odict_keys" => Window::Keys,
            b"odict_values" => Window::Values,
            b"odict_items" => Window::Items,
            _ => return None,
        };
        // SAFETY: a view has the field, which holds a dict or null.
        Some(window(unsafe { Dict::from_obj(object.field::<Option<Obj>>(16)?) }))
    }

    /// An iterator, which is done once it has let go of what it took its values from.
    pub(in crate::layout) fn over(parts: [Option<Part>; 2], of: Option<Obj>) -> Window {
        of.map_or(Window::Done, |of| Window::Over { parts, of })
    }

    fn at(of: Option<Obj>, index: isize) -> Window {
        Window::over([Some(Part::Number(index)), None], of)
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

/// Whether an object is an iterator over a range, a list or a tuple that only the stack holds, so that taking a value
/// from it changes nothing else; and what it runs over is held by others, too, and so outlives it.
pub(crate) fn is_private_iterator<V: Version>(object: Obj) -> bool {
    const LIST: usize = 0;
    const TUPLE: usize = 1;
    const RANGE: usize = 10;
    if is_held_beyond::<V>(object, 1) {
        return false;
    }
    // SAFETY: `learn_windows` put a tuple there, which is never released. An iterator over a list or a tuple has the
    // field.
    unsafe {
        let Some(classes) = Obj::maybe(CLASSES.load(Ordering::Relaxed)) else { return false };
        let classes = Tuple::from_obj(classes);
        let is = |kind: usize| classes.items().get(kind) == Some(&Some(object.ty().obj()));
        let outlives_it = |of: Option<Obj>| of.is_none_or(|of| is_held_beyond::<V>(of, 1));
        is(RANGE) || ((is(LIST) || is(TUPLE)) && outlives_it(object.field(24)))
    }
}

/// What an iterator over a list or a tuple gives next, if it is one that gives something.
pub(crate) fn next_item(iterator: Obj) -> Option<Obj> {
    let class = iterator.ty();
    // SAFETY: they name classes; an iterator over a list or a tuple has both fields.
    unsafe {
        let is_of_list = class.is(&raw const ffi::PyListIter_Type);
        if !is_of_list && !class.is(&raw const ffi::PyTupleIter_Type) {
            return None;
        }
        let (index, of) = (iterator.field::<usize>(16), iterator.field::<Option<Obj>>(24)?);
        if is_of_list {
            *List::from_obj(of).items().get(index)?
        } else {
            *Tuple::from_obj(of).items().get(index)?
        }
    }
}

/// Whether an object is an iterator over a range that only the stack holds.
pub(crate) fn is_private_range<V: Version>(object: Obj) -> bool {
    object.ty().native_name() == b"range_iterator" && !is_held_beyond::<V>(object, 1)
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

/// What a frame hands out with a value that it yields: an asynchronous generator's wraps what it is meant to give.
pub(crate) fn handed_out(value: Obj) -> Obj {
    const WRAPPED: usize = 16;
    if value.ty().native_name() == b"async_generator_wrapped_value" {
        // SAFETY: an object of this class has the field.
        unsafe { value.field(WRAPPED) }
    } else {
        value
    }
}
