//! Dicts, and the attributes of instances.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::class::flag;
use super::{Attributes, Label, Obj, SplitValues, Str, Type, Version};

/// A `dict`, or an instance of a subclass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dict(Obj);

impl Dict {
    const USED: usize = 16;
    const KEYS: usize = 32;
    const VALUES: usize = 40;

    /// If `object` is a dict.
    pub(crate) fn of(object: Obj) -> Option<Dict> {
        object.ty().has(flag::DICT).then_some(Dict(object))
    }

    /// If `object` is a plain dict, and no instance of a subclass.
    pub(crate) fn plain(object: Obj) -> Option<Dict> {
        object.ty().is(&raw const pyo3_ffi::PyDict_Type).then_some(Dict(object))
    }

    /// # Safety
    /// `object` must be a dict.
    #[inline(always)]
    pub(crate) unsafe fn from_obj(object: Obj) -> Dict {
        Dict(object)
    }

    pub(crate) fn obj(self) -> Obj {
        self.0
    }

    pub(crate) fn class(self) -> Type {
        self.0.ty()
    }

    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        // SAFETY: a dict has the field.
        unsafe { self.0.field(Dict::USED) }
    }

    /// What makes the values of missing keys.
    ///
    /// # Safety
    /// It must be a `defaultdict`.
    pub(crate) unsafe fn factory(self) -> Option<Obj> {
        const FACTORY: usize = 48;
        // SAFETY: the caller vouches for the class, which has the field.
        unsafe { self.0.field(FACTORY) }
    }

    /// Keys and values in the order that an `OrderedDict` keeps beside that of insertion.
    ///
    /// # Safety
    /// It must be an `OrderedDict`.
    pub(crate) unsafe fn in_order<V: Version>(self) -> impl Iterator<Item = (Obj, Obj)> {
        const FIRST: usize = 48;
        let entries = self.entries::<V>();
        // SAFETY: the caller vouches for the class, which has the field.
        let first = unsafe { self.0.field::<Option<NonNull<Link>>>(FIRST) };
        // SAFETY: each link leads to the next, or nowhere.
        let links = std::iter::successors(first, |link| unsafe { link.as_ref() }.next);
        links.take(self.len()).filter_map(move |link| {
            // SAFETY: as above.
            let Link { key, hash, .. } = *unsafe { link.as_ref() };
            entries.get(entries.probe(hash, |found| found == key)?)
        })
    }

    #[inline(always)]
    pub(crate) fn entries<V: Version>(self) -> Entries<V> {
        // SAFETY: a dict has both fields.
        let (keys, values) = unsafe {
            (Keys::from_ptr(self.0.field(Dict::KEYS)), self.0.field::<Option<NonNull<u8>>>(Dict::VALUES))
        };
        match values {
            // SAFETY: the values of a split dict belong to its keys.
            Some(values) => unsafe { Entries::split(keys, values) },
            None => Entries::combined(keys),
        }
    }
}

/// A key's place in the order of an `OrderedDict`.
#[repr(C)]
struct Link {
    key: Obj,
    hash: isize,
    next: Option<NonNull<Link>>,
}

/// `PyDictKeysObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys(NonNull<u8>);

impl Keys {
    const LOG2_SIZE: usize = 8;
    const LOG2_INDEX_BYTES: usize = 9;
    const KIND: usize = 10;
    const ENTRY_COUNT: usize = 24;
    const INDICES: usize = 32;
    /// The kind whose keys may be anything; all others hold only `str`.
    const GENERAL: u8 = 0;

    /// # Safety
    /// `keys` must be those of a live dict or class.
    #[inline(always)]
    pub(crate) unsafe fn from_ptr(keys: NonNull<u8>) -> Keys {
        Keys(keys)
    }

