//! What a text was made of: the addresses of the objects that were shown, container by container.
//!
//! ```text
//! visit = node
//! node  = type naming head len part*          naming: what decides the name of the type
//! part  = word [node]                         a node where the word is marked
//! head  = parts << 16 | flat << 8 | kind      flat: no part is followed by a node
//! ```
//!
//! Constants, names and classes are held, so that an equal address means the same object. Containers are not:
//! the address of one is compared, and followed only where a live container was just seen to hold it.

use crate::layout::{
    Deque, Dict, Entries, Exception, Instance, List, Obj, Set, Shape, Tuple, Version, hold, release,
};
use crate::value::{NodeKind, Record, naming};

/// What the text of one value was made of.
pub(super) struct Visit<V: Version> {
    words: Vec<usize>,
    held: Vec<Obj>,
    /// It stands only for the very object that it was made of.
    pub(super) is_cyclic: bool,
    is_volatile: bool,
    version: std::marker::PhantomData<V>,
}

// Places in a node.
const TYPE: usize = 0;
const NAMING: usize = 1;
const HEAD: usize = 2;
const LEN: usize = 3;
const HEADER: usize = 4;

const FLAT: usize = 1 << 8;
const PARTS_SHIFT: u32 = 16;
/// Marks the word of a part that a node follows. Objects are aligned, so the bit is free.
const NESTED: usize = 1;

impl<V: Version> Visit<V> {
    pub(super) fn new() -> Visit<V> {
        Visit {
            words: Vec::new(),
            held: Vec::new(),
            is_cyclic: false,
            is_volatile: false,
            version: std::marker::PhantomData,
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.is_cyclic = false;
        self.is_volatile = false;
        self.release_from(0);
    }

    fn hold(&mut self, object: Obj) {
        hold::<V>(object);
        self.held.push(object);
    }

    fn release_from(&mut self, start: usize) {
        for object in self.held.drain(start..) {
            // SAFETY: `hold` counted a reference for each.
            unsafe { release::<V>(object) };
        }
    }

    /// Whether writing `value` would give the same text.
    #[inline]
    pub(super) fn matches(&self, value: Obj) -> bool {
        !self.is_volatile && Matcher::<V> { words: &self.words, version: self.version }.node(value)
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
        self.words.extend_from_slice(&[
            class.obj().address(),
            class.naming::<V>(),
            FLAT | kind as usize,
            len,
        ]);
        // A name that is held cannot give its address to another name, nor a class to another class.
        if let Some(name) = class.naming_object::<V>() {
            self.hold(name);
            self.hold(class.obj());
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
    version: std::marker::PhantomData<V>,
}

impl<V: Version> Matcher<'_, V> {
    fn node(&mut self, object: Obj) -> bool {
        let Some((&[ty, named, head, len], rest)) = self.words.split_first_chunk::<HEADER>() else {
            return false;
        };
        self.words = rest;
        let class = object.ty();
        if class.obj().address() != ty || class.naming::<V>() != named {
            return false;
        }
        let (parts, is_flat) = (head >> PARTS_SHIFT, head & FLAT != 0);
        const LIST: u8 = NodeKind::List as u8;
        const TUPLE: u8 = NodeKind::Tuple as u8;
        const SET: u8 = NodeKind::Set as u8;
        const DICT: u8 = NodeKind::Dict as u8;
        const DEQUE: u8 = NodeKind::Deque as u8;
        const EXCEPTION: u8 = NodeKind::Exception as u8;
        const INSTANCE: u8 = NodeKind::Instance as u8;
        const NAMED: u8 = NodeKind::Named as u8;
        const BYTES: u8 = NodeKind::Bytes as u8;
        // SAFETY: the object's class is the one of the node, which is held, and objects of one class are laid
        // out alike: as when the node was made.
        unsafe {
            match head as u8 {
                LIST => self.items(List::from_obj(object).items(), len, parts, is_flat),
                TUPLE => self.items(Tuple::from_obj(object).items(), len, parts, is_flat),
                EXCEPTION => {
                    let Some(exception) = Exception::of(object) else { return false };
                    self.items(exception.arguments().items(), len, parts, is_flat)
                }
                DICT => {
                    let dict = Dict::from_obj(object);
                    dict.len() == len && self.entries(&dict.entries(), len, parts, is_flat)
                }
                SET => {
                    let set = Set::from_obj(object);
                    set.len() == len && self.each(set.iter().map(Some), parts)
                }
                DEQUE => {
                    let deque = Deque::from_obj(object);
                    deque.len() == len && self.each(deque.iter(), parts)
                }
                INSTANCE => {
                    let attributes = Instance::from_obj(object).attributes::<V>();
                    attributes.named().count() == len
                        && self
                            .each(attributes.named().flat_map(|(k, v)| [Some(k.obj()), Some(v)]), 2 * parts)
                }
                NAMED => self.word() == Some(naming::<V>(Shape::of(object)).0),
                BYTES => self.bytes(object, len, parts),
                _ => true,
            }
        }
    }

    fn word(&mut self) -> Option<usize> {
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }

    /// The next `count` words, which no node interrupts.
    fn flat(&mut self, count: usize) -> Option<&[usize]> {
        let (words, rest) = self.words.split_at_checked(count)?;
        self.words = rest;
        Some(words)
    }

    #[inline(always)]
    fn items(&mut self, items: &[Option<Obj>], len: usize, parts: usize, is_flat: bool) -> bool {
        if items.len() != len {
            return false;
        }
        if is_flat {
            return self.flat(parts) == items.get(..parts).map(addresses);
        }
        self.each(items.iter().copied(), parts)
    }

    fn entries(&mut self, entries: &Entries<V>, len: usize, parts: usize, is_flat: bool) -> bool {
        match entries.words() {
            Some(words) if is_flat && entries.count() == len => {
                self.flat(2 * parts).is_some_and(|seen| words.get(..2 * parts) == Some(seen))
            }
            _ => self.each(entries.iter().flat_map(|(key, value)| [Some(key), Some(value)]), 2 * parts),
        }
    }

    /// Whether the first `count` objects are those that were seen.
    fn each(&mut self, mut objects: impl Iterator<Item = Option<Obj>>, count: usize) -> bool {
        for _ in 0..count {
            let (Some(object), Some(word)) = (objects.next(), self.word()) else { return false };
            if object.map_or(0, Obj::address) != word & !NESTED {
                return false;
            }
            if let Some(object) = object
                && word & NESTED != 0
                && !self.node(object)
            {
                return false;
            }
        }
        true
    }

    fn bytes(&mut self, object: Obj, len: usize, shown: usize) -> bool {
        let Shape::ByteArray(array) = Shape::of(object) else { return false };
        let bytes = array.as_slice();
        bytes.len() == len
            && self
                .flat(shown.div_ceil(size_of::<usize>()))
                .is_some_and(|seen| chunks(&bytes[..shown]).eq(seen.iter().copied()))
    }
}

/// The same slots, read as addresses.
fn addresses(items: &[Option<Obj>]) -> &[usize] {
    // SAFETY: an `Option<Obj>` is a pointer, or null.
    unsafe { std::slice::from_raw_parts(items.as_ptr().cast(), items.len()) }
}
