//! What a text was made of: the addresses of the objects that were shown, container by container.
//!
//! ```text
//! visit = node
//! node  = type head [naming] [number] part*         naming, for a heap type: what decides its name; number: the
//!                                                   object's, where such are told
//! head  = len << 32 | parts << 16 | flags << 8 | kind
//! part  = word [node]                               a node where the word is marked
//! ```
//!
//! Constants, names and classes are held, so that an equal address means the same object. Containers are not:
//! the address of one is compared, and followed only where a live container was just seen to hold it.

mod matcher;
mod namespace;
mod texts;

use std::marker::PhantomData;

use matcher::Matcher;
pub(crate) use namespace::{is_namespace_shown, set_namespace};
use texts::{Span, Texts};

use crate::identity;
use crate::layout::{Obj, Tuple, Type, Version, hold, is_atom, is_inert, is_plain_container, release};
use crate::value::{self, Limits, NodeKind, Path, Record, Stability, Text, Written};

/// What the text of one value was made of.
pub(super) struct Visit<V: Version> {
    pub(super) words: Vec<usize>,
    held: Vec<Obj>,
    /// It stands only for the very object that it was made of.
    pub(super) is_cyclic: bool,
    pub(super) is_volatile: bool,
    /// All that was held is an atom.
    is_of_atoms: bool,
    /// The value was written whole, all nodes are those of plain built-in containers that show all that is in them, and
    /// all that was held is inert.
    is_plain: bool,
    /// Some node is that of an object whose text depends on a dict without a node.
    depends_on_dicts: bool,
    /// A bit for the address of each object that has a node, but for the outermost: see [`bit_of`].
    nested: u64,
    /// The texts of the parts, if the value was written whole: it can be told by its elements then.
    pub(super) texts: Option<Texts>,
    version: PhantomData<V>,
}

/// Place of the head in a node.
const HEAD: usize = 1;
/// No part is followed by a node.
const FLAT: usize = 1 << 8;
/// The node has a word for what names its type.
const NAMED_TYPE: usize = 1 << 9;
/// No part is shown, since the object contains itself.
const CYCLIC: usize = 1 << 10;
/// No part is shown, since the object stands too deep.
const DEEP: usize = 1 << 11;
/// The node has a word for the object's number.
const NUMBERED: usize = 1 << 12;
const PARTS_SHIFT: u32 = 16;
const LEN_SHIFT: u32 = 32;
/// What an element that is shown adds to a head.
const ONE_MORE: usize = 1 << LEN_SHIFT | 1 << PARTS_SHIFT;
/// Marks the word of a part that a node follows. Objects are aligned, so the bit is free.
pub(super) const NESTED: usize = 1;

impl<V: Version> Visit<V> {
    pub(super) fn new() -> Visit<V> {
        Visit {
            words: Vec::new(),
            held: Vec::new(),
            is_cyclic: false,
            is_volatile: false,
            is_of_atoms: true,
            is_plain: false,
            depends_on_dicts: false,
            nested: 0,
            texts: None,
            version: PhantomData,
        }
    }

    /// Gets ready for a value that is written whole.
    pub(super) fn begin_whole(&mut self) {
        let texts = self.texts.get_or_insert_default();
        texts.spans.clear();
        self.is_plain = true;
    }

