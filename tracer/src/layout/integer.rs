//! `int`.

use super::{Obj, Version};

/// An `int`, or an instance of a subclass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Int(Obj);

/// Offset of the signed size, or of the tag that holds sign and size.
const SIZE: usize = 16;
const DIGITS: usize = 24;

/// Bits of one digit.
pub(crate) const DIGIT_BITS: u32 = 30;
/// The tag's low bits: 0 positive, 1 zero, 2 negative.
const SIGN_MASK: usize = 3;
const NEGATIVE: usize = 2;

impl Int {
    /// If `object` is a plain `int`, and no instance of a subclass.
    #[inline(always)]
    pub(crate) fn plain(object: Obj) -> Option<Int> {
        object.ty().is(&raw const pyo3_ffi::PyLong_Type).then_some(Int(object))
    }

    /// # Safety
    /// `object` must be an `int`.
    #[inline(always)]
    pub(crate) unsafe fn from_obj(object: Obj) -> Int {
        Int(object)
    }

    #[inline(always)]
    fn negative_and_count<V: Version>(self) -> (bool, usize) {
        // SAFETY: an `int` has this field, of the one kind or the other.
        unsafe {
            match V::INT_TAG_BITS {
                Some(bits) => {
                    let tag = self.0.field::<usize>(SIZE);
                    (tag & SIGN_MASK == NEGATIVE, tag >> bits)
                }
                None => {
                    let size = self.0.field::<isize>(SIZE);
                    (size < 0, size.unsigned_abs())
                }
            }
        }
    }

    /// Whether it is negative, and its digits, lowest first.
    pub(crate) fn digits<V: Version>(&self) -> (bool, &[u32]) {
        let (negative, count) = self.negative_and_count::<V>();
        // SAFETY: that many digits follow.
        (negative, unsafe { std::slice::from_raw_parts(self.0.at(DIGITS), count) })
    }

    /// The number, if it has at most two digits.
    #[inline(always)]
    pub(crate) fn small<V: Version>(self) -> Option<i64> {
        let (negative, count) = self.negative_and_count::<V>();
        // SAFETY: that many digits follow.
        let magnitude = unsafe {
            let digits = self.0.at::<u32>(DIGITS);
            match count {
                0 => 0,
                1 => i64::from(*digits),
                2 => i64::from(*digits) | i64::from(*digits.add(1)) << DIGIT_BITS,
                _ => return None,
            }
        };
        Some(if negative { -magnitude } else { magnitude })
    }

    /// `int.bit_length`.
    pub(crate) fn bit_length<V: Version>(self) -> usize {
        match self.digits::<V>().1 {
            [] => 0,
            [rest @ .., top] => rest.len() * DIGIT_BITS as usize + (u32::BITS - top.leading_zeros()) as usize,
        }
    }
}
