//! The operand stack of a frame as its last instruction was told, so that the next one tells only what is new.
//!
//! What an instruction neither takes nor changes is at the same place before the next one. Of most instructions it is
//! known how many places at the top they take, so those below hold the same objects. Numbers and strings then read the
//! same, too. Anything else is looked at again, unless the instruction cannot have changed it: it moves objects about,
//! or computes with nothing but numbers and strings, or reads an element of a plain list or dict, or searches one, or
//! takes a value from a plain iterator on top of the stack, or looks a name up, or jumps back while nothing waits to be
//! done. An instruction that drops the last reference to an object can have more done than
//! itself, so it may drop nothing but numbers and strings; and where the interpreter handles signals, switches threads
//! or collects garbage, anything may have changed.

use crate::code::Watched;
use crate::flow::{Flow, Touch};
use crate::layout::{
    Dict, Frame, Obj, Shape, Version, has_inert_keys, is_atom, is_few, is_held_beyond, is_inert,
    is_private_iterator, is_private_range,
};
use crate::log::{Full, Log, Written};
use crate::reach::is_quiet;
use crate::value::Stability;
use crate::watch::Slot;

/// The operand stack at a frame's last instruction.
pub(crate) struct Operands {
    told: Vec<Told>,
    last: Option<Last>,
    /// How many events were left when it was last known that what can be seen through locals reads as it was told.
    fresh_at: u64,
}

/// What was told of one place.
#[derive(Clone, Copy)]
enum Told {
    /// No object.
    Null,
    /// What is always told by value, and reads the same for as long as it is the same object.
    Constant(Written),
    Value(Value),
    /// The object of the local of this index.
    Local(usize),
}

/// Another value.
#[derive(Clone, Copy)]
struct Value {
    written: Written,
    /// Nothing but taking a value from it changes it, which the last instruction did not.
    is_private: bool,
    /// A local holds it, too.
    is_held: bool,
}

/// The last instruction.
struct Last {
    flow: Flow,
    /// How many places from the bottom on read the same after it.
    steady: usize,
    /// How many events were left when it was told, or a line behind it.
    moment: u64,
    has_line_behind: bool,
}

/// A frame, and what was last told of its variables.
pub(crate) struct State<'a, V: Version> {
    pub(crate) frame: Frame<V>,
    pub(crate) locals: &'a mut [Watched],
    pub(crate) slots: &'a [Slot<V>],
    /// Number of all locals, on which the stack stands.
    pub(crate) local_count: usize,
}

impl Operands {
    pub(crate) const fn new() -> Operands {
        Operands { told: Vec::new(), last: None, fresh_at: u64::MAX }
    }

    /// The frame is suspended: whatever happens to it until it goes on may not be seen.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// A line is told, and what locals have become; `moment` events are left.
    #[inline(always)]
    pub(crate) fn pass_line(&mut self, moment: u64) {
        self.fresh_at = moment;
        if let Some(last) = &mut self.last
            && last.moment == moment + 1
        {
            (last.moment, last.has_line_behind) = (moment, true);
        }
    }

    /// Tells the places before an instruction runs; `moment` events are left.
    pub(crate) fn tell<V: Version>(
        &mut self,
        log: &mut Log,
        flow: &Flow,
        moment: u64,
        mut state: State<'_, V>,
    ) -> Result<(), Full> {
        let height = usize::from(flow.height);
        let (kept, steady, has_line_behind) = match &self.last {
            Some(last) if last.moment == moment + 1 => {
                (last.flow.leaves(flow), last.steady, last.has_line_behind)
            }
            Some(last) => (last.flow.leaves(flow), 0, true),
            None => (0, 0, true),
        };
        let is_fresh = self.fresh_at == moment + 1;
        self.last = None;
        self.told.truncate(kept.min(height));
        for at in 0..self.told.len() {
            let before = self.told[at];
            // SAFETY: the stack lies behind the locals, and is as high as that.
            if unsafe { state.still_reads(at, before, at < steady, has_line_behind) } {
                log.same_place(before.written())?;
            } else {
                // SAFETY: as above.
                self.told[at] = unsafe { state.tell_again(log, at, is_fresh, before)? };
            }
        }
        for at in self.told.len()..height {
            // SAFETY: as above.
            self.told.push(unsafe { state.tell(log, at, is_fresh)? });
        }
        // SAFETY: as above.
        let steady = unsafe { self.steady(flow, &state) };
        self.fresh_at = if is_fresh && steady.is_some() { moment } else { u64::MAX };
        let steady = steady.unwrap_or(0);
        if flow.touch == Touch::Iterator
            && let Some(Told::Value(iterator)) = self.told.last_mut()
        {
            iterator.is_private = false;
        }
        self.last = Some(Last { flow: *flow, steady, moment, has_line_behind: false });
        Ok(())
    }