    /// Takes over the text of a value that was written whole.
    pub(super) fn end_whole(&mut self, text: &Text) {
        let Some(texts) = &mut self.texts else { return };
        texts.bytes.clear();
        texts.bytes.extend_from_slice(text.as_bytes());
        texts.begun_with = texts.bytes.len();
        texts.spans.resize(self.words.len(), Span::default());
        texts.elements = text.elements();
        texts.chars = text.so_far().chars as usize;
    }

    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.texts = None;
        self.is_cyclic = false;
        self.is_volatile = false;
        self.is_of_atoms = true;
        self.is_plain = false;
        self.depends_on_dicts = false;
        self.nested = 0;
        self.release_from(0);
    }

    /// A constant is shown.
    #[inline(always)]
    fn has(&mut self, constant: Obj) {
        if !is_atom(constant) {
            self.is_of_atoms = false;
            self.is_plain = self.is_plain && is_inert(constant);
        }
    }

    #[inline(always)]
    fn hold(&mut self, object: Obj) {
        if hold::<V>(object) {
            self.held.push(object);
        }
    }

    #[inline(always)]
    fn release_from(&mut self, start: usize) {
        for object in self.held.drain(start..) {
            // SAFETY: `hold` counted a reference for each.
            unsafe { release::<V>(object) };
        }
    }

    /// Whether the value was written whole and has elements.
    pub(super) fn has_elements(&self) -> bool {
        self.texts.is_some() && !self.words.is_empty() && !self.node(0).is_leaf()
    }

    /// How many steps it takes to compare it, roughly: the words of what lies side by side are compared as memory. What
    /// is looked through is written again.
    #[inline(always)]
    pub(super) fn weight(&self) -> usize {
        const LEAST: usize = 8;
        const WRITTEN: usize = 64;
        let words = self.words.len();
        if self.is_volatile {
            return WRITTEN + 8 * words;
        }
        let head = self.words.get(HEAD).copied().unwrap_or_default();
        let lies_side_by_side = head & FLAT != 0 && !matches!(head as u8, SET | DEQUE);
        LEAST + if lies_side_by_side { words / 8 } else { 2 * words }
    }

    /// Whether all that is in the value was shown, and is atoms alone.
    pub(super) fn holds_atoms(&self) -> bool {
        self.is_of_atoms && self.is_plain && self.is_flat()
    }

    /// The same of inert objects.
    pub(super) fn holds_inert(&self) -> bool {
        self.is_plain && self.is_flat()
    }

    /// The same of inert objects and plain containers of such.
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain && !self.words.is_empty()
    }

    fn is_flat(&self) -> bool {
        self.words.get(HEAD).is_some_and(|head| head & FLAT != 0)
    }

    /// Whether the value may read otherwise once any dict has changed in place, be it the one that keeps the attributes
    /// of something that is shown.
    pub(super) fn depends_on_dicts(&self) -> bool {
        self.depends_on_dicts
    }

    /// Whether the object at this address, if it changes in place, can change how the value reads: it is shown within
    /// the value, or the value is looked through. The dict that keeps the attributes of an instance is no object of its
    /// own here, and neither is the value itself.
    pub(super) fn may_show(&self, address: usize) -> bool {
        self.is_volatile || (self.nested & bit_of(address) != 0 && self.words.contains(&(address | NESTED)))
    }

    /// Whether writing `value` would give the same text.
    #[inline(always)]
    pub(super) fn matches(&self, value: Obj) -> bool {
        !self.is_volatile && self.node_matches(0, value)
    }

    /// The same for a value within, whose node begins at this place.
    #[inline(always)]
    pub(super) fn node_matches(&self, at: usize, value: Obj) -> bool {
        Matcher::<V> { words: &self.words[at..], version: PhantomData }.node(value)
    }

    /// The node that begins at this place.
    pub(super) fn node(&self, at: usize) -> Shown {
        let head = self.words[at + HEAD];
        let kind = head as u8;
        let parts = head >> PARTS_SHIFT & 0xffff;
        let has_word = match kind {
            VALUES | NAMED_TUPLE => parts > 0,
            ENUM_MEMBER | ARRAY => true,
            _ => false,
        };
        Shown {
            kind,
            len: head >> LEN_SHIFT,
            parts,
            first: at
                + 2
                + usize::from(head & NAMED_TYPE != 0)
                + usize::from(head & NUMBERED != 0)
                + usize::from(has_word),
            is_flat: head & FLAT != 0,
            is_cyclic: head & CYCLIC != 0,
            is_deep: head & DEEP != 0,
        }
    }

    /// Whether the node at this place is that of an object of this very class, named as it was.
    pub(super) fn is_of_class(&self, at: usize, class: Type) -> bool {
        let is_named = self.words[at + HEAD] & NAMED_TYPE != 0;
        self.words[at] == class.obj().address() && (!is_named || self.words[at + 2] == class.naming::<V>())
    }

    /// Whether the node at this place is that of this very object, if it tells: where numbers are told, another one reads
    /// otherwise.
    pub(super) fn is_of_number(&self, at: usize, object: Obj) -> bool {
        let head = self.words[at + HEAD];
        let number = at + 2 + usize::from(head & NAMED_TYPE != 0);
        head & NUMBERED == 0
            || Some(self.words[number]) == identity::known(object).map(|known| known as usize)
    }

    /// Where the node at this place ends.
    fn node_end(&self, at: usize) -> usize {
        let node = self.node(at);
        let words = match node.kind {
            BYTES | ARRAY => node.parts.div_ceil(size_of::<usize>()),
            _ => node.part_words(),
        };
        if node.is_flat {
            return node.first + words;
        }
        (0..words).fold(node.first, |at, _| self.part_end(at))
    }

    /// Elements in the node at this place, at all depths: at least so many.
    fn elements_within(&self, at: usize) -> usize {
        let node = self.node(at);
        if node.is_leaf() {
            return 0;
        }
        if node.is_flat {
            return node.parts;
        }
        let mut at = node.first;
        let mut elements = node.parts;
        for _ in 0..node.part_words() {
            elements += if self.words[at] & NESTED == 0 { 0 } else { self.elements_within(at + 1) };
            at = self.part_end(at);
        }
        elements
    }

    /// Where the part at this place ends, with the node that follows it.
    #[inline(always)]
    pub(super) fn part_end(&self, at: usize) -> usize {
        if self.words[at] & NESTED == 0 { at + 1 } else { self.node_end(at + 1) }
    }

    /// The constant at this place.
    pub(super) fn constant_at(&self, at: usize) -> Option<Obj> {
        let word = self.words[at];
        // SAFETY: constants are held, and a word that is not marked is that of one.
        if word & NESTED == 0 { unsafe { Obj::maybe(word as *mut _) } } else { None }
    }

    /// Keeps a text for a part.
    pub(super) fn keep(&mut self, text: &Text) -> Span {
        self.texts.as_mut().map(|texts| texts.keep(text.as_bytes(), text.so_far().chars)).unwrap_or_default()
    }

    /// The same for a text that is not at hand as such.
    pub(super) fn keep_bytes(&mut self, text: &[u8]) -> Span {
        let is_first_byte = |byte: &&u8| **byte & 0xc0 != 0x80;
        let chars = text.iter().filter(is_first_byte).count() as u32;
        self.texts.as_mut().map(|texts| texts.keep(text, chars)).unwrap_or_default()
    }

    /// Puts a constant in the place of another.
    pub(super) fn put(&mut self, at: usize, object: Obj, span: Option<Span>) {
        let before = self.constant_at(at).map_or(0, elements_of);
        self.words[at] = object.address();
        self.has(object);
        self.hold(object);
        if let (Some(texts), Some(span)) = (&mut self.texts, span) {
            texts.elements = texts.elements + elements_of(object) - before.min(texts.elements);
            texts.chars = texts.chars + usize::from(span.chars) - usize::from(texts.spans[at].chars);
            texts.spans[at] = span;
        }
    }

    /// The whole is the value of another object by now.
    pub(super) fn rebind_whole(&self, object: Obj) {
        if self.node(0).kind == DICT {
            namespace::saw(object);
        }
    }

    /// The node at this place is that of another object by now.
    pub(super) fn rebind(&mut self, at: usize, object: Obj) {
        if self.node(at + 1).kind == DICT {
            namespace::saw(object);
        }
        self.nested |= bit_of(object.address());
        self.words[at] = object.address() | NESTED;
    }

    /// Puts a part in the place of another of the node at `node`.
    pub(super) fn exchange(&mut self, node: usize, at: usize, part: Part<V>, span: Span) {
        self.count_out(at);
        if let Some(texts) = &mut self.texts {
            texts.elements += part.elements;
            texts.chars += usize::from(span.chars);
        }
        self.cut_out(at);
        self.splice(node, at, part, span);
    }

    /// Adds a part to those of the node at `node`; returns where the next one goes.
    pub(super) fn insert(&mut self, node: usize, at: usize, part: Part<V>, span: Span) -> usize {
        self.lengthen(node, part.elements, span.chars.into());
        self.splice(node, at, part, span)
    }

    /// Adds a key, which is a constant, and a value to those of the node at `node`; returns where the next ones go.
    pub(super) fn insert_pair(
        &mut self,
        node: usize,
        at: usize,
        key: (Obj, Span),
        value: (Part<V>, Span),
    ) -> usize {
        let chars = usize::from(key.1.chars) + ": ".len() + usize::from(value.1.chars);
        let key_part = Part::constant(key.0);
        self.lengthen(node, key_part.elements + value.0.elements, chars);
        let at = self.splice(node, at, key_part, key.1);
        self.splice(node, at, value.0, value.1)
    }

    /// Puts the words of a part at this place, which is in the node at `node`. Returns where they end.
    fn splice(&mut self, node: usize, at: usize, mut part: Part<V>, span: Span) -> usize {
        let inner = &mut part.visit;
        let end = at + 1 + inner.words.len();
        let word = part.object.address();
        if part.is_constant {
            self.words.insert(at, word);
            self.has(part.object);
            self.hold(part.object);
        } else {
            self.words[node + HEAD] &= !FLAT;
            self.nested |= inner.nested | bit_of(word);
            self.is_of_atoms &= inner.is_of_atoms;
            self.is_plain &= inner.is_plain;
            self.depends_on_dicts |= inner.depends_on_dicts;
            self.words.splice(at..at, std::iter::once(word | NESTED).chain(inner.words.drain(..)));
        }
        self.held.append(&mut inner.held);
        if let Some(texts) = &mut self.texts {
            let spans = inner.texts.take().map(|texts| texts.spans).unwrap_or_default();
            let spans =
                spans.into_iter().map(|inner| inner.behind(span)).chain(std::iter::repeat(Span::default()));
            texts.spans.splice(at..at, std::iter::once(span).chain(spans).take(end - at));
        }
        end
    }

    /// Counts an element more of the node at this place, of so many characters, with so many elements inside.
    fn lengthen(&mut self, node: usize, inside: usize, chars: usize) {
        let is_first = self.node(node).len == 0;
        self.words[node + HEAD] += ONE_MORE;
        if let Some(texts) = &mut self.texts {
            texts.elements += 1 + inside;
            texts.chars += chars + if is_first { 0 } else { ", ".len() };
        }
    }

    /// Removes a part from those of the node at `node`.
    pub(super) fn remove(&mut self, node: usize, at: usize) {
        self.count_out(at);
        self.cut_out(at);
        self.words[node + HEAD] -= ONE_MORE;
        let is_last = self.node(node).len == 0;
        if let Some(texts) = &mut self.texts {
            texts.elements = texts.elements.saturating_sub(1);
            texts.chars -= if is_last { 0 } else { ", ".len() };
        }
    }

    /// Takes the elements and characters of the part at this place from those of the whole: all of a constant's, and of
    /// another's as many as it is known to have. So there are never too few.
    fn count_out(&mut self, at: usize) {
        let end = self.part_end(at);
        let elements = match self.constant_at(at) {
            Some(constant) => elements_of(constant),
            None if end > at + 1 => self.elements_within(at + 1),
            None => 0,
        };
        let Some(texts) = &mut self.texts else { return };
        let is_constant = |word: &usize| word & NESTED == 0;
        let shown = self.words[at..end].iter().zip(&texts.spans[at..end]);
        let chars: usize =
            shown.filter(|(word, _)| is_constant(word)).map(|(_, span)| usize::from(span.chars)).sum();
        texts.elements = texts.elements.saturating_sub(elements);
        texts.chars -= chars;
    }

    /// Takes out the words of the part at this place.
    fn cut_out(&mut self, at: usize) {
        let end = self.part_end(at);
        self.words.drain(at..end);
        if let Some(texts) = &mut self.texts {
            texts.spans.drain(at..end);
        }
    }

    /// Whether the visit has grown by what has changed, so that it is time to make it anew; or the value beyond
    /// what is written whole.
    pub(super) fn is_overgrown(&self, limits: Limits) -> bool {
        self.held.len() > 2 * self.words.len() + 64
            || self.texts.as_ref().is_some_and(|texts| {
                texts.bytes.len() > 2 * texts.begun_with + 4096
                    || !limits.take_whole(texts.elements, texts.chars)
            })
    }
}

