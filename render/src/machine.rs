//! The whole state of a running program, described so that a reader needs nothing from before.
//!
//! Variables alone do not suffice to go on from a step: one must also know who waits for whom, how far each
//! `for` loop has come, and what calls have already given within the line that a frame is in.

use std::collections::BTreeMap;

use trace::{Event, EventKind};

use crate::scopes::Scopes;
use crate::source::{Keyword, Source};
use crate::{json, step};

/// A program in the midst of its run. Feed it every step in order.
pub(crate) struct Machine<'s, 'e> {
    source: &'s Source<'s>,
    scopes: Scopes<'e>,
    frames: BTreeMap<u32, Frame<'e>>,
    latest: Option<&'e Event<'e>>,
}

struct Frame<'e> {
    latest: &'e Event<'e>,
    /// The frame that entered or resumed it, such as `f#0`.
    parent: Option<String>,
    /// The `for` loops that it is in, by their first lines, with the number of items taken.
    loops: BTreeMap<u32, u64>,
    /// What calls have returned and generators yielded to it within its current line.
    got: Vec<&'e str>,
    /// The line of its latest line event.
    line: Option<u32>,
}

impl<'s, 'e> Machine<'s, 'e> {
    pub(crate) fn new(source: &'s Source<'s>) -> Machine<'s, 'e> {
        Machine { source, scopes: Scopes::default(), frames: BTreeMap::new(), latest: None }
    }

    /// Brings it to what it was at `event`, which is a step.
    pub(crate) fn apply(&mut self, event: &'e Event<'e>) {
        self.settle();
        self.scopes.apply(event);
        let parent = event.parent.and_then(|parent| self.frames.get(&parent)).map(|parent| {
            let mut name = String::new();
            step::frame(&mut name, parent.latest);
            name
        });
        let frame = self.frames.entry(event.frame).or_insert_with(|| Frame {
            latest: event,
            parent: None,
            loops: BTreeMap::new(),
            got: Vec::new(),
            line: None,
        });
        frame.latest = event;
        frame.parent = parent;
        if event.kind == EventKind::Line {
            frame.reach(event.line, self.source);
        }
        self.latest = Some(event);
    }

    /// The state, a frame on each line, the one that goes on now last and marked with `>`.
    pub(crate) fn describe(&self, out: &mut String) {
        let mut globals = self.scopes.shown_globals().peekable();
        if globals.peek().is_some() {
            step::marked_object(out, "global ", globals.map(|(name, text)| (name, Some(text))));
            out.push('\n');
        }
        let acting = self.latest.map(|event| event.frame);
        let waiting = self.frames.iter().filter(|(number, _)| Some(**number) != acting);
        for frame in waiting.map(|(_, frame)| frame) {
            self.describe_frame(out, frame);
            out.push('\n');
        }
        if let Some(frame) = acting.and_then(|acting| self.frames.get(&acting)) {
            out.push_str("> ");
            self.describe_frame(out, frame);
            step::value(out, frame.latest);
            out.push('\n');
        }
    }

    fn describe_frame(&self, out: &mut String, frame: &Frame<'_>) {
        step::head(out, frame.latest);
        if let Some(parent) = &frame.parent {
            out.push_str(" from ");
            out.push_str(parent);
        }
        let locals = self.scopes.shown_locals(frame.latest.frame);
        step::marked_object(out, " ", locals.map(|(name, text)| (name, Some(text))));
        if !frame.loops.is_empty() {
            let loops: Vec<String> =
                frame.loops.iter().map(|(line, taken)| format!("\"{line}\": {taken}")).collect();
            out.push_str(&format!(" loops {{{}}}", loops.join(", ")));
        }
        if !frame.got.is_empty() {
            out.push_str(" got ");
            json::list(out, frame.got.iter().copied());
        }
    }

    /// What the latest event leads to, but does not show yet: a value reaches the frame that waited for it,
    /// and a frame that was left is gone.
    fn settle(&mut self) {
        let Some(event) = self.latest.take() else { return };
        if let EventKind::Return(value) | EventKind::Yield(value) = event.kind
            && let Some(parent) = event.parent.and_then(|parent| self.frames.get_mut(&parent))
        {
            parent.got.push(value.text);
        }
        if matches!(event.kind, EventKind::Return(_) | EventKind::Unwind(_)) {
            self.frames.remove(&event.frame);
        }
        self.scopes.forget(event);
    }
}

