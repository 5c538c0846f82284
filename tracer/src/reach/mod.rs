//! What the rest of a line can change.
//!
//! Most lines of most programs compute with numbers and strings and bind the result to a variable, or set one element of
//! one container. After such a line nothing else can read otherwise than before it, so nothing else has to be compared.
//! The bytecode says which lines these are, provided that the variables in it hold what they look like: that is found out
//! while the program runs.
//!
//! - [`meaning`] says what each instruction does, as far as that matters here, and [`known`] what built-in functions and
//!   methods do. What is not listed may do anything.
//! - [`walk`] follows the instructions from where an event happened along every way to where the next one can happen,
//!   and says what they change and what would have to be true for nothing else to change on any of them: a [`Calm`] line.
//!   What would have to be true is guessed from what the variables hold at that moment; [`values`] has the rules.
//! - [`Calm::holds`] says whether it is true in a frame, and which objects are [touched](Touched).
//!
//! # Why this is sound
//!
//! What an event skips is the comparison of variables that are bound to the same object as when they were last looked at
//! and show none of those that were touched since. So it must be impossible that
//!
//! - *an instruction changes another object in place*. Those that follow compute with atoms (numbers, strings, `bytes`,
//!   `bool`, `None`, no subclasses) and with *plain* containers: of exactly the built-in classes, as is all that is in
//!   them, at all depths, which a variable shows without anything being left out. They read an element of a plain
//!   list, tuple or dict, ask for the length or identity of something plain, read an attribute that an instance holds
//!   under a name which its class has nothing to do with, move values between variables, or call built-in functions and
//!   methods that do no more with such values. A dict is searched only if no class of the program's has a say in how its
//!   keys are compared.
//! - *an instruction changes another object than the one told*. Objects are found from what variables held when the line
//!   began. Once something is touched, no element and no attribute is taken to be what it was then; and once anything
//!   but an atom is put somewhere, no container is taken to be plain.
//! - *a variable shows an object that is touched, without its address*. One that is [looked through](crate::layout::Window)
//!   is compared after any touch; what depends on the dict that keeps attributes, after any touch of a dict; and setting
//!   an attribute touches that dict, too. Two objects change without being told: the iterator of a `for`, which must be
//!   held by the stack alone, so that no variable shows it, and the module's namespace, in which names are bound: no
//!   variable may ever have shown it, and it must not be touched itself.
//! - *an object goes, and code runs because of it*, or another one takes its address. What a line drops is an atom or a
//!   tuple of such, which whoever shows it holds, or is held more often than the line can drop it. Where an element that
//!   is a list of such goes, it is told as touched.
//! - *the program's own code runs meanwhile* (a handler of a signal, a finaliser, another thread). That would be
//!   events, and each says for itself what it leaves behind.
//! - *foreign code runs meanwhile without an event*: a weak reference's callback that is a built-in function, a
//!   finaliser of a library, a thread in a library, a trace function. Signals are handled and threads are switched where
//!   the interpreter's breaker is set, so it must not be, there must be no other thread, no handler of signals, no trace
//!   or profile function and no tool of the program's. Where a line makes an object that sets off a collection, the
//!   collector's counts say so at the next event, and whatever the line was thought to change is forgotten.
//! - *a name stands for something else*. Built-in functions are compared with what they were before the program, where
//!   the frame itself would find them.
//! - *the line does not end where it seems to*. Instructions without a line belong to the one before them, and where
//!   the interpreter tells of lines by instructions that it replaces, a line ends only at one that is replaced. An
//!   exception is an event, and what led to it is not calm.

mod calm;
mod known;
mod meaning;
mod values;
mod walk;

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3_ffi::PyObject;

use crate::code::{Body, Watched};
use crate::intercept::{Call, Function, intercepted};
use crate::layout::{Code, Frame, Str, Thread, Version};
use crate::namespace::Namespace;
use crate::opcodes::Opcodes;
use crate::python::Result;
use crate::watch::{Slot, Touched};
use calm::{Calm, MOST_NAMED, Named, Variable};
use walk::Walk;