/// A value within another, and what its text was made of.
pub(super) struct Part<V: Version> {
    object: Obj,
    is_constant: bool,
    /// Empty for a constant.
    visit: Visit<V>,
    /// Elements in it, at all depths.
    elements: usize,
}

impl<V: Version> Part<V> {
    fn constant(object: Obj) -> Part<V> {
        Part { object, is_constant: true, visit: Visit::new(), elements: elements_of(object) }
    }

    /// Writes a value that stands within those of the path.
    pub(super) fn write(text: &mut Text, path: &mut Path, object: Obj) -> Part<V> {
        let mut visit = Visit::new();
        visit.begin_whole();
        let stability = value::write_part::<V, _>(text, path, &mut visit, object);
        Part { object, is_constant: stability == Stability::Constant, visit, elements: text.elements() }
    }

    pub(super) fn is_constant(&self) -> bool {
        self.is_constant
    }

    /// Whether its text depends on nothing but its own words.
    pub(super) fn stands_alone(&self) -> bool {
        !self.visit.is_cyclic && !self.visit.is_volatile
    }
}

/// Elements that a constant shows, at all depths.
fn elements_of(constant: Obj) -> usize {
    let items = Tuple::plain(constant);
    let items = items.as_ref().map(Tuple::items).unwrap_or_default();
    items.iter().flatten().map(|item| 1 + elements_of(*item)).sum()
}