impl Frame<'_> {
    /// Counts the items that `for` loops have taken before `line` runs: a loop's header takes one each time
    /// that it runs and the body follows.
    fn reach(&mut self, line: u32, source: &Source<'_>) {
        self.got.clear();
        let from = self.line.replace(line);
        self.loops.retain(|first, taken| {
            let Some(statement) = source.statement(*first) else { return false };
            let from_header = from.is_some_and(|from| statement.lines.contains(&from));
            match &statement.body {
                Some(body) if from_header && body.contains(&line) => *taken += 1,
                // The body stands on the header's own line, so every repeat of that line is an item.
                None if statement.lines.contains(&line) => *taken += 1,
                _ => (),
            }
            statement.extent().contains(&line)
        });
        if let Some(statement) = source.statement(line)
            && statement.keyword == Keyword::For
        {
            self.loops.entry(*statement.lines.start()).or_insert(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    /// The state at the last of `events`.
    fn check(code: &str, events: &str, expected: &str) {
        let source = Source::new(code);
        let events = notation::events(events);
        let mut machine = Machine::new(&source);
        events.iter().for_each(|event| machine.apply(event));
        let mut out = String::new();
        machine.describe(&mut out);
        assert_eq!(out, expected);
    }

    const LOOPS: &str = "def f(n):\n for x in n:\n  for y in x: g(y)\n  h(x)\n return 1\n";

    #[test]
    fn loops_count_the_items_that_they_have_taken() {
        let lines = |lines: &[u32]| {
            let mut events = "call f 1\n".to_owned();
            lines.iter().for_each(|line| events.push_str(&format!("line f {line}\n")));
            events
        };
        check(LOOPS, &lines(&[2]), "> line f#0 2 loops {\"2\": 0}\n");
        check(LOOPS, &lines(&[2, 3]), "> line f#0 3 loops {\"2\": 1, \"3\": 0}\n");
        check(LOOPS, &lines(&[2, 3, 3, 3]), "> line f#0 3 loops {\"2\": 1, \"3\": 2}\n");
        check(LOOPS, &lines(&[2, 3, 3, 4]), "> line f#0 4 loops {\"2\": 1}\n");
        check(LOOPS, &lines(&[2, 3, 3, 4, 2]), "> line f#0 2 loops {\"2\": 1}\n");
        check(LOOPS, &lines(&[2, 3, 3, 4, 2, 3]), "> line f#0 3 loops {\"2\": 2, \"3\": 0}\n");
        check(LOOPS, &lines(&[2, 3, 4, 2, 5]), "> line f#0 5\n");
    }

    #[test]
    fn waiting_frames_stand_with_what_they_got() {
        let events = "
            call f 1 | n: int = 3 | global N: int = 9
            line f 2
            call g 5
            return g 5 = int 1
            call g 5 | y: int = 2
            line g 6";
        check(
            "",
            events,
            "global {\"N\": \"9\"}\nline f#0 2 {\"n\": \"3\"} got [\"1\"]\n> line g#2 6 from f#0 {\"y\": \"2\"}\n",
        );
        let returned = format!("{events}\n return g 6 = int 5");
        check(
            "",
            &returned,
            "global {\"N\": \"9\"}\nline f#0 2 {\"n\": \"3\"} got [\"1\"]\n\
             > return g#2 6 from f#0 {\"y\": \"2\"} -> \"5\"\n",
        );
        let back = format!("{returned}\n line f 3 | s: int = 6");
        check("", &back, "global {\"N\": \"9\"}\n> line f#0 3 {\"n\": \"3\", \"s\": \"6\"}\n");
    }

    #[test]
    fn a_suspended_generator_is_part_of_the_state() {
        check(
            "",
            "call f 1
             call g 5
             line g 6 | k: int = 1
             yield g 6 = int 1
             line f 2 | x: int = 1",
            "yield g#1 6 from f#0 {\"k\": \"1\"}\n> line f#0 2 {\"x\": \"1\"}\n",
        );
    }
}
