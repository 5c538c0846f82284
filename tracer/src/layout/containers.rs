//! Lists, tuples, sets, deques and byte strings.

use super::Obj;

/// A `list`, or an instance of a subclass; and so on for the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List(Obj);
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuple(Obj);
/// A `set` or a `frozenset`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set(Obj);
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deque(Obj);
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(Obj);
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteArray(Obj);

impl List {
    const ITEMS: usize = 24;

    /// If `object` is a plain list, and no instance of a subclass.
    pub(crate) fn plain(object: Obj) -> Option<List> {
        object.ty().is(&raw const pyo3_ffi::PyList_Type).then_some(List(object))
    }

    /// # Safety
    /// `object` must be a list.
    pub(crate) unsafe fn from_obj(object: Obj) -> List {
        List(object)
    }

    #[inline(always)]
    pub(crate) fn items(&self) -> &[Option<Obj>] {
        // SAFETY: a list has `size` items, at an address that may be null when there are none.
        unsafe {
            match self.0.size() as usize {
                0 => &[],
                len => std::slice::from_raw_parts(self.0.field(List::ITEMS), len),
            }
        }
    }
}

impl Tuple {
    const ITEMS: usize = 24;

    /// If `object` is a plain tuple, and no instance of a subclass.
    pub(crate) fn plain(object: Obj) -> Option<Tuple> {
        object.ty().is_exact_tuple().then_some(Tuple(object))
    }

    /// # Safety
    /// `object` must be a tuple.
    pub(crate) unsafe fn from_obj(object: Obj) -> Tuple {
        Tuple(object)
    }

    pub(crate) fn obj(&self) -> Obj {
        self.0
    }

    #[inline(always)]
    pub(crate) fn items(&self) -> &[Option<Obj>] {
        // SAFETY: a tuple has `size` items.
        unsafe { std::slice::from_raw_parts(self.0.at(Tuple::ITEMS), self.0.size() as usize) }
    }
}

/// One place in the table of a set. Free ones have no key, deleted ones the hash -1, which no key has.
#[derive(Clone, Copy)]
#[repr(C)]
struct SetEntry {
    key: Option<Obj>,
    hash: isize,
}

impl Set {
    const USED: usize = 24;
    const MASK: usize = 32;
    const TABLE: usize = 40;

    /// # Safety
    /// `object` must be a set or a frozenset.
    pub(crate) unsafe fn from_obj(object: Obj) -> Set {
        Set(object)
    }

    pub(crate) fn len(self) -> usize {
        // SAFETY: a set has the field.
        unsafe { self.0.field(Set::USED) }
    }

    /// The members in the order of iteration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Obj> {
        // SAFETY: the table has one entry more than the mask says.
        let table = unsafe {
            let len = self.0.field::<usize>(Set::MASK) + 1;
            std::slice::from_raw_parts(self.0.field::<*const SetEntry>(Set::TABLE), len)
        };
        table.iter().filter(|entry| entry.hash != -1).filter_map(|entry| entry.key)
    }
}

impl Deque {
    const LEFT_BLOCK: usize = 24;
    const LEFT_INDEX: usize = 40;
    const MAX_LEN: usize = 64;
    /// Items of one block, which lie between its two links.
    const BLOCK_LEN: usize = 64;

    /// # Safety
    /// `object` must be a deque.
    pub(crate) unsafe fn from_obj(object: Obj) -> Deque {
        Deque(object)
    }

    pub(crate) fn len(self) -> usize {
        // SAFETY: a deque has a size.
        unsafe { self.0.size() as usize }
    }

    pub(crate) fn max_len(self) -> Option<usize> {
        // SAFETY: a deque has the field; it is negative where there is no bound.
        usize::try_from(unsafe { self.0.field::<isize>(Deque::MAX_LEN) }).ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<Obj>> {
        // SAFETY: a deque has both fields.
        let (mut block, mut index) = unsafe {
            (self.0.field::<*const Option<Obj>>(Deque::LEFT_BLOCK), self.0.field::<usize>(Deque::LEFT_INDEX))
        };
        (0..self.len()).map(move |_| {
            if index == Deque::BLOCK_LEN {
                index = 0;
                // SAFETY: as an item is left, the block's right link, behind its items, leads to another.
                block = unsafe { block.add(1 + Deque::BLOCK_LEN).cast::<*const Option<Obj>>().read() };
            }
            index += 1;
            // SAFETY: the item lies within the block, behind its left link.
            unsafe { *block.add(index) }
        })
    }
}

impl Bytes {
    const START: usize = 32;

    /// # Safety
    /// `object` must be a `bytes`.
    pub(crate) unsafe fn from_obj(object: Obj) -> Bytes {
        Bytes(object)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: that many bytes follow.
        unsafe { std::slice::from_raw_parts(self.0.at(Bytes::START), self.0.size() as usize) }
    }
}

impl ByteArray {
    const START: usize = 40;

    /// # Safety
    /// `object` must be a `bytearray`.
    pub(crate) unsafe fn from_obj(object: Obj) -> ByteArray {
        ByteArray(object)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: that many bytes lie there; the address may be null when there are none.
        unsafe {
            match self.0.size() as usize {
                0 => &[],
                len => std::slice::from_raw_parts(self.0.field(ByteArray::START), len),
            }
        }
    }
}