impl<V: Version> Drop for Visit<V> {
    fn drop(&mut self) {
        self.release_from(0);
    }
}

/// Where a node begins, and what was held before it.
#[derive(Clone, Copy)]
pub(super) struct Node {
    word: usize,
    held: usize,
}

impl<V: Version> Record for Visit<V> {
    type Node = Node;
    type Element = usize;

    #[inline(always)]
    fn open(&mut self, object: Obj, kind: NodeKind, len: usize) -> Node {
        let node = Node { word: self.words.len(), held: self.held.len() };
        if kind == NodeKind::Dict {
            namespace::saw(object);
        }
        self.is_plain = self.is_plain && is_plain_container(object);
        self.depends_on_dicts |= !is_on_its_own(kind);
        let class = object.ty();
        let head = len << LEN_SHIFT | FLAT | kind as usize;
        match class.naming_object::<V>() {
            None => self.words.extend_from_slice(&[class.obj().address(), head]),
            // A name that is held cannot give its address to another name, nor a class to another class.
            Some(name) => {
                self.words.extend_from_slice(&[class.obj().address(), head | NAMED_TYPE, name.address()]);
                self.hold(name);
                self.hold(class.obj());
            }
        }
        if let Some(number) = identity::known(object) {
            self.words[node.word + HEAD] |= NUMBERED;
            self.words.push(number as usize);
        }
        node
    }