    /// How many places from the bottom on read the same once the instruction has run; `None` where what locals hold may
    /// have changed, too.
    ///
    /// # Safety
    /// The instruction must be the frame's next one.
    unsafe fn steady<V: Version>(&self, flow: &Flow, state: &State<'_, V>) -> Option<usize> {
        let first = self.told.len().saturating_sub(flow.takes.into());
        let are_constant =
            |told: &[Told]| told.iter().all(|told| matches!(told, Told::Null | Told::Constant(_)));
        // SAFETY: the caller vouches for the frame.
        let is = |at: usize, kind: fn(Obj) -> bool| unsafe { state.object(at) }.is_some_and(kind);
        let is_steady = match flow.touch {
            Touch::Nothing => true,
            Touch::Taken => are_constant(&self.told[first..]),
            Touch::Element => {
                are_constant(self.told.get(first + 1..).unwrap_or_default())
                    && is(first, has_plain_elements::<V>)
            }
            Touch::Member => {
                let container = self.told.len().saturating_sub(1);
                are_constant(self.told.get(first..container).unwrap_or_default())
                    && is(container, is_searched_quietly::<V>)
            }
            Touch::Plain => is(first, is_plain),
            Touch::Namespace => state.frame.namespace().is_some_and(|names| {
                Dict::plain(names).is_some_and(|names| names.entries::<V>().has_only_strings())
            }),
            Touch::Moment => is_quiet::<V>(),
            Touch::Iterator => {
                let top = self.told.len().saturating_sub(1);
                return is(top, is_private_iterator::<V>).then_some(top);
            }
            Touch::Local(local) => {
                // SAFETY: the local is one of the frame's code.
                let before = unsafe { state.frame.local(local.into()) };
                are_constant(&self.told[first..]) && before.is_none_or(is_atom)
            }
            Touch::Anything => false,
        };
        is_steady.then_some(self.told.len())
    }
}

impl Told {
    fn written(self) -> Option<Written> {
        match self {
            Told::Constant(written) | Told::Value(Value { written, .. }) => Some(written),
            Told::Null | Told::Local(_) => None,
        }
    }

    /// Whether both read the same in the log.
    fn reads_as(self, log: &Log, other: Told) -> bool {
        match (self, other) {
            (Told::Local(one), Told::Local(other)) => one == other,
            (Told::Value(one), Told::Value(other)) => log.same(one.written, other.written),
            _ => false,
        }
    }
}

