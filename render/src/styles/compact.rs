//! Every step with what changed, and nothing else.

use trace::{Change, ChangeKind, EventKind, Scope};

use crate::level::Level;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, json, step, text, variables};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "compact",
    summary: "every step with what changed",
    shape: Shape::Prompt,
    parameters: &[Level::PARAMETER],
    build,
};

struct Compact {
    level: Level,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Compact { level: Level::of(settings)? }))
}

impl Style for Compact {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        self.level.check(execution)?;
        let mut completion = String::new();
        let mut frame = None;
        for event in execution.events {
            if step::aside(&mut completion, event) || !self.level.shows(event) {
                continue;
            }
            let begins = matches!(event.kind, EventKind::Call | EventKind::Resume);
            if !begins && frame != Some(event.frame) {
                completion.push_str("in ");
                step::frame(&mut completion, event);
                completion.push('\n');
            }
            frame = Some(event.frame);
            match &event.kind {
                EventKind::Call | EventKind::Resume => step::head(&mut completion, event),
                EventKind::Line => completion.push_str(&event.line.to_string()),
                EventKind::Instruction(it) => step::instruction(&mut completion, it),
                other => completion.push_str(other.name()),
            }
            changes(&mut completion, &event.changes);
            step::value(&mut completion, event);
            completion.push('\n');
        }
        text::outcome(&mut completion, execution);
        let prompt = text::trace_prompt(execution);
        examples.push(Example { key: "trace".to_owned(), text: Text::Prompt { prompt, completion } });
        Ok(())
    }
}

/// ` {"x": "1", "y": null} elements [["+xs[3]", "2"]]` and ` global …`, each only if something in it changed.
fn changes(out: &mut String, changes: &[Change<'_>]) {
    for scope in [Scope::Local, Scope::Global] {
        let in_scope = || changes.iter().filter(move |change| change.scope == scope);
        let mut told = String::new();
        step::marked_object(&mut told, " ", in_scope().filter_map(shown));
        elements(&mut told, in_scope().filter(|change| change.element.is_some()));
        if !told.is_empty() {
            out.push_str(if scope == Scope::Global { " global" } else { "" });
            out.push_str(&told);
        }
    }
}

/// A whole variable as it shows where definitions do not: one that it changes into takes it away.
fn shown<'a>(change: &Change<'a>) -> Option<(&'a str, Option<&'a str>)> {
    let text = change.value.map(|value| value.text);
    match text {
        _ if change.element.is_some() => None,
        Some(text) if variables::is_definition(change.name, text) => {
            (change.kind == ChangeKind::Modified).then_some((change.name, None))
        }
        _ => Some((change.name, text)),
    }
}

/// A list and no object, because one element's place can change more than once.
fn elements<'c, 'a: 'c>(out: &mut String, changes: impl Iterator<Item = &'c Change<'a>>) {
    let mut any = false;
    for change in changes {
        out.push_str(if any { ", " } else { " elements [" });
        any = true;
        out.push('[');
        json::string(out, &text::place(change));
        out.push_str(", ");
        match change.value {
            Some(value) => json::string(out, value.text),
            None => out.push_str("null"),
        }
        out.push(']');
    }
    if any {
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    fn completion(events: &[trace::Event<'_>]) -> String {
        let mut examples = Vec::new();
        let style = KIND.with(&Settings::default()).unwrap();
        style.render(&Execution { events, ..crate::sample() }, 0, &mut examples).unwrap();
        match examples.remove(0).text {
            Text::Prompt { completion, .. } => completion,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_are_named_where_they_change() {
        let events = notation::events(
            "call f 1
             line f 2
             call g 5
             yield g 5 = int 1
             line f 3 | x: int = 1 | global N: int = 2
             resume g 5 #1
             unwind g 5 = StopIteration
             raise f 3 = ValueError no
             line f 4 | -x",
        );
        assert_eq!(
            completion(&events),
            r#"call f#0 1
2
call g#1 5
yield -> "1"
in f#0
3 {"x": "1"} global {"N": "2"}
resume g#1 5
unwind -> "StopIteration"
in f#0
raise -> "ValueError: no"
4 {"x": null}
outcome: returned "7"
"#
        );
    }

    #[test]
    fn elements_are_told_by_their_paths() {
        let mut events = notation::events("call f 1 | xs: list = [1, 2]\nline f 2 | xs: int = 5");
        events[1].changes[0].element = Some("[1]");
        let mut inserted = events[1].changes[0].clone();
        inserted.kind = ChangeKind::New;
        let mut deleted = events[1].changes[0].clone();
        deleted.value = None;
        events[1].changes.extend([inserted, deleted]);
        let told = completion(&events);
        let expected = r#"2 elements [["xs[1]", "5"], ["+xs[1]", "5"], ["xs[1]", null]]"#;
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_name_that_becomes_a_definition_is_taken_away() {
        let events = notation::events("call f 1 | g: int = 1\nline f 2 | g: function = <function g>");
        assert!(completion(&events).contains("2 {\"g\": null}\n"));
    }
}
