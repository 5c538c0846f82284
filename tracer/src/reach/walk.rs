//! Follows the instructions of a line, keeping track of where the values on the stack come from.

use super::calm::{Calm, Named, Need, Variable};
use super::known::{Builtin, Function, Method};
use super::meaning::{self, Meaning};
use super::{Line, State};
use crate::code::Body;
use crate::disassembly::{Step, steps, target};
use crate::layout::{Dict, Obj, Shape, Version, is_atom, is_inert};
use crate::namespace::Namespace;
use crate::opcodes::Opcodes;

/// Instructions that are followed at most, on all ways together.
const MOST_STEPS: usize = 200;

/// Where a value on the stack comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// It is an atom.
    Atom,
    /// An atom that is a constant of the code, by its number.
    Constant(usize),
    /// It is inert, or of a built-in class, and so is all that is in it. Nobody else changes it.
    Plain,
    /// It was there when the line began: the number of what is named.
    Of(usize),
    /// Something else that others hold, too, or that holds nothing which others do not.
    Held,
    /// Something else that may be held by the stack alone.
    Sole,
    /// No object.
    Null,
    Function(Function),
    Method(Method),
}

impl Value {
    pub(super) fn is_atom(self) -> bool {
        matches!(self, Value::Atom | Value::Constant(_))
    }
}

/// One way through the line, as far as it has been followed.
#[derive(Clone)]
pub(super) struct Way {
    offset: usize,
    /// What was put on the stack, the top last. What was there before is not touched.
    pub(super) stack: Vec<Value>,
    /// What was bound to locals.
    bound: Vec<(Variable, Value)>,
    /// The iterator that was on top of the stack has been taken from it.
    pub(super) has_taken_iterator: bool,
    /// Something has changed in place, so that elements and attributes need not be what they were when the line began.
    pub(super) has_touched: bool,
    /// Something other than an atom was put somewhere, so that plain containers need not be plain any more.
    pub(super) has_put: bool,
}

/// The line may change anything.
pub(super) struct Anything;

pub(super) struct Walk<'a, V: Version> {
    pub(super) state: &'a State<'a, V>,
    steps: Vec<Step>,
    opcodes: &'static Opcodes,
    body: Body,
    globals: &'a mut Namespace<V>,
    pub(super) calm: Calm,
    /// What is named, as it is now, which is what needs are guessed from.
    pub(super) values: Vec<Option<Obj>>,
}

impl<'a, V: Version> Walk<'a, V> {
    /// `units` is `co_code`.
    ///
    /// # Safety
    /// The frame must be one of the code, and its variables have been looked at in the event at hand.
    pub(super) unsafe fn new(
        state: &'a State<'a, V>,
        units: &[u8],
        opcodes: &'static Opcodes,
        body: Body,
        globals: &'a mut Namespace<V>,
    ) -> Self {
        let steps = steps::<V>(units).collect();
        Walk { state, steps, opcodes, body, globals, calm: Calm::default(), values: Vec::new() }
    }

    /// What the piece that begins at this byte offset, in this line, changes in place, and what it needs for that;
    /// `None` if it may change anything.
    pub(super) fn from(mut self, offset: usize) -> Option<Calm> {
        let code = self.state.frame.code();
        let line = Line { code, number: self.state.line };
        if code.line_at(offset) != Some(line.number) {
            return None;
        }
        let start = Way {
            offset,
            stack: Vec::new(),
            bound: Vec::new(),
            has_taken_iterator: false,
            has_touched: false,
            has_put: false,
        };
        let mut ways = vec![start];
        for _ in 0..MOST_STEPS {
            let Some(mut way) = ways.pop() else { return Some(self.calm) };
            let step = self.step_at(way.offset)?;
            let next = self.follow(&mut way, step).ok()?;
            let mut go_on = |way: Way| {
                if !line.ends_at(way.offset) {
                    ways.push(way);
                }
            };
            match next {
                Next::End => {}
                Next::One => go_on(way),
                Next::Two(other) => {
                    go_on(way);
                    go_on(other);
                }
            }
        }
        None
    }

    fn step_at(&self, offset: usize) -> Option<Step> {
        let index = self.steps.binary_search_by_key(&offset, |step| step.offset).ok()?;
        Some(self.steps[index])
    }

