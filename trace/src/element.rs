//! Changes one element in the text of a value.
//!
//! A text that was written whole can be taken apart: brackets and quotes stand in it only where they belong to
//! it, since names that have some show them escaped. A path leads to the element, as docs/trace.md says:
//! `[2]` in a list or tuple, `['k']` in a dict, `{2}` in a set, `.x` in an instance, `.args[0]` in an exception.

use std::ops::Range;

use crate::event::ChangeKind;

/// Applies a change to the element at `path`; `value` is its new text. `None`, and nothing changed, where the
/// text has no such element.
pub(crate) fn change(text: &mut String, path: &str, kind: ChangeKind, value: Option<&str>) -> Option<()> {
    let mut range = 0..text.len();
    let mut rest = path;
    loop {
        let (mut segment, mut behind) = Segment::parse(rest)?;
        let content = Content::find(text, range, segment)?;
        if matches!(segment, Segment::Argument(_)) && content.under(text, ARGUMENTS, "=").is_some() {
            // It is an attribute of that name, and no exception.
            (segment, behind) = (Segment::Attribute(ARGUMENTS), &rest[1 + ARGUMENTS.len()..]);
        }
        if behind.is_empty() {
            return content.change(text, segment, kind, value);
        }
        range = content.element(text, segment)?.value;
        rest = behind;
    }
}

