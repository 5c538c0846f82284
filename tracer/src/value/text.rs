//! The text of a value while it is being written, and the text of strings.

use std::os::raw::c_int;

use crate::identity::Number;
use crate::layout::{Str, Units, Version};

unsafe extern "C" {
    fn _PyUnicode_IsPrintable(character: u32) -> c_int;
}

/// How long a text may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Characters after which no further element is begun.
    pub(crate) chars: usize,
    depth: usize,
    int_bits: usize,
    form: Form,
}

/// What becomes of a value that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It is cut, and says by how much.
    Cut,
    /// It is given up when it takes more than `most` characters, so that what is written is all there is, but that no
    /// string is shown beyond so many. No element reads otherwise because of those before it.
    Whole { string_chars: usize, most: usize },
}

/// Characters of a string that are shown even where no budget is left.
const MIN_STRING_CHARS: usize = 16;
/// Characters of a name that are shown.
pub(super) const NAME_CHARS: usize = 200;
/// Bits of the longest integer whose digits are shown, however large the budget: what Python itself would
/// convert by default (4300 digits).
const MAX_INT_BITS: usize = 14_000;
/// Elements, at all depths together, of the largest value that is written whole.
const WHOLE_ELEMENTS: usize = 512;

impl Limits {
    /// Whether a value of so many elements, at all depths together, and so many characters is written whole.
    pub(crate) fn take_whole(self, elements: usize, chars: usize) -> bool {
        elements <= WHOLE_ELEMENTS && chars <= self.chars
    }

    /// Containers that a container may stand in and still show its elements.
    pub(crate) fn depth(self) -> usize {
        self.depth
    }

    /// Bits of the longest integer whose digits are shown.
    pub(crate) fn int_bits(self) -> usize {
        self.int_bits
    }

    pub(crate) fn is_whole(self) -> bool {
        self.form != Form::Cut
    }

    /// Of a text that is cut at about so many characters.
    pub(crate) const fn new(chars: usize) -> Limits {
        let depth = if chars / 40 < MAX_DEPTH { chars / 40 } else { MAX_DEPTH };
        let int_bits = if 4 * chars < MAX_INT_BITS { 4 * chars } else { MAX_INT_BITS };
        Limits { chars, depth, int_bits, form: Form::Cut }
    }

    /// Of a value that is written whole, or not at all; `chars` are those that a cut text would have.
    pub(crate) const fn whole(chars: usize) -> Limits {
        const MAX_CHARS: usize = 10_000;
        let most = if 40 * chars < MAX_CHARS { 40 * chars } else { MAX_CHARS };
        let Limits { int_bits, .. } = Limits::new(chars);
        Limits { chars: most, depth: MAX_DEPTH, int_bits, form: Form::Whole { string_chars: chars, most } }
    }

    /// These limits, but that a value which would take more characters is not written whole.
    pub(crate) fn at_most(self, chars: usize) -> Limits {
        match self.form {
            Form::Cut => self,
            Form::Whole { string_chars, most } => {
                Limits { form: Form::Whole { string_chars, most: most.min(chars) }, ..self }
            }
        }
    }

    /// Characters beyond which a value is not written whole.
    fn most(self) -> Option<usize> {
        match self.form {
            Form::Cut => None,
            Form::Whole { most, .. } => Some(most),
        }
    }

    /// These limits, lowered so that a text takes at most `bytes`.
    pub(crate) fn fitting(self, bytes: usize) -> Limits {
        let chars = bytes.saturating_sub(Limits::SLACK) / Limits::BYTES_PER_CHAR;
        Limits::new(self.chars.min(chars))
    }

    /// Characters of a string that are shown where so many have been written before it.
    pub(crate) fn string_chars(self, written: usize) -> usize {
        match self.form {
            Form::Cut => self.chars.saturating_sub(written).max(MIN_STRING_CHARS),
            Form::Whole { string_chars, .. } => string_chars.max(MIN_STRING_CHARS),
        }
    }

