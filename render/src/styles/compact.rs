//! Every step with what changed, and nothing else.

use trace::{Change, ChangeKind, EventKind, Scope};

use crate::level::Level;
use crate::source::Source;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step, text, variables};

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
        let mut prompt = String::new();
        text::program(&mut prompt, &Source::new(execution.code));
        text::run(&mut prompt, execution);
        prompt.push_str("trace:\n");

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
        examples.push(Example { key: "trace".to_owned(), text: Text::Prompt { prompt, completion } });
        Ok(())
    }
}

/// ` {"x": "1", "xs[3]": "2", "y": null}` and ` global {…}`, each only if something in it changed.
fn changes(out: &mut String, changes: &[Change<'_>]) {
    for (mark, scope) in [(" ", Scope::Local), (" global ", Scope::Global)] {
        let told: Vec<(String, Option<&str>)> =
            changes.iter().filter(|change| change.scope == scope).filter_map(shown).collect();
        step::marked_object(out, mark, told.iter().map(|(place, text)| (place.as_str(), *text)));
    }
}

/// The change as it shows where definitions do not: one that a variable changes into takes it away.
fn shown<'a>(change: &Change<'a>) -> Option<(String, Option<&'a str>)> {
    let text = change.value.map(|value| value.text);
    let Some(element) = change.element else {
        return match text {
            Some(text) if variables::is_definition(change.name, text) => {
                (change.kind == ChangeKind::Modified).then_some((change.name.to_owned(), None))
            }
            _ => Some((change.name.to_owned(), text)),
        };
    };
    Some((format!("{}{element}", change.name), text))
}
