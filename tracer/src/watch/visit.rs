//! What a text was made of: the addresses of the objects that were shown, container by container.
//!
//! ```text
//! visit = node
//! node  = type head [naming] part*                  naming, for a heap type: what decides its name
//! head  = len << 32 | parts << 16 | flags << 8 | kind
//! part  = word [node]                               a node where the word is marked
//! ```
//!
//! Constants, names and classes are held, so that an equal address means the same object. Containers are not:
//! the address of one is compared, and followed only where a live container was just seen to hold it.

use std::marker::PhantomData;

use crate::layout::{
    ByteArray, Deque, Dict, Entries, Exception, Instance, List, Obj, Set, Shape, Tuple, Version, hold,
    release,
};
use crate::value::{NodeKind, Record, naming};

/// What the text of one value was made of.
pub(super) struct Visit<V: Version> {
    words: Vec<usize>,
    held: Vec<Obj>,
    /// It stands only for the very object that it was made of.
    pub(super) is_cyclic: bool,
    is_volatile: bool,
    version: PhantomData<V>,
}

/// Place of the head in a node.
const HEAD: usize = 1;
/// No part is followed by a node.
const FLAT: usize = 1 << 8;
/// The node has a word for what names its type.
const NAMED_TYPE: usize = 1 << 9;
const PARTS_SHIFT: u32 = 16;
const LEN_SHIFT: u32 = 32;
/// Marks the word of a part that a node follows. Objects are aligned, so the bit is free.
const NESTED: usize = 1;

impl<V: Version> Visit<V> {
    pub(super) fn new() -> Visit<V> {
        Visit {
            words: Vec::new(),
            held: Vec::new(),
            is_cyclic: false,
            is_volatile: false,
            version: PhantomData,
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.is_cyclic = false;
        self.is_volatile = false;
        self.release_from(0);
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

    /// Whether writing `value` would give the same text.
    #[inline(always)]
    pub(super) fn matches(&self, value: Obj) -> bool {
        !self.is_volatile && Matcher::<V> { words: &self.words, version: PhantomData }.node(value)
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
        node
    }

    #[inline(always)]
    fn element(&mut self, element: Option<Obj>) -> usize {
        self.words.push(element.map_or(0, Obj::address));
        self.words.len() - 1
    }

    #[inline(always)]
    fn constant(&mut self, element: Obj) {
        self.hold(element);
    }

    fn nested(&mut self, node: Node, element: usize) {
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
        self.words[node.word + HEAD] |= elements << PARTS_SHIFT;
    }

    fn take_back(&mut self, node: Node) {
        self.words.truncate(node.word);
        self.release_from(node.held);
    }

    fn cyclic(&mut self) {
        self.is_cyclic = true;
    }

    fn volatile(&mut self) {
        self.is_volatile = true;
    }
}

/// Eight bytes a word, the last filled up with zeros.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.chunks(size_of::<usize>()).map(|chunk| {
        let mut word = [0; size_of::<usize>()];
        word[..chunk.len()].copy_from_slice(chunk);
        usize::from_ne_bytes(word)
    })
}

/// Walks a visit and the objects side by side.
struct Matcher<'a, V> {
    /// What has not been compared yet.
    words: &'a [usize],
    version: PhantomData<V>,
}

