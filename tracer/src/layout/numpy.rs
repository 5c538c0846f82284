//! Arrays and scalars of numpy, which need not be there for it: they are known by the names of their classes, and
//! their layout is one that extensions are compiled against.

use pyo3_ffi as ffi;

use super::buffers::{Array, MemoryView};
use super::{Obj, Type};

/// An array, or an instance of a subclass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumpyArray(Obj);

/// An item of an array, or a scalar.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
    Object(Option<Obj>),
}

// Offsets in `PyArrayObject_fields`.
const DATA: usize = 16;
const DIMENSIONS: usize = 24;
const SHAPE: usize = 32;
const STRIDES: usize = 40;
const BASE: usize = 48;
const DESCRIPTION: usize = 56;
const FLAGS: usize = 64;

// Offsets in `PyArray_Descr`.
const BYTE_ORDER: usize = 26;
const TYPE_NUMBER: usize = 28;

/// Set if the array's memory is its own.
const OWNS_DATA: i32 = 4;
/// Offset of a scalar's value.
const VALUE: usize = 16;

/// By their numbers: what the types of items are called.
const NAMES: [&[u8]; 24] = [
    b"bool",
    b"int8",
    b"uint8",
    b"int16",
    b"uint16",
    b"int32",
    b"uint32",
    b"int64",
    b"uint64",
    b"int64",
    b"uint64",
    b"float32",
    b"float64",
    b"longdouble",
    b"complex64",
    b"complex128",
    b"clongdouble",
    b"object",
    b"bytes",
    b"str",
    b"void",
    b"datetime64",
    b"timedelta64",
    b"float16",
];
const OBJECT: usize = 17;

impl NumpyArray {
    /// Whether this is the class itself.
    pub(in crate::layout) fn is_class(class: Type) -> bool {
        class.native_name() == b"numpy.ndarray"
    }

    /// If it is one.
    pub(in crate::layout) fn of(object: Obj, class: Type) -> Option<NumpyArray> {
        NumpyArray::is_class(class.native()).then_some(NumpyArray(object))
    }

    pub(crate) fn shape(&self) -> &[isize] {
        self.per_dimension(SHAPE)
    }

    fn strides(&self) -> &[isize] {
        self.per_dimension(STRIDES)
    }

    fn per_dimension(&self, offset: usize) -> &[isize] {
        // SAFETY: an array has as many of these as dimensions; the address may be null where it has none.
        unsafe {
            match self.0.field::<i32>(DIMENSIONS) {
                ..=0 => &[],
                len => std::slice::from_raw_parts(self.0.field(offset), len as usize),
            }
        }
    }

    fn type_number(self) -> usize {
        // SAFETY: an array has a description of its items.
        unsafe { self.0.field::<Obj>(DESCRIPTION).field::<i32>(TYPE_NUMBER) as usize }
    }

