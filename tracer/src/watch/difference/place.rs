//! How the place of an element is written.

use super::Walk;
use crate::layout::{Label, Obj, Shape, Version};
use crate::value::{self, Limits};

/// How the place of an element is written behind that of what it stands in.
#[derive(Clone, Copy)]
pub(super) enum Segment {
    /// `[3]`
    Index(usize),
    /// `{3}`
    Member(usize),
    /// `.args[3]`
    Argument(usize),
    /// `['k']`
    Key(Obj),
    /// `.name`
    Attribute(Label),
}

impl<V: Version> Walk<'_, V> {
    /// Adds a segment to the place; `false` if it cannot be written.
    pub(super) fn push(&mut self, segment: Segment) -> bool {
        let mut text = self.teller.log.scratch(self.limits);
        match segment {
            Segment::Index(index) | Segment::Member(index) | Segment::Argument(index) => {
                let (open, close) = match segment {
                    Segment::Member(_) => ("{", b'}'),
                    Segment::Argument(_) => (".args[", b']'),
                    _ => ("[", b']'),
                };
                text.ascii(open.as_bytes());
                text.number(index as i64);
                text.byte(close);
            }
            Segment::Key(key) => {
                if !is_plain_key::<V>(key, self.limits) {
                    return false;
                }
                text.byte(b'[');
                value::write::<V>(&mut text, key);
                text.byte(b']');
            }
            Segment::Attribute(name) => {
                text.byte(b'.');
                text.label::<V>(name);
                let is_of_attributes =
                    |byte: &u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || *byte == b'_';
                let shown = &text.as_bytes()[1..];
                // One that is cut or escaped may read as another one does.
                if shown.is_empty()
                    || name.len() + 1 != text.so_far().chars as usize
                    || !shown.iter().all(is_of_attributes)
                {
                    return false;
                }
            }
        }
        self.place.extend_from_slice(text.as_bytes());
        true
    }
}

/// Whether no other key of the same dict reads as this one does.
fn is_plain_key<V: Version>(key: Obj, limits: Limits) -> bool {
    let shape = Shape::of(key);
    shape.is_exact(key.ty())
        && match shape {
            Shape::Tuple(tuple) => tuple
                .items()
                .iter()
                .flatten()
                .all(|&item| !item.ty().is_exact_tuple() && is_plain_key::<V>(item, limits)),
            Shape::Str(string) => string.len() <= limits.string_chars(0),
            Shape::Int(int) => int.bit_length::<V>() <= limits.int_bits(),
            Shape::Float(number) => !number.is_nan(),
            Shape::Bool(_) | Shape::None => true,
            _ => false,
        }
}