    /// Takes one step. The way then stands at the next instruction.
    fn follow(&mut self, way: &mut Way, step: Step) -> Result<Next, Anything> {
        let Step { argument, next, .. } = step;
        way.offset = next;
        match meaning::of(self.opcodes)[usize::from(step.opcode)] {
            Meaning::Anything => return Err(Anything),
            Meaning::Nothing => {}
            Meaning::LoadFast => self.load(way, Variable::Fast(argument)),
            Meaning::LoadFastPair => {
                self.load(way, Variable::Fast(argument >> 4));
                self.load(way, Variable::Fast(argument & 15));
            }
            Meaning::StoreFast => self.store(way, Variable::Fast(argument))?,
            Meaning::StoreThenLoadFast => {
                self.store(way, Variable::Fast(argument >> 4))?;
                self.load(way, Variable::Fast(argument & 15));
            }
            Meaning::StoreFastPair => {
                self.store(way, Variable::Fast(argument >> 4))?;
                self.store(way, Variable::Fast(argument & 15))?;
            }
            Meaning::DeleteFast => {
                // It is never read again on this way: that would be an exception.
                way.stack.push(Value::Atom);
                self.store(way, Variable::Fast(argument))?;
            }
            Meaning::LoadCell => self.load(way, Variable::Cell(argument)),
            Meaning::StoreCell => self.store(way, Variable::Cell(argument))?,
            Meaning::StoreGlobal => self.store_global(way, argument)?,
            Meaning::StoreName => {
                if self.body != Body::Module {
                    return Err(Anything);
                }
                self.store_global(way, argument)?;
            }
            Meaning::LoadConstant => way.stack.push(self.constant(argument)),
            Meaning::LoadGlobal => {
                // The lowest bit says that a place for what is called is pushed, too: below before 3.13.
                let is_called = argument & 1 != 0;
                if is_called && V::MINOR < 13 {
                    way.stack.push(Value::Null);
                }
                self.load_global(way, argument >> 1)?;
                if is_called && V::MINOR >= 13 {
                    way.stack.push(Value::Null);
                }
            }
            Meaning::LoadName => {
                if self.body != Body::Module {
                    return Err(Anything);
                }
                self.load_global(way, argument)?;
            }
            Meaning::LoadAttribute => {
                // From 3.12 on the lowest bit says that it is a method, to be called.
                let is_marked = V::MINOR >= 12;
                let name = if is_marked { argument >> 1 } else { argument };
                if is_marked && argument & 1 != 0 {
                    self.load_method(way, name)?;
                } else {
                    self.load_attribute(way, name)?;
                }
            }
            Meaning::LoadMethod => self.load_method(way, argument)?,
            Meaning::StoreAttribute => self.set_attribute(way, argument)?,
            Meaning::PushNull => way.stack.push(Value::Null),
            Meaning::Copy => {
                let value = *way.nth_from_top(argument)?;
                way.stack.push(value);
            }
            Meaning::Swap => {
                let top = way.stack.len().checked_sub(1).ok_or(Anything)?;
                let other = way.stack.len().checked_sub(argument).ok_or(Anything)?;
                way.stack.swap(top, other);
            }
            Meaning::Pop => {
                way.pop_harmless()?;
            }
            Meaning::Unary => {
                let made = self.operate(way, 1, false)?;
                way.stack.push(made);
            }
            Meaning::Binary => {
                // The operators that may change their first operand come after the others.
                const FIRST_IN_PLACE: usize = 13;
                let made = self.operate(way, 2, argument >= FIRST_IN_PLACE)?;
                way.stack.push(made);
            }
            Meaning::Compute(count) => self.compute(way, count)?,
            Meaning::Join => self.compute(way, argument)?,
            Meaning::Format => self.compute(way, if argument & 4 == 0 { 1 } else { 2 })?,
            Meaning::Build => self.build(way, argument)?,
            Meaning::BuildSlice => {
                self.operate(way, argument, false)?;
                way.stack.push(Value::Plain);
            }
            Meaning::Unpack => self.unpack(way, argument)?,
            Meaning::Call => self.call(way, argument)?,
            Meaning::Is => {
                way.pop_harmless()?;
                way.pop_harmless()?;
                way.stack.push(Value::Atom);
            }
            Meaning::Truth => {
                self.pop_for_truth(way)?;
                way.stack.push(Value::Atom);
            }
            Meaning::Contains => {
                let container = way.pop()?;
                let wanted = way.pop()?;
                self.contains(way, container, wanted)?;
                way.stack.push(Value::Atom);
            }
            Meaning::Subscript => {
                let key = way.pop()?;
                let container = way.pop()?;
                let element = self.subscript(way, container, key)?;
                way.stack.push(element);
            }
            Meaning::Slice => {
                self.operate(way, 2, false)?;
                let container = way.pop()?;
                let piece = self.piece(way, container)?;
                way.stack.push(piece);
            }
            Meaning::StoreSubscript => {
                let key = way.pop()?;
                let container = way.pop()?;
                let value = way.pop()?;
                self.set_element(way, container, key)?;
                way.has_put |= !value.is_atom();
            }
            Meaning::DeleteSubscript => {
                let key = way.pop()?;
                let container = way.pop()?;
                self.set_element(way, container, key)?;
            }
            Meaning::Jump => way.offset = self.target(step)?,
            Meaning::Branch => {
                self.pop_for_truth(way)?;
                return self.branch(way, step);
            }
            Meaning::BranchByNone => {
                way.pop_harmless()?;
                return self.branch(way, step);
            }
            Meaning::BranchOrPop => {
                let top = *way.nth_from_top(1)?;
                self.need_length(top)?;
                let other = Way { offset: self.target(step)?, ..way.clone() };
                way.pop_harmless()?;
                return Ok(Next::Two(other));
            }
            Meaning::ForIter => {
                if !way.stack.is_empty() || way.has_taken_iterator {
                    return Err(Anything);
                }
                self.calm.iterates = true;
                let offset = self.behind_loop(self.target(step)?)?;
                let other = Way { offset, has_taken_iterator: true, ..way.clone() };
                let next = self.next_item(way);
                way.stack.push(next);
                return Ok(Next::Two(other));
            }
            Meaning::Leave => return Ok(Next::End),
        }
        Ok(Next::One)
    }

