//! Stack for trees of source text.

/// A tree is at most as deep as its source is long, and whoever walks or drops it needs stack for each level.
const STACK_FOR_EACH_BYTE: usize = 4 << 10;

/// What reading takes where nothing is nested.
const STACK_BYTES: usize = 1 << 20;

/// A longer text is not read: nobody wrote it by hand.
const MAX_BYTES: usize = 256 << 10;

/// Does something with the tree of a text, where there is stack enough for that. `None` if the text is too long.
pub(crate) fn for_text<T>(text: &str, walk: impl FnOnce() -> T) -> Option<T> {
    (text.len() <= MAX_BYTES).then(|| stacker::grow(STACK_BYTES + text.len() * STACK_FOR_EACH_BYTE, walk))
}
