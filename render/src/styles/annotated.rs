//! The lines in the order in which they ran, with ENTER, RETURN and value comments.

use std::collections::HashMap;

use trace::{Event, EventKind, Stream};

use crate::level::{Level, check_lines};
use crate::source::{Keyword, Source};
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, json, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "annotated",
    summary: "the lines as they ran, with ENTER, RETURN and value comments",
    shape: Shape::Plain,
    parameters: &[],
    build,
};

struct Annotated;

fn build(_settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Annotated))
}

impl Style for Annotated {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        check_lines(execution)?;
        let mut writer = Writer {
            path: text::one_line(execution.path),
            source: Source::new(execution.code),
            out: format!("# run: {}\n", text::one_line(&execution.call())),
            frame: None,
            open: false,
            lines: HashMap::new(),
        };
        execution.events.iter().filter(|event| Level::Line.shows(event)).for_each(|event| writer.tell(event));
        writer.close();
        writer.out.push_str("# ");
        text::outcome(&mut writer.out, execution);
        examples.push(Example { key: "run".to_owned(), text: Text::Plain(writer.out) });
        Ok(())
    }
}

struct Writer<'s> {
    path: String,
    source: Source<'s>,
    out: String,
    /// The frame that the text is in.
    frame: Option<u32>,
    /// Whether the last line is a line of the program that may still get a comment.
    open: bool,
    /// The line that each frame stands on.
    lines: HashMap<u32, u32>,
}

