//! Compares the elements of containers: those in a row, and those under keys.

use trace::wire::change;

use super::place::Segment;
use super::{Stop, Walk, Walked};
use crate::layout::{Label, Obj, Version, shared_key};
use crate::watch::visit::{INSTANCE, SLOTTED, Shown, VALUES};

/// An entry of a dict, or an attribute, as it was shown.
struct Entry {
    key: Key,
    /// Place of the value's word.
    value: usize,
}

#[derive(Clone, Copy)]
enum Key {
    /// Its word is at this place.
    At(usize),
    Label(Label),
}

/// What an element stands under now.
#[derive(Clone, Copy)]
pub(super) enum Under {
    Key(Obj),
    Label(Label),
}

impl Under {
    /// What its word is where it is recorded.
    fn word(self) -> usize {
        match self {
            Under::Key(key) => key.address(),
            Under::Label(label) => label.word(),
        }
    }

    /// The key of a dict's entry.
    fn key(self) -> Option<Obj> {
        match self {
            Under::Key(key) => Some(key),
            Under::Label(_) => None,
        }
    }

    fn segment(self) -> Segment {
        match self {
            Under::Key(key) => Segment::Key(key),
            Under::Label(label) => Segment::Attribute(label),
        }
    }
}

impl<V: Version> Walk<'_, V> {
    /// Elements in a row. Parts are taken from behind, so that the places of those before stay what they are.
    pub(super) fn sequence(
        &mut self,
        at: usize,
        node: Shown,
        items: &[Option<Obj>],
        segment: impl Fn(usize) -> Segment,
        can_change: bool,
    ) -> Walked<()> {
        let (old, new) = (node.parts, items.len());
        if old == new && node.is_flat {
            // Each part is one word, but where one has been put in the place of another.
            let (mut index, mut at) = (0, node.first);
            while index < new {
                let same = self.same_words(at, &items[index..]);
                (index, at) = (index + same, at + same);
                if index < new {
                    self.part(at, items[index], segment(index), can_change)?;
                    (index, at) = (index + 1, self.visit.part_end(at));
                }
            }
            return Ok(());
        }
        if old == new {
            let mut at = node.first;
            for (index, &item) in items.iter().enumerate() {
                self.part(at, item, segment(index), can_change)?;
                at = self.visit.part_end(at);
            }
            return Ok(());
        }
        if !can_change {
            return Err(Stop::Here);
        }
        let parts = if node.is_flat { Vec::new() } else { self.places(node) };
        let place_of = |index: usize| parts.get(index).copied().unwrap_or(node.first + index);
        let shorter = old.min(new);
        let mut begin = if node.is_flat { self.same_words(node.first, &items[..shorter]) } else { 0 };
        while begin < shorter && self.is_same(place_of(begin), items[begin])? {
            begin += 1;
        }
        let mut end = 0;
        while end < shorter - begin && self.is_same(place_of(old - 1 - end), items[new - 1 - end])? {
            end += 1;
        }
        let in_both = shorter - end;
        for index in (in_both..old - end).rev() {
            self.delete(at, place_of(index), segment(index))?;
        }
        let mut place = place_of(in_both);
        for (index, &item) in items.iter().enumerate().take(new - end).skip(in_both) {
            place = self.insert(at, place, item, segment(index))?;
        }
        for index in (begin..in_both).rev() {
            self.part(place_of(index), items[index], segment(index), true)?;
        }
        Ok(())
    }

    /// How many of the words from this place on are those of these objects.
    fn same_words(&self, at: usize, items: &[Option<Obj>]) -> usize {
        let words = self.visit.words[at..].iter();
        let differs = |(word, item): (&usize, &Option<Obj>)| *word != item.map_or(0, Obj::address);
        words.zip(items).position(differs).unwrap_or(items.len())
    }

    /// Where each part of a node begins, and where the last one ends.
    fn places(&self, node: Shown) -> Vec<usize> {
        let mut places = Vec::with_capacity(node.parts + 1);
        places.push(node.first);
        for index in 0..node.parts {
            places.push(self.visit.part_end(places[index]));
        }
        places
    }

    /// Tells that an element of the node at `node` is gone.
    fn delete(&mut self, node: usize, at: usize, segment: Segment) -> Walked<()> {
        let place = self.place.len();
        if !self.push(segment) {
            return Err(Stop::Here);
        }
        self.change(change::DELETED, None)?;
        self.place.truncate(place);
        self.visit.remove(node, at);
        Ok(())
    }

    /// Tells that the node at `node` has an element more; returns where the next one goes.
    fn insert(&mut self, node: usize, at: usize, object: Option<Obj>, segment: Segment) -> Walked<usize> {
        let object = object.ok_or(Stop::Here)?;
        let place = self.place.len();
        if !self.push(segment) {
            return Err(Stop::Here);
        }
        let (text, part) = self.text(object)?;
        self.change(change::NEW, Some((object, &text)))?;
        self.place.truncate(place);
        if !self.can_take(&part) {
            self.is_stale = true;
            return Ok(at);
        }
        let span = self.visit.keep(&text);
        Ok(self.visit.insert(node, at, part, span))
    }

    /// Elements under keys, in order of insertion. Keys that are there no longer are told first, then those at
    /// the end that are new.
    pub(super) fn keyed(
        &mut self,
        at: usize,
        node: Shown,
        pairs: impl Iterator<Item = (Under, Obj)>,
    ) -> Walked<()> {
        let mut pairs = pairs.peekable();
        let mut place = node.first;
        let mut index = 0;
        // Most often the keys are what they were.
        while index < node.parts
            && let Some(&(key, value)) = pairs.peek()
        {
            let entry = self.entry(node, index, place)?;
            if self.key_word(entry.key) != key.word() {
                break;
            }
            self.part(entry.value, Some(value), key.segment(), true)?;
            place = self.visit.part_end(entry.value);
            index += 1;
            pairs.next();
        }
        let mut old = Vec::new();
        for index in index..node.parts {
            let entry = self.entry(node, index, place)?;
            place = self.visit.part_end(entry.value);
            old.push(entry);
        }
        let pairs: Vec<_> = pairs.collect();
        let mut matched = Vec::new();
        let mut from = 0;
        for &(key, _) in &pairs {
            let Some(index) = self.find(&old[from..], key)? else { break };
            matched.push(from + index);
            from += index + 1;
        }
        for (index, entry) in old.iter().enumerate() {
            if !matched.contains(&index) {
                self.delete_key(entry.key)?;
            }
        }
        for &(key, value) in &pairs[matched.len()..] {
            place = self.insert_pair(at, place, key, value)?;
        }
        for (&index, &(key, value)) in matched.iter().zip(&pairs).rev() {
            self.part(old[index].value, Some(value), key.segment(), true)?;
        }
        Ok(())
    }

    /// The entry that was shown at this index, and whose words begin at `place`.
    fn entry(&self, node: Shown, index: usize, place: usize) -> Walked<Entry> {
        // SAFETY: the class, which is still the same, keeps its members and the keys that its instances share;
        // these are never taken away. Other names are held.
        let (label, value) = unsafe {
            match node.kind {
                VALUES => (shared_key(self.visit.words[node.first - 1], index), place),
                INSTANCE | SLOTTED => (Label::from_word(self.visit.words[place]), place + 1),
                _ => return Ok(Entry { key: Key::At(place), value: self.visit.part_end(place) }),
            }
        };
        Ok(Entry { key: Key::Label(label.ok_or(Stop::Here)?), value })
    }

    fn key_word(&self, key: Key) -> usize {
        match key {
            Key::At(place) => self.visit.words[place],
            Key::Label(label) => label.word(),
        }
    }

    /// The first of some entries under this key.
    fn find(&mut self, entries: &[Entry], key: Under) -> Walked<Option<usize>> {
        for (index, entry) in entries.iter().enumerate() {
            let is_same = match (entry.key, key) {
                (Key::At(place), Under::Key(key)) => self.is_same(place, Some(key))?,
                (Key::Label(old), Under::Label(new)) => old.reads_as::<V>(new),
                _ => false,
            };
            if is_same {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn delete_key(&mut self, key: Key) -> Walked<()> {
        let key = match key {
            Key::Label(label) => Under::Label(label),
            Key::At(place) => Under::Key(self.visit.constant_at(place).ok_or(Stop::Here)?),
        };
        let place = self.place.len();
        if !self.push(key.segment()) {
            return Err(Stop::Here);
        }
        self.change(change::DELETED, None)?;
        self.place.truncate(place);
        self.is_stale = true;
        Ok(())
    }

    /// Tells that there is an entry more; returns where the next one goes.
    fn insert_pair(&mut self, node: usize, at: usize, key: Under, value: Obj) -> Walked<usize> {
        let place = self.place.len();
        if !self.push(key.segment()) {
            return Err(Stop::Here);
        }
        let (text, part) = self.text(value)?;
        self.change(change::NEW, Some((value, &text)))?;
        let Some(key) = key.key().filter(|_| self.can_take(&part)) else {
            self.place.truncate(place);
            self.is_stale = true;
            return Ok(at);
        };
        let value_span = self.visit.keep(&text);
        let key_span = self.visit.keep_bytes(&self.place[place + 1..self.place.len() - 1]);
        self.place.truncate(place);
        Ok(self.visit.insert_pair(node, at, (key, key_span), (part, value_span)))
    }
}
