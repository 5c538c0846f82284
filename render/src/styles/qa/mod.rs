//! Questions about a run and their answers, as chats.

mod facts;
mod templates;

use std::collections::BTreeMap;

use crate::level::check_lines;
use crate::random::Random;
use crate::source::Source;
use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, Message, Role, SettingError, Settings, Text, text};
use facts::{About, Fact};
use templates::Templates;

pub(crate) const KIND: StyleKind = StyleKind {
    name: "qa",
    summary: "questions about the run with answers from the trace, as a chat",
    shape: Shape::Messages,
    parameters: &[
        Parameter {
            key: "questions",
            default: "3",
            meaning: "how many questions to draw for each execution, or `all` that its trace can answer",
        },
        Parameter {
            key: "templates",
            default: "",
            meaning: "more wordings, as the JSON array that docs/styles.md describes",
        },
    ],
    build,
};

struct Qa {
    questions: Option<usize>,
    templates: Templates,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    let questions = settings.count_or("questions", 3, "all")?;
    let templates = Templates::with(settings.text("templates").unwrap_or("")).map_err(|error| {
        let value = settings.text("templates").unwrap_or("").chars().take(40).collect();
        SettingError::Value { key: "templates", value, wanted: error.to_string() }
    })?;
    Ok(Box::new(Qa { questions, templates }))
}

impl Style for Qa {
    fn render(
        &self,
        execution: &Execution<'_>,
        seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        check_lines(execution)?;
        let source = Source::new(execution.code);
        let facts = facts::facts(execution, &source);
        let mut random = Random::new(seed, execution.id, "qa");
        let drawn = match self.questions {
            Some(questions) => draw(facts, questions, &mut random),
            None => facts,
        };
        if drawn.is_empty() {
            return Err(Skipped::NothingAsked);
        }
        let mut program = String::new();
        text::program(&mut program, &source);
        text::run(&mut program, execution);
        program.push('\n');
        let mut messages = Vec::new();
        for fact in &drawn {
            let (question, answer) = self.templates.word(fact, &mut random);
            let question = if messages.is_empty() { format!("{program}{question}") } else { question };
            messages.push(Message { role: Role::User, content: question });
            messages.push(Message { role: Role::Assistant, content: answer });
        }
        examples.push(Example { key: "chat".to_owned(), text: Text::Messages(messages) });
        Ok(())
    }
}

/// Draws facts: first what they are about, so that the many values of a long trace do not crowd out the one
/// value that it returns; then one of them.
fn draw(facts: Vec<Fact>, questions: usize, random: &mut Random) -> Vec<Fact> {
    let mut by_subject: BTreeMap<About, Vec<Fact>> = BTreeMap::new();
    for fact in facts {
        by_subject.entry(fact.about).or_default().push(fact);
    }
    let mut drawn = Vec::new();
    // Each subject comes up once before any comes up again.
    let mut round: Vec<About> = Vec::new();
    while drawn.len() < questions && !by_subject.is_empty() {
        if round.is_empty() {
            round = by_subject.keys().copied().collect();
        }
        let about = round.swap_remove(random.below(round.len()));
        let facts = by_subject.get_mut(&about).expect("a round holds subjects that have facts");
        drawn.push(facts.swap_remove(random.below(facts.len())));
        if facts.is_empty() {
            by_subject.remove(&about);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn chat(settings: &[&str], execution: &Execution<'_>, seed: u64) -> Vec<Message> {
        let style = KIND.with(&Settings::parse(settings).unwrap()).unwrap();
        let mut examples = Vec::new();
        style.render(execution, seed, &mut examples).unwrap();
        match examples.remove(0).text {
            Text::Messages(messages) => messages,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_program_is_told_once_and_each_question_is_answered() {
        let messages = chat(&["questions=3"], &sample(), 0);
        let roles: Vec<&str> = messages.iter().map(|message| message.role.name()).collect();
        assert_eq!(roles, ["user", "assistant"].repeat(3));
        let told = messages.iter().filter(|message| message.content.starts_with("program:\n1: def clip"));
        assert_eq!(told.count(), 1);
    }

    #[test]
    fn the_seed_decides_the_questions() {
        assert_eq!(chat(&[], &sample(), 1), chat(&[], &sample(), 1));
        assert!((2..20).any(|seed| chat(&[], &sample(), seed) != chat(&[], &sample(), 1)));
    }

    #[test]
    fn own_wordings_are_used_beside_the_built_in_ones() {
        let own = r#"templates=[{"about": "returned", "question": "{call}?", "answer": "= {answer}"}]"#;
        let worded = (0..50).any(|seed| {
            let messages = chat(&["questions=all", own], &sample(), seed);
            messages.windows(2).any(|pair| pair[0].content == "f([2, 9], 5)?" && pair[1].content == "= 7")
        });
        assert!(worded);
    }
}