/// What is known of one instruction as the first of a piece.
#[derive(Clone, Copy, Default)]
enum Place {
    /// Most code runs once, so nothing is found out about it before it runs again.
    #[default]
    New,
    Seen {
        guesses: u8,
    },
    Anything,
    /// What it needs is guessed from what its variables hold when it is followed.
    Calm {
        index: u32,
        guesses: u8,
        /// Grows where that turns out not to be true, and falls where it does.
        doubt: u8,
    },
}

/// Doubt with which a piece is followed anew, and how often that is done.
const MOST_DOUBT: u8 = 8;
const MOST_GUESSES: u8 = 4;

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

    /// Whether nothing changes in place but what is told as touched from the instruction at this byte offset, which has
    /// not run yet, to the next event of the frame, unless another event comes first.
    ///
    /// # Safety
    /// The frame must be one of the code, and its variables have been looked at in the event at hand.
    pub(crate) unsafe fn is_calm<V: Version>(
        &mut self,
        units: &[u8],
        offset: usize,
        state: State<'_, V>,
        globals: &mut Namespace<V>,
        touched: &mut Vec<Touched>,
    ) -> bool {
        const UNIT: usize = 2;
        if self.places.is_empty() {
            self.places.resize(units.len() / UNIT, Place::New);
        }
        let Some(place) = self.places.get_mut(offset / UNIT) else { return false };
        let guesses = match place {
            Place::New => {
                *place = Place::Seen { guesses: 0 };
                return false;
            }
            Place::Anything => return false,
            Place::Seen { guesses } => *guesses,
            Place::Calm { index, guesses, doubt } => {
                if !is_quiet::<V>() || !state.is_of_module(globals) {
                    return false;
                }
                // SAFETY: the caller vouches for the frame.
                if unsafe { self.calm[*index as usize].holds(&state, globals, touched) } {
                    *doubt = doubt.saturating_sub(1);
                    return true;
                }
                *doubt += 2;
                if *doubt > MOST_DOUBT {
                    *place = Place::Seen { guesses: *guesses };
                }
                return false;
            }
        };
        if !state.is_of_module(globals) {
            return false;
        }
        // SAFETY: the caller vouches for the frame.
        let walk = unsafe { Walk::new(&state, units, self.opcodes, self.body, globals) };
        let calm = if guesses == MOST_GUESSES { None } else { walk.from(offset) };
        let Some(calm) = calm.filter(|calm| calm.named.len() <= MOST_NAMED) else {
            *place = Place::Anything;
            return false;
        };
        *place = Place::Calm { index: self.calm.len() as u32, guesses: guesses + 1, doubt: 0 };
        // SAFETY: as above.
        let holds = is_quiet::<V>() && unsafe { calm.holds(&state, globals, touched) };
        self.calm.push(calm);
        holds
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
    /// Whether the frame looks up globals in the module.
    fn is_of_module(&self, globals: &Namespace<V>) -> bool {
        self.frame.globals() == Some(globals.dict().obj())
    }

    /// A name that the instructions refer to by number.
    fn name(&self, number: usize) -> Option<Str> {
        let name = self.frame.code().names().items().get(number).copied().flatten()?;
        // SAFETY: the names of a code object are `str`.
        Some(unsafe { Str::from_obj(name) })
    }

    /// The slot of something, if it is a variable that has one.
    fn slot<'s>(&'s self, named: Named, globals: &'s Namespace<V>) -> Option<&'s Slot<V>> {
        match named {
            Named::Variable(Variable::Fast(index) | Variable::Cell(index)) => {
                let place = self.locals.iter().position(|local| local.index == index)?;
                self.slots.get(place)
            }
            Named::Variable(Variable::Global(number)) => Some(globals.slot(number)),
            _ => None,
        }
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
pub(crate) fn is_quiet<V: Version>() -> bool {
    !IS_DISTURBED.load(Ordering::Relaxed) && Thread::<V>::current().is_undisturbed()
}

/// Makes ready for programs.
pub(crate) fn prepare() -> Result<()> {
    static SIGNAL: &Function<()> = intercepted!(c"_signal", "signal", (): (), set_handler);
    SIGNAL.install()?;
    known::prepare()
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