/// What an exception keeps its arguments as.
const ARGUMENTS: &str = "args";

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment<'a> {
    /// `[…]`: an index, or the text of a key.
    Item(&'a str),
    /// `{2}`: a set's element, in the order of its text.
    Member(usize),
    /// `.args[2]`
    Argument(usize),
    /// `.x`
    Attribute(&'a str),
}

impl<'a> Segment<'a> {
    /// The first step of a path, and the rest.
    fn parse(path: &'a str) -> Option<(Segment<'a>, &'a str)> {
        if let Some(rest) = path.strip_prefix(".args[")
            && let Some((number, rest)) = rest.split_once(']')
        {
            return Some((Segment::Argument(number.parse().ok()?), rest));
        }
        if let Some(rest) = path.strip_prefix('{') {
            let (number, rest) = rest.split_once('}')?;
            return Some((Segment::Member(number.parse().ok()?), rest));
        }
        if let Some(rest) = path.strip_prefix('.') {
            let end = rest.find(['.', '[', '{']).unwrap_or(rest.len());
            return Some((Segment::Attribute(&rest[..end]), &rest[end..]));
        }
        let inside = path.strip_prefix('[')?;
        let end = skip_to(inside.as_bytes(), 0, b"]")?;
        Some((Segment::Item(&inside[..end]), &inside[end + 1..]))
    }
}

/// What stands between the brackets around the elements.
struct Content {
    range: Range<usize>,
}

/// An element: all of it, and its value alone.
struct Element {
    whole: Range<usize>,
    value: Range<usize>,
}

impl Content {
    /// The brackets of the value at `range` that hold what the segment names.
    fn find(text: &str, range: Range<usize>, segment: Segment<'_>) -> Option<Content> {
        let bytes = text.as_bytes();
        let range = behind_number(bytes, range.start)..range.end;
        if bytes.get(range.start) == Some(&b'<') {
            return None;
        }
        let open = range.start + bytes[range.clone()].iter().position(|byte| b"([{".contains(byte))?;
        let close = skip_to(bytes, open + 1, b")]}")?;
        let content = Content { range: open + 1..close };
        let is_instance = bytes[open] == b'(' && open > range.start;
        if !is_instance || matches!(segment, Segment::Attribute(_) | Segment::Argument(_)) {
            return Some(content);
        }
        // `Name([…])`, `deque([…], maxlen=5)`, `defaultdict(…, {…})`
        let inner = content.elements(text).filter_map(|element| Content::find(text, element, segment));
        inner.last()
    }

    /// The elements, each with its key.
    fn elements<'a>(&self, text: &'a str) -> impl Iterator<Item = Range<usize>> + use<'a> {
        let end = self.range.end;
        let mut start = self.range.start;
        std::iter::from_fn(move || {
            if start >= end {
                return None;
            }
            let behind = skip_to(text.as_bytes(), start, b",)]}").unwrap_or(end).min(end);
            let element = start..behind;
            start = behind + ", ".len();
            Some(element)
        })
    }

    fn element(&self, text: &str, segment: Segment<'_>) -> Option<Element> {
        let at = |index: usize| {
            self.elements(text).nth(index).map(|whole| Element { value: whole.clone(), whole })
        };
        match segment {
            Segment::Member(index) | Segment::Argument(index) => at(index),
            Segment::Attribute(name) => self.under(text, name, "="),
            Segment::Item(key) if self.is_of_dict(text) => self.under(text, key, ": "),
            Segment::Item(index) => at(index.parse().ok()?),
        }
    }

    fn is_of_dict(&self, text: &str) -> bool {
        text.as_bytes()[self.range.start - 1] == b'{'
    }

    /// The element under a key.
    fn under(&self, text: &str, key: &str, separator: &str) -> Option<Element> {
        let mut elements = self.elements(text);
        elements.find_map(|whole| {
            let value = text[whole.clone()].strip_prefix(key)?.strip_prefix(separator)?;
            let value = whole.end - value.len()..whole.end;
            Some(Element { whole, value })
        })
    }

    fn change(
        &self,
        text: &mut String,
        segment: Segment<'_>,
        kind: ChangeKind,
        value: Option<&str>,
    ) -> Option<()> {
        match kind {
            ChangeKind::Modified => {
                let element = self.element(text, segment)?;
                text.replace_range(element.value, value?);
            }
            ChangeKind::Deleted => {
                let Element { whole: Range { start, end }, .. } = self.element(text, segment)?;
                let gap = ", ".len();
                let (start, end) = match (start == self.range.start, end == self.range.end) {
                    (false, _) => (start - gap, end),
                    (true, false) => (start, end + gap),
                    (true, true) => (start, end),
                };
                text.replace_range(start..end, "");
            }
            ChangeKind::New => self.insert(text, segment, value?)?,
        }
        Some(())
    }

    fn insert(&self, text: &mut String, segment: Segment<'_>, value: &str) -> Option<()> {
        let (index, element) = match segment {
            Segment::Item(key) if self.is_of_dict(text) => (None, format!("{key}: {value}")),
            Segment::Attribute(name) => (None, format!("{name}={value}")),
            Segment::Item(index) => (Some(index.parse().ok()?), value.to_owned()),
            Segment::Member(index) | Segment::Argument(index) => (Some(index), value.to_owned()),
        };
        let before = index.and_then(|index| self.elements(text).nth(index));
        match before {
            Some(before) => text.insert_str(before.start, &format!("{element}, ")),
            None if self.range.is_empty() => text.insert_str(self.range.end, &element),
            None => text.insert_str(self.range.end, &format!(", {element}")),
        }
        Some(())
    }
}

/// Where the value itself begins, which a number may say the object of: `#3[1, 2]`.
fn behind_number(bytes: &[u8], start: usize) -> usize {
    match bytes[start..].strip_prefix(b"#") {
        Some(number) => start + 1 + number.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        None => start,
    }
}

