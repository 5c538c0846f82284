//! Compares a visit with what is there now.

use std::marker::PhantomData;

use super::{
    ARRAY, BYTES, DEFAULT_DICT, DEQUE, DICT, ENUM_MEMBER, EXCEPTION, FLAT, INSTANCE, LEN_SHIFT, LIST, NAMED,
    NAMED_TUPLE, NAMED_TYPE, NESTED, NUMBERED, ORDERED_DICT, PARTS_SHIFT, SET, SLOTTED, TUPLE, VALUES,
    chunks,
};
use crate::identity;
use crate::layout::{
    Array, ByteArray, Deque, Dict, Entries, EnumMember, Exception, Instance, List, Obj, Set, Shape, Str,
    Tuple, Version,
};
use crate::python;
use crate::value::naming;

/// Walks a visit and the objects side by side.
pub(super) struct Matcher<'a, V> {
    /// What has not been compared yet.
    pub(super) words: &'a [usize],
    pub(super) version: PhantomData<V>,
}

impl<V: Version> Matcher<'_, V> {
    pub(super) fn node(&mut self, object: Obj) -> bool {
        let class = object.ty();
        let &[ty, head, ref rest @ ..] = self.words else { return false };
        self.words = rest;
        if class.obj().address() != ty
            || (head & NAMED_TYPE != 0 && self.word() != Some(class.naming::<V>()))
            || (head & NUMBERED != 0 && self.word() != identity::known(object).map(|number| number as usize))
        {
            return false;
        }
        let shown =
            Parts { len: head >> LEN_SHIFT, parts: head >> PARTS_SHIFT & 0xffff, is_flat: head & FLAT != 0 };
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
                NAMED_TUPLE => self.named_tuple(Tuple::from_obj(object), shown),
                SLOTTED => self.slotted(Instance::from_obj(object), shown),
                ENUM_MEMBER => self.enum_member(object, shown),
                ORDERED_DICT => {
                    let dict = Dict::from_obj(object);
                    let mut entries = dict.in_order::<V>().take(shown.parts);
                    dict.len() == shown.len
                        && entries.all(|(key, value)| self.part(Some(key)) && self.part(Some(value)))
                }
                DEFAULT_DICT => {
                    let dict = Dict::from_obj(object);
                    let factory = dict.factory().filter(|factory| *factory != python::none().obj());
                    self.part(factory) && self.entries(&dict.entries(), dict.len(), shown)
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
                ARRAY => {
                    let array = Array::from_obj(object);
                    self.word() == Some(array.type_code().into()) && self.bytes(array.as_slice(), shown)
                }
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
    fn items(&mut self, items: &[Option<Obj>], shown: Parts) -> bool {
        let Some(items) = items.get(..shown.parts).filter(|_| items.len() == shown.len) else { return false };
        self.parts(items, shown.is_flat)
    }

    #[inline(always)]
    fn parts(&mut self, parts: &[Option<Obj>], is_flat: bool) -> bool {
        if is_flat { self.words_are(addresses(parts)) } else { parts.iter().all(|&part| self.part(part)) }
    }

    #[inline(always)]
    fn each(&mut self, objects: impl Iterator<Item = Option<Obj>>, len: usize, shown: Parts) -> bool {
        let mut objects = objects.take(shown.parts);
        len == shown.len && objects.all(|object| self.part(object))
    }

    #[inline(always)]
    fn entries(&mut self, entries: &Entries<V>, len: usize, shown: Parts) -> bool {
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
    fn values(&mut self, attributes: &Entries<V>, len: usize, shown: Parts) -> bool {
        if shown.parts == 0 {
            return len == shown.len;
        }
        let Some(values) = attributes.values_in_order(shown.parts) else { return false };
        len == shown.len
            && self.word() == Some(attributes.keys_address())
            && self.parts(values, shown.is_flat)
    }

    #[inline(always)]
    fn attributes(&mut self, attributes: &Entries<V>, len: usize, shown: Parts) -> bool {
        let mut pairs = attributes.named().take(shown.parts);
        len == shown.len && pairs.all(|(name, value)| self.part(Some(name.obj())) && self.part(Some(value)))
    }

    fn named_tuple(&mut self, tuple: Tuple, shown: Parts) -> bool {
        let fields = tuple.obj().ty().fields::<V>(tuple.items().len());
        let is_named_alike = |fields: Tuple| shown.parts == 0 || self.word() == Some(fields.obj().address());
        fields.is_some_and(is_named_alike) && self.items(tuple.items(), shown)
    }

    fn slotted(&mut self, instance: Instance, shown: Parts) -> bool {
        let attributes = instance.all::<V>();
        attributes.len() == shown.len
            && attributes
                .into_iter()
                .take(shown.parts)
                .all(|(label, value)| self.word() == Some(label.word()) && self.part(Some(value)))
    }

    fn enum_member(&mut self, object: Obj, shown: Parts) -> bool {
        let Some(EnumMember { name, value }) = EnumMember::of::<V>(object) else { return false };
        self.word() == Some(name.map_or(0, |name: Str| name.obj().address()))
            && (shown.parts == 0 || self.part(Some(value)))
    }

    fn bytes(&mut self, bytes: &[u8], shown: Parts) -> bool {
        let Some(beginning) = bytes.get(..shown.parts).filter(|_| bytes.len() == shown.len) else {
            return false;
        };
        chunks(beginning).all(|chunk| self.word() == Some(chunk))
    }
}

/// How much of a node was shown.
#[derive(Clone, Copy)]
struct Parts {
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
