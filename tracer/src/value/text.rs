//! The text of a value while it is being written, and the text of strings.

use std::os::raw::c_int;

use crate::layout::{ClassName, Str, Units, Version};

unsafe extern "C" {
    fn _PyUnicode_IsPrintable(character: u32) -> c_int;
}

/// How long a text may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Characters after which no further element is begun.
    pub(crate) chars: usize,
}

/// Characters of a string that are shown even where no budget is left.
const MIN_STRING_CHARS: usize = 16;
/// Characters of a name that are shown.
const NAME_CHARS: usize = 200;

impl Limits {
    pub(crate) const fn new(chars: usize) -> Limits {
        Limits { chars }
    }

    /// These limits, lowered so that a text takes at most `bytes`.
    pub(crate) fn fitting(self, bytes: usize) -> Limits {
        let chars = bytes.saturating_sub(Limits::SLACK) / Limits::BYTES_PER_CHAR;
        Limits { chars: self.chars.min(chars) }
    }

    /// Containers that a container may stand in and still show its elements.
    pub(crate) fn depth(self) -> usize {
        (self.chars / 40).min(MAX_DEPTH)
    }

    /// Characters of a string that are shown where so many have been written before it.
    pub(crate) fn string_chars(self, written: usize) -> usize {
        self.chars.saturating_sub(written).max(MIN_STRING_CHARS)
    }

    /// Bytes that no text exceeds. The characters before the last element take up to 4 bytes each. The last
    /// one may be a dict's item, whose key is a string of `chars` characters, each escaped by 10, and whose
    /// value has at most 4 bytes per character of the budget (three numbers of 4 bits per character each).
    pub(crate) const fn room(self) -> usize {
        Limits::BYTES_PER_CHAR * self.chars + Limits::SLACK
    }

    const BYTES_PER_CHAR: usize = 20;
    /// For names (6 bytes per character, a handful beyond the budget) and for the marks and brackets that
    /// close each level.
    const SLACK: usize = 6 * NAME_CHARS * 5 + 100 * MAX_DEPTH + 1024;
}

/// Containers within each other that are written at most, whatever the budget.
pub(crate) const MAX_DEPTH: usize = 64;

/// Writes characters one behind the other and counts them.
pub(crate) struct Text {
    start: *mut u8,
    at: *mut u8,
    chars: usize,
    limits: Limits,
}

impl Text {
    /// # Safety
    /// There must be `limits.room()` bytes at `start`, and what is written must keep to the limits: no element
    /// is begun when the text [is full](Text::is_full).
    #[inline(always)]
    pub(crate) unsafe fn new(start: *mut u8, limits: Limits) -> Text {
        Text { start, at: start, chars: 0, limits }
    }

    /// From here on, narrower limits.
    pub(crate) fn limit_to(&mut self, limits: Limits) {
        self.limits.chars = self.limits.chars.min(limits.chars);
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    #[inline(always)]
    pub(crate) fn byte_len(&self) -> usize {
        self.at as usize - self.start as usize
    }

    /// Whether no further element may be begun.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.chars >= self.limits.chars
    }

    #[inline(always)]
    pub(crate) fn ascii(&mut self, text: &[u8]) {
        debug_assert!(text.is_ascii());
        self.raw(text, text.len());
    }

    #[inline(always)]
    fn raw(&mut self, bytes: &[u8], chars: usize) {
        debug_assert!(self.byte_len() + bytes.len() <= self.limits.room().max(Limits::new(0).room()));
        // SAFETY: whoever made `self` has made sure of the room.
        unsafe {
            self.at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.at = self.at.add(bytes.len());
        }
        self.chars += chars;
    }

