//! Tells a changed value by the elements that changed.
//!
//! What was shown of the value, its visit, is walked side by side with what is there now. An element that reads
//! otherwise becomes a change of its own; one that is only another object is noted. Either is entered in the visit, so
//! that it need not be made anew.

mod elements;
mod place;

use elements::Under;
use place::Segment;
use trace::Scope;
use trace::wire::change;

use super::visit::{
    DEFAULT_DICT, DEQUE, DICT, EXCEPTION, LIST, NAMED_TUPLE, NESTED, ORDERED_DICT, Part, SET, SLOTTED, Shown,
    TUPLE, VALUES, Visit,
};
use crate::identity;
use crate::layout::{
    Deque, Dict, Entries, Exception, Instance, Label, List, Obj, Set, Shape, Str, Tuple, Version,
};
use crate::log::{Full, Log, Name};
use crate::python;
use crate::value::{self, Limits, Path, Text};

/// What became of an attempt to tell a value by its elements.
pub(super) enum Outcome {
    /// What changed is told.
    Told,
    /// So it is, and the visit has to be made anew.
    Stale,
    /// Not everything is told: the whole has to be.
    Whole,
}

/// Why a walk ends early.
enum Stop {
    /// The changes are too many for it to be worth it.
    Whole,
    /// What stands here cannot be told by its own elements.
    Here,
    Full,
}

impl From<Full> for Stop {
    fn from(_: Full) -> Stop {
        Stop::Full
    }
}

type Walked<T> = Result<T, Stop>;

/// Where changes are told, and of which variable.
pub(super) struct Teller<'a> {
    pub(super) log: &'a mut Log,
    pub(super) name: &'a mut Name,
    pub(super) scope: Scope,
}

/// Tells how the value of a visit that was written whole differs from what is there now.
pub(super) fn tell<V: Version>(
    visit: &mut Visit<V>,
    teller: Teller<'_>,
    value: Obj,
    is_same_object: bool,
) -> Result<Outcome, Full> {
    let Some(texts) = &visit.texts else { return Ok(Outcome::Whole) };
    let mut walk = Walk {
        limits: teller.log.whole(),
        most: 1 + texts.elements / 4,
        told: 0,
        is_probing: false,
        is_moved: !is_same_object,
        is_stale: !is_same_object && visit.is_cyclic,
        visit,
        teller,
        place: Vec::new(),
        node: 0,
        containers: Path::new(),
    };
    match walk.node(0, value) {
        Ok(()) if walk.is_stale || walk.visit.is_overgrown(walk.limits) => Ok(Outcome::Stale),
        Ok(()) => Ok(Outcome::Told),
        Err(Stop::Whole | Stop::Here) => Ok(Outcome::Whole),
        Err(Stop::Full) => Err(Full),
    }
}

struct Walk<'a, V: Version> {
    visit: &'a mut Visit<V>,
    teller: Teller<'a>,
    limits: Limits,
    /// Where the walk is, below the variable.
    place: Vec<u8>,
    /// The innermost node that it is in.
    node: usize,
    /// The containers that it is in, as they are now.
    containers: Path,
    /// One of them is another object than at the last look.
    is_moved: bool,
    /// The visit does not describe any more what is there.
    is_stale: bool,
    /// Changes that are told at most, and that have been.
    most: usize,
    told: usize,
    /// It is only asked whether anything differs.
    is_probing: bool,
}