    #[inline(always)]
    fn element(&mut self, element: Option<Obj>) -> usize {
        self.words.push(element.map_or(0, Obj::address));
        self.words.len() - 1
    }

    #[inline(always)]
    fn shown(&mut self, element: usize, from: Written, to: Written) {
        if let Some(texts) = &mut self.texts {
            if texts.spans.len() <= element {
                texts.spans.resize(element + 1, Span::default());
            }
            texts.spans[element] = Span::between(from, to);
        }
    }

    #[inline(always)]
    fn constant(&mut self, element: Obj) {
        self.has(element);
        self.hold(element);
    }

    fn nested(&mut self, node: Node, element: usize) {
        self.nested |= bit_of(self.words[element]);
        self.words[element] |= NESTED;
        self.words[node.word + HEAD] &= !FLAT;
    }

    fn word(&mut self, word: usize, held: Option<Obj>) {
        self.words.push(word);
        if let Some(object) = held {
            self.hold(object);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.words.extend(chunks(bytes));
    }

    #[inline(always)]
    fn close(&mut self, node: Node, elements: usize) {
        let head = &mut self.words[node.word + HEAD];
        self.is_plain &= *head >> LEN_SHIFT == elements;
        *head |= elements << PARTS_SHIFT;
    }

    fn take_back(&mut self, node: Node) {
        self.words.truncate(node.word);
        if let Some(texts) = &mut self.texts {
            texts.spans.truncate(node.word);
        }
        self.release_from(node.held);
    }

    fn cyclic(&mut self, node: Node) {
        self.words[node.word + HEAD] |= CYCLIC;
        self.is_cyclic = true;
        self.is_plain = false;
    }

    fn deep(&mut self, node: Node) {
        self.words[node.word + HEAD] |= DEEP;
        self.is_plain = false;
    }

    fn volatile(&mut self) {
        self.is_volatile = true;
        self.is_plain = false;
    }
}

/// Whether what such a node reads as is kept in the object itself and not in a dict that others may get hold of.
fn is_on_its_own(kind: NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::List
            | NodeKind::Tuple
            | NodeKind::Set
            | NodeKind::Dict
            | NodeKind::OrderedDict
            | NodeKind::DefaultDict
            | NodeKind::Deque
            | NodeKind::Exception
            | NodeKind::Opaque
            | NodeKind::Bytes
            | NodeKind::Array
    )
}