impl<V: Version> Matcher<'_, V> {
    fn node(&mut self, object: Obj) -> bool {
        let class = object.ty();
        let &[ty, head, ref rest @ ..] = self.words else { return false };
        self.words = rest;
        if class.obj().address() != ty || (head & NAMED_TYPE != 0 && self.word() != Some(class.naming::<V>()))
        {
            return false;
        }
        let shown =
            Shown { len: head >> LEN_SHIFT, parts: head >> PARTS_SHIFT & 0xffff, is_flat: head & FLAT != 0 };
        const LIST: u8 = NodeKind::List as u8;
        const TUPLE: u8 = NodeKind::Tuple as u8;
        const SET: u8 = NodeKind::Set as u8;
        const DICT: u8 = NodeKind::Dict as u8;
        const DEQUE: u8 = NodeKind::Deque as u8;
        const EXCEPTION: u8 = NodeKind::Exception as u8;
        const INSTANCE: u8 = NodeKind::Instance as u8;
        const VALUES: u8 = NodeKind::Values as u8;
        const NAMED: u8 = NodeKind::Named as u8;
        const BYTES: u8 = NodeKind::Bytes as u8;
        // SAFETY: the object's class is the one of the node, which is held, and objects of one class are laid
        // out alike: as when the node was made.
        unsafe {
            match head as u8 {
                LIST => self.items(List::from_obj(object).items(), shown),
                TUPLE => self.items(Tuple::from_obj(object).items(), shown),
                VALUES => {
                    let (attributes, len) = Instance::from_obj(object).attributes::<V>();
                    self.values(&attributes, len, shown)
                }
                INSTANCE => {
                    let (attributes, len) = Instance::from_obj(object).attributes::<V>();
                    self.attributes(&attributes, len, shown)
                }
                DICT => {
                    let dict = Dict::from_obj(object);
                    self.entries(&dict.entries(), dict.len(), shown)
                }
                SET => {
                    let set = Set::from_obj(object);
                    self.each(set.iter().map(Some), set.len(), shown)
                }
                DEQUE => {
                    let deque = Deque::from_obj(object);
                    self.each(deque.iter(), deque.len(), shown)
                }
                EXCEPTION => match Exception::of(object) {
                    Some(exception) => self.items(exception.arguments().items(), shown),
                    None => false,
                },
                NAMED => self.word() == Some(naming::<V>(Shape::of(object)).0),
                BYTES => self.bytes(ByteArray::from_obj(object).as_slice(), shown),
                _ => true,
            }
        }
    }

    #[inline(always)]
    fn word(&mut self) -> Option<usize> {
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    /// Whether these are the next words, and no node interrupts them.
    #[inline(always)]
    fn words_are(&mut self, words: &[usize]) -> bool {
        let Some((seen, rest)) = self.words.split_at_checked(words.len()) else { return false };
        self.words = rest;
        // For a few words a comparison of memory is more work than a loop.
        if words.len() <= 8 { seen.iter().zip(words).all(|(seen, word)| seen == word) } else { seen == words }
    }

    /// Whether this is the object that was seen here, and reads as it did.
    #[inline(always)]
    fn part(&mut self, object: Option<Obj>) -> bool {
        let Some(word) = self.word() else { return false };
        let address = object.map_or(0, Obj::address);
        match object {
            _ if address == word => true,
            Some(object) if address == word & !NESTED => self.node(object),
            _ => false,
        }
    }

    #[inline(always)]
    fn items(&mut self, items: &[Option<Obj>], shown: Shown) -> bool {
        let Some(items) = items.get(..shown.parts).filter(|_| items.len() == shown.len) else { return false };
        self.parts(items, shown.is_flat)
    }

    #[inline(always)]
    fn parts(&mut self, parts: &[Option<Obj>], is_flat: bool) -> bool {
        if is_flat { self.words_are(addresses(parts)) } else { parts.iter().all(|&part| self.part(part)) }
    }

    #[inline(always)]
    fn each(&mut self, objects: impl Iterator<Item = Option<Obj>>, len: usize, shown: Shown) -> bool {
        let mut objects = objects.take(shown.parts);
        len == shown.len && objects.all(|object| self.part(object))
    }

    #[inline(always)]
    fn entries(&mut self, entries: &Entries<V>, len: usize, shown: Shown) -> bool {
        if len != shown.len {
            return false;
        }
        match entries.words().and_then(|words| words.get(..2 * shown.parts)) {
            Some(words) if shown.is_flat && entries.count() == len => self.words_are(words),
            _ => {
                let mut pairs = entries.iter().take(shown.parts);
                pairs.all(|(key, value)| self.part(Some(key)) && self.part(Some(value)))
            }
        }
    }

    #[inline(always)]
    fn values(&mut self, attributes: &Entries<V>, len: usize, shown: Shown) -> bool {
        if shown.parts == 0 {
            return len == shown.len;
        }
        let Some(values) = attributes.values_in_order(shown.parts) else { return false };
        len == shown.len
            && self.word() == Some(attributes.keys_address())
            && self.parts(values, shown.is_flat)
    }

    #[inline(always)]
    fn attributes(&mut self, attributes: &Entries<V>, len: usize, shown: Shown) -> bool {
        let mut pairs = attributes.named().take(shown.parts);
        len == shown.len && pairs.all(|(name, value)| self.part(Some(name.obj())) && self.part(Some(value)))
    }

    fn bytes(&mut self, bytes: &[u8], shown: Shown) -> bool {
        let Some(beginning) = bytes.get(..shown.parts).filter(|_| bytes.len() == shown.len) else {
            return false;
        };
        chunks(beginning).all(|chunk| self.word() == Some(chunk))
    }
}

/// How much of a node was shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Number of elements that it had.
    len: usize,
    /// Number of those that were shown.
    parts: usize,
    is_flat: bool,
}

/// The same slots, read as addresses.
fn addresses(items: &[Option<Obj>]) -> &[usize] {
    // SAFETY: an `Option<Obj>` is a pointer, or null.
    unsafe { std::slice::from_raw_parts(items.as_ptr().cast(), items.len()) }
}