impl<V: Version> State<'_, V> {
    /// What is at a place of the stack.
    ///
    /// # Safety
    /// The stack must be higher than that.
    unsafe fn object(&self, at: usize) -> Option<Obj> {
        // SAFETY: the caller vouches for the place; the stack lies behind the locals.
        unsafe { self.frame.local(self.local_count + at) }
    }

    /// Whether a place of the stack reads as it did, where it is the same object. `is_steady`: the last instruction did
    /// not change it; `has_line_behind`: what locals are may have been told meanwhile.
    ///
    /// # Safety
    /// As for [`State::object`].
    #[inline(always)]
    unsafe fn still_reads(&self, at: usize, told: Told, is_steady: bool, has_line_behind: bool) -> bool {
        match told {
            Told::Null | Told::Constant(_) => true,
            Told::Value(value) if value.is_held => is_steady && !has_line_behind,
            // SAFETY: the caller vouches for the place.
            Told::Value(value) => is_steady || (value.is_private && !unsafe { self.is_held(at) }),
            Told::Local(_) => is_steady && !has_line_behind,
        }
    }

    /// Whether a local holds what is at a place of the stack.
    ///
    /// # Safety
    /// As for [`State::object`].
    unsafe fn is_held(&self, at: usize) -> bool {
        // SAFETY: the caller vouches for the place; the locals are those of the frame's code.
        unsafe {
            let object = self.object(at);
            self.locals.iter().any(|local| local.value_in(self.frame) == object)
        }
    }

    /// Tells what is at a place of the stack, or that it reads as `before`.
    ///
    /// # Safety
    /// As for [`State::object`].
    unsafe fn tell_again(
        &mut self,
        log: &mut Log,
        at: usize,
        is_fresh: bool,
        before: Told,
    ) -> Result<Told, Full> {
        let begin = log.mark();
        // SAFETY: the caller vouches for the place.
        let now = unsafe { self.tell(log, at, is_fresh)? };
        if !before.reads_as(log, now) {
            return Ok(now);
        }
        log.take_back(begin);
        log.same_place(before.written())?;
        Ok(match (before, now) {
            (Told::Value(Value { written, .. }), Told::Value(now)) => Told::Value(Value { written, ..now }),
            _ => now,
        })
    }

    /// Tells what is at a place of the stack. `is_fresh`: what can be seen through locals reads as it was told.
    ///
    /// # Safety
    /// As for [`State::object`].
    #[inline(always)]
    unsafe fn tell(&mut self, log: &mut Log, at: usize, is_fresh: bool) -> Result<Told, Full> {
        // SAFETY: the caller vouches for the place.
        match unsafe { self.object(at) } {
            None => {
                log.null_place()?;
                Ok(Told::Null)
            }
            // A number or a text says no less than the name of a local that happens to hold the same object.
            Some(object) if is_atom(object) => Ok(Told::Constant(log.value_place::<V>(object)?.0)),
            Some(object) => self.tell_changeable(log, object, is_fresh),
        }
    }

    /// By the name of the first local that holds the object and is known to read as it was last told, else by value.
    fn tell_changeable(&mut self, log: &mut Log, object: Obj, is_fresh: bool) -> Result<Told, Full> {
        let mut is_held = false;
        for (index, (local, slot)) in self.locals.iter_mut().zip(self.slots).enumerate() {
            // SAFETY: the locals are those of the frame's code.
            if unsafe { local.value_in(self.frame) } == Some(object) {
                let reads_as_told = if is_fresh { slot.held(object) } else { slot.reads_as(log, object) };
                if reads_as_told {
                    log.local_place::<V>(&mut local.name)?;
                    return Ok(Told::Local(index));
                }
                is_held = true;
            }
        }
        let (written, stability) = log.value_place::<V>(object)?;
        let is_private = stability == Stability::Constant || is_private_range::<V>(object);
        Ok(Told::Value(Value { written, is_private, is_held }))
    }
}

/// Whether nothing else happens where one of its attributes is looked up or it is iterated over.
fn is_plain(object: Obj) -> bool {
    let shape = Shape::of(object);
    let is_plain = matches!(
        shape,
        Shape::List(_) | Shape::Tuple(_) | Shape::Str(_) | Shape::Dict(_) | Shape::Set(_) | Shape::Range(_)
    );
    is_plain && shape.is_exact(object.ty())
}

/// Whether reading an element of it under a number or a string runs no code. It is held elsewhere, too, and so does not
/// go with that.
fn has_plain_elements<V: Version>(object: Obj) -> bool {
    let shape = Shape::of(object);
    let is_plain = match shape {
        Shape::List(_) | Shape::Tuple(_) | Shape::Str(_) => true,
        Shape::Dict(dict) => has_inert_keys::<V>(dict),
        _ => false,
    };
    is_plain && shape.is_exact(object.ty()) && (is_atom(object) || is_held_beyond::<V>(object, 1))
}

/// The same of searching it.
fn is_searched_quietly<V: Version>(object: Obj) -> bool {
    let is_dict = |dict| has_inert_keys::<V>(dict) && is_held_beyond::<V>(object, 1);
    is_atom(object) || Dict::plain(object).map_or_else(|| is_few::<V>(object, is_inert), is_dict)
}