impl<V: Version> Walk<'_, V> {
    /// Compares the node at `at` with what is there now.
    fn node(&mut self, at: usize, object: Obj) -> Walked<()> {
        let node = self.visit.node(at);
        if node.is_leaf() || !self.visit.is_of_class(at, object.ty()) || !self.visit.is_of_number(at, object)
        {
            return Err(Stop::Here);
        }
        let len = len::<V>(node.kind, object);
        let is_cyclic = len > 0 && self.containers.contains(object);
        let is_deep = len > 0 && !is_cyclic && self.containers.len() >= self.limits.depth();
        // An empty set has no braces.
        let is_emptied = node.kind == SET && (node.len == 0) != (len == 0);
        if (is_cyclic, is_deep) != (node.is_cyclic, node.is_deep) || is_emptied {
            return Err(Stop::Here);
        }
        if is_cyclic || is_deep {
            self.is_stale |= len != node.len;
            return Ok(());
        }
        self.containers.push(object);
        let outer = std::mem::replace(&mut self.node, at);
        let walked = self.content(at, node, object);
        self.node = outer;
        self.containers.pop();
        walked
    }

    fn content(&mut self, at: usize, node: Shown, object: Obj) -> Walked<()> {
        // SAFETY: the object is of the class that the node's was, and laid out as that one.
        unsafe {
            match node.kind {
                LIST => self.sequence(at, node, List::from_obj(object).items(), Segment::Index, true),
                TUPLE => self.sequence(at, node, Tuple::from_obj(object).items(), Segment::Index, false),
                EXCEPTION => match Exception::of(object) {
                    Some(exception) => {
                        self.sequence(at, node, exception.arguments().items(), Segment::Argument, false)
                    }
                    None => Err(Stop::Here),
                },
                DEQUE => {
                    let items: Vec<_> = Deque::from_obj(object).iter().collect();
                    self.sequence(at, node, &items, Segment::Index, true)
                }
                SET => {
                    let members: Vec<_> = Set::from_obj(object).iter().map(Some).collect();
                    let can_change = matches!(Shape::of(object), Shape::Set(_));
                    self.sequence(at, node, &members, Segment::Member, can_change)
                }
                NAMED_TUPLE => self.named_tuple(at, node, Tuple::from_obj(object)),
                DICT | DEFAULT_DICT => {
                    let dict = Dict::from_obj(object);
                    let node = if node.kind == DICT { node } else { self.behind_factory(node, dict)? };
                    let entries = dict.entries::<V>();
                    self.keyed(at, node, by_key(entries.iter()))
                }
                ORDERED_DICT => self.keyed(at, node, by_key(Dict::from_obj(object).in_order::<V>())),
                SLOTTED => self.keyed(at, node, by_label(Instance::from_obj(object).all::<V>().into_iter())),
                _ => {
                    let (attributes, len) = Instance::from_obj(object).attributes::<V>();
                    self.is_stale |= !is_shown_alike(&self.visit.words, node, &attributes, len);
                    let named = attributes.named().map(|(name, value)| (Label::Object(name), value));
                    self.keyed(at, node, by_label(named))
                }
            }
        }
    }

    fn named_tuple(&mut self, at: usize, node: Shown, tuple: Tuple) -> Walked<()> {
        let items = tuple.items();
        let fields = tuple.obj().ty().fields::<V>(items.len()).ok_or(Stop::Here)?;
        let names = fields.items();
        if node.parts != names.len()
            || (node.parts > 0 && self.visit.words[node.first - 1] != fields.obj().address())
        {
            return Err(Stop::Here);
        }
        // SAFETY: the names are `str`.
        let name = |index: usize| names[index].map(|name| unsafe { Str::from_obj(name) });
        let segment =
            |index| name(index).map_or(Segment::Index(index), |name| Segment::Attribute(Label::Object(name)));
        self.sequence(at, node, items, segment, false)
    }

    /// Where the entries of a `defaultdict` begin, if what makes its values reads as it did.
    ///
    /// # Safety
    /// The dict must be one.
    unsafe fn behind_factory(&mut self, node: Shown, dict: Dict) -> Walked<Shown> {
        // SAFETY: the caller vouches for the class.
        let factory = unsafe { dict.factory() }.filter(|factory| *factory != python::none().obj());
        let behind = Shown { first: self.visit.part_end(node.first), ..node };
        let is_same_object = self.visit.words[node.first] & !NESTED == factory.map_or(0, Obj::address);
        if is_same_object && factory.is_none_or(|factory| self.visit.node_matches(node.first + 1, factory)) {
            return Ok(behind);
        }
        let mut text = self.teller.log.scratch(self.limits);
        value::write_factory::<V>(&mut text, factory);
        let reads_as_it_did =
            self.visit.texts.as_ref().is_some_and(|texts| texts.of(node.first) == text.as_bytes());
        self.is_stale = true;
        if reads_as_it_did { Ok(behind) } else { Err(Stop::Here) }
    }

    /// Compares the part whose word is at `at` with what is there now.
    #[inline(always)]
    fn part(&mut self, at: usize, object: Option<Obj>, segment: Segment, can_change: bool) -> Walked<()> {
        if self.visit.words[at] == object.map_or(0, Obj::address) {
            return Ok(());
        }
        let place = self.place.len();
        let walked = self.other_part(at, object, segment, can_change);
        self.place.truncate(place);
        walked?;
        // What is told of the parts of the outermost container is not taken back one by one.
        if self.containers.len() == 1 && self.told > self.most { Err(Stop::Whole) } else { Ok(()) }
    }

    /// The same for a part that is another object, or one with a node of its own.
    fn other_part(
        &mut self,
        at: usize,
        object: Option<Obj>,
        segment: Segment,
        can_change: bool,
    ) -> Walked<()> {
        let object = object.ok_or(Stop::Here)?;
        let word = self.visit.words[at];
        let is_node = word & NESTED != 0;
        let is_same_object = is_node && word & !NESTED == object.address();
        // What contains itself reads otherwise where it stands in something else.
        let can_trust = !(self.visit.is_volatile || self.visit.is_cyclic && self.is_moved);
        if is_same_object && can_trust && self.visit.node_matches(at + 1, object) {
            return Ok(());
        }
        if !self.push(segment) {
            // What cannot be named cannot be told.
            return if self.is_same(at, Some(object))? { Ok(()) } else { Err(Stop::Here) };
        }
        if is_node && !self.visit.node(at + 1).is_leaf() {
            let (before, told) = (self.teller.log.mark(), self.told);
            let was_moved = self.is_moved;
            self.is_moved |= !is_same_object;
            let walked = self.node(at + 1, object);
            self.is_moved = was_moved;
            match walked {
                Err(Stop::Here) if can_change => {
                    self.teller.log.take_back(before);
                    self.told = told;
                }
                Ok(()) if !is_same_object && !self.visit.is_cyclic => {
                    self.visit.rebind(at, object);
                    return Ok(());
                }
                walked => {
                    self.is_stale |= !is_same_object;
                    return walked;
                }
            }
        }
        self.replace(at, object, can_change)
    }

    /// Tells that a part reads otherwise, if it does.
    fn replace(&mut self, at: usize, object: Obj, can_change: bool) -> Walked<()> {
        let is_node = self.visit.words[at] & NESTED != 0;
        let has_parts = is_node && !self.visit.node(at + 1).is_leaf();
        let (text, part) = self.text(object)?;
        let Some(texts) = &mut self.visit.texts else { return Err(Stop::Whole) };
        let is_same = !has_parts && texts.of(at) == text.as_bytes();
        if is_same && self.visit.words[at] & !NESTED == object.address() {
            return Ok(());
        }
        if !is_same {
            if !can_change {
                return Err(Stop::Here);
            }
            self.change(change::MODIFIED, Some((object, &text)))?;
        }
        if !self.can_take(&part) {
            self.is_stale = true;
        } else if self.visit.constant_at(at).is_some() && part.is_constant() {
            let span = if is_same { None } else { Some(self.visit.keep(&text)) };
            self.visit.put(at, object, span);
        } else if self.is_probing {
            // What is searched through must not move.
            self.is_stale = true;
        } else {
            let span = self.visit.keep(&text);
            self.visit.exchange(self.node, at, part, span);
        }
        Ok(())
    }

    /// Whether the visit stays true with this part in it.
    fn can_take(&self, part: &Part<V>) -> bool {
        // A tuple that stands too deep is constant, but does not show what it counts.
        let is_shallow = self.containers.len() < self.limits.depth();
        !self.is_stale && is_shallow && !self.visit.is_volatile && part.stands_alone()
    }

    /// How an element reads. The text lasts until the next one is asked for.
    fn text(&mut self, object: Obj) -> Walked<(Text, Part<V>)> {
        let mut text = self.teller.log.scratch(self.limits);
        let part = Part::write(&mut text, &mut self.containers, object);
        if text.is_too_large() { Err(Stop::Whole) } else { Ok((text, part)) }
    }

    /// Tells a change of what stands at the walk's place.
    fn change(&mut self, kind: u64, value: Option<(Obj, &Text)>) -> Walked<()> {
        if self.is_probing || (self.containers.len() == 1 && self.told == self.most) {
            return Err(Stop::Whole);
        }
        self.told += 1;
        let Teller { log, name, scope } = &mut self.teller;
        let value = value.map(|(object, text)| (object, text.as_bytes()));
        log.element::<V>(name, *scope, kind, &self.place, value)?;
        Ok(())
    }

    /// Whether a part reads as what is there now. Tells nothing.
    fn is_same(&mut self, at: usize, object: Option<Obj>) -> Walked<bool> {
        let was_probing = std::mem::replace(&mut self.is_probing, true);
        let numbers = identity::count();
        let walked = self.part(at, object, Segment::Index(0), true);
        identity::take_back(numbers);
        self.is_probing = was_probing;
        match walked {
            Ok(()) => Ok(true),
            Err(Stop::Full) => Err(Stop::Full),
            Err(Stop::Whole | Stop::Here) => Ok(false),
        }
    }
}

