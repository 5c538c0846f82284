//! Keeps a visit true where what it describes has changed: parts come, go, and give way to others.

use super::texts::Span;
use super::{DICT, FLAT, HEAD, LEN_SHIFT, NESTED, PARTS_SHIFT, Visit, bit_of, namespace};
use crate::layout::{Obj, Tuple, Version};
use crate::value::{self, Limits, Path, Stability, Text};

/// What an element that is shown adds to a head.
const ONE_MORE: usize = 1 << LEN_SHIFT | 1 << PARTS_SHIFT;

impl<V: Version> Visit<V> {
    /// Keeps a text for a part.
    pub(in crate::watch) fn keep(&mut self, text: &Text) -> Span {
        self.texts.as_mut().map(|texts| texts.keep(text.as_bytes(), text.so_far().chars)).unwrap_or_default()
    }

    /// The same for a text that is not at hand as such.
    pub(in crate::watch) fn keep_bytes(&mut self, text: &[u8]) -> Span {
        let is_first_byte = |byte: &&u8| **byte & 0xc0 != 0x80;
        let chars = text.iter().filter(is_first_byte).count() as u32;
        self.texts.as_mut().map(|texts| texts.keep(text, chars)).unwrap_or_default()
    }

    /// Puts a constant in the place of another.
    pub(in crate::watch) fn put(&mut self, at: usize, object: Obj, span: Option<Span>) {
        let before = self.constant_at(at).map_or(0, elements_of);
        self.words[at] = object.address();
        self.has(object);
        self.hold(object);
        if let (Some(texts), Some(span)) = (&mut self.texts, span) {
            texts.elements = texts.elements + elements_of(object) - before.min(texts.elements);
            texts.chars = texts.chars + usize::from(span.chars) - usize::from(texts.spans[at].chars);
            texts.spans[at] = span;
        }
    }

    /// The whole is the value of another object by now.
    pub(in crate::watch) fn rebind_whole(&self, object: Obj) {
        if self.node(0).kind == DICT {
            namespace::saw(object);
        }
    }

    /// The node at this place is that of another object by now.
    pub(in crate::watch) fn rebind(&mut self, at: usize, object: Obj) {
        if self.node(at + 1).kind == DICT {
            namespace::saw(object);
        }
        self.nested |= bit_of(object.address());
        self.words[at] = object.address() | NESTED;
    }

    /// Puts a part in the place of another of the node at `node`.
    pub(in crate::watch) fn exchange(&mut self, node: usize, at: usize, part: Part<V>, span: Span) {
        self.count_out(at);
        if let Some(texts) = &mut self.texts {
            texts.elements += part.elements;
            texts.chars += usize::from(span.chars);
        }
        self.cut_out(at);
        self.splice(node, at, part, span);
    }

    /// Adds a part to those of the node at `node`; returns where the next one goes.
    pub(in crate::watch) fn insert(&mut self, node: usize, at: usize, part: Part<V>, span: Span) -> usize {
        self.lengthen(node, part.elements, span.chars.into());
        self.splice(node, at, part, span)
    }

    /// Adds a key, which is a constant, and a value to those of the node at `node`; returns where the next ones go.
    pub(in crate::watch) fn insert_pair(
        &mut self,
        node: usize,
        at: usize,
        key: (Obj, Span),
        value: (Part<V>, Span),
    ) -> usize {
        let chars = usize::from(key.1.chars) + ": ".len() + usize::from(value.1.chars);
        let key_part = Part::constant(key.0);
        self.lengthen(node, key_part.elements + value.0.elements, chars);
        let at = self.splice(node, at, key_part, key.1);
        self.splice(node, at, value.0, value.1)
    }

    /// Puts the words of a part at this place, which is in the node at `node`. Returns where they end.
    fn splice(&mut self, node: usize, at: usize, mut part: Part<V>, span: Span) -> usize {
        let inner = &mut part.visit;
        let end = at + 1 + inner.words.len();
        let word = part.object.address();
        if part.is_constant {
            self.words.insert(at, word);
            self.has(part.object);
            self.hold(part.object);
        } else {
            self.words[node + HEAD] &= !FLAT;
            self.nested |= inner.nested | bit_of(word);
            self.is_of_atoms &= inner.is_of_atoms;
            self.is_plain &= inner.is_plain;
            self.depends_on_dicts |= inner.depends_on_dicts;
            self.words.splice(at..at, std::iter::once(word | NESTED).chain(inner.words.drain(..)));
        }
        self.held.append(&mut inner.held);
        if let Some(texts) = &mut self.texts {
            let spans = inner.texts.take().map(|texts| texts.spans).unwrap_or_default();
            let spans =
                spans.into_iter().map(|inner| inner.behind(span)).chain(std::iter::repeat(Span::default()));
            texts.spans.splice(at..at, std::iter::once(span).chain(spans).take(end - at));
        }
        end
    }

