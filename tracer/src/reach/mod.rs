//! What the rest of a line can change.
//!
//! Most lines of most programs compute with numbers and strings and bind the result to a variable. After such a line no
//! list, dict or instance can read otherwise than before it, so none has to be compared. The bytecode says which lines
//! these are, provided that the variables in it hold what they look like: that is found out while the program runs.
//!
//! - [`meaning`] says what each instruction does, as far as that matters here. What is not listed may do anything.
//! - [`walk`] follows the instructions from where an event happened along every way to where the next one can happen,
//!   and says what would have to be true for nothing to change on any of them: a [`Calm`] line.
//! - [`Calm::holds`] says whether it is true in a frame.
//!
//! # Why this is sound
//!
//! What an event skips is the comparison of variables that are bound to the same object as at the event before, so it
//! must be impossible that
//!
//! - *an instruction changes an object in place*. Those that follow compute with atoms alone (numbers, strings, `bytes`,
//!   `bool`, `None`, no subclasses), read an element of a plain container that holds nothing but atoms, ask for the
//!   length or identity of something plain, read an attribute that an instance holds under a name which its class has
//!   nothing to do with, or move values between variables. Two objects can change even so: the iterator of a `for`,
//!   which must be held by the stack alone, so that no variable shows it, and the module's namespace, in which names
//!   are bound: no variable may ever have shown it.
//! - *an object goes, and code runs because of it*, or another one takes its address. What a line drops is an atom, or
//!   is held more often than the line can drop it.
//! - *the program's own code runs meanwhile* (a handler of a signal, a finaliser, another thread). That would be events,
//!   and each says for itself what it leaves behind.
//! - *foreign code runs meanwhile without an event*: a weak reference's callback that is a built-in function, a finaliser
//!   of a library, a thread in a library, a trace function. Garbage is collected, signals are handled and threads are
//!   switched where the interpreter's breaker is set, so it must not be, there must be no other thread, no handler of
//!   signals, no trace or profile function and no tool of the program's. The line itself makes no object that could set
//!   off a collection: atoms do not count towards it.
//! - *the line does not end where it seems to*. Instructions without a line belong to the one before them, and where the
//!   interpreter tells of lines by instructions that it replaces, a line ends only at one that is replaced. An exception
//!   is an event, and what led to it is not calm.

mod meaning;
mod walk;

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3_ffi::PyObject;

use crate::code::{Body, Watched};
use crate::intercept::{Call, Function, intercepted};
use crate::layout::{
    Code, Frame, Obj, Str, Thread, Version, behind_cell, is_atom, is_held_beyond, is_plain_container,
    is_private_iterator, plain_attribute,
};
use crate::namespace::{Namespace, VariableNumber};
use crate::opcodes::Opcodes;
use crate::python::Result;
use crate::watch::{Slot, is_namespace_shown};
use walk::Walk;

/// A variable that instructions refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    /// A local, by its index in the frame.
    Fast(usize),
    /// One in a cell.
    Cell(usize),
    /// A variable of the module, which the events of the frame look at.
    Global(VariableNumber),
}

/// Something that was there when a line began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Variable(Variable),
    /// An attribute of something that comes before it, by the number of its name in the code.
    Attribute {
        owner: usize,
        name: usize,
    },
}

/// Named things that a line can have and still be calm.
const MOST_NAMED: usize = 8;

/// What must be true of something named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It exists, so that it is found where it is searched for first; an attribute is one that is merely read.
    Bound,
    /// It holds an atom.
    Atom,
    /// It holds an atom or a container that knows its own length.
    Length,
    /// It holds an atom, or a plain container of atoms.
    Elements,
    /// What it holds, if it exists, can go without anything else happening.
    Droppable,
}

/// A piece of a line that changes nothing in place if its needs are met.
pub(crate) struct Calm {
    named: Vec<Named>,
    /// By number.
    needs: Vec<(usize, Need)>,
    /// How many references to objects it can drop.
    drops: usize,
    /// It takes a value from the iterator on top of the stack.
    iterates: bool,
    /// It changes the module's namespace.
    binds_globals: bool,
}

/// What is known of one instruction as the first of a piece.
#[derive(Clone, Copy, Default)]
enum Place {
    /// Most code runs once, so nothing is found out about it before it runs again.
    #[default]
    New,
    Seen,
    Anything,
    Calm(u32),
}

/// What the lines of one code object can change.
pub(crate) struct Reach {
    opcodes: &'static Opcodes,
    body: Body,
    /// For each code unit; empty until an event asks.
    places: Vec<Place>,
    calm: Vec<Calm>,
}

impl Reach {
    pub(crate) fn new(opcodes: &'static Opcodes, body: Body) -> Reach {
        Reach { opcodes, body, places: Vec::new(), calm: Vec::new() }
    }

