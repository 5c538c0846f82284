//! One variable as it was when it was last looked at.

use trace::Scope;
use trace::wire::change;

use super::clock::Clock;
use super::difference::{self, Outcome, Teller};
use super::visit::Visit;
use crate::identity;
use crate::layout::{Function, Obj, Shape, Str, Version, hold, release};
use crate::log::{Full, Log, Name, Written};
use crate::value::{self, Limits, Stability};

/// One variable as it was when it was last looked at.
pub(crate) struct Slot<V: Version> {
    /// What the variable held; null when it did not exist. Held only where `state` says so.
    value: *const (),
    /// For a function, the address of its qualified name, which is held.
    naming: Option<Obj>,
    state: State,
    /// The text is not that of the whole value.
    is_cut: bool,
    has_elements: bool,
    written: Written,
    /// What the text was made of, and room for the next one.
    visit: Option<Box<Visit<V>>>,
    prefix: Option<Box<Prefix>>,
    /// When it was last looked at, by the clock.
    seen: u64,
}

/// How to tell whether the variable still reads the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// There was none.
    Absent,
    /// By its address: the object is held, and its text cannot change.
    Constant,
    /// It is a function, and reads as its qualified name.
    Function,
    /// By comparing all that it showed.
    Visited,
    /// By its first characters: holding a long string would make appending to it copy it.
    LongString,
}

/// How much of a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything, if the value is not too large for that.
    Whole,
    /// The same as far as it is rationed.
    Affordable,
    /// As much as a cut text shows.
    Cut,
}

/// The beginning of a long string.
#[derive(Default)]
struct Prefix {
    len: usize,
    width: usize,
    bytes: Vec<u8>,
}

impl Prefix {
    fn matches<V: Version>(&self, string: Str, chars: usize) -> bool {
        let units = string.first_units::<V>(chars);
        string.len() == self.len && units.bytes() == (self.bytes.as_slice(), self.width)
    }
}

