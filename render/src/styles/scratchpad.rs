//! The full state at each step, as in a scratchpad.

use crate::level::Level;
use crate::scopes::Scopes;
use crate::source::Source;
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "scratchpad",
    summary: "every step with the full state",
    shape: Shape::Prompt,
    parameters: &[Level::PARAMETER],
    build,
};

struct Scratchpad {
    level: Level,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Scratchpad { level: Level::of(settings)? }))
}

impl Style for Scratchpad {
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
        let mut scopes = Scopes::default();
        for event in execution.events {
            if step::aside(&mut completion, event) || !self.level.shows(event) {
                continue;
            }
            scopes.apply(event);
            step::head(&mut completion, event);
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