    /// Counts an element more of the node at this place, of so many characters, with so many elements inside.
    fn lengthen(&mut self, node: usize, inside: usize, chars: usize) {
        let is_first = self.node(node).len == 0;
        self.words[node + HEAD] += ONE_MORE;
        if let Some(texts) = &mut self.texts {
            texts.elements += 1 + inside;
            texts.chars += chars + if is_first { 0 } else { ", ".len() };
        }
    }

    /// Removes a part from those of the node at `node`.
    pub(in crate::watch) fn remove(&mut self, node: usize, at: usize) {
        self.count_out(at);
        self.cut_out(at);
        self.words[node + HEAD] -= ONE_MORE;
        let is_last = self.node(node).len == 0;
        if let Some(texts) = &mut self.texts {
            texts.elements = texts.elements.saturating_sub(1);
            texts.chars -= if is_last { 0 } else { ", ".len() };
        }
    }

    /// Takes the elements and characters of the part at this place from those of the whole: all of a constant's, and of
    /// another's as many as it is known to have. So there are never too few.
    fn count_out(&mut self, at: usize) {
        let end = self.part_end(at);
        let elements = match self.constant_at(at) {
            Some(constant) => elements_of(constant),
            None if end > at + 1 => self.elements_within(at + 1),
            None => 0,
        };
        let Some(texts) = &mut self.texts else { return };
        let is_constant = |word: &usize| word & NESTED == 0;
        let shown = self.words[at..end].iter().zip(&texts.spans[at..end]);
        let chars: usize =
            shown.filter(|(word, _)| is_constant(word)).map(|(_, span)| usize::from(span.chars)).sum();
        texts.elements = texts.elements.saturating_sub(elements);
        texts.chars -= chars;
    }

    /// Takes out the words of the part at this place.
    fn cut_out(&mut self, at: usize) {
        let end = self.part_end(at);
        self.words.drain(at..end);
        if let Some(texts) = &mut self.texts {
            texts.spans.drain(at..end);
        }
    }

    /// Whether the visit has grown by what has changed, so that it is time to make it anew; or the value beyond
    /// what is written whole.
    pub(in crate::watch) fn is_overgrown(&self, limits: Limits) -> bool {
        self.held.len() > 2 * self.words.len() + 64
            || self.texts.as_ref().is_some_and(|texts| {
                texts.bytes.len() > 2 * texts.begun_with + 4096
                    || !limits.take_whole(texts.elements, texts.chars)
            })
    }

    /// Elements in the node at this place, at all depths: at least so many.
    fn elements_within(&self, at: usize) -> usize {
        let node = self.node(at);
        if node.is_leaf() {
            return 0;
        }
        if node.is_flat {
            return node.parts;
        }
        let mut at = node.first;
        let mut elements = node.parts;
        for _ in 0..node.part_words() {
            elements += if self.words[at] & NESTED == 0 { 0 } else { self.elements_within(at + 1) };
            at = self.part_end(at);
        }
        elements
    }
}

/// A value within another, and what its text was made of.
pub(in crate::watch) struct Part<V: Version> {
    object: Obj,
    is_constant: bool,
    /// Empty for a constant.
    visit: Visit<V>,
    /// Elements in it, at all depths.
    elements: usize,
}

impl<V: Version> Part<V> {
    fn constant(object: Obj) -> Part<V> {
        Part { object, is_constant: true, visit: Visit::new(), elements: elements_of(object) }
    }

    /// Writes a value that stands within those of the path.
    pub(in crate::watch) fn write(text: &mut Text, path: &mut Path, object: Obj) -> Part<V> {
        let mut visit = Visit::new();
        visit.begin_whole();
        let stability = value::write_part::<V, _>(text, path, &mut visit, object);
        Part { object, is_constant: stability == Stability::Constant, visit, elements: text.elements() }
    }

    pub(in crate::watch) fn is_constant(&self) -> bool {
        self.is_constant
    }

    /// Whether its text depends on nothing but its own words.
    pub(in crate::watch) fn stands_alone(&self) -> bool {
        !self.visit.is_cyclic && !self.visit.is_volatile
    }
}

/// Elements that a constant shows, at all depths.
fn elements_of(constant: Obj) -> usize {
    let items = Tuple::plain(constant);
    let items = items.as_ref().map(Tuple::items).unwrap_or_default();
    items.iter().flatten().map(|item| 1 + elements_of(*item)).sum()
}
