//! Follows the instructions of a line, keeping track of where the values on the stack come from.

use super::meaning::{self, Meaning};
use super::{Calm, Line, Named, Need, Variable};
use crate::code::Body;
use crate::disassembly::{Step, steps, target};
use crate::layout::{Code, Obj, Shape, Str, Version, is_atom};
use crate::namespace::Namespace;
use crate::opcodes::Opcodes;

/// Instructions that are followed at most, on all ways together.
const MOST_STEPS: usize = 200;

/// Where a value on the stack comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// It is an atom.
    Atom,
    /// A constant of atoms.
    Constants,
    /// It was there when the line began: the number of what is named.
    Of(usize),
    /// Something else that others hold, too.
    Held,
}

/// One way through the line, as far as it has been followed.
#[derive(Clone)]
struct Way {
    offset: usize,
    /// What was put on the stack, the top last. What was there before is not touched.
    stack: Vec<Value>,
    /// What was bound to locals.
    bound: Vec<(Variable, Value)>,
    /// The iterator that was on top of the stack has been taken from it.
    has_taken_iterator: bool,
}

/// The line may change anything.
struct Anything;

pub(super) struct Walk<'a, V: Version> {
    code: Code<V>,
    steps: Vec<Step>,
    opcodes: &'static Opcodes,
    body: Body,
    globals: &'a mut Namespace<V>,
    calm: Calm,
}

impl<'a, V: Version> Walk<'a, V> {
    /// `units` is `co_code`.
    pub(super) fn new(
        code: Code<V>,
        units: &[u8],
        opcodes: &'static Opcodes,
        body: Body,
        globals: &'a mut Namespace<V>,
    ) -> Self {
        let calm =
            Calm { named: Vec::new(), needs: Vec::new(), drops: 0, iterates: false, binds_globals: false };
        Walk { code, steps: steps::<V>(units).collect(), opcodes, body, globals, calm }
    }