    /// # Safety
    /// There must be a field of type `T` at `offset`.
    #[inline(always)]
    unsafe fn field<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the caller vouches for it.
        unsafe { self.0.add(offset).cast::<T>().read() }
    }

    #[inline(always)]
    fn entry_count(self) -> usize {
        // SAFETY: every keys object has the field.
        unsafe { self.field(Keys::ENTRY_COUNT) }
    }

    #[inline(always)]
    fn is_general(self) -> bool {
        // SAFETY: as above.
        unsafe { self.field::<u8>(Keys::KIND) == Keys::GENERAL }
    }

    /// Where the first entry's key lies, and how far it is from each to the next.
    #[inline(always)]
    fn entries(self) -> (*const u8, usize) {
        // A general table has the hash before each key.
        let hash_len = if self.is_general() { size_of::<isize>() } else { 0 };
        // SAFETY: the entries follow the table of indices.
        unsafe {
            let index_bytes = 1usize << self.field::<u8>(Keys::LOG2_INDEX_BYTES);
            let first_key = self.0.as_ptr().add(Keys::INDICES + index_bytes + hash_len);
            (first_key, hash_len + size_of::<Pair>())
        }
    }

    /// Number of the entry that the hash table leads to at `slot`; negative where there is none.
    fn index_at(self, slot: usize) -> isize {
        // SAFETY: the table has `1 << log2_size` indices, each as wide as its bytes say.
        unsafe {
            let width = self.field::<u8>(Keys::LOG2_INDEX_BYTES) - self.field::<u8>(Keys::LOG2_SIZE);
            let indices = self.0.add(Keys::INDICES);
            match width {
                0 => indices.cast::<i8>().add(slot).read() as isize,
                1 => indices.cast::<i16>().add(slot).read() as isize,
                2 => indices.cast::<i32>().add(slot).read() as isize,
                _ => indices.cast::<i64>().add(slot).read() as isize,
            }
        }
    }
}

/// The entries of a dict, or of an instance, in order of insertion, deleted ones included.
pub(crate) struct Entries<V> {
    keys: Keys,
    /// The key of the first entry; that of the next is `stride` bytes further on. Unset where the values lie
    /// elsewhere.
    first_key: *const u8,
    stride: usize,
    count: usize,
    /// Where the values are, if not beside their keys.
    values: Option<Split>,
    version: PhantomData<V>,
}

/// Values that do not lie beside their keys.
#[derive(Clone, Copy)]
struct Split {
    values: *const Option<Obj>,
    /// The position of the first value that was inserted; the others follow, `step` bytes apart.
    order: *const u8,
    step: isize,
}

/// An entry, without the hash that comes before it where keys may be anything.
#[derive(Clone, Copy)]
#[repr(C)]
struct Pair {
    key: Option<Obj>,
    value: Option<Obj>,
}

impl<V: Version> Entries<V> {
    #[inline(always)]
    fn combined(keys: Keys) -> Entries<V> {
        let (first_key, stride) = keys.entries();
        Entries { keys, first_key, stride, count: keys.entry_count(), values: None, version: PhantomData }
    }

    /// # Safety
    /// `values` must be the `PyDictValues` of a live dict or instance with these keys.
    #[inline(always)]
    pub(in crate::layout) unsafe fn split(keys: Keys, values: NonNull<u8>) -> Entries<V> {
        // SAFETY: the caller vouches for the values; where size and order lie is the version's to say.
        let (count, split) = unsafe {
            match V::SPLIT_VALUES {
                SplitValues::OrderBefore => {
                    let values = values.as_ptr();
                    (*values.sub(2), Split { values: values.cast(), order: values.sub(3), step: -1 })
                }
                SplitValues::OrderAfter => {
                    let (capacity, count) = (*values.as_ptr(), *values.as_ptr().add(1));
                    let values = values.as_ptr().add(8).cast::<Option<Obj>>();
                    let order = values.add(capacity.into()).cast();
                    (count, Split { values, order, step: 1 })
                }
            }
        };
        // Where the keys are is looked up when one is asked for: most often only the values are.
        let (first_key, stride) = (std::ptr::null(), 0);
        Entries { keys, first_key, stride, count: count.into(), values: Some(split), version: PhantomData }
    }

    fn empty() -> Entries<V> {
        let keys = Keys(NonNull::dangling());
        Entries { keys, first_key: std::ptr::null(), stride: 0, count: 0, values: None, version: PhantomData }
    }

    /// Number of entries, deleted ones included.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Tells this table from another one and from itself after an insertion.
    #[inline(always)]
    pub(crate) fn stamp(&self) -> (usize, usize) {
        (self.keys_address(), self.count)
    }

