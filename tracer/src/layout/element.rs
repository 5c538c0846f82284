//! Elements of plain containers, found as the interpreter finds them.

use pyo3_ffi as ffi;

use super::{Dict, Int, List, Obj, Str, Tuple, Version, is_inert};

/// What is at a place in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Found(Obj),
    /// There is no such place.
    Missing,
    /// That cannot be told without running the program's code, or is not worth it.
    Unknown,
}

/// What a plain list, tuple or dict holds under a key.
pub(crate) fn element<V: Version>(container: Obj, key: Obj) -> Element {
    if let Some(list) = List::plain(container) {
        return item::<V>(list.items(), key);
    }
    if let Some(tuple) = Tuple::plain(container) {
        return item::<V>(tuple.items(), key);
    }
    match Dict::plain(container) {
        Some(dict) if has_inert_keys::<V>(dict) => value::<V>(dict, key),
        _ => Element::Unknown,
    }
}

fn item<V: Version>(items: &[Option<Obj>], key: Obj) -> Element {
    let Some(index) = Int::plain(key).and_then(Int::small::<V>) else { return Element::Unknown };
    let index = if index < 0 { index + items.len() as i64 } else { index };
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.map_or(Element::Missing, |item| item.map_or(Element::Unknown, Element::Found))
}

fn value<V: Version>(dict: Dict, key: Obj) -> Element {
    let entries = dict.entries::<V>();
    if let Some(name) = Str::plain(key) {
        let found = entries.find(name).and_then(|index| entries.get(index));
        return found.map_or(Element::Missing, |(_, value)| Element::Found(value));
    }
    let Some(number) = Int::plain(key).and_then(Int::small::<V>) else { return Element::Unknown };
    // The hash of an int of at most two digits is the int, but for -1, which says that hashing went wrong.
    let hash = if number == -1 { -2 } else { number as isize };
    let is_equal = |found: Obj| Int::plain(found).and_then(Int::small::<V>) == Some(number);
    let found = entries.find_hashed(hash, is_equal).and_then(|index| entries.get(index));
    // A float or a `bool` may be equal to the key, too.
    found.map_or(Element::Unknown, |(_, value)| Element::Found(value))
}

/// Whether looking a key up in a plain dict runs no code of the program, if the key is inert.
pub(crate) fn has_inert_keys<V: Version>(dict: Dict) -> bool {
    const FEW: usize = 64;
    let entries = dict.entries::<V>();
    entries.has_only_strings() || (entries.count() <= FEW && entries.iter().all(|(key, _)| is_inert(key)))
}

/// Whether an object is one of these built-in containers, and no instance of a subclass.
pub(crate) fn is_list_or_tuple(object: Obj) -> bool {
    object.ty().is(&raw const ffi::PyList_Type) || object.ty().is(&raw const ffi::PyTuple_Type)
}
