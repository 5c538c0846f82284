//! Traces written by hand, for samples and tests.
//!
//! One event on a line, the innermost frame being implied by what was called and left before:
//!
//! ```text
//! call f 1 | xs: list = [2, 9] | global N: int = 3
//! line f 2
//! line f 3 | s: int = 0 | -xs
//! return f 3 = int 7
//! yield g 4 = int 1
//! resume g 4 #1
//! raise f 2 = ValueError no
//! unwind f 2 = ValueError no
//! output stdout hello\n
//! gap events 12
//! ```
//!
//! `#1` is the number of the suspended frame that goes on. `-xs` is a deleted variable. `\n` in an output is
//! a line break.

use std::borrow::Cow;
use std::collections::BTreeSet;

use trace::{Change, ChangeKind, Event, EventKind, GapReason, Scope, Stream, Value};

/// The events that `text` notes down. Panics where it is not in the notation, since only authors write it.
pub fn events(text: &str) -> Vec<Event<'_>> {
    let mut author = Author::default();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| author.event(line)).collect()
}

#[derive(Default)]
struct Author {
    stack: Vec<u32>,
    frames: u32,
    /// Variables that exist, so that a change is known to be new or not.
    bound: BTreeSet<(Scope, u32, String)>,
}

impl Author {
    fn event<'a>(&mut self, line: &'a str) -> Event<'a> {
        let mut fields = line.split(" | ");
        let head = fields.next().expect("a split has a first piece");
        let (head, value) = match head.split_once(" = ") {
            Some((head, value)) => (head, Some(value)),
            None => (head, None),
        };
        let words: Vec<&str> = head.split(' ').collect();
        match words[0] {
            "output" => {
                let stream = if words[1] == "stderr" { Stream::Stderr } else { Stream::Stdout };
                let (_, text) = head.split_once(words[1]).expect("the stream was found");
                let bytes = text.trim_start().replace("\\n", "\n").into_bytes();
                return self.other(EventKind::Output(stream, Cow::Owned(bytes)));
            }
            "gap" => {
                let skipped = words[2].parse().expect("a gap says how many events it skips");
                return self.other(EventKind::Gap { reason: GapReason::Events, skipped });
            }
            _ => (),
        }
        let (function, number) = (words[1], words[2].parse().expect("an event has a line"));
        let parent = self.stack.last().copied();
        match words[0] {
            "call" => {
                self.stack.push(self.frames);
                self.frames += 1;
            }
            "resume" => self.stack.push(words[3][1..].parse().expect("a frame is #number")),
            _ => (),
        }
        let frame = *self.stack.last().expect("an event has a frame");
        let depth = self.stack.len() as u32 - 1;
        let parent = if matches!(words[0], "call" | "resume") {
            parent
        } else {
            self.stack.len().checked_sub(2).map(|below| self.stack[below])
        };
        let value = value.map(|value| {
            let (type_name, text) = value.split_once(' ').unwrap_or((value, ""));
            Value { type_name, text }
        });
        let kind = match (words[0], value) {
            ("call", None) => EventKind::Call,
            ("line", None) => EventKind::Line,
            ("resume", None) => EventKind::Resume,
            ("return", Some(value)) => EventKind::Return(value),
            ("yield", Some(value)) => EventKind::Yield(value),
            ("raise", Some(value)) => EventKind::Raise(value),
            ("unwind", Some(value)) => EventKind::Unwind(value),
            _ => panic!("no event: {line}"),
        };
        if matches!(kind, EventKind::Return(_) | EventKind::Yield(_) | EventKind::Unwind(_)) {
            self.stack.pop();
        }
        let changes = fields.map(|field| self.change(frame, field)).collect();
        Event { thread: 0, frame, parent, depth, function, line: number, kind, changes }
    }

    /// An event that belongs to nobody's line.
    fn other<'a>(&self, kind: EventKind<'a>) -> Event<'a> {
        let frame = self.stack.last().copied().unwrap_or(0);
        let depth = (self.stack.len() as u32).saturating_sub(1);
        Event { thread: 0, frame, parent: None, depth, function: "", line: 0, kind, changes: Vec::new() }
    }

    fn change<'a>(&mut self, frame: u32, field: &'a str) -> Change<'a> {
        let (scope, field) = match field.strip_prefix("global ") {
            Some(field) => (Scope::Global, field),
            None => (Scope::Local, field),
        };
        let owner = if scope == Scope::Global { 0 } else { frame };
        if let Some(name) = field.strip_prefix('-') {
            self.bound.remove(&(scope, owner, name.to_owned()));
            return Change { scope, name, element: None, kind: ChangeKind::Deleted, value: None };
        }
        let (name, value) = field.split_once(": ").expect("a change is `name: type = text`");
        let (type_name, text) = value.split_once(" = ").expect("a change is `name: type = text`");
        let is_new = self.bound.insert((scope, owner, name.to_owned()));
        let kind = if is_new { ChangeKind::New } else { ChangeKind::Modified };
        Change { scope, name, element: None, kind, value: Some(Value { type_name, text }) }
    }
}