    #[inline(always)]
    fn pair(&self, index: usize) -> Pair {
        // SAFETY: `index` is below the number of entries, and a shared key's position below that of the keys.
        unsafe {
            match self.values {
                Some(Split { values, order, step }) => {
                    let position = usize::from(*order.offset(step * index as isize));
                    let (first_key, stride) = self.keys.entries();
                    let Pair { key, .. } = *first_key.add(position * stride).cast::<Pair>();
                    Pair { key, value: *values.add(position) }
                }
                None => *self.first_key.add(index * self.stride).cast::<Pair>(),
            }
        }
    }

    /// Key and value of the entry; `None` if it was deleted, or if there is none.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<(Obj, Obj)> {
        if index >= self.count {
            return None;
        }
        let Pair { key, value } = self.pair(index);
        Some((key?, value?))
    }

    #[inline(always)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Obj, Obj)> {
        (0..self.count).filter_map(|index| self.get(index))
    }

    /// The entries whose key is a plain `str`.
    #[inline(always)]
    pub(crate) fn named(&self) -> impl Iterator<Item = (Str, Obj)> {
        self.iter().filter_map(|(key, value)| Some((Str::plain(key)?, value)))
    }

    /// Addresses of keys and values where they lie beside each other, and how many words it is from each key to the
    /// next: two, or three where a hash lies between.
    #[inline(always)]
    pub(crate) fn words(&self) -> Option<(&[usize], usize)> {
        // Where there are no entries their address need not be one.
        if self.values.is_some() || self.count == 0 {
            return None;
        }
        let stride = self.stride / size_of::<usize>();
        let len = stride * (self.count - 1) + 2;
        // SAFETY: there are `count` entries, and the last one ends with its value.
        Some((unsafe { std::slice::from_raw_parts(self.first_key.cast(), len) }, stride))
    }

    /// The first `len` values, if they were inserted in the order of keys that a class shares.
    #[inline(always)]
    pub(crate) fn values_in_order(&self, len: usize) -> Option<&[Option<Obj>]> {
        let Split { values, order, step } = self.values?;
        // SAFETY: as many positions as there are entries say where the values lie.
        unsafe {
            let is_in_order = |index: usize| usize::from(*order.offset(step * index as isize)) == index;
            (len <= self.count && (0..len).all(is_in_order)).then(|| std::slice::from_raw_parts(values, len))
        }
    }

    /// Address of the keys, which a class shares among its instances.
    #[inline(always)]
    pub(crate) fn keys_address(&self) -> usize {
        self.keys.0.as_ptr() as usize
    }

    /// Number of entries whose key is a plain `str`, of `live` that are not deleted.
    #[inline(always)]
    fn named_len(&self, live: usize) -> usize {
        // Only a general table can have other keys.
        if self.values.is_none() && self.keys.is_general() { self.named().count() } else { live }
    }

    /// Index of the entry of this name. It runs no code of the program: keys are compared as text.
    pub(crate) fn find(&self, name: Str) -> Option<usize> {
        let is_name =
            |key: Obj| key == name.obj() || Str::plain(key).is_some_and(|key| key.equals::<V>(name));
        let hash = name.hash();
        if self.values.is_some() || hash == -1 {
            return (0..self.count).find(|&index| self.get(index).is_some_and(|(key, _)| is_name(key)));
        }
        self.probe(hash, is_name)
    }

    /// Whether all keys are plain `str`, and so were all that there have been.
    pub(crate) fn has_only_strings(&self) -> bool {
        self.values.is_some() || self.count == 0 || !self.keys.is_general()
    }

    /// Index of the entry whose key has this hash and is the one looked for, which is no `str`.
    pub(crate) fn find_hashed(&self, hash: isize, is_wanted: impl Fn(Obj) -> bool) -> Option<usize> {
        if self.has_only_strings() { None } else { self.probe(hash, is_wanted) }
    }

    /// Index of the entry whose key has this hash and is the one looked for. The values must lie beside their keys.
    fn probe(&self, hash: isize, is_wanted: impl Fn(Obj) -> bool) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        // The probe sequence of CPython's dict: every bit of the hash takes part in time.
        const PERTURB_SHIFT: u32 = 5;
        const EMPTY: isize = -1;
        // SAFETY: every keys object has the field.
        let mask = (1usize << unsafe { self.keys.field::<u8>(Keys::LOG2_SIZE) }) - 1;
        let mut perturb = hash as usize;
        let mut slot = perturb & mask;
        loop {
            // Negative numbers other than that of an empty place are those of deleted entries.
            let index = self.keys.index_at(slot);
            if index == EMPTY {
                return None;
            }
            if index >= 0 && self.get(index as usize).is_some_and(|(key, _)| is_wanted(key)) {
                return Some(index as usize);
            }
            perturb >>= PERTURB_SHIFT;
            slot = (slot.wrapping_mul(5) + perturb + 1) & mask;
        }
    }
}

