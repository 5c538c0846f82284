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

mod edit;
mod matcher;
mod namespace;
mod texts;

use std::marker::PhantomData;

pub(super) use edit::Part;
use matcher::Matcher;
pub(crate) use namespace::{is_namespace_shown, set_namespace};
use texts::{Span, Texts};

use crate::identity;
use crate::layout::{Obj, Type, Version, hold, is_atom, is_inert, is_plain_container, release};
use crate::value::{NodeKind, Record, Text, Written};

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
                // Room for more than this one, since they come one by one.
                texts.spans.resize(element + 64, Span::default());
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
