//! `str`.

use super::{Obj, Version};

/// A `str`, or an instance of a subclass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Str(Obj);

// Offsets in `PyASCIIObject`.
const LENGTH: usize = 16;
const HASH: usize = 24;
const STATE: usize = 32;

const KIND_SHIFT: u32 = 2;
const KIND_MASK: u32 = 7;
const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;

/// The code points of a `str`, as wide as the widest needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units<'a> {
    Ascii(&'a [u8]),
    One(&'a [u8]),
    Two(&'a [u16]),
    Four(&'a [u32]),
}

impl Str {
    /// If `object` is a plain `str`, and no instance of a subclass.
    #[inline(always)]
    pub(crate) fn plain(object: Obj) -> Option<Str> {
        object.ty().is(&raw const pyo3_ffi::PyUnicode_Type).then_some(Str(object))
    }

    /// # Safety
    /// `object` must be a `str`.
    #[inline(always)]
    pub(crate) unsafe fn from_obj(object: Obj) -> Str {
        Str(object)
    }

    pub(crate) fn obj(self) -> Obj {
        self.0
    }

    /// Number of code points.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        // SAFETY: a `str` has the field.
        unsafe { self.0.field(LENGTH) }
    }

    /// The hash, if it has been computed; every key of a dict has been hashed.
    pub(crate) fn hash(self) -> isize {
        // SAFETY: a `str` has the field.
        unsafe { self.0.field(HASH) }
    }

    #[inline(always)]
    pub(crate) fn units<V: Version>(&self) -> Units<'_> {
        self.first_units::<V>(usize::MAX)
    }

    /// The first `limit` code points.
    #[inline(always)]
    pub(crate) fn first_units<V: Version>(&self, limit: usize) -> Units<'_> {
        let len = self.len().min(limit);
        // SAFETY: the state says how wide the code points are and where they lie; there are `len` of them.
        unsafe {
            let state = self.0.field::<u32>(STATE);
            let start: *const u8 = match (state & COMPACT != 0, state & ASCII != 0) {
                (true, true) => self.0.at(V::STR.ascii),
                (true, false) => self.0.at(V::STR.compact),
                (false, _) => self.0.field(V::STR.elsewhere),
            };
            match state >> KIND_SHIFT & KIND_MASK {
                _ if len == 0 => Units::Ascii(&[]),
                1 if state & ASCII != 0 => Units::Ascii(std::slice::from_raw_parts(start, len)),
                1 => Units::One(std::slice::from_raw_parts(start, len)),
                2 => Units::Two(std::slice::from_raw_parts(start.cast(), len)),
                _ => Units::Four(std::slice::from_raw_parts(start.cast(), len)),
            }
        }
    }

    /// Whether it reads so.
    pub(crate) fn is_ascii<V: Version>(self, text: &str) -> bool {
        self.units::<V>().bytes() == (text.as_bytes(), 1)
    }

    /// Whether both have the same code points.
    pub(crate) fn equals<V: Version>(self, other: Str) -> bool {
        // Two strings of equal text have code points of equal width.
        self.0 == other.0 || self.units::<V>() == other.units::<V>()
    }
}

impl<'a> Units<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Units::Ascii(units) | Units::One(units) => units.len(),
            Units::Two(units) => units.len(),
            Units::Four(units) => units.len(),
        }
    }

    pub(crate) fn get(self, index: usize) -> Option<u32> {
        match self {
            Units::Ascii(units) | Units::One(units) => units.get(index).map(|&unit| unit.into()),
            Units::Two(units) => units.get(index).map(|&unit| unit.into()),
            Units::Four(units) => units.get(index).copied(),
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        (0..self.len()).map_while(move |index| self.get(index))
    }

    /// The bytes that hold them, and how wide each is.
    pub(crate) fn bytes(self) -> (&'a [u8], usize) {
        let (start, width, len) = match self {
            Units::Ascii(units) | Units::One(units) => (units.as_ptr(), 1, units.len()),
            Units::Two(units) => (units.as_ptr().cast(), 2, units.len()),
            Units::Four(units) => (units.as_ptr().cast(), 4, units.len()),
        };
        // SAFETY: these are the same bytes as those of the slice.
        (unsafe { std::slice::from_raw_parts(start, len * width) }, width)
    }
}