    fn load(&mut self, way: &mut Way, variable: Variable) {
        let bound = way.bound.iter().rev().find(|(bound, _)| *bound == variable);
        let value = bound.map(|(_, value)| *value);
        way.stack.push(value.unwrap_or_else(|| Value::Of(self.number(Named::Variable(variable)))));
    }

    /// The number of something that is named, which it is given the first time.
    pub(super) fn number(&mut self, named: Named) -> usize {
        let known = self.calm.named.iter().position(|known| *known == named);
        known.unwrap_or_else(|| {
            // SAFETY: whoever made the walk vouches for the frame.
            let value = unsafe { named.value(self.state, self.globals, &self.values) };
            self.values.push(value);
            self.calm.named.push(named);
            self.calm.named.len() - 1
        })
    }

    /// What the iterator on top of the stack gives.
    fn next_item(&mut self, way: &Way) -> Value {
        if way.has_touched {
            return Value::Held;
        }
        let next = self.number(Named::Next);
        if self.is_unbound(next) { Value::Held } else { Value::Of(next) }
    }

    /// Whether something named meets a need as it is now.
    pub(super) fn meets(&self, number: usize, need: Need) -> bool {
        let named = self.calm.named[number];
        let is_met = |value| need.is_met(value, named, self.state, self.globals, self.calm.drops);
        self.values[number].is_some_and(is_met)
    }

    /// Whether there is no such thing as it is now, so that nothing can be guessed.
    pub(super) fn is_unbound(&self, number: usize) -> bool {
        self.values[number].is_none()
    }

    /// Whether something named meets a need as it is now; if so, it is required.
    pub(super) fn guess(&mut self, number: usize, need: Need) -> bool {
        let is_met = self.meets(number, need);
        if is_met {
            self.require(number, need);
        }
        is_met
    }

    fn global(&mut self, name: usize) -> Result<Variable, Anything> {
        let name = self.state.name(name).ok_or(Anything)?;
        self.globals.variable(name).map(Variable::Global).ok_or(Anything)
    }