    /// Whether nothing changes in place from the instruction at this byte offset, which has not run yet, to the next
    /// event of the frame, unless another event comes first.
    ///
    /// # Safety
    /// The frame must be one of the code, and its variables have been looked at in the event at hand.
    pub(crate) unsafe fn is_calm<V: Version>(
        &mut self,
        units: &[u8],
        offset: usize,
        state: State<'_, V>,
        globals: &mut Namespace<V>,
    ) -> bool {
        const UNIT: usize = 2;
        if self.places.is_empty() {
            self.places.resize(units.len() / UNIT, Place::New);
        }
        let Some(place) = self.places.get_mut(offset / UNIT) else { return false };
        match *place {
            Place::New => {
                *place = Place::Seen;
                false
            }
            Place::Anything => false,
            Place::Calm(index) => {
                // SAFETY: the caller vouches for the frame.
                is_quiet::<V>() && unsafe { self.calm[index as usize].holds(&state, globals) }
            }
            Place::Seen => {
                let code = state.frame.code();
                let walk = Walk::new(code, units, self.opcodes, self.body, globals);
                *place = match walk.from(offset, state.line).filter(|calm| calm.named.len() <= MOST_NAMED) {
                    Some(calm) => {
                        self.calm.push(calm);
                        Place::Calm(self.calm.len() as u32 - 1)
                    }
                    None => Place::Anything,
                };
                false
            }
        }
    }
}

/// A frame and what its variables were when they were last looked at.
pub(crate) struct State<'a, V: Version> {
    pub(crate) frame: Frame<V>,
    pub(crate) locals: &'a [Watched],
    pub(crate) slots: &'a [Slot<V>],
    /// The line that is about to run.
    pub(crate) line: u32,
}

impl<V: Version> State<'_, V> {
    /// A name that the instructions refer to by number.
    fn name(&self, number: usize) -> Option<Str> {
        let name = self.frame.code().names().items().get(number).copied().flatten()?;
        // SAFETY: the names of a code object are `str`.
        Some(unsafe { Str::from_obj(name) })
    }

    /// Whether something is a variable that shows a plain container which holds nothing but atoms.
    fn shows_atoms(&self, named: Named, globals: &Namespace<V>) -> bool {
        match named {
            Named::Variable(Variable::Fast(index) | Variable::Cell(index)) => {
                let place = self.locals.iter().position(|local| local.index == index);
                place.is_some_and(|place| self.slots[place].holds_atoms())
            }
            Named::Variable(Variable::Global(number)) => globals.slot(number).holds_atoms(),
            Named::Attribute { .. } => false,
        }
    }
}

impl Calm {
    /// Whether it meets what it needs.
    ///
    /// # Safety
    /// As for [`Reach::is_calm`].
    unsafe fn holds<V: Version>(&self, state: &State<'_, V>, globals: &Namespace<V>) -> bool {
        let mut values = [None; MOST_NAMED];
        for (number, named) in self.named.iter().enumerate() {
            // SAFETY: the code of the frame has these variables and names, and the caller vouches for when they were
            // looked at.
            values[number] = unsafe {
                match *named {
                    Named::Variable(Variable::Fast(index)) => state.frame.local(index),
                    Named::Variable(Variable::Cell(index)) => state.frame.local(index).and_then(behind_cell),
                    Named::Variable(Variable::Global(variable)) => globals.slot(variable).bound(),
                    Named::Attribute { owner, name } => values[owner]
                        .zip(state.name(name))
                        .and_then(|(owner, name)| plain_attribute::<V>(owner, name)),
                }
            };
        }
        let is_met = |&(number, need): &(usize, Need)| {
            let Some(value): Option<Obj> = values[number] else { return need == Need::Droppable };
            match need {
                Need::Bound => true,
                Need::Atom => is_atom(value),
                Need::Length => is_atom(value) || is_plain_container(value),
                Need::Droppable => is_atom(value) || is_held_beyond::<V>(value, self.drops),
                Need::Elements => is_atom(value) || state.shows_atoms(self.named[number], globals),
            }
        };
        self.needs.iter().all(is_met)
            && (!self.iterates || state.frame.top_of_stack().is_some_and(is_private_iterator::<V>))
            && (!self.binds_globals || !is_namespace_shown())
    }
}

/// The program has taken to something that runs foreign code between instructions.
static IS_DISTURBED: AtomicBool = AtomicBool::new(false);

/// From here on no line is calm.
pub(crate) fn disturb() {
    IS_DISTURBED.store(true, Ordering::Relaxed);
}

/// Whether no foreign code runs until an instruction calls some.
#[inline(always)]
fn is_quiet<V: Version>() -> bool {
    !IS_DISTURBED.load(Ordering::Relaxed) && Thread::<V>::current().is_undisturbed()
}

/// Makes ready for programs.
pub(crate) fn prepare() -> Result<()> {
    static SIGNAL: &Function<()> = intercepted!(c"_signal", "signal", (): (), set_handler);
    SIGNAL.install()
}

/// The program's `signal.signal`.
fn set_handler(_: &'static Function<()>, call: &Call<'_>) -> *mut PyObject {
    disturb();
    call.go_on()
}

/// The code and line that a walk is about.
struct Line<V: Version> {
    code: Code<V>,
    number: u32,
}

impl<V: Version> Line<V> {
    /// Whether an event comes before the instruction at this byte offset runs, if the line is run before it.
    fn ends_at(&self, offset: usize) -> bool {
        let is_other = self.code.line_at(offset).is_some_and(|line| line != self.number);
        is_other && self.code.tells_line_at(offset)
    }
}
