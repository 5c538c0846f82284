//! The full state at each step, as in a scratchpad.

use crate::scopes::Scopes;
use crate::source::Source;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "scratchpad",
    summary: "every step with the full state",
    shape: Shape::Prompt,
    parameters: &[],
    build,
};

struct Scratchpad;

fn build(_settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Scratchpad))
}

impl Style for Scratchpad {
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
        let mut scopes = Scopes::default();
        for event in execution.events {
            if step::aside(&mut completion, event) {
                continue;
            }
            scopes.apply(event);
            completion.push_str(event.kind.name());
            completion.push(' ');
            step::frame(&mut completion, event);
            completion.push_str(&format!(" {}", event.line));
            step::state(&mut completion, event.frame, &scopes);
            step::value(&mut completion, event);
            completion.push('\n');
            scopes.forget(event);
        }
        text::outcome(&mut completion, execution);
        examples.push(Example { key: "trace".to_owned(), text: Text::Prompt { prompt, completion } });
        Ok(())
    }
}