    /// What the type of the items is called, if it is one that comes with numpy.
    pub(crate) fn item_type(self) -> Option<&'static [u8]> {
        NAMES.get(self.type_number()).copied()
    }

    /// Whether the items can be read: their memory is known to be there, and to hold what the processor
    /// understands.
    pub(crate) fn is_readable(self) -> bool {
        // SAFETY: as above.
        let order = unsafe { self.0.field::<Obj>(DESCRIPTION).field::<u8>(BYTE_ORDER) };
        let is_known = self.type_number() == OBJECT || size(self.item_type().unwrap_or_default()).is_some();
        order != b'>' && is_known && self.is_kept()
    }

    fn is_kept(self) -> bool {
        const MOST_BASES: usize = 8;
        let mut array = self;
        for _ in 0..MOST_BASES {
            // SAFETY: an array has the fields.
            let (flags, base) = unsafe { (array.0.field::<i32>(FLAGS), array.0.field::<Option<Obj>>(BASE)) };
            let Some(base) = base.filter(|_| flags & OWNS_DATA == 0) else { return flags & OWNS_DATA != 0 };
            let class = base.ty();
            match NumpyArray::of(base, class) {
                Some(base) => array = base,
                None => {
                    let native = class.native();
                    return native.is(&raw const ffi::PyBytes_Type)
                        || native.is(&raw const ffi::PyByteArray_Type)
                        || Array::is_class(native)
                        || MemoryView::of(base, class).is_some();
                }
            }
        }
        false
    }

    /// How far behind the first item the one is that lies `index` steps further along an axis.
    pub(crate) fn offset(self, axis: usize, index: usize) -> isize {
        self.strides()[axis] * index as isize
    }

    /// Items along the first axis.
    pub(in crate::layout) fn len(self) -> usize {
        self.shape().first().map_or(0, |&len| usize::try_from(len).unwrap_or(0))
    }

    /// An item of an array that has one axis and is readable.
    pub(in crate::layout) fn at(self, index: usize) -> Option<Item> {
        // SAFETY: the index is within the only axis.
        (index < self.len()).then(|| unsafe { self.item(self.offset(0, index)) }).flatten()
    }

    /// The item so many bytes behind the first one.
    ///
    /// # Safety
    /// The array must be readable, and the offset a sum of [`offset`](Self::offset)s within its shape.
    pub(crate) unsafe fn item(self, offset: isize) -> Option<Item> {
        // SAFETY: the caller vouches for the place.
        unsafe {
            let place = self.0.field::<*const u8>(DATA).offset(offset);
            if self.type_number() == OBJECT {
                return Some(Item::Object(place.cast::<Option<Obj>>().read_unaligned()));
            }
            Item::read(self.item_type()?, place)
        }
    }
}

/// Bytes of an item, for the types that can be read.
fn size(item_type: &[u8]) -> Option<usize> {
    Some(match item_type {
        b"bool" | b"int8" | b"uint8" => 1,
        b"int16" | b"uint16" | b"float16" => 2,
        b"int32" | b"uint32" | b"float32" => 4,
        b"int64" | b"uint64" | b"float64" | b"complex64" => 8,
        b"complex128" => 16,
        _ => return None,
    })
}

impl Item {
    /// What a scalar of numpy stands for.
    pub(in crate::layout) fn of(object: Obj, class: Type) -> Option<Item> {
        let given = class.native_name().strip_prefix(b"numpy.")?;
        // Names that differ from those of the types of items.
        const OTHERS: [(&[u8], &[u8]); 3] =
            [(b"bool_", b"bool"), (b"longlong", b"int64"), (b"ulonglong", b"uint64")];
        let name = OTHERS.iter().find(|(other, _)| *other == given).map_or(given, |(_, name)| name);
        // SAFETY: a scalar of one of these classes has its value behind the header.
        unsafe { Item::read(name, object.at(VALUE)) }
    }

    /// # Safety
    /// An item of this type must lie there.
    unsafe fn read(item_type: &[u8], place: *const u8) -> Option<Item> {
        let size = size(item_type)?;
        let mut bytes = [0; 16];
        // SAFETY: the caller vouches for the place; no item is larger.
        unsafe { place.copy_to_nonoverlapping(bytes.as_mut_ptr(), size) };
        let bits = u128::from_le_bytes(bytes);
        let unused = 128 - 8 * size as u32;
        Some(match item_type {
            b"bool" => Item::Bool(bits != 0),
            b"float16" => Item::Float(half(bits as u16)),
            b"float32" => Item::Float(shortest(f32::from_bits(bits as u32))),
            b"float64" => Item::Float(f64::from_bits(bits as u64)),
            b"complex64" => Item::Complex(
                shortest(f32::from_bits(bits as u32)),
                shortest(f32::from_bits((bits >> 32) as u32)),
            ),
            b"complex128" => Item::Complex(f64::from_bits(bits as u64), f64::from_bits((bits >> 64) as u64)),
            _ if item_type.starts_with(b"u") => Item::Int(bits as i128),
            _ => Item::Int((bits << unused) as i128 >> unused),
        })
    }
}

/// The number that is written with the fewest digits that only this one reads as.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::NAN)
}

/// A number of 16 bits: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}