    /// Bytes that no text exceeds. The characters before the last element take up to 4 bytes each. The last
    /// one may be a dict's item, whose key is a string of `chars` characters, each escaped by 10, and whose
    /// value has at most 4 bytes per character of the budget (three numbers of 4 bits per character each).
    pub(crate) const fn room(self) -> usize {
        match self.form {
            Form::Cut => Limits::BYTES_PER_CHAR * self.chars + Limits::SLACK,
            Form::Whole { string_chars, .. } => {
                4 * self.chars + Limits::BYTES_PER_CHAR * string_chars + Limits::SLACK
            }
        }
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
    /// Elements that were begun.
    elements: usize,
    /// It was to be written whole, and is too large.
    is_given_up: bool,
}

/// How much has been written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    pub(crate) bytes: u32,
    pub(crate) chars: u32,
}

impl Text {
    /// # Safety
    /// There must be `limits.room()` bytes at `start`, and what is written must keep to the limits: no element
    /// is begun when the text [is full](Text::is_full).
    #[inline(always)]
    pub(crate) unsafe fn new(start: *mut u8, limits: Limits) -> Text {
        Text { start, at: start, chars: 0, limits, elements: 0, is_given_up: false }
    }

    /// Begins anew, within other limits, for which there must be room too.
    pub(crate) fn restart(&mut self, limits: Limits) {
        *self = Text { at: self.start, chars: 0, limits, elements: 0, is_given_up: false, ..*self };
    }

    /// Has `write` keep to so many characters and this depth, beyond which what it writes is cut.
    pub(crate) fn within(&mut self, chars: usize, depth: usize, write: impl FnOnce(&mut Text)) {
        let outer = self.limits;
        let Limits { int_bits, .. } = Limits::new(chars);
        let chars = outer.chars.min(self.chars + chars);
        self.limits = Limits { chars, depth: outer.depth.min(depth), int_bits, form: Form::Cut };
        write(self);
        self.limits = outer;
    }

    /// Whether a value that was to be written whole is too large for that.
    pub(crate) fn is_too_large(&self) -> bool {
        self.is_given_up || self.limits.most().is_some_and(|most| self.chars > most)
    }

    /// Elements of containers that were written, at all depths together.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    #[inline(always)]
    pub(crate) fn so_far(&self) -> Written {
        Written { bytes: self.byte_len() as u32, chars: self.chars as u32 }
    }

    /// What has been written.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: these bytes have been written.
        unsafe { std::slice::from_raw_parts(self.start, self.byte_len()) }
    }

    /// Writes the separator before the element of this index of `len`; where no element may be begun any more,
    /// it says how many are left out, unless the text is given up.
    #[inline(always)]
    pub(crate) fn begin_element(&mut self, index: usize, len: usize) -> bool {
        if index > 0 {
            self.ascii(b", ");
        }
        if self.is_full() {
            return self.refuse_element(len - index);
        }
        self.elements += 1;
        true
    }

    #[cold]
    fn refuse_element(&mut self, left: usize) -> bool {
        if self.limits.is_whole() {
            self.is_given_up = true;
        } else {
            self.more(left);
        }
        false
    }

    /// From here on, narrower limits.
    pub(crate) fn limit_to(&mut self, limits: Limits) {
        self.limits = Limits::new(self.limits.chars.min(limits.chars));
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
            || self.limits.most().is_some_and(|most| self.elements >= WHOLE_ELEMENTS || self.chars >= most)
            || self.is_given_up
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

    /// `#3`, which says what object follows. It does not count among the characters, so that as much is shown with it
    /// as without. There is room: where there is an object with a number there are brackets, of a byte each.
    pub(super) fn identity(&mut self, number: Number) {
        let chars = self.chars;
        self.byte(b'#');
        self.number(number.into());
        self.chars = chars;
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
    pub(super) fn character(&mut self, character: u32) {
        match char::from_u32(character) {
            Some(character) => {
                let mut buffer = [0; 4];
                self.raw(character.encode_utf8(&mut buffer).as_bytes(), 1);
            }
            None => self.escape(character),
        }
    }

    /// `\x1b`, `\u2028` or `\U000e0001`.
    pub(super) fn escape(&mut self, character: u32) {
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
        &bytes[..self.shown_of(bytes.len())]
    }

    /// How many characters of a string of so many may be shown here.
    pub(crate) fn shown_of(&self, len: usize) -> usize {
        len.min(self.string_chars())
    }

    /// The first characters of a string of so many, as `repr` shows them.
    pub(crate) fn code_points(&mut self, shown: &[u32], len: usize) {
        self.quoted_units(Units::Four(shown));
        self.left_out(len - shown.len());
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