    /// One ASCII character.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) {
        // SAFETY: as in `raw`.
        unsafe {
            self.at.write(byte);
            self.at = self.at.add(1);
        }
        self.chars += 1;
    }

    /// A few ASCII characters, most often a single one.
    #[inline(always)]
    pub(crate) fn bracket(&mut self, bracket: &[u8]) {
        match bracket {
            [byte] => self.byte(*byte),
            _ => self.ascii(bracket),
        }
    }

    /// Room for ASCII characters, all of which the caller must set.
    #[inline(always)]
    pub(crate) fn claim(&mut self, len: usize) -> &mut [u8] {
        self.chars += len;
        // SAFETY: as in `raw`; the memory behind the text is initialised.
        unsafe {
            let claimed = std::slice::from_raw_parts_mut(self.at, len);
            self.at = self.at.add(len);
            claimed
        }
    }

    pub(crate) fn ellipsis(&mut self) {
        self.raw("…".as_bytes(), 1);
    }

    /// `… 12 more`
    pub(crate) fn more(&mut self, count: usize) {
        self.ellipsis();
        self.byte(b' ');
        self.number(count as i64);
        self.ascii(b" more");
    }

    /// A character, a lone surrogate as its escape.
    fn character(&mut self, character: u32) {
        match char::from_u32(character) {
            Some(character) => {
                let mut buffer = [0; 4];
                self.raw(character.encode_utf8(&mut buffer).as_bytes(), 1);
            }
            None => self.escape(character),
        }
    }

    /// `\x1b`, `\u2028` or `\U000e0001`.
    fn escape(&mut self, character: u32) {
        let (letter, digits) = match character {
            0..0x100 => (b'x', 2),
            0x100..0x1_0000 => (b'u', 4),
            _ => (b'U', 8),
        };
        self.byte(b'\\');
        self.byte(letter);
        for digit in (0..digits).rev() {
            self.byte(b"0123456789abcdef"[(character >> (4 * digit) & 15) as usize]);
        }
    }

    /// How many characters of a string may be shown here.
    fn string_chars(&self) -> usize {
        self.limits.string_chars(self.chars)
    }

    fn left_out(&mut self, count: usize) {
        if count > 0 {
            self.byte(b' ');
            self.more(count);
        }
    }

    /// A string as `repr` shows it, cut.
    #[inline(always)]
    pub(crate) fn string<V: Version>(&mut self, string: Str) {
        let shown = string.first_units::<V>(self.string_chars());
        match shown {
            Units::Ascii(units) if stands_for_itself(units) => {
                self.byte(b'\'');
                self.ascii(units);
                self.byte(b'\'');
            }
            _ => self.quoted_units(shown),
        }
        self.left_out(string.len() - shown.len());
    }

    fn quoted_units(&mut self, units: Units<'_>) {
        let quote = quote(|wanted| units.iter().any(|unit| unit == u32::from(wanted)));
        self.byte(quote);
        for unit in units.iter() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => self.quoted_byte(byte, quote),
                // SAFETY: it looks the character up in a table.
                _ if unsafe { _PyUnicode_IsPrintable(unit) } != 0 => self.character(unit),
                _ => self.escape(unit),
            }
        }
        self.byte(quote);
    }

    fn quoted_byte(&mut self, byte: u8, quote: u8) {
        match byte {
            b'\n' => self.ascii(b"\\n"),
            b'\r' => self.ascii(b"\\r"),
            b'\t' => self.ascii(b"\\t"),
            b'\\' => self.ascii(b"\\\\"),
            _ if byte == quote => {
                self.byte(b'\\');
                self.byte(byte);
            }
            b' '..=b'~' => self.byte(byte),
            _ => self.escape(byte.into()),
        }
    }

    /// `b'…'`, cut.
    pub(crate) fn byte_string(&mut self, bytes: &[u8]) {
        let shown = self.shown_bytes(bytes);
        let quote = quote(|wanted| shown.contains(&wanted));
        self.byte(b'b');
        self.byte(quote);
        for &byte in shown {
            self.quoted_byte(byte, quote);
        }
        self.byte(quote);
        self.left_out(bytes.len() - shown.len());
    }

    /// What of a byte string may be shown here.
    pub(crate) fn shown_bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[..bytes.len().min(self.string_chars())]
    }

    /// A string without quotes, cut.
    pub(crate) fn bare_string<V: Version>(&mut self, string: Str) {
        let shown = string.first_units::<V>(self.string_chars());
        self.plain_units(shown);
        self.left_out(string.len() - shown.len());
    }

    fn plain_units(&mut self, units: Units<'_>) {
        match units {
            Units::Ascii(units) => self.ascii(units),
            _ => units.iter().for_each(|unit| self.character(unit)),
        }
    }

    /// A name, cut.
    pub(crate) fn name<V: Version>(&mut self, name: Str) {
        self.plain_units(name.first_units::<V>(NAME_CHARS));
        if name.len() > NAME_CHARS {
            self.ellipsis();
        }
    }

    /// A name that C code gave, in UTF-8, cut.
    pub(crate) fn static_name(&mut self, name: &[u8]) {
        for character in String::from_utf8_lossy(name).chars().take(NAME_CHARS) {
            self.character(character.into());
        }
    }

    pub(crate) fn class_name<V: Version>(&mut self, name: ClassName) {
        match name {
            ClassName::Str(name) => self.name::<V>(name),
            ClassName::Static(name) => self.static_name(name),
        }
    }
}

/// The quote that `repr` picks.
fn quote(contains: impl Fn(u8) -> bool) -> u8 {
    if contains(b'\'') && !contains(b'"') { b'"' } else { b'\'' }
}

/// Whether ASCII text reads as it is between single quotes: it has no control characters, no quote and no
/// backslash. Eight characters are looked at in one step.
fn stands_for_itself(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x80 * ONES;
    // ASCII has no high bits, so a subtraction sets that of each byte that is smaller.
    let is_below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & HIGHS & !word != 0;
    let has = |word: u64, byte: u8| is_below(word ^ (ONES * u64::from(byte)), 1);
    let is_special =
        |word: u64| is_below(word, b' ') || has(word, b'\'') || has(word, b'\\') || has(word, 0x7f);
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    !words.iter().chain([&last]).any(|word| is_special(u64::from_le_bytes(*word)))
}

/// The whole of a name in UTF-8.
pub(crate) fn to_utf8<V: Version>(name: Str) -> Vec<u8> {
    let mut utf8 = String::with_capacity(name.len());
    for unit in name.units::<V>().iter() {
        // Identifiers hold no surrogates; whatever does shows them as replacement characters.
        utf8.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    utf8.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repr_escapes_does_not_stand_for_itself() {
        for special in (0..128u8).filter(|byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'\'' | b'\\'))
        {
            for place in 0..20 {
                let mut text = *b"~~~~~~~~    \"\"\"\"~~ ~";
                assert!(stands_for_itself(&text));
                text[place] = special;
                assert!(!stands_for_itself(&text), "{special} at {place}");
            }
        }
        assert!(stands_for_itself(b""));
    }
}