fn by_key(pairs: impl Iterator<Item = (Obj, Obj)>) -> impl Iterator<Item = (Under, Obj)> {
    pairs.map(|(key, value)| (Under::Key(key), value))
}

fn by_label(pairs: impl Iterator<Item = (Label, Obj)>) -> impl Iterator<Item = (Under, Obj)> {
    pairs.map(|(label, value)| (Under::Label(label), value))
}

/// How many elements there are now.
fn len<V: Version>(kind: u8, object: Obj) -> usize {
    // SAFETY: the caller looked at the object's class.
    unsafe {
        match kind {
            LIST => List::from_obj(object).items().len(),
            TUPLE => Tuple::from_obj(object).items().len(),
            EXCEPTION => Exception::of(object).map_or(0, |exception| exception.arguments().items().len()),
            DEQUE => Deque::from_obj(object).len(),
            SET => Set::from_obj(object).len(),
            NAMED_TUPLE => Tuple::from_obj(object).items().len(),
            DICT | ORDERED_DICT | DEFAULT_DICT => Dict::from_obj(object).len(),
            SLOTTED => Instance::from_obj(object).all::<V>().len(),
            _ => Instance::from_obj(object).attributes::<V>().1,
        }
    }
}

/// Whether attributes would be recorded the way they were.
fn is_shown_alike<V: Version>(words: &[usize], node: Shown, attributes: &Entries<V>, len: usize) -> bool {
    let is_in_order = attributes.values_in_order(len).is_some();
    let has_keys = || node.parts == 0 || words[node.first - 1] == attributes.keys_address();
    is_in_order == (node.kind == VALUES) && (!is_in_order || has_keys())
}