/// One of 64 bits for an address. Objects are aligned to 16 bytes.
fn bit_of(address: usize) -> u64 {
    1 << ((address >> 4 ^ address >> 10) % 64)
}

/// Eight bytes a word, the last filled up with zeros.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.chunks(size_of::<usize>()).map(|chunk| {
        let mut word = [0; size_of::<usize>()];
        word[..chunk.len()].copy_from_slice(chunk);
        usize::from_ne_bytes(word)
    })
}

pub(super) const LIST: u8 = NodeKind::List as u8;
pub(super) const TUPLE: u8 = NodeKind::Tuple as u8;
pub(super) const NAMED_TUPLE: u8 = NodeKind::NamedTuple as u8;
pub(super) const SET: u8 = NodeKind::Set as u8;
pub(super) const DICT: u8 = NodeKind::Dict as u8;
pub(super) const ORDERED_DICT: u8 = NodeKind::OrderedDict as u8;
pub(super) const DEFAULT_DICT: u8 = NodeKind::DefaultDict as u8;
pub(super) const DEQUE: u8 = NodeKind::Deque as u8;
pub(super) const EXCEPTION: u8 = NodeKind::Exception as u8;
pub(super) const INSTANCE: u8 = NodeKind::Instance as u8;
pub(super) const VALUES: u8 = NodeKind::Values as u8;
pub(super) const SLOTTED: u8 = NodeKind::Slotted as u8;
const OPAQUE: u8 = NodeKind::Opaque as u8;
const ENUM_MEMBER: u8 = NodeKind::EnumMember as u8;
const NAMED: u8 = NodeKind::Named as u8;
const BYTES: u8 = NodeKind::Bytes as u8;
const ARRAY: u8 = NodeKind::Array as u8;

/// A node as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// A [`NodeKind`].
    pub(super) kind: u8,
    /// Number of elements that it had.
    pub(super) len: usize,
    /// Number of those that were shown.
    pub(super) parts: usize,
    /// Place of the first part's word.
    pub(super) first: usize,
    pub(super) is_flat: bool,
    pub(super) is_cyclic: bool,
    pub(super) is_deep: bool,
}

impl Shown {
    /// Number of words that stand for parts.
    fn part_words(&self) -> usize {
        match self.kind {
            DICT | ORDERED_DICT | INSTANCE | SLOTTED => 2 * self.parts,
            DEFAULT_DICT => 1 + 2 * self.parts,
            _ => self.parts,
        }
    }

    /// Whether it has no parts but reads as something of its own.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, OPAQUE | ENUM_MEMBER | NAMED | BYTES | ARRAY)
    }
}
