//! The names that a module or a class body has bound, and what became of them since the last look.

use std::collections::HashMap;

use trace::Scope;

use crate::code::is_shown;
use crate::layout::{Dict, Entries, Obj, Str, Version};
use crate::log::{Full, Log, Name};
use crate::python::Owned;
use crate::value;
use crate::watch::{Clock, Slot};

/// Number of a variable in its namespace.
pub(crate) type VariableNumber = u32;

/// The names bound in one dict, which is alive for as long as the namespace is looked at.
pub(crate) struct Namespace<V: Version> {
    dict: Dict,
    scope: Scope,
    variables: Vec<Variable<V>>,
    by_name: HashMap<Vec<u8>, Option<VariableNumber>>,
    /// The key of each of the dict's entries at the last look at all of them, and what it names.
    entries: Vec<(Option<Key>, Option<VariableNumber>)>,
    /// Where the entries lay when variables were last searched for, and how often that has changed.
    stamp: (usize, usize),
    epoch: u32,
    /// Number of variables that exist.
    present: usize,
    /// Number of looks at all entries.
    looks: u32,
}

struct Variable<V: Version> {
    name: Name,
    slot: Slot<V>,
    place: Place,
    /// The last look at all entries that found it.
    seen: u32,
}

/// Where in the dict a variable is.
enum Place {
    Unknown,
    /// At this index, under this key.
    Entry(usize, Key),
    /// Nowhere, as of this epoch: a name can be added only by moving or adding entries.
    Nowhere(u32),
}

/// A key that is held, so that no other one can get its address.
struct Key(Owned);

impl Key {
    /// Only a plain `str` is held: letting go of it runs no code of the program.
    fn hold(key: Obj) -> Option<Key> {
        Str::plain(key).map(|_| Key(Owned::of(key)))
    }

    #[inline(always)]
    fn is(&self, key: Obj) -> bool {
        self.0.obj() == key
    }
}

impl<V: Version> Namespace<V> {
    pub(crate) fn new(dict: Dict, scope: Scope) -> Namespace<V> {
        Namespace {
            dict,
            scope,
            variables: Vec::new(),
            by_name: HashMap::new(),
            entries: Vec::new(),
            stamp: (0, 0),
            epoch: 0,
            present: 0,
            looks: 0,
        }
    }

    /// The variable of this name; `None` if it is not told.
    pub(crate) fn variable(&mut self, name: Str) -> Option<VariableNumber> {
        let text = value::to_utf8::<V>(name);
        if let Some(&known) = self.by_name.get(&text) {
            return known;
        }
        let variable = is_shown::<V>(name).then(|| {
            let slot = Slot::new();
            self.variables.push(Variable { name: Name::new(name), slot, place: Place::Unknown, seen: 0 });
            self.variables.len() as VariableNumber - 1
        });
        self.by_name.insert(text, variable);
        variable
    }

    /// The dict in which they are bound.
    pub(crate) fn dict(&self) -> Dict {
        self.dict
    }

    /// The slot of a variable.
    pub(crate) fn slot(&self, number: VariableNumber) -> &Slot<V> {
        &self.variables[number as usize].slot
    }

    /// Looks at some variables.
    #[inline(always)]
    pub(crate) fn look_at(
        &mut self,
        log: &mut Log,
        clock: &mut Clock,
        variables: &[VariableNumber],
    ) -> Result<(), Full> {
        if variables.is_empty() {
            return Ok(());
        }
        let entries = self.dict.entries::<V>();
        if entries.stamp() != self.stamp {
            self.stamp = entries.stamp();
            self.epoch += 1;
        }
        for &number in variables {
            let variable = &mut self.variables[number as usize];
            let value = variable.value(&entries, self.epoch);
            variable.look(log, clock, self.scope, value, &mut self.present)?;
        }
        Ok(())
    }

    /// Looks at all names that are bound.
    pub(crate) fn look_at_all(&mut self, log: &mut Log, clock: &mut Clock) -> Result<(), Full> {
        let entries = self.dict.entries::<V>();
        self.looks += 1;
        let mut found = 0;
        for (index, (key, value)) in entries.iter().enumerate() {
            let number = match self.entries.get(index) {
                Some((Some(known), number)) if known.is(key) => *number,
                _ => self.name_entry(index, key),
            };
            let Some(number) = number else { continue };
            let variable = &mut self.variables[number as usize];
            variable.seen = self.looks;
            found += 1;
            variable.look(log, clock, self.scope, Some(value), &mut self.present)?;
        }
        if found < self.present {
            let lost = self.variables.iter_mut().filter(|variable| variable.seen != self.looks);
            for variable in lost {
                variable.look(log, clock, self.scope, None, &mut self.present)?;
            }
        }
        Ok(())
    }

    /// Finds out what the entry's key names. Entries are looked at one after the other.
    #[cold]
    fn name_entry(&mut self, index: usize, key: Obj) -> Option<VariableNumber> {
        let number = Str::plain(key).and_then(|name| self.variable(name));
        self.entries.truncate(index);
        self.entries.push((Key::hold(key), number));
        number
    }
}

impl<V: Version> Variable<V> {
    #[inline(always)]
    fn look(
        &mut self,
        log: &mut Log,
        clock: &mut Clock,
        scope: Scope,
        value: Option<Obj>,
        present: &mut usize,
    ) -> Result<(), Full> {
        let existed = !self.slot.is_absent();
        self.slot.look(log, clock, &mut self.name, scope, value)?;
        *present = *present + usize::from(value.is_some()) - usize::from(existed);
        Ok(())
    }

    #[inline(always)]
    fn value(&mut self, entries: &Entries<V>, epoch: u32) -> Option<Obj> {
        match &self.place {
            Place::Entry(index, known) => {
                if let Some((key, value)) = entries.get(*index)
                    && known.is(key)
                {
                    return Some(value);
                }
            }
            Place::Nowhere(then) if *then == epoch => return None,
            Place::Nowhere(_) | Place::Unknown => {}
        }
        self.search(entries, epoch)
    }

    #[cold]
    fn search(&mut self, entries: &Entries<V>, epoch: u32) -> Option<Obj> {
        let found = entries.find(self.name.text()).and_then(|index| Some((index, entries.get(index)?)));
        let Some((index, (key, value))) = found else {
            self.place = Place::Nowhere(epoch);
            return None;
        };
        self.place = Key::hold(key).map_or(Place::Unknown, |key| Place::Entry(index, key));
        Some(value)
    }
}
