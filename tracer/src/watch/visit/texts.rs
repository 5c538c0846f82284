//! How the parts of a value that was written whole read.

use crate::value::Written;

/// How the parts of a value that was written whole read.
#[derive(Default)]
pub(in crate::watch) struct Texts {
    /// The text of the whole, then those of the parts that have changed since.
    pub(super) bytes: Vec<u8>,
    /// Where that of each part is, by the place of its word. Not kept up for a part that has parts.
    pub(super) spans: Vec<Span>,
    /// Elements at all depths.
    pub(in crate::watch) elements: usize,
    /// Characters of the whole text.
    pub(super) chars: usize,
    /// Length of the text that `bytes` began with.
    pub(super) begun_with: usize,
}

/// Where a part's text is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::watch) struct Span {
    start: u32,
    bytes: u16,
    pub(super) chars: u16,
}

impl Span {
    pub(super) fn between(from: Written, to: Written) -> Span {
        // Only a text that has parts can be longer, and is never asked for.
        let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Span { start: from.bytes, bytes: short(to.bytes - from.bytes), chars: short(to.chars - from.chars) }
    }
}

impl Span {
    /// The same text where the one that it is a part of stands at `outer`.
    pub(super) fn behind(self, outer: Span) -> Span {
        Span { start: outer.start + self.start, ..self }
    }
}

impl Texts {
    /// That of the part whose word is at this place.
    pub(in crate::watch) fn of(&self, place: usize) -> &[u8] {
        let Span { start, bytes, .. } = self.spans[place];
        &self.bytes[start as usize..][..bytes.into()]
    }

    pub(super) fn keep(&mut self, text: &[u8], chars: u32) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        Span::between(Written { bytes: start, chars: 0 }, Written { bytes: start + text.len() as u32, chars })
    }
}
