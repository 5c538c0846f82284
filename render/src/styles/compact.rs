//! Every step with what changed, and nothing else.

use trace::{Change, ChangeKind, EventKind, Scope};

use crate::source::Source;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step, text, variables};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "compact",
    summary: "every step with what changed",
    shape: Shape::Prompt,
    parameters: &[],
    build,
};

struct Compact;

fn build(_settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Compact))
}

impl Style for Compact {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        if !execution.events.iter().any(step::is_step) {
            return Err(Skipped::NoTrace);
        }
        let mut prompt = String::new();
        text::program(&mut prompt, &Source::new(execution.code));
        text::run(&mut prompt, execution);
        prompt.push_str("trace:\n");

        let mut completion = String::new();
        let mut frame = None;
        for event in execution.events {
            if step::aside(&mut completion, event) {
                continue;
            }
            let begins = matches!(event.kind, EventKind::Call | EventKind::Resume);
            if !begins && frame != Some(event.frame) {
                completion.push_str("in ");
                step::frame(&mut completion, event);
                completion.push('\n');
            }
            frame = Some(event.frame);
            if begins {
                completion.push_str(event.kind.name());
                completion.push(' ');
                step::frame(&mut completion, event);
                completion.push_str(&format!(" {}", event.line));
            } else if event.kind == EventKind::Line {
                completion.push_str(&event.line.to_string());
            } else {
                completion.push_str(event.kind.name());
            }
            changes(&mut completion, &event.changes);
            step::value(&mut completion, event);
            completion.push('\n');
        }
        text::outcome(&mut completion, execution);
        examples.push(Example { key: "trace".to_owned(), text: Text::Prompt { prompt, completion } });
        Ok(())
    }
}

/// ` {"x": "1", "y": null}` and ` global {…}`, each only if something in it changed.
fn changes(out: &mut String, changes: &[Change<'_>]) {
    for (mark, scope) in [(" ", Scope::Local), (" global ", Scope::Global)] {
        let told = changes.iter().filter(|change| change.scope == scope).filter_map(shown);
        step::marked_object(out, mark, told);
    }
}

/// The change as it shows where definitions do not: one that a variable changes into takes it away.
fn shown<'a>(change: &Change<'a>) -> Option<(&'a str, Option<&'a str>)> {
    let text = change.value.map(|value| value.text);
    match text {
        Some(text) if variables::is_definition(change.name, text) => {
            (change.kind == ChangeKind::Modified).then_some((change.name, None))
        }
        _ => Some((change.name, text)),
    }
}
