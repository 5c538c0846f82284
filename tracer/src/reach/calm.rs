//! A piece of a line of which it is known what it changes in place, and what must be true for that.

use super::State;
use super::known::{Builtin, Kind};
use crate::layout::{
    Dict, Element, Instance, Obj, Version, behind_cell, element, is_atom, is_few, is_held_beyond, is_inert,
    is_list_or_tuple, is_plain_container, is_plainly_set, is_private_iterator, next_item, plain_attribute,
};
use crate::namespace::{Namespace, VariableNumber};
use crate::watch::{Touched, is_namespace_shown};

/// A variable that instructions refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    /// A local, by its index in the frame.
    Fast(usize),
    /// One in a cell.
    Cell(usize),
    /// A variable of the module, which the events of the frame look at.
    Global(VariableNumber),
}

/// Something that was there when a line began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Variable(Variable),
    /// An attribute of something that comes before it, by the number of its name in the code.
    Attribute {
        owner: usize,
        name: usize,
    },
    /// What a plain container that comes before it holds under a key.
    Element {
        owner: usize,
        key: Key,
    },
    /// What the iterator on top of the stack gives next.
    Next,
    Builtin(Builtin),
}

/// The key of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Named(usize),
    /// A constant, by its number in the code.
    Constant(usize),
}

/// What must be true of something named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It exists, so that it is found where it is searched for first; an attribute is one that is merely read.
    Bound,
    Atom,
    /// It is an atom, or a plain tuple of such.
    Inert,
    /// It is an atom or a container that knows its own length.
    Length,
    /// It is an atom, or a plain container of atoms.
    Atoms,
    /// It is a plain container of what is inert.
    InertElements,
    /// It is inert, or a plain container of what is, or of such containers, at all depths.
    Plain,
    /// What it holds, if it exists, can go without anything else happening.
    Droppable,
    Kind(Kind),
    /// It is a plain `bytearray`.
    Bytes,
    /// It is a plain list or tuple.
    Sequence,
}

/// Named things that a piece can have and still be calm.
pub(super) const MOST_NAMED: usize = 12;

/// A piece of a line that changes nothing in place but what it says, if its needs are met.
#[derive(Default)]
pub(super) struct Calm {
    pub(super) named: Vec<Named>,
    /// By number.
    pub(super) needs: Vec<(usize, Need)>,
    /// What changes in place.
    pub(super) touched: Vec<usize>,
    /// Elements of what is touched that go, if they exist.
    pub(super) replaced: Vec<(usize, Key)>,
    /// Attributes that are set: of what, and the numbers of their names.
    pub(super) set: Vec<(usize, usize)>,
    /// How many references to objects it can drop.
    pub(super) drops: usize,
    /// It takes a value from the iterator on top of the stack.
    pub(super) iterates: bool,
    /// It changes the module's namespace.
    pub(super) binds_globals: bool,
}

impl Named {
    /// What it is, with those that come before it.
    ///
    /// # Safety
    /// The frame must be one of the code that names it, and its variables have been looked at in the event at hand.
    pub(super) unsafe fn value<V: Version>(
        self,
        state: &State<'_, V>,
        globals: &Namespace<V>,
        before: &[Option<Obj>],
    ) -> Option<Obj> {
        // SAFETY: the caller vouches for the frame and for when its variables were looked at.
        unsafe {
            match self {
                Named::Variable(Variable::Fast(index)) => state.frame.local(index),
                Named::Variable(Variable::Cell(index)) => state.frame.local(index).and_then(behind_cell),
                Named::Variable(Variable::Global(variable)) => globals.slot(variable).bound(),
                Named::Attribute { owner, name } => plain_attribute::<V>(before[owner]?, state.name(name)?),
                Named::Element { owner, key } => {
                    match element::<V>(before[owner]?, key.value(state, before)?) {
                        Element::Found(value) => Some(value),
                        Element::Missing | Element::Unknown => None,
                    }
                }
                Named::Next => state.frame.top_of_stack().and_then(next_item),
                Named::Builtin(builtin) => builtin.value(globals, state.frame.builtins()),
            }
        }
    }
}

impl Key {
    fn value<V: Version>(self, state: &State<'_, V>, before: &[Option<Obj>]) -> Option<Obj> {
        match self {
            Key::Named(number) => before[number],
            Key::Constant(index) => state.frame.code().constants().items().get(index).copied().flatten(),
        }
    }
}

