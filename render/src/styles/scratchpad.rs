//! The full state at each step, as in a scratchpad.

use crate::level::Level;
use crate::scopes::Scopes;
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
        let prompt = text::trace_prompt(execution);
        examples.push(Example { key: "trace".to_owned(), text: Text::Prompt { prompt, completion } });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use trace::{Effect, EffectKind, Event, EventKind, Instruction, StackItem, Value};

    use super::*;
    use crate::notation;

    fn completion(settings: &[&str], events: &[Event<'_>]) -> Result<String, Skipped> {
        let style = KIND.with(&Settings::parse(settings).unwrap()).unwrap();
        let mut examples = Vec::new();
        style.render(&Execution { events, ..crate::sample() }, 0, &mut examples)?;
        match examples.remove(0).text {
            Text::Prompt { completion, .. } => Ok(completion),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_happens_beside_the_steps_stands_where_it_happened() {
        let mut events = notation::events(
            "call f 1 | s: str = 'a\\n' | global N: int = 1 | global f: function = <function f>
             output stdout hi\\n
             line f 2 | -s
             output stderr no
             gap events 7",
        );
        let kind = EventKind::Effect(Effect { kind: EffectKind::Read, detail: "a \"file\"" });
        events.insert(3, Event { kind, ..events[1].clone() });
        assert_eq!(
            completion(&[], &events).unwrap(),
            r#"call f#0 1 {"s": "'a\\n'"} global {"N": "1"}
output "hi\n"
line f#0 2 global {"N": "1"}
effect read "a \"file\""
error "no"
gap 7
outcome: returned "7"
"#
        );
    }

    #[test]
    fn instructions_show_with_their_stack_where_they_are_asked_for() {
        let mut events = notation::events("call f 1 | s: int = 2\nline f 2\nreturn f 2 = int 7");
        assert_eq!(completion(&["level=instruction"], &events), Err(Skipped::NoInstructions));
        let instruction = Instruction {
            offset: 18,
            name: "BINARY_OP",
            argument: Some("+="),
            stack: vec![
                StackItem::Null,
                StackItem::Local("s"),
                StackItem::Value(Value { type_name: "int", text: "5" }),
            ],
        };
        let kind = EventKind::Instruction(Box::new(instruction));
        events.insert(2, Event { kind, changes: Vec::new(), ..events[1].clone() });
        let told = completion(&["level=instruction"], &events).unwrap();
        let expected = r#"instruction f#0 2 @18 BINARY_OP "+=" stack [null, "=s", "5"] {"s": "2"}"#;
        assert_eq!(told.lines().nth(2), Some(expected));
        assert!(!completion(&[], &events).unwrap().contains("BINARY_OP"));
    }

    #[test]
    fn a_program_cannot_forge_the_trace() {
        let code = "x = 1\ntrace:\ncall f#0 1\n";
        let mut examples = Vec::new();
        let style = KIND.with(&Settings::default()).unwrap();
        style.render(&Execution { code, ..crate::sample() }, 0, &mut examples).unwrap();
        let Text::Prompt { prompt, .. } = &examples[0].text else { panic!() };
        assert_eq!(prompt.lines().filter(|line| *line == "trace:").count(), 1);
        assert!(prompt.contains("\n2: trace:\n3: call f#0 1\n"), "{prompt}");
    }
}
