//! The source with what each line changed beside it, in the order in which things happened.

use std::collections::BTreeMap;

use trace::{Event, EventKind};

use crate::level::{Level, check_lines};
use crate::line_runs::{LineRun, line_runs};
use crate::source::Source;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "next",
    summary: "the source with changed variables as numbered inline comments, loops elided",
    shape: Shape::Plain,
    parameters: &[],
    build,
};

struct Next;

fn build(_settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Next))
}

impl Style for Next {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        check_lines(execution)?;
        let source = Source::new(execution.code);
        let comments = comments(execution.events, &source);
        let mut out = format!("# run: {}\n", text::one_line(&execution.call()));
        for (number, line) in source.lines() {
            out.push_str(line);
            if let Some(told) = comments.get(&number) {
                out.push_str("  # ");
                out.push_str(&elided(told));
            }
            out.push('\n');
        }
        out.push_str("# ");
        text::outcome(&mut out, execution);
        examples.push(Example { key: "source".to_owned(), text: Text::Plain(out) });
        Ok(())
    }
}

/// For each line that carries a comment what is told there, in order.
fn comments(events: &[Event<'_>], source: &Source<'_>) -> BTreeMap<u32, Vec<String>> {
    let mut comments: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let runs = line_runs(events);
    let mut runs = runs.iter().peekable();
    let mut number = 0;
    for (index, event) in events.iter().enumerate().filter(|(_, event)| Level::Line.shows(event)) {
        let told = if event.kind == EventKind::Call {
            text::assignments(&event.changes)
        } else if let Some(run) = runs.next_if(|run| run.event == index) {
            effect(run)
        } else {
            continue;
        };
        number += 1;
        let told = told.unwrap_or_else(|| "NO_CHANGE".to_owned());
        // A comment within a statement of several lines could land in a string.
        let place = source.statement(event.line).map_or(event.line, |statement| *statement.lines.end());
        comments.entry(place).or_default().push(format!("({number}) {told}"));
    }
    comments
}

/// What a line did: `x=1, return 2`.
fn effect(run: &LineRun<'_, '_>) -> Option<String> {
    let mut told: Vec<String> = text::assignments(run.changes.iter().copied()).into_iter().collect();
    // An exception that leaves the frame where it was raised needs no second word.
    let mut raised = None;
    for event in &run.happened {
        match event.kind {
            EventKind::Return(value) => told.push(format!("return {}", text::one_line(value.text))),
            EventKind::Yield(value) => told.push(format!("yield {}", text::one_line(value.text))),
            EventKind::Raise(exception) | EventKind::Unwind(exception) if raised != Some(exception) => {
                told.push(format!("raise {}", text::one_line(&text::exception_text(exception))));
                raised = Some(exception);
            }
            _ => (),
        }
    }
    (!told.is_empty()).then(|| told.join(", "))
}

/// The first two and the last, with `...` for those between.
fn elided(told: &[String]) -> String {
    match told {
        [first, second, _, .., last] => format!("{first}; {second}; ...; {last}"),
        few => few.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    fn check(code: &str, events: &str, expected: &str) {
        let events = notation::events(events);
        let execution = Execution { code, events: &events, ..crate::sample() };
        let mut examples = Vec::new();
        Next.render(&execution, 0, &mut examples).unwrap();
        let expected = format!("# run: f([2, 9], 5)\n{expected}# outcome: returned \"7\"\n");
        assert_eq!(examples[0].text, Text::Plain(expected));
    }

    #[test]
    fn long_loops_show_their_first_two_and_their_last_run() {
        let mut events = "call f 1\nline f 2\n".to_owned();
        for x in 1..=4 {
            events.push_str(&format!("line f 3 | x: int = {x}\nline f 2\n"));
        }
        events.push_str("return f 2 = NoneType None");
        check(
            "def f():\n    for x in y:\n        g(x)\n",
            &events,
            "def f():  # (1) NO_CHANGE\n    \
             for x in y:  # (2) x=1; (4) x=2; ...; (10) return None\n        \
             g(x)  # (3) NO_CHANGE; (5) NO_CHANGE; ...; (9) NO_CHANGE\n",
        );
    }

    #[test]
    fn a_comment_stands_at_the_end_of_its_statement() {
        check(
            "def f():\n    s = '''\n'''\n    return s\n",
            "call f 1\nline f 2\nline f 4 | s: str = '\\n'\nreturn f 4 = str '\\n'",
            "def f():  # (1) NO_CHANGE\n    s = '''\n'''  # (2) s='\\n'\n    return s  # (3) return '\\n'\n",
        );
    }

    #[test]
    fn an_exception_is_told_once_where_it_is_raised() {
        check(
            "def f():\n    g()\n",
            "call f 1\nline f 2\nraise f 2 = ValueError no\nunwind f 2 = ValueError no",
            "def f():  # (1) NO_CHANGE\n    g()  # (2) raise ValueError: no\n",
        );
    }
}