impl Need {
    /// Whether a value meets it, where so many references may be dropped.
    pub(super) fn is_met<V: Version>(
        self,
        value: Obj,
        named: Named,
        state: &State<'_, V>,
        globals: &Namespace<V>,
        drops: usize,
    ) -> bool {
        // A variable that was looked at says what it holds without its elements being looked at again.
        let slot = || state.slot(named, globals);
        match self {
            Need::Bound => true,
            Need::Atom => is_atom(value),
            Need::Inert => is_inert(value),
            Need::Length => is_atom(value) || is_plain_container(value),
            Need::Atoms => {
                is_atom(value)
                    || slot().map_or_else(|| is_few::<V>(value, is_atom), |slot| slot.holds_atoms())
            }
            Need::InertElements => {
                slot().map_or_else(|| is_few::<V>(value, is_inert), |slot| slot.holds_inert())
            }
            Need::Plain => {
                is_inert(value) || slot().map_or_else(|| is_few::<V>(value, is_inert), |slot| slot.is_plain())
            }
            Need::Droppable => is_inert(value) || is_held_beyond::<V>(value, drops),
            Need::Kind(Kind::Dict) if Dict::plain(value).is_some() => {
                slot().is_some_and(|slot| slot.holds_inert()) || Kind::Dict.is_of::<V>(value)
            }
            Need::Kind(kind) => kind.is_of::<V>(value),
            Need::Bytes => value.ty().is(&raw const pyo3_ffi::PyByteArray_Type),
            Need::Sequence => is_list_or_tuple(value),
        }
    }
}

impl Calm {
    /// Whether it meets what it needs. Says what it touches then.
    ///
    /// # Safety
    /// As for [`Named::value`].
    pub(super) unsafe fn holds<V: Version>(
        &self,
        state: &State<'_, V>,
        globals: &Namespace<V>,
        touched: &mut Vec<Touched>,
    ) -> bool {
        let mut values = [None; MOST_NAMED];
        for (number, named) in self.named.iter().enumerate() {
            // SAFETY: the caller vouches for the frame.
            values[number] = unsafe { named.value(state, globals, &values) };
        }
        let is_met = |&(number, need): &(usize, Need)| match values[number] {
            Some(value) => need.is_met(value, self.named[number], state, globals, self.drops),
            None => need == Need::Droppable,
        };
        let can_drop = |value: Obj| is_inert(value) || is_held_beyond::<V>(value, self.drops);
        let mut can_replace = |&(owner, key): &(usize, Key)| {
            let (owner, key) = (values[owner], key.value(state, &values));
            owner.zip(key).is_some_and(|(owner, key)| match element::<V>(owner, key) {
                // Nothing else happens where a list or a tuple goes with what is inert in it. Another object may come
                // to stand where it stood, and may be taken for it.
                Element::Found(value) if is_list_or_tuple(value) && is_few::<V>(value, is_inert) => {
                    touched.push(Touched::object(value));
                    true
                }
                Element::Found(value) => can_drop(value),
                Element::Missing => true,
                Element::Unknown => false,
            })
        };
        let can_set = |&(owner, name): &(usize, usize)| {
            values[owner].zip(state.name(name)).is_some_and(|(owner, name)| {
                is_plainly_set::<V>(owner, name) && plain_attribute::<V>(owner, name).is_none_or(can_drop)
            })
        };
        let is_calm = self.needs.iter().all(is_met)
            && self.replaced.iter().all(&mut can_replace)
            && self.set.iter().all(can_set)
            && (!self.iterates || state.frame.top_of_stack().is_some_and(is_private_iterator::<V>))
            && (!self.binds_globals || !is_namespace_shown());
        if is_calm {
            for object in self.touched.iter().filter_map(|&number| values[number]) {
                touched.push(if Dict::of(object).is_some() {
                    Touched::dict(object)
                } else {
                    Touched::object(object)
                });
            }
            // The dict that keeps the attributes may be shown, and may keep those of others, too.
            let owners = self.set.iter().filter_map(|&(owner, _)| values[owner]);
            touched
                .extend(owners.filter_map(|owner| Instance::from_obj(owner).dict::<V>()).map(Touched::dict));
        }
        // Where variables change with the namespace, they are not what they were when the line began.
        is_calm && !touched.iter().any(|touched| touched.is(globals.dict().obj()))
    }
}