    fn load_global(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let variable = self.global(name)?;
        self.load(way, variable);
        let (Some(&Value::Of(number)), Variable::Global(hiding)) = (way.stack.last(), variable) else {
            return Ok(());
        };
        if self.values[number].is_none() {
            // A name that the module does not have is searched for among the built-in ones.
            let builtins = self.state.frame.builtins().and_then(Dict::plain).ok_or(Anything)?;
            let name = self.state.name(name).ok_or(Anything)?;
            let builtin = Builtin::of::<V>(name, hiding, builtins).ok_or(Anything)?;
            let number = self.number(Named::Builtin(builtin));
            self.require(number, Need::Bound);
            way.pop()?;
            way.stack.push(Value::Function(builtin.effect()));
        } else {
            self.require(number, Need::Bound);
        }
        Ok(())
    }

    fn store_global(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let variable = self.global(name)?;
        self.calm.binds_globals = true;
        self.store(way, variable)
    }

    fn store(&mut self, way: &mut Way, variable: Variable) -> Result<(), Anything> {
        let value = way.pop()?;
        if way.has_taken_iterator {
            // What the iterator ran over may be held by nothing but the variable from here on.
            return Err(Anything);
        }
        // What the line itself has bound there is dropped for certain only if it is an atom.
        match way.bound.iter_mut().find(|(bound, _)| *bound == variable) {
            Some((_, bound)) if bound.is_atom() => *bound = value,
            Some(_) => return Err(Anything),
            None => {
                let number = self.number(Named::Variable(variable));
                self.require(number, Need::Droppable);
                self.calm.drops += 1;
                way.bound.push((variable, value));
            }
        }
        Ok(())
    }

    fn constant(&self, index: usize) -> Value {
        let constants = self.state.frame.code().constants();
        match constants.items().get(index).copied().flatten() {
            Some(constant) if is_atom(constant) => Value::Constant(index),
            Some(constant) if is_inert(constant) || is_of_atoms(constant) => Value::Plain,
            _ => Value::Held,
        }
    }

    fn compute(&mut self, way: &mut Way, count: usize) -> Result<(), Anything> {
        self.operate(way, count, false)?;
        way.stack.push(Value::Atom);
        Ok(())
    }

    fn pop_for_truth(&mut self, way: &mut Way) -> Result<(), Anything> {
        let value = way.pop()?;
        self.need_length(value)
    }

    fn branch(&self, way: &Way, step: Step) -> Result<Next, Anything> {
        Ok(Next::Two(Way { offset: self.target(step)?, ..way.clone() }))
    }

    pub(super) fn need_length(&mut self, value: Value) -> Result<(), Anything> {
        match value {
            Value::Of(number) => self.require(number, Need::Length),
            Value::Atom | Value::Constant(_) | Value::Plain => {}
            _ => return Err(Anything),
        }
        Ok(())
    }

    pub(super) fn require(&mut self, number: usize, need: Need) {
        if !self.calm.needs.contains(&(number, need)) {
            self.calm.needs.push((number, need));
        }
    }

    fn target(&self, step: Step) -> Result<usize, Anything> {
        target(self.opcodes, step).ok_or(Anything)
    }

    /// Where a `for` that is over goes on: it takes its iterator from the stack itself, and leaves out the instructions
    /// that are there for tools.
    fn behind_loop(&self, target: usize) -> Result<usize, Anything> {
        let left_out = usize::from(V::MINOR.saturating_sub(11));
        let index = self.steps.binary_search_by_key(&target, |step| step.offset).map_err(|_| Anything)?;
        self.steps.get(index + left_out).map(|step| step.offset).ok_or(Anything)
    }
}

/// What becomes of a way after a step.
enum Next {
    /// It has come to an event.
    End,
    One,
    /// There is another one.
    Two(Way),
}

impl Way {
    pub(super) fn pop(&mut self) -> Result<Value, Anything> {
        self.stack.pop().ok_or(Anything)
    }

    /// Takes a value from the stack that is let go of.
    fn pop_harmless(&mut self) -> Result<(), Anything> {
        match self.pop()? {
            Value::Sole => Err(Anything),
            _ => Ok(()),
        }
    }

    /// The value at this place from the top, which is the first.
    fn nth_from_top(&self, place: usize) -> Result<&Value, Anything> {
        self.stack.len().checked_sub(place).and_then(|index| self.stack.get(index)).ok_or(Anything)
    }
}

/// Whether a constant is a container of atoms.
fn is_of_atoms(constant: Obj) -> bool {
    match Shape::of(constant) {
        Shape::FrozenSet(set) => set.iter().all(is_inert),
        _ => false,
    }
}