/// The name of the attribute whose value is the `index`-th, by the address of the keys that a class shares among
/// its instances.
///
/// # Safety
/// The class must be alive.
pub(crate) unsafe fn shared_key(keys_address: usize, index: usize) -> Option<Label> {
    let keys = Keys(NonNull::new(keys_address as *mut u8)?);
    if index >= keys.entry_count() {
        return None;
    }
    let (first_key, stride) = keys.entries();
    // SAFETY: there are more entries than `index`, and their keys are `str`.
    unsafe {
        first_key.add(index * stride).cast::<Pair>().read().key.map(|key| Label::Object(Str::from_obj(key)))
    }
}

/// An instance of a class made by Python code that keeps attributes in a `__dict__`, in places of its own, or both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instance(Obj);

impl Instance {
    pub(crate) fn from_obj(object: Obj) -> Instance {
        Instance(object)
    }

    /// If Python code made the class, and instances have attributes.
    pub(crate) fn of(object: Obj, class: Type) -> Option<Instance> {
        let has_attributes =
            class.has(flag::MANAGED_DICT) || class.dict_offset().is_some() || class.has_members();
        (class.is_made_by_python() && has_attributes).then_some(Instance(object))
    }

    /// All its attributes: those that have places of their own and are set, then those in its `__dict__`.
    pub(crate) fn all<V: Version>(self) -> Vec<(Label, Obj)> {
        let members = self.0.ty().members::<V>().into_iter();
        // SAFETY: the members are those of the object's class.
        let set =
            members.filter_map(|member| Some((Label::Member(member), unsafe { member.value(self.0) }?)));
        let (attributes, _) = self.attributes::<V>();
        set.chain(attributes.named().map(|(name, value)| (Label::Object(name), value))).collect()
    }

    /// The attributes in its `__dict__` and how many there are. A `__dict__` that does not exist yet is not made.
    #[inline(always)]
    pub(crate) fn attributes<V: Version>(self) -> (Entries<V>, usize) {
        let class = self.0.ty();
        let attributes = if class.has(flag::MANAGED_DICT) {
            // SAFETY: the flag was looked at.
            unsafe { V::managed_attributes(self.0) }
        } else {
            let dict = class.dict_offset().and_then(|offset| self.dict_at(class, offset));
            dict.map_or(Attributes::None, |dict| Attributes::Dict(Dict(dict)))
        };
        match attributes {
            Attributes::None => (Entries::empty(), 0),
            Attributes::Dict(dict) => {
                let entries = dict.entries();
                let len = entries.named_len(dict.len());
                (entries, len)
            }
            Attributes::Values(values) => {
                // SAFETY: the values are those of an instance of this class, which has a managed dict.
                let entries = unsafe { Entries::split(class.cached_keys::<V>(), values) };
                // Deleted values are taken out of the order of insertion.
                let len = entries.count;
                (entries, len)
            }
        }
    }

    /// The dict that keeps them, if there is one.
    pub(crate) fn dict<V: Version>(self) -> Option<Obj> {
        let class = self.0.ty();
        if !class.has(flag::MANAGED_DICT) {
            return class.dict_offset().and_then(|offset| self.dict_at(class, offset));
        }
        // SAFETY: the flag was looked at.
        match unsafe { V::managed_attributes(self.0) } {
            Attributes::Dict(dict) => Some(dict.obj()),
            Attributes::None | Attributes::Values(_) => None,
        }
    }

    fn dict_at(self, class: Type, offset: isize) -> Option<Obj> {
        let offset = usize::try_from(offset).unwrap_or_else(|_| {
            // SAFETY: only classes of objects of variable size count from the end. The sign of an int's size is
            // that of the int.
            let items = unsafe { self.0.size() }.unsigned_abs() * class.item_size();
            (class.instance_size() + items).next_multiple_of(size_of::<usize>()) - offset.unsigned_abs()
        });
        // SAFETY: at the class's offset there is a dict or null.
        unsafe { self.0.field(offset) }
    }
}