impl Writer<'_> {
    fn tell(&mut self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Output(stream, bytes) => {
                let mut comment = match stream {
                    Stream::Stdout => "OUTPUT: ".to_owned(),
                    Stream::Stderr => "ERROR OUTPUT: ".to_owned(),
                };
                json::string(&mut comment, &String::from_utf8_lossy(bytes));
                return self.comment(event, &comment);
            }
            EventKind::Effect(effect) => {
                let mut comment = format!("EFFECT {}: ", effect.kind.name());
                json::string(&mut comment, effect.detail);
                return self.comment(event, &comment);
            }
            EventKind::Gap { skipped: 0, .. } => return self.comment(event, "GAP: events are left out"),
            EventKind::Gap { skipped, .. } => {
                return self.comment(event, &format!("GAP: {skipped} events are left out"));
            }
            _ => (),
        }
        self.enter(event);
        if event.kind != EventKind::Call
            && let Some(changes) = text::assignments(&event.changes)
        {
            if self.open {
                self.out.push_str(&format!("  # {changes}"));
            } else {
                self.comment(event, &changes);
            }
        }
        self.close();
        let function = event.function;
        match event.kind {
            EventKind::Call => self.call(event),
            EventKind::Line => self.line(event),
            EventKind::Resume => self.comment(event, &format!("RESUME {function}")),
            EventKind::Return(value) => {
                self.comment(event, &format!("RETURN from {function}: {}", text::one_line(value.text)));
            }
            EventKind::Yield(value) => {
                self.comment(event, &format!("YIELD from {function}: {}", text::one_line(value.text)));
            }
            EventKind::Raise(exception) => {
                let exception = text::one_line(&text::exception_text(exception));
                self.comment(event, &format!("RAISE in {function}: {exception}"));
            }
            EventKind::Unwind(exception) => {
                let exception = text::one_line(&text::exception_text(exception));
                self.comment(event, &format!("LEAVE {function} by {exception}"));
            }
            _ => (),
        }
        self.lines.insert(event.frame, event.line);
    }

    /// Says where the text goes on, if that is another frame than before: at the line that it stood on.
    fn enter(&mut self, event: &Event<'_>) {
        if self.frame == Some(event.frame) && event.kind != EventKind::Call {
            return;
        }
        self.close();
        self.frame = Some(event.frame);
        let name = if event.function == "<module>" { String::new() } else { format!("::{}", event.function) };
        let line = self.lines.get(&event.frame).copied().unwrap_or(event.line);
        self.out.push_str(&format!("# === {}{name} (line {line}) ===\n", self.path));
    }

    fn call(&mut self, event: &Event<'_>) {
        // Lambdas and comprehensions have no header of their own.
        let is_defined = !event.function.rsplit('.').next().unwrap_or("").starts_with('<');
        if is_defined {
            // The line of a decorated function is that of its first decorator.
            let begun =
                self.source.statements().iter().skip_while(|statement| *statement.lines.start() < event.line);
            let mut header = Vec::new();
            for statement in begun {
                header.extend(statement.lines.clone());
                if matches!(statement.keyword, Keyword::Def | Keyword::Class) {
                    break;
                }
            }
            for line in header {
                self.out.push_str(self.source.line(line));
                self.out.push('\n');
            }
        }
        if let Some(arguments) = text::assignments(&event.changes) {
            let indent = indent(self.source.line(event.line));
            let inner = if is_defined { "    " } else { "" };
            self.out.push_str(&format!("{indent}{inner}# ENTER: {arguments}\n"));
        }
    }

    /// Writes the whole statement; when a statement of several lines only goes on, nothing.
    fn line(&mut self, event: &Event<'_>) {
        let before = self.lines.get(&event.frame).copied();
        let Some(statement) = self.source.statement(event.line) else { return };
        let lines = statement.lines.clone();
        let goes_on = lines.clone().count() > 1 && before.is_some_and(|before| lines.contains(&before));
        // A header of several lines has run already when its function was called.
        if goes_on && event.function != "<module>" {
            return;
        }
        for line in lines {
            if self.open {
                self.out.push('\n');
            }
            self.out.push_str(self.source.line(line));
            self.open = true;
        }
    }

    /// A comment on a line of its own, as far in as the line that its frame stands on.
    fn comment(&mut self, event: &Event<'_>, comment: &str) {
        self.close();
        let line = self.lines.get(&event.frame).copied().unwrap_or(event.line);
        let indent = indent(self.source.line(line));
        self.out.push_str(&format!("{indent}# {comment}\n"));
    }

    fn close(&mut self) {
        if self.open {
            self.out.push('\n');
            self.open = false;
        }
    }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    fn check(code: &str, events: &str, expected: &str) {
        let events = notation::events(events);
        let execution = Execution { code, events: &events, ..crate::sample() };
        let mut examples = Vec::new();
        Annotated.render(&execution, 0, &mut examples).unwrap();
        let expected = format!("# run: f([2, 9], 5)\n{expected}# outcome: returned \"7\"\n");
        assert_eq!(examples[0].text, Text::Plain(expected));
    }

    #[test]
    fn a_value_stands_after_what_made_it() {
        check(
            "def g():\n    return 1\ndef f():\n    s = g()\n    t = 2\n    return s\n",
            "call f 3
             line f 4
             call g 1
             line g 2
             return g 2 = int 1
             line f 5 | s: int = 1
             line f 6 | t: int = 2
             return f 6 = int 1",
            "# === total.py::f (line 3) ===
def f():
    s = g()
# === total.py::g (line 1) ===
def g():
    return 1
    # RETURN from g: 1
# === total.py::f (line 4) ===
    # s=1
    t = 2  # t=2
    return s
    # RETURN from f: 1
",
        );
    }

    #[test]
    fn generators_exceptions_and_output_are_told_where_they_happen() {
        check(
            "def g():\n    yield 1\nfor x in g():\n    print(x)\n    1/0\n",
            "call <module> 1
             line <module> 3
             call g 1
             line g 2
             yield g 2 = int 1
             line <module> 4 | global x: int = 1
             output stdout 1\\n
             line <module> 5
             raise <module> 5 = ZeroDivisionError division by zero
             unwind <module> 5 = ZeroDivisionError division by zero",
            "# === total.py (line 1) ===
for x in g():
# === total.py::g (line 1) ===
def g():
    yield 1
    # YIELD from g: 1
# === total.py (line 3) ===
# x=1
    print(x)
    # OUTPUT: \"1\\n\"
    1/0
    # RAISE in <module>: ZeroDivisionError: division by zero
    # LEAVE <module> by ZeroDivisionError: division by zero
",
        );
    }
}
