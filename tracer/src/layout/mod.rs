//! How CPython's objects lie in memory: the only place in this crate that knows.
//!
//! What all supported versions share is written out where it is used; what differs is a constant of the trait
//! [`Version`], with one file per version. Code that reads objects is generic over the version, so the
//! version is chosen once, when the module is loaded, and costs nothing afterwards. `selftest` checks at load
//! that the interpreter is one that these layouts describe.

mod atom;
mod attribute;
mod buffers;
mod class;
mod collector;
mod containers;
mod dict;
mod element;
mod enumeration;
mod files;
mod frame;
mod integer;
mod iterators;
mod known;
mod members;
mod method;
mod numpy;
mod object;
mod pandas;
mod refcount;
mod selftest;
mod shape;
mod text;
mod traceback;
mod v311;
mod v312;
mod v313;
mod window;

pub(crate) use atom::{is_atom, is_few, is_inert, is_plain_container};
pub(crate) use attribute::{is_plainly_set, plain_attribute};
pub(crate) use buffers::Array;
pub(crate) use class::{ClassName, Deallocator, DictKind, Type, learn_types};
pub(crate) use collector::{collections, learn_collector};
pub(crate) use containers::{ByteArray, Bytes, Deque, List, Set, Tuple};
pub(crate) use dict::{Dict, Entries, Instance, Keys, shared_key};
pub(crate) use element::{Element, element, has_inert_keys, is_list_or_tuple};
pub(crate) use enumeration::EnumMember;
pub(crate) use frame::{Code, Frame, FrameObject, HiddenStack, Thread, TraceFunction};
pub(crate) use integer::Int;
pub(crate) use known::{Known, learn_names};
pub(crate) use members::Label;
pub(crate) use method::definition;
pub(crate) use numpy::{Item, NumpyArray};
pub(crate) use object::Obj;
pub(crate) use pandas::{ColumnLabel, Frame as DataFrame, Pandas, Values};
pub(crate) use refcount::{hold, is_held_beyond, release};
pub(crate) use selftest::{Mismatch, check};
pub(crate) use shape::{Exception, Function, Range, Shape, behind_cell};
pub(crate) use text::{Str, Units};
pub(crate) use traceback::Traceback;
pub(crate) use v311::V311;
pub(crate) use v312::V312;
pub(crate) use v313::V313;
pub(crate) use window::{
    GeneratorLayout, Part, Progress, Window, handed_out, is_private_iterator, is_private_range,
    learn_windows, next_item,
};

/// One minor version of CPython. Offsets are in bytes from the start of the structure.
pub(crate) trait Version: 'static {
    /// 11 for 3.11.
    const MINOR: u8;
    const FRAME: FrameLayout;
    const CODE: CodeLayout;
    const THREAD: ThreadLayout;
    const STR: StrLayout;
    const HEAP_TYPE: HeapTypeLayout;
    const GENERATOR: GeneratorLayout;
    const OPCODES: Opcodes;
    /// Objects may be immortal: their count must not be touched.
    const IMMORTAL_OBJECTS: bool;
    /// Bits of an int's `lv_tag` below the number of digits; `None` where the size is signed instead.
    const INT_TAG_BITS: Option<u32>;
    /// How the values of a split dict lie.
    const SPLIT_VALUES: SplitValues;
    /// Offsets that the interpreter publishes about itself: their place in its table, what they must be, and
    /// of what. Empty where it publishes none.
    const PUBLISHED: &'static [(usize, usize, &'static str)];

    /// Where the attributes of an instance of a class with a managed dict are.
    ///
    /// # Safety
    /// The type of `object` must have `MANAGED_DICT` among its flags.
    unsafe fn managed_attributes(object: Obj) -> Attributes;
}

/// `_PyInterpreterFrame`.
#[derive(Clone, Copy)]
pub(crate) struct FrameLayout {
    pub(crate) code: usize,
    /// The frame that called or resumed this one.
    pub(crate) caller: usize,
    /// The instruction that runs, or the one before it.
    pub(crate) instruction: usize,
    pub(crate) namespace: usize,
    /// Number of values in `locals`, those on the stack included, while the trace hook is called.
    pub(crate) height: usize,
    pub(crate) locals: usize,
}

/// `PyCodeObject`.
#[derive(Clone, Copy)]
pub(crate) struct CodeLayout {
    pub(crate) flags: usize,
    pub(crate) local_count: usize,
    pub(crate) first_line: usize,
    pub(crate) local_names: usize,
    pub(crate) local_kinds: usize,
    pub(crate) constants: usize,
    pub(crate) names: usize,
    pub(crate) qualified_name: usize,
    pub(crate) instructions: usize,
}

/// `PyThreadState`.
#[derive(Clone, Copy)]
pub(crate) struct ThreadLayout {
    /// The innermost frame, or what points to it.
    pub(crate) frame: usize,
    /// Offset of the innermost frame in the structure that `frame` points to, if it does not point to it.
    pub(crate) frame_in_c_frame: Option<usize>,
    pub(crate) recursion_left: usize,
    pub(crate) recursion_limit: usize,
    /// What `sys.settrace` sets: the function that is called, and the object that is passed to it.
    pub(crate) trace_function: usize,
    pub(crate) trace_object: usize,
    pub(crate) breaker: Breaker,
}

/// Where the interpreter is told that something else has to be done between two instructions: collecting garbage, a
/// signal's handler, another thread.
#[derive(Clone, Copy)]
pub(crate) enum Breaker {
    /// It need not be looked at: garbage is collected where objects are made.
    Irrelevant,
    /// Offset in the interpreter's state; a word behind it is the limit of recursion.
    Interpreter(usize),
    /// Offset in the thread's state; only the lowest byte counts.
    Thread(usize),
}

/// Where the characters of a `str` begin.
#[derive(Clone, Copy)]
pub(crate) struct StrLayout {
    pub(crate) ascii: usize,
    pub(crate) compact: usize,
    /// A pointer to them, for a subclass of `str`.
    pub(crate) elsewhere: usize,
}

/// `PyHeapTypeObject`.
#[derive(Clone, Copy)]
pub(crate) struct HeapTypeLayout {
    pub(crate) name: usize,
    pub(crate) qualified_name: usize,
    pub(crate) cached_keys: usize,
    /// Of the whole structure.
    pub(crate) size: usize,
}

/// Numbers of the instructions that the tracer tells apart.
#[derive(Clone, Copy)]
pub(crate) struct Opcodes {
    pub(crate) extended_arg: u8,
    pub(crate) load_global: u8,
    pub(crate) store_global: u8,
    pub(crate) delete_global: u8,
    pub(crate) resume: u8,
    pub(crate) yield_value: u8,
    pub(crate) raise: u8,
    /// Those that raise the exception on top of the stack again.
    pub(crate) raises_again: &'static [u8],
    /// Those at which a `StopIteration` ends a `for`, a `yield from` or an `await`.
    pub(crate) ends_iteration: &'static [u8],
}

/// `PyDictValues`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SplitValues {
    /// The values begin at once; before them, backwards, lie a size, the number of insertions and their order.
    OrderBefore,
    /// A header of eight bytes, the values, then the order of insertion.
    OrderAfter,
}

/// The attributes of one instance.
#[derive(Clone, Copy)]
pub(crate) enum Attributes {
    None,
    /// Values without a dict, under the keys that the class shares.
    Values(std::ptr::NonNull<u8>),
    Dict(Dict),
}