/// The first of the `wanted` bytes from `start` on that stands in no brackets and no quotes that open behind
/// `start`.
fn skip_to(bytes: &[u8], start: usize, wanted: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            _ if depth == 0 && wanted.contains(&byte) => return Some(at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            b'\'' | b'"' => at = string_end(bytes, at)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the string that begins with the quote at `start` has its other quote.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            _ if byte == bytes[start] => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, kind: ChangeKind, value: Option<&str>, expected: Option<&str>) {
        let mut changed = text.to_owned();
        let done = change(&mut changed, path, kind, value);
        assert_eq!(done.map(|()| changed.as_str()), expected, "{path} of {text}");
        if expected.is_none() {
            assert_eq!(changed, text);
        }
    }

    #[test]
    fn an_element_is_modified_at_any_depth() {
        let modified =
            |text, path, expected| check(text, path, ChangeKind::Modified, Some("X"), Some(expected));
        modified("[1, 2, 3]", "[1]", "[1, X, 3]");
        modified("([1], 2)", "[0][0]", "([X], 2)");
        modified("([1],)", "[0]", "(X,)");
        modified("[[1, 2], ['a, [b', 3]]", "[1][1]", "[[1, 2], ['a, [b', X]]");
        modified("{'a': 1, (1, 'b: '): {2: 3}}", "[(1, 'b: ')][2]", "{'a': 1, (1, 'b: '): {2: X}}");
        modified("P(x=1, xs=[P(x=2)])", ".xs[0].x", "P(x=1, xs=[P(x=X)])");
        modified("E('a', [1])", ".args[1][0]", "E('a', [X])");
        modified("P(args=[1, 2])", ".args[1]", "P(args=[1, X])");
        modified("deque([1, 2], maxlen=5)", "[1]", "deque([1, X], maxlen=5)");
        modified("D(deque([1], maxlen=3))", "[0]", "D(deque([X], maxlen=3))");
        modified(
            "defaultdict(<class 'list'>, {'k': [1]})",
            "['k'][0]",
            "defaultdict(<class 'list'>, {'k': [X]})",
        );
        modified("F(frozenset({P(x=1)}))", "{0}.x", "F(frozenset({P(x=X)}))");
        modified(
            "[<function f.<locals>.g>, 'it\\'s', \"'\", 3]",
            "[3]",
            "[<function f.<locals>.g>, 'it\\'s', \"'\", X]",
        );
        modified("#3[1, #4P(x=1)]", "[1].x", "#3[1, #4P(x=X)]");
        modified("#3{'a': #4[5]}", "['a']", "#3{'a': X}");
        modified("#3deque([1, 2], maxlen=5)", "[1]", "#3deque([1, X], maxlen=5)");
        modified("#3Box([#4[1], #4[1]])", "[1][0]", "#3Box([#4[1], #4[X]])");
        modified("['xx' … 3 more, 2]", "[1]", "['xx' … 3 more, X]");
    }

    #[test]
    fn elements_come_and_go() {
        let new = |text, path, expected| check(text, path, ChangeKind::New, Some("X"), Some(expected));
        let deleted = |text, path, expected| check(text, path, ChangeKind::Deleted, None, Some(expected));
        new("[]", "[0]", "[X]");
        new("[1]", "[0]", "[X, 1]");
        new("[1]", "[1]", "[1, X]");
        new("{}", "['k']", "{'k': X}");
        new("{1: 2}", "['k']", "{1: 2, 'k': X}");
        new("P()", ".y", "P(y=X)");
        new("{1, 3}", "{1}", "{1, X, 3}");
        new("deque([], maxlen=5)", "[0]", "deque([X], maxlen=5)");
        deleted("[1]", "[0]", "[]");
        deleted("[1, 2]", "[0]", "[2]");
        deleted("[1, 2]", "[1]", "[1]");
        deleted("{'a': 1, 'b': 2, 'c': 3}", "['b']", "{'a': 1, 'c': 3}");
        deleted("P(x=1, y=2)", ".x", "P(y=2)");
    }

    #[test]
    fn what_is_not_there_changes_nothing() {
        for (text, path) in [
            ("5", "[0]"),
            ("[1]", "[7]"),
            ("[1]", ".x"),
            ("{}", "[1]"),
            ("<P>", "[0]"),
            ("#3<list_iterator 0 of #4[1]>", "[0]"),
            ("[", "[0]"),
            ("[1]", "["),
        ] {
            check(text, path, ChangeKind::Modified, Some("X"), None);
        }
    }
}
