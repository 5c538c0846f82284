//! Integers in decimal.

use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi::PyObject;

use super::Text;
use crate::layout::{Int, Obj, Range, Version};
use crate::python::{self, Owned, Raised};

/// Digits that `sys.set_int_max_str_digits` cannot forbid.
const ALWAYS_ALLOWED_DIGITS: usize = 640;

/// `sys.get_int_max_str_digits`, as it was before the program could replace it.
static DIGIT_LIMIT: AtomicPtr<PyObject> = AtomicPtr::new(std::ptr::null_mut());

/// Must have succeeded before any value is written.
pub(crate) fn learn_digit_limit() -> Result<(), Raised> {
    let function = python::import(c"sys")?.attribute(c"get_int_max_str_digits")?;
    DIGIT_LIMIT.store(function.into_ptr(), Ordering::Relaxed);
    Ok(())
}

/// How many digits Python would convert at present; 0 for any number.
fn digit_limit() -> usize {
    // SAFETY: the function is never released. It is made in C and only reads a number.
    let function = unsafe { Obj::maybe(DIGIT_LIMIT.load(Ordering::Relaxed)) }.map(Owned::of);
    let limit = function.and_then(|function| function.call(&[]).and_then(|limit| limit.to_i64()).ok());
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0)
}

/// The digits of 0 to 99, two by two.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

/// Writes the digits of `number` so that they end with `buffer`; returns where they begin.
#[inline(always)]
fn digits(mut number: u64, buffer: &mut [u8]) -> usize {
    let mut at = buffer.len();
    while number >= 100 {
        let pair = (number % 100) as usize;
        number /= 100;
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[2 * pair..2 * pair + 2]);
    }
    if number >= 10 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&PAIRS[2 * number as usize..2 * number as usize + 2]);
    } else {
        at -= 1;
        buffer[at] = b'0' + number as u8;
    }
    at
}

impl Text {
    /// `range(1, 9, 2)`
    pub(crate) fn range<V: Version>(&mut self, range: Range) {
        let [start, stop, step] = range.bounds();
        self.ascii(b"range(");
        self.int::<V>(start);
        self.ascii(b", ");
        self.int::<V>(stop);
        if step.small::<V>() != Some(1) {
            self.ascii(b", ");
            self.int::<V>(step);
        }
        self.byte(b')');
    }

    #[inline(always)]
    pub(crate) fn number(&mut self, number: i64) {
        let magnitude = number.unsigned_abs();
        if number < 0 {
            self.byte(b'-');
        }
        let len = match magnitude {
            0..10 => return self.byte(b'0' + magnitude as u8),
            10..100 => 2,
            100..1_000 => 3,
            1_000..10_000 => 4,
            _ => magnitude.ilog10() as usize + 1,
        };
        digits(magnitude, self.claim(len));
    }

    /// An `int` as `repr` shows it, or its size where that is too large.
    #[inline(always)]
    pub(crate) fn int<V: Version>(&mut self, int: Int) {
        match int.small::<V>() {
            Some(number) => self.number(number),
            None => self.long_int::<V>(int),
        }
    }

    fn long_int<V: Version>(&mut self, int: Int) {
        let bits = int.bit_length::<V>();
        if bits > self.limits().int_bits() {
            return self.int_of_bits(bits);
        }
        let (negative, digits) = int.digits::<V>();
        let decimal = decimal(digits);
        if decimal.len() > ALWAYS_ALLOWED_DIGITS {
            let limit = digit_limit();
            if limit != 0 && decimal.len() > limit {
                return self.int_of_bits(bits);
            }
        }
        if negative {
            self.byte(b'-');
        }
        self.ascii(&decimal);
    }

    fn int_of_bits(&mut self, bits: usize) {
        self.ascii(b"<int of ");
        self.number(bits as i64);
        self.ascii(b" bits>");
    }
}

/// The decimal digits of a number given in digits of 30 bits, lowest first. Python's own conversion would run
/// the program's signal handlers.
fn decimal(digits_of_30_bits: &[u32]) -> Vec<u8> {
    const LIMB: u128 = 1_000_000_000_000_000_000;
    const LIMB_DIGITS: usize = 18;
    let mut limbs: Vec<u64> = Vec::new();
    for &digit in digits_of_30_bits.iter().rev() {
        let mut carry = u128::from(digit);
        for limb in &mut limbs {
            let value = u128::from(*limb) << 30 | carry;
            *limb = (value % LIMB) as u64;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry as u64);
        }
    }
    let mut decimal = Vec::with_capacity(limbs.len() * LIMB_DIGITS);
    let mut buffer = [b'0'; 20];
    for &limb in limbs.iter().rev() {
        let start = digits(limb, &mut buffer);
        if !decimal.is_empty() {
            decimal.resize(decimal.len() + LIMB_DIGITS - (buffer.len() - start), b'0');
        }
        decimal.extend_from_slice(&buffer[start..]);
    }
    decimal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal_text(digits: &[u32]) -> String {
        String::from_utf8(decimal(digits)).unwrap()
    }

    #[test]
    fn limbs_in_the_middle_keep_their_zeros() {
        // 2**60 = 1152921504606846976; 10**18 + 1 has a limb that is a single 1.
        assert_eq!(decimal_text(&[0, 0, 1]), "1152921504606846976");
        let number = 1_000_000_000_000_000_001u64;
        let digits =
            [number as u32 & 0x3fff_ffff, (number >> 30) as u32 & 0x3fff_ffff, (number >> 60) as u32];
        assert_eq!(decimal_text(&digits), "1000000000000000001");
    }

    #[test]
    fn pairs_of_digits_are_put_together() {
        for number in [0, 7, 10, 99, 100, 101, 12345, u64::MAX] {
            let mut buffer = [0; 20];
            let at = digits(number, &mut buffer);
            assert_eq!(std::str::from_utf8(&buffer[at..]).unwrap(), number.to_string());
        }
    }
}
