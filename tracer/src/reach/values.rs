//! What instructions that compute, look something up or change something make of the values that a walk follows.

use super::calm::{Key, Named, Need};
use super::known::{Function, Kind, Method};
use super::walk::{Anything, Value, Walk, Way};
use crate::layout::Version;

impl<V: Version> Walk<'_, V> {
    /// Takes so many operands, and says what becomes of them. `is_in_place`: the first of them may be changed.
    pub(super) fn operate(
        &mut self,
        way: &mut Way,
        count: usize,
        is_in_place: bool,
    ) -> Result<Value, Anything> {
        let first = way.stack.len().checked_sub(count).ok_or(Anything)?;
        let operands = way.stack.split_off(first);
        let operands =
            operands.into_iter().map(|value| self.operand(way, value)).collect::<Result<Vec<_>, _>>()?;
        if is_in_place && !operands.first().is_some_and(|first| first.is_atom()) {
            return Err(Anything);
        }
        let are_atoms = operands.iter().all(|value| value.is_atom());
        Ok(if are_atoms { Value::Atom } else { Value::Plain })
    }

    /// Sees to it that operators run no code of the program with a value.
    fn operand(&mut self, way: &Way, value: Value) -> Result<Value, Anything> {
        match value {
            Value::Atom | Value::Constant(_) => Ok(Value::Atom),
            Value::Plain if !way.has_put => Ok(Value::Plain),
            Value::Of(number) if self.is_unbound(number) || self.meets(number, Need::Atom) => {
                self.require(number, Need::Atom);
                Ok(Value::Atom)
            }
            Value::Of(number) if !way.has_put && self.guess(number, Need::Plain) => Ok(Value::Plain),
            _ => Err(Anything),
        }
    }

    /// Sees to it that a value can be searched for in a container of what is inert.
    fn key(&mut self, way: &Way, key: Value) -> Result<Value, Anything> {
        match key {
            Value::Of(number) if !self.meets(number, Need::Atom) && self.guess(number, Need::Inert) => {
                Ok(Value::Plain)
            }
            other => self.operand(way, other),
        }
    }

    pub(super) fn contains(&mut self, way: &Way, container: Value, wanted: Value) -> Result<(), Anything> {
        self.key(way, wanted)?;
        match container {
            Value::Atom | Value::Constant(_) => Ok(()),
            _ if way.has_put => Err(Anything),
            Value::Plain => Ok(()),
            Value::Of(number)
                if [Need::Atoms, Need::Plain, Need::Kind(Kind::Dict)]
                    .into_iter()
                    .any(|need| self.guess(number, need)) =>
            {
                Ok(())
            }
            _ => Err(Anything),
        }
    }

    /// What is found under a key.
    pub(super) fn subscript(&mut self, way: &Way, container: Value, key: Value) -> Result<Value, Anything> {
        let found = self.key(way, key)?;
        let is_atom = found.is_atom();
        match container {
            Value::Atom | Value::Constant(_) => Ok(Value::Atom),
            _ if way.has_put => Err(Anything),
            Value::Plain => Ok(Value::Plain),
            Value::Of(number) if self.guess(number, Need::Atoms) => {
                Ok(if is_atom || self.guess(number, Need::Atom) { Value::Atom } else { Value::Plain })
            }
            Value::Of(number) if self.guess(number, Need::Plain) => Ok(Value::Plain),
            Value::Of(owner) => {
                if let Some(key) = named_key(key).filter(|_| !way.has_touched) {
                    let element = self.number(Named::Element { owner, key });
                    if !self.is_unbound(element) {
                        self.require(element, Need::Bound);
                        return Ok(Value::Of(element));
                    }
                }
                let can_be_searched = [Need::Sequence, Need::Kind(Kind::Dict)];
                let is_found = can_be_searched.into_iter().any(|need| self.guess(owner, need));
                if is_found { Ok(Value::Held) } else { Err(Anything) }
            }
            _ => Err(Anything),
        }
    }

    /// A piece of a sequence, between places that are known to be harmless.
    pub(super) fn piece(&mut self, way: &Way, container: Value) -> Result<Value, Anything> {
        match container {
            Value::Atom | Value::Constant(_) => Ok(Value::Atom),
            _ if way.has_put => Err(Anything),
            Value::Plain => Ok(Value::Plain),
            Value::Of(number) if self.guess(number, Need::Atom) => Ok(Value::Atom),
            Value::Of(number) if self.guess(number, Need::Plain) => Ok(Value::Plain),
            Value::Of(number) if self.guess(number, Need::Sequence) => Ok(Value::Held),
            _ => Err(Anything),
        }
    }

    /// Takes a sequence apart into so many values.
    pub(super) fn unpack(&mut self, way: &mut Way, count: usize) -> Result<(), Anything> {
        let sequence = way.pop()?;
        let value = match sequence {
            Value::Of(number) if self.guess(number, Need::Atoms) => Value::Atom,
            _ => self.piece(way, sequence)?,
        };
        way.stack.extend(std::iter::repeat_n(value, count));
        Ok(())
    }

    /// Makes a container of so many values, to which nothing is done but to hold them.
    pub(super) fn build(&mut self, way: &mut Way, count: usize) -> Result<(), Anything> {
        let first = way.stack.len().checked_sub(count).ok_or(Anything)?;
        let mut made = Value::Plain;
        for value in way.stack.split_off(first) {
            match value {
                Value::Atom | Value::Constant(_) => {}
                Value::Plain if !way.has_put => {}
                Value::Of(number) if self.guess(number, Need::Inert) => {}
                Value::Plain | Value::Of(_) | Value::Held if made != Value::Sole => made = Value::Held,
                Value::Sole => made = Value::Sole,
                _ => return Err(Anything),
            }
        }
        way.stack.push(made);
        Ok(())
    }

    pub(super) fn load_attribute(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let Value::Of(owner) = way.pop()? else { return Err(Anything) };
        if way.has_touched {
            return Err(Anything);
        }
        let attribute = self.number(Named::Attribute { owner, name });
        self.require(attribute, Need::Bound);
        way.stack.push(Value::Of(attribute));
        Ok(())
    }

    /// An attribute is set. What it held goes, and was held elsewhere or is inert.
    pub(super) fn set_attribute(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let owner = way.pop()?;
        way.pop()?;
        let Value::Of(owner) = owner else { return Err(Anything) };
        if way.has_touched || way.has_taken_iterator || self.is_unbound(owner) {
            return Err(Anything);
        }
        self.calm.set.push((owner, name));
        self.calm.drops += 1;
        self.touch(way, owner);
        way.has_put = true;
        Ok(())
    }

    /// An element is set or deleted. What was there goes, and was held elsewhere or is inert.
    pub(super) fn set_element(
        &mut self,
        way: &mut Way,
        container: Value,
        key: Value,
    ) -> Result<(), Anything> {
        let is_by_atom = self.key(way, key)?.is_atom();
        let Value::Of(owner) = container else { return Err(Anything) };
        if way.has_put || way.has_taken_iterator {
            return Err(Anything);
        }
        let is_dict = self.guess(owner, Need::Kind(Kind::Dict));
        let can_be_set = is_dict
            || (is_by_atom
                && [Need::Bytes, Need::Kind(Kind::List)].into_iter().any(|need| self.guess(owner, need)));
        if !can_be_set {
            return Err(Anything);
        }
        if !self.meets(owner, Need::Bytes) && !self.guess(owner, Need::InertElements) {
            let key = named_key(key).filter(|_| !way.has_touched).ok_or(Anything)?;
            self.calm.replaced.push((owner, key));
            self.calm.drops += 1;
        }
        self.touch(way, owner);
        Ok(())
    }

    fn touch(&mut self, way: &mut Way, number: usize) {
        way.has_touched = true;
        if !self.calm.touched.contains(&number) {
            self.calm.touched.push(number);
        }
    }

    /// Looks up a method of a built-in class. What it is called on stays above it.
    pub(super) fn load_method(&mut self, way: &mut Way, name: usize) -> Result<(), Anything> {
        let receiver = way.pop()?;
        let kind = match receiver {
            Value::Atom | Value::Constant(_) => Kind::Atom,
            Value::Of(number) => {
                let kind = self.values[number].and_then(Kind::of::<V>).ok_or(Anything)?;
                self.require(number, Need::Kind(kind));
                kind
            }
            _ => return Err(Anything),
        };
        let method = self.state.name(name).and_then(|name| kind.method::<V>(name)).ok_or(Anything)?;
        way.stack.push(Value::Method(method));
        way.stack.push(receiver);
        Ok(())
    }

    /// Calls something with so many arguments by position.
    pub(super) fn call(&mut self, way: &mut Way, count: usize) -> Result<(), Anything> {
        let first = way.stack.len().checked_sub(count).ok_or(Anything)?;
        let arguments = way.stack.split_off(first);
        let (upper, lower) = (way.pop()?, way.pop()?);
        let result = match (lower, upper) {
            (Value::Function(function), Value::Null) | (Value::Null, Value::Function(function)) => {
                self.call_function(way, function, &arguments)?
            }
            (Value::Method(method), receiver) => self.call_method(way, method, receiver, &arguments)?,
            _ => return Err(Anything),
        };
        way.stack.push(result);
        Ok(())
    }

    fn call_function(
        &mut self,
        way: &mut Way,
        function: Function,
        arguments: &[Value],
    ) -> Result<Value, Anything> {
        match (function, arguments) {
            (Function::Length, [of]) => {
                self.need_length(*of)?;
                return Ok(Value::Atom);
            }
            (Function::Single, [_]) | (Function::Compute, [_] | [_, _]) => {}
            (Function::Choose | Function::Make, [_, ..]) => {}
            _ => return Err(Anything),
        }
        let are_atoms = self.operands(way, arguments)?;
        Ok(match function {
            Function::Length | Function::Single | Function::Compute => Value::Atom,
            Function::Choose if are_atoms => Value::Atom,
            Function::Choose | Function::Make => Value::Plain,
        })
    }

    /// Sees to it that a function runs no code of the program with these; says whether they are atoms.
    fn operands(&mut self, way: &Way, values: &[Value]) -> Result<bool, Anything> {
        values.iter().try_fold(true, |are_atoms, value| Ok(self.operand(way, *value)?.is_atom() && are_atoms))
    }

    fn call_method(
        &mut self,
        way: &mut Way,
        method: Method,
        receiver: Value,
        arguments: &[Value],
    ) -> Result<Value, Anything> {
        match (method, arguments) {
            (Method::Compute, _) => {
                self.operands(way, arguments)?;
                return Ok(Value::Atom);
            }
            (Method::Split, _) => {
                self.operands(way, arguments)?;
                return Ok(Value::Plain);
            }
            _ => {}
        }
        let Value::Of(owner) = receiver else { return Err(Anything) };
        if way.has_put || way.has_taken_iterator {
            return Err(Anything);
        }
        match (method, arguments) {
            (Method::Get, [key] | [key, _]) => {
                self.key(way, *key)?;
                let default = arguments.get(1).copied().unwrap_or(Value::Atom);
                if self.guess(owner, Need::Atoms) && default.is_atom() {
                    return Ok(Value::Atom);
                }
                if matches!(default, Value::Sole) {
                    return Err(Anything);
                }
                return Ok(Value::Held);
            }
            (Method::Put, [value]) => way.has_put = !value.is_atom(),
            (Method::Put, [place, value]) => {
                self.operand(way, *place)?;
                way.has_put = !value.is_atom();
            }
            (Method::Take, [] | [_]) => {
                self.operands(way, arguments)?;
                let taken = if self.guess(owner, Need::Atoms) { Value::Atom } else { Value::Sole };
                self.touch(way, owner);
                return Ok(taken);
            }
            (Method::Update, [value]) if self.guess(owner, Need::InertElements) => {
                self.key(way, *value)?;
            }
            (Method::Rearrange, []) if self.guess(owner, Need::InertElements) => {}
            _ => return Err(Anything),
        }
        self.touch(way, owner);
        Ok(Value::Atom)
    }
}

/// The key of an element that can be found again, if its own value can.
fn named_key(key: Value) -> Option<Key> {
    match key {
        Value::Of(number) => Some(Key::Named(number)),
        Value::Constant(index) => Some(Key::Constant(index)),
        _ => None,
    }
}