    /// What the piece that begins at this byte offset, in this line, needs to be calm; `None` if it may change anything.
    pub(super) fn from(mut self, offset: usize, line: u32) -> Option<Calm> {
        if self.code.line_at(offset) != Some(line) {
            return None;
        }
        let line = Line { code: self.code, number: line };
        let start = Way { offset, stack: Vec::new(), bound: Vec::new(), has_taken_iterator: false };
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
                // The lowest bit says that a place for what is called is pushed, too.
                if argument & 1 != 0 {
                    return Err(Anything);
                }
                self.load_global(way, argument >> 1)?;
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
                if is_marked && argument & 1 != 0 {
                    return Err(Anything);
                }
                let Value::Of(owner) = way.pop()? else { return Err(Anything) };
                let attribute =
                    Named::Attribute { owner, name: if is_marked { argument >> 1 } else { argument } };
                let attribute = self.number(attribute);
                self.require(attribute, Need::Bound);
                way.stack.push(Value::Of(attribute));
            }
            Meaning::Copy => {
                let value = *way.from_top(argument)?;
                way.stack.push(value);
            }
            Meaning::Swap => {
                let top = way.stack.len().checked_sub(1).ok_or(Anything)?;
                let other = way.stack.len().checked_sub(argument).ok_or(Anything)?;
                way.stack.swap(top, other);
            }
            Meaning::Pop => {
                way.pop()?;
            }
            Meaning::Compute(count) => self.compute(way, count)?,
            Meaning::Join => self.compute(way, argument)?,
            Meaning::Format => self.compute(way, if argument & 4 == 0 { 1 } else { 2 })?,
            Meaning::Is => {
                way.pop()?;
                way.pop()?;
                way.stack.push(Value::Atom);
            }
            Meaning::Truth => {
                self.pop_for_truth(way)?;
                way.stack.push(Value::Atom);
            }
            Meaning::Contains => {
                let container = way.pop()?;
                let wanted = way.pop()?;
                self.need(wanted, Need::Atom)?;
                self.need(container, Need::Elements)?;
                way.stack.push(Value::Atom);
            }
            Meaning::Subscript => {
                let key = way.pop()?;
                let container = way.pop()?;
                self.need(key, Need::Atom)?;
                self.need(container, Need::Elements)?;
                way.stack.push(Value::Atom);
            }
            Meaning::Jump => way.offset = self.target(step)?,
            Meaning::Branch => {
                self.pop_for_truth(way)?;
                return self.branch(way, step);
            }
            Meaning::BranchByNone => {
                way.pop()?;
                return self.branch(way, step);
            }
            Meaning::BranchOrPop => {
                let top = *way.from_top(1)?;
                self.need(top, Need::Length)?;
                let other = Way { offset: self.target(step)?, ..way.clone() };
                way.pop()?;
                return Ok(Next::Two(other));
            }
            Meaning::ForIter => {
                if !way.stack.is_empty() || way.has_taken_iterator {
                    return Err(Anything);
                }
                self.calm.iterates = true;
                let offset = self.behind_loop(self.target(step)?)?;
                let other = Way { offset, has_taken_iterator: true, ..way.clone() };
                way.stack.push(Value::Held);
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
    fn number(&mut self, named: Named) -> usize {
        let known = self.calm.named.iter().position(|known| *known == named);
        known.unwrap_or_else(|| {
            self.calm.named.push(named);
            self.calm.named.len() - 1
        })
    }

    fn global(&mut self, name: usize) -> Result<Variable, Anything> {
        let name = self.code.names().items().get(name).copied().flatten().ok_or(Anything)?;
        // SAFETY: the names of a code object are `str`.
        self.globals.variable(unsafe { Str::from_obj(name) }).map(Variable::Global).ok_or(Anything)
    }

    fn load_global(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let variable = self.global(name)?;
        self.load(way, variable);
        if let Some(&Value::Of(number)) = way.stack.last() {
            // A name that the module does not have is searched for elsewhere.
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
            Some((_, bound)) if *bound == Value::Atom => *bound = value,
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
        let constants = self.code.constants();
        match constants.items().get(index).copied().flatten() {
            Some(constant) if is_atom(constant) => Value::Atom,
            Some(constant) if is_of_atoms(constant) => Value::Constants,
            _ => Value::Held,
        }
    }

    fn compute(&mut self, way: &mut Way, count: usize) -> Result<(), Anything> {
        for _ in 0..count {
            let operand = way.pop()?;
            self.need(operand, Need::Atom)?;
        }
        way.stack.push(Value::Atom);
        Ok(())
    }

    fn pop_for_truth(&mut self, way: &mut Way) -> Result<(), Anything> {
        let value = way.pop()?;
        self.need(value, Need::Length)
    }

    fn branch(&self, way: &Way, step: Step) -> Result<Next, Anything> {
        Ok(Next::Two(Way { offset: self.target(step)?, ..way.clone() }))
    }

    /// Sees to it that a value is of a kind.
    fn need(&mut self, value: Value, need: Need) -> Result<(), Anything> {
        match (value, need) {
            (Value::Of(number), _) => self.require(number, need),
            (Value::Atom, _) | (Value::Constants, Need::Length | Need::Elements) => {}
            (Value::Constants | Value::Held, _) => return Err(Anything),
        }
        Ok(())
    }

    fn require(&mut self, number: usize, need: Need) {
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
    fn pop(&mut self) -> Result<Value, Anything> {
        self.stack.pop().ok_or(Anything)
    }

    /// The value at this place from the top, which is the first.
    fn from_top(&self, place: usize) -> Result<&Value, Anything> {
        self.stack.len().checked_sub(place).and_then(|index| self.stack.get(index)).ok_or(Anything)
    }
}

/// Whether a constant is a container of atoms.
fn is_of_atoms(constant: Obj) -> bool {
    match Shape::of(constant) {
        Shape::Tuple(tuple) => tuple.items().iter().flatten().all(|item| is_atom(*item)),
        Shape::FrozenSet(set) => set.iter().all(is_atom),
        _ => false,
    }
}
