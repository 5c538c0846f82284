//! Texts of values and paths, and which of them the log holds already.

use trace::wire::text::{LONG, NUMBERED_LEN, REPEATED};

use super::{FIXED_LEN, Full, Log, NameNumber};
use crate::layout::{Obj, Version};
use crate::value::{Limits, Text};

/// A text that was written to the log, to be compared with a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    start: u32,
    pub(super) len: u16,
    pub(super) chars: u16,
    pub(super) type_name: NameNumber,
}

impl Written {
    pub(crate) const NONE: Written = Written { start: 0, len: 0, chars: 0, type_name: 0 };
}

/// Number of texts that are found again. One that is not is merely written once more.
const FOUND: usize = 1024;

/// The texts that have a number.
pub(super) struct Texts {
    /// Where each begins, and its length.
    places: Vec<(u32, u16)>,
    /// The number of the last one of each hash, or of any other.
    by_hash: Box<[u32; FOUND]>,
}

impl Texts {
    pub(super) fn new() -> Texts {
        Texts { places: Vec::new(), by_hash: Box::new([0; FOUND]) }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Forgets those that came after the first `len`.
    #[inline(always)]
    pub(super) fn truncate(&mut self, len: usize) {
        self.places.truncate(len);
    }
}

impl Log {
    /// Writes the type of `typed` and the text that `write` gives within these limits, or narrower ones;
    /// remembers where.
    #[inline(always)]
    pub(crate) fn written<V: Version, R>(
        &mut self,
        typed: Obj,
        limits: Limits,
        write: impl FnOnce(&mut Text) -> R,
    ) -> Result<(Written, R), Full> {
        let type_name = self.type_name::<V>(typed)?;
        let (written, result) = self.short_text(limits, write)?;
        Ok((Written { type_name, ..written }, result))
    }

    /// Writes the text that `write` gives within these limits, behind its length. Returns where it stands, of no type.
    #[inline(always)]
    pub(super) fn short_text<R>(
        &mut self,
        limits: Limits,
        write: impl FnOnce(&mut Text) -> R,
    ) -> Result<(Written, R), Full> {
        self.room(limits.room() + FIXED_LEN)?;
        // SAFETY: there is room for the length and for any text within the limits.
        let mut text = unsafe { Text::new(self.cursor.add(1), limits) };
        let result = write(&mut text);
        let (len, chars) = (text.byte_len(), text.so_far().chars as u16);
        debug_assert!(len <= limits.room());
        let start = self.end_text(len);
        Ok((Written { start, len: len as u16, chars, type_name: 0 }, result))
    }

    /// Writes a text that stands elsewhere.
    pub(super) fn copied_text(&mut self, text: &[u8]) -> Result<(), Full> {
        if text.len() > u16::MAX.into() {
            return Err(Full);
        }
        self.room(FIXED_LEN + text.len())?;
        // SAFETY: there is room for the length and for the text.
        unsafe { self.cursor.add(1).copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        self.end_text(text.len());
        Ok(())
    }

    /// Makes a text part of the item at hand that stands one byte behind the cursor. Returns where the log has it.
    #[inline(always)]
    fn end_text(&mut self, len: usize) -> u32 {
        if len >= NUMBERED_LEN {
            return self.end_numbered_text(len);
        }
        self.byte(len as u8);
        let start = self.offset();
        // SAFETY: the text stands there.
        self.cursor = unsafe { self.cursor.add(len) };
        start
    }

    fn end_numbered_text(&mut self, len: usize) -> u32 {
        let text = self.bytes_at(self.offset() + 1, len);
        let place = hash(text) as usize % FOUND;
        let number = self.texts.by_hash[place];
        if let Some(&(start, known_len)) = self.texts.places.get(number as usize)
            && usize::from(known_len) == len
            && self.bytes_at(start, len) == text
        {
            self.byte(REPEATED);
            self.varint(number.into());
            self.count_again(len);
            return start;
        }
        if len < LONG.into() {
            self.byte(len as u8);
        } else {
            // SAFETY: there is room for a length of three bytes, too.
            unsafe { self.cursor.add(3).copy_from(self.cursor.add(1), len) };
            self.byte(LONG);
            self.bytes(&(len as u16).to_le_bytes());
        }
        let start = self.offset();
        // SAFETY: as above.
        self.cursor = unsafe { self.cursor.add(len) };
        self.texts.by_hash[place] = self.texts.len() as u32;
        self.texts.places.push((start, len as u16));
        start
    }

    /// A text of `len` bytes is told without being written.
    #[inline(always)]
    pub(super) fn count_again(&mut self, len: usize) {
        self.limit = self.limit.wrapping_sub(len);
    }

    /// Where the cursor stands.
    fn offset(&self) -> u32 {
        (self.cursor as usize - self.start as usize) as u32
    }

    /// What was written from here on, at least `len` bytes.
    #[inline(always)]
    fn bytes_at(&self, start: u32, len: usize) -> &[u8] {
        // SAFETY: nobody keeps the place of a text longer than the log is, and none is written over while it counts.
        unsafe { std::slice::from_raw_parts(self.start.add(start as usize), len) }
    }

    /// Whether both texts and both types are the same.
    #[inline(always)]
    pub(crate) fn same(&self, one: Written, other: Written) -> bool {
        let bytes = |text: Written| self.bytes_at(text.start, text.len.into());
        one.type_name == other.type_name && one.len == other.len && bytes(one) == bytes(other)
    }
}

/// Mixes all bytes, of which there are at least eight, eight at a time; the last eight may overlap.
fn hash(text: &[u8]) -> u64 {
    // The odd number nearest to 2**64 divided by the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, _) = text.as_chunks::<8>();
    let last = text.last_chunk::<8>().copied().unwrap_or_default();
    let mixed = words.iter().chain([&last]).fold(text.len() as u64, |hash, word| {
        (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR)
    });
    mixed >> 32
}