impl<V: Version> Slot<V> {
    pub(crate) const fn new() -> Slot<V> {
        Slot {
            value: std::ptr::null(),
            naming: None,
            state: State::Absent,
            is_cut: false,
            has_elements: false,
            written: Written::NONE,
            visit: None,
            prefix: None,
            seen: 0,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.state == State::Absent
    }

    /// Whether the variable held this object when it was last looked at.
    pub(crate) fn held(&self, value: Obj) -> bool {
        self.state != State::Absent && std::ptr::eq(self.value, value.as_ptr().cast())
    }

    /// The same, and what can be compared says that it still
    /// reads the same.
    pub(crate) fn reads_as(&self, log: &Log, value: Obj) -> bool {
        self.held(value) && (self.state == State::Constant || self.still_reads(log, value))
    }

    /// Writes a change if the variable differs from what it was.
    #[inline(always)]
    pub(crate) fn look(
        &mut self,
        log: &mut Log,
        clock: &mut Clock,
        name: &mut Name,
        scope: Scope,
        value: Option<Obj>,
    ) -> Result<(), Full> {
        let address = value.map_or(std::ptr::null(), |value| value.as_ptr() as *const ());
        if address == self.value && self.state <= State::Constant {
            return Ok(());
        }
        let now = clock.now(self.weight());
        let is_as_seen = address == self.value && self.stays(clock);
        self.seen = now;
        if is_as_seen {
            return Ok(());
        }
        match value {
            Some(value) if self.still_reads(log, value) => {
                self.rebind(value);
                Ok(())
            }
            Some(value) => self.replace(log, name, scope, value),
            None => self.delete(log, name, scope),
        }
    }

    /// How many steps a comparison takes, roughly.
    #[inline(always)]
    fn weight(&self) -> usize {
        match (self.state, &self.visit) {
            (State::Visited, Some(visit)) => visit.weight(),
            _ => 1,
        }
    }

    /// Whether the variable, which is bound to the same object, reads as when it was last looked at, by what is known to
    /// have changed in place since. Of a string that is not held nothing is known: another one can come to stand where
    /// it stood.
    #[inline(always)]
    fn stays(&self, clock: &Clock) -> bool {
        if !matches!(self.state, State::Function | State::Visited) {
            return false;
        }
        let Some(mut touched) = clock.touched_since(self.seen) else { return false };
        match (self.state, &self.visit) {
            (State::Visited, Some(visit)) => touched.all(|touched| {
                touched.address != self.value as usize
                    && !visit.may_show(touched.address)
                    && !(touched.is_dict && visit.depends_on_dicts())
            }),
            _ => true,
        }
    }

    /// The variable is bound to this object by now, which is described by what describes the one before.
    #[inline(always)]
    fn rebind(&mut self, value: Obj) {
        if !self.held(value) {
            self.value = value.as_ptr() as *const ();
            if let (State::Visited, Some(visit)) = (self.state, &self.visit) {
                visit.rebind_whole(value);
            }
        }
    }

    /// What the variable was bound to when it was last looked at.
    ///
    /// # Safety
    /// That must have been in the event at hand, so that it still is.
    pub(crate) unsafe fn bound(&self) -> Option<Obj> {
        // SAFETY: the caller vouches for the object.
        unsafe { Obj::maybe(self.value as *mut _) }
    }

    /// Whether the variable shows all that is in a plain container, which is atoms alone.
    pub(crate) fn holds_atoms(&self) -> bool {
        self.state == State::Visited && self.visit.as_ref().is_some_and(|visit| visit.holds_atoms())
    }

    /// The same of inert objects.
    pub(crate) fn holds_inert(&self) -> bool {
        self.state == State::Visited && self.visit.as_ref().is_some_and(|visit| visit.holds_inert())
    }

    /// The same of inert objects and plain containers of such.
    pub(crate) fn is_plain(&self) -> bool {
        self.state == State::Visited && self.visit.as_ref().is_some_and(|visit| visit.is_plain())
    }

    #[inline(always)]
    fn still_reads(&self, log: &Log, value: Obj) -> bool {
        match self.state {
            State::Absent | State::Constant => false,
            State::Function => Function::of(value)
                .is_some_and(|function| Some(function.qualified_name().obj()) == self.naming),
            State::Visited => {
                let is_same = std::ptr::eq(self.value, value.as_ptr().cast());
                self.visit.as_ref().is_some_and(|visit| (is_same || !visit.is_cyclic) && visit.matches(value))
            }
            State::LongString => match (Shape::of(value), &self.prefix) {
                (shape @ Shape::Str(string), Some(prefix)) if shape.is_exact(value.ty()) => {
                    prefix.matches::<V>(string, log.values().string_chars(0))
                }
                _ => false,
            },
        }
    }

    fn replace(&mut self, log: &mut Log, name: &mut Name, scope: Scope, value: Obj) -> Result<(), Full> {
        if self.is_told_by_elements() {
            return self.replace_elements(log, name, scope, value);
        }
        if self.state == State::Absent {
            log.change::<V>(name, scope, change::NEW)?;
            return self.tell(log, value);
        }
        let before = self.written;
        let mark = log.change::<V>(name, scope, change::MODIFIED)?;
        // What is behind a cut text stays there for as long as the text is the same.
        let extent = match (self.is_cut, self.has_elements) {
            (true, _) if may_be_whole(log, Shape::of(value)) => Extent::Cut,
            (false, true) => Extent::Whole,
            _ => Extent::Affordable,
        };
        self.written = self.write(log, value, extent)?;
        if log.same(before, self.written) {
            log.take_back(mark);
            self.written = before;
        } else if extent == Extent::Affordable {
            self.pay(log);
        } else {
            log.take_back(mark);
            log.change::<V>(name, scope, change::MODIFIED)?;
            return self.tell(log, value);
        }
        Ok(())
    }

    /// Ends a change with the value, whole if that can be afforded.
    fn tell(&mut self, log: &mut Log, value: Obj) -> Result<(), Full> {
        self.written = self.write(log, value, Extent::Affordable)?;
        self.pay(log);
        Ok(())
    }

    /// Pays for what was just told.
    #[inline(always)]
    fn pay(&self, log: &mut Log) {
        if self.has_elements && !self.is_cut {
            log.spend(self.written);
        }
    }

    /// Whether the value was written whole and has elements. How it reads by now stands nowhere in one piece
    /// then.
    fn is_told_by_elements(&self) -> bool {
        self.state == State::Visited && self.visit.as_ref().is_some_and(|visit| visit.has_elements())
    }

    /// Tells which elements of the variable differ. Where that cannot be told, or does not pay, the whole does.
    fn replace_elements(
        &mut self,
        log: &mut Log,
        name: &mut Name,
        scope: Scope,
        value: Obj,
    ) -> Result<(), Full> {
        let begin = log.mark();
        let is_same = std::ptr::eq(self.value, value.as_ptr().cast());
        let outcome = match &mut self.visit {
            Some(visit) => difference::tell(visit, Teller { log, name, scope }, value, is_same)?,
            None => Outcome::Whole,
        };
        match outcome {
            Outcome::Told => {
                self.rebind(value);
                return Ok(());
            }
            Outcome::Stale => {
                let told = log.mark();
                self.written = self.write(log, value, Extent::Whole)?;
                log.take_back(told);
                if self.is_told_by_elements() {
                    return Ok(());
                }
            }
            Outcome::Whole => {}
        }
        log.take_back(begin);
        log.change::<V>(name, scope, change::MODIFIED)?;
        self.tell(log, value)
    }

    /// Writes the value and remembers what it was made of. The slot is absent until that has succeeded.
    #[inline(always)]
    fn write(&mut self, log: &mut Log, value: Obj, extent: Extent) -> Result<Written, Full> {
        self.forget();
        (self.is_cut, self.has_elements) = (false, false);
        let shape = Shape::of(value);
        let (written, state) = match shape {
            Shape::Str(string)
                if string.len() > log.values().string_chars(0) && shape.is_exact(value.ty()) =>
            {
                self.write_long(log, value, string)?
            }
            // These need no visit: most of all changes are numbers.
            Shape::Int(_) | Shape::Float(_) | Shape::Bool(_) | Shape::None if shape.is_exact(value.ty()) => {
                let (written, ()) =
                    log.written::<V, _>(value, log.values(), |text| value::write::<V>(text, value))?;
                (written, State::Constant)
            }
            _ => self.write_visited(log, value, shape, extent)?,
        };
        if state == State::Constant {
            hold::<V>(value);
        }
        self.value = value.as_ptr() as *const ();
        self.state = state;
        Ok(written)
    }

    fn write_visited(
        &mut self,
        log: &mut Log,
        value: Obj,
        shape: Shape,
        extent: Extent,
    ) -> Result<(Written, State), Full> {
        let visit = self.visit.get_or_insert_with(|| Box::new(Visit::new()));
        let values = log.values();
        let whole = if let Extent::Affordable = extent { log.affordable() } else { log.whole() };
        let tries_whole = extent != Extent::Cut
            && may_be_whole(log, shape)
            && !(is_doubtful(log, whole, shape) && value::exceeds::<V>(whole, value));
        let numbers = identity::count();
        let (written, (stability, is_whole, elements)) = log.written::<V, _>(value, whole, |text| {
            if tries_whole {
                visit.begin_whole();
                let stability = value::write_recorded::<V, _>(text, &mut **visit, value);
                if !text.is_too_large() {
                    visit.end_whole(text);
                    return (stability, true, text.elements());
                }
                visit.clear();
                identity::take_back(numbers);
            }
            text.restart(values);
            (value::write_recorded::<V, _>(text, &mut **visit, value), false, text.elements())
        })?;
        (self.is_cut, self.has_elements) = (!is_whole, elements > 0);
        let state = match (stability, shape) {
            (Stability::Constant, _) => State::Constant,
            (Stability::Changeable, Shape::Function(function)) => {
                let name = function.qualified_name().obj();
                hold::<V>(name);
                self.naming = Some(name);
                State::Function
            }
            (Stability::Changeable, _) => State::Visited,
        };
        Ok((written, state))
    }

    fn write_long(&mut self, log: &mut Log, value: Obj, string: Str) -> Result<(Written, State), Full> {
        let units = string.first_units::<V>(log.values().string_chars(0));
        let (bytes, width) = units.bytes();
        let prefix = self.prefix.get_or_insert_default();
        prefix.len = string.len();
        prefix.width = width;
        prefix.bytes.clear();
        prefix.bytes.extend_from_slice(bytes);
        let (written, ()) = log.written::<V, _>(value, log.values(), |text| text.string::<V>(string))?;
        Ok((written, State::LongString))
    }

    fn delete(&mut self, log: &mut Log, name: &mut Name, scope: Scope) -> Result<(), Full> {
        self.clear();
        log.change::<V>(name, scope, change::DELETED)?;
        Ok(())
    }

    /// The object that the slot holds.
    fn constant(&self) -> Option<Obj> {
        // SAFETY: in this state the value is an object that the slot holds.
        (self.state == State::Constant).then(|| unsafe { Obj::from_ptr(self.value as *mut _) })
    }

    /// Makes the slot that of a variable which does not exist. Its memory is kept for the next one.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if self.state != State::Absent {
            self.forget();
        }
    }

    #[inline(always)]
    fn forget(&mut self) {
        let constant = self.constant();
        let was = std::mem::replace(&mut self.state, State::Absent);
        self.value = std::ptr::null();
        match was {
            State::Absent => {}
            State::Constant => {
                if let Some(constant) = constant {
                    // SAFETY: the slot held it until now. No code of the program runs when a constant goes.
                    unsafe { release::<V>(constant) };
                }
            }
            State::Function => {
                if let Some(name) = self.naming.take() {
                    // SAFETY: as above.
                    unsafe { release::<V>(name) };
                }
                self.forget_visit();
            }
            State::Visited => self.forget_visit(),
            State::LongString => {}
        }
    }

    fn forget_visit(&mut self) {
        if let Some(visit) = &mut self.visit {
            visit.clear();
        }
    }
}

/// Whether a value can be written whole as far as can be told at once: what has too many elements of its own need not
/// be tried.
fn may_be_whole(log: &Log, shape: Shape) -> bool {
    log.whole().take_whole(len(shape), 0)
}

/// Whether so many values are too large for these limits that finding out pays for itself.
fn is_doubtful(log: &Log, limits: Limits, shape: Shape) -> bool {
    const LARGE: usize = 64;
    limits.most() < log.whole().most() || len(shape) > LARGE
}

/// Number of elements of a container, not counting those inside of them.
fn len(shape: Shape) -> usize {
    match shape {
        Shape::List(list) => list.items().len(),
        Shape::Tuple(tuple) => tuple.items().len(),
        Shape::Dict(dict) => dict.len(),
        Shape::Set(set) | Shape::FrozenSet(set) => set.len(),
        Shape::Deque(deque) => deque.len(),
        _ => 0,
    }
}

impl<V: Version> Drop for Slot<V> {
    fn drop(&mut self) {
        self.clear();
    }
}
