//! The wordings of questions and answers.

use serde_json::Value;

use super::facts::{About, Fact};
use crate::random::Random;

/// Wordings by what they ask about. There is at least one for everything that can be asked.
pub(super) struct Templates {
    templates: Vec<Template>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    about: About,
    question: String,
    answer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("templates are a JSON array of objects with the texts `about`, `question` and `answer`")]
    Form,
    #[error("a template is about `{name}`, but can be about {known}")]
    About { name: String, known: String },
    #[error("the question `{question}` must say {{{missing}}}, or it has no single answer")]
    Missing { question: String, missing: &'static str },
    #[error("the answer `{0}` must say {{answer}}")]
    NoAnswer(String),
    #[error("`{text}` says {{{unknown}}}, which is not known there")]
    Unknown { text: String, unknown: String },
}

const BUILT_IN: &[(About, &str, &str)] = &[
    (About::Value, "What is `{variable}` right after line {line} has run for the {nth} time?", "`{answer}`"),
    (
        About::Value,
        "Line {line} runs for the {nth} time. Which value does `{variable}` have then?",
        "`{variable}` is `{answer}`.",
    ),
    (About::Count, "How many times does line {line} run?", "{answer}"),
    (About::Count, "How often is line {line} executed in this run?", "It runs this often: {answer}."),
    (About::Lines, "Which lines run? List their numbers in ascending order.", "{answer}"),
    (About::Loop, "How many times in all does the body of the loop in line {line} begin?", "{answer}"),
    (About::Calls, "How many times is `{function}` called?", "{answer}"),
    (About::Returned, "What does `{call}` return?", "`{answer}`"),
    (About::Returned, "Which value comes back from this run?", "It returns `{answer}`."),
    (
        About::Exception,
        "Which exception ends this run, if any? Answer with its type and message, or none.",
        "{answer}",
    ),
    (About::Printed, "What does this run print to standard output?", "{answer}"),
    (
        About::Pure,
        "Does this run keep to itself, touching no files, network, environment, time or randomness? \
         Answer yes or no.",
        "{answer}",
    ),
];

impl Templates {
    /// The built-in wordings, and those of `more`, a JSON array; it may be empty.
    pub(super) fn with(more: &str) -> Result<Templates, TemplateError> {
        let mut templates: Vec<Template> = BUILT_IN
            .iter()
            .map(|(about, question, answer)| Template {
                about: *about,
                question: (*question).to_owned(),
                answer: (*answer).to_owned(),
            })
            .collect();
        if !more.trim().is_empty() {
            let Ok(Value::Array(values)) = serde_json::from_str(more) else {
                return Err(TemplateError::Form);
            };
            for value in values {
                templates.push(Template::read(&value)?);
            }
        }
        Ok(Templates { templates })
    }

    /// Question and answer in one of the wordings.
    pub(super) fn word(&self, fact: &Fact, random: &mut Random) -> (String, String) {
        let fitting: Vec<&Template> =
            self.templates.iter().filter(|template| template.about == fact.about).collect();
        let template = fitting[random.below(fitting.len())];
        (fill(&template.question, fact), fill(&template.answer, fact))
    }
}

impl Template {
    fn read(value: &Value) -> Result<Template, TemplateError> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or(TemplateError::Form);
        let name = text("about")?;
        let about = About::ALL.into_iter().find(|about| about.name() == name).ok_or_else(|| {
            TemplateError::About { name: name.to_owned(), known: About::ALL.map(About::name).join(", ") }
        })?;
        let (question, answer) = (text("question")?.to_owned(), text("answer")?.to_owned());
        let missing = about.details().iter().find(|detail| !places(&question).any(|name| name == **detail));
        if let Some(missing) = missing
            && about != About::Returned
        {
            return Err(TemplateError::Missing { question, missing });
        }
        if !places(&answer).any(|name| name == "answer") {
            return Err(TemplateError::NoAnswer(answer));
        }
        for (text, is_answer) in [(&question, false), (&answer, true)] {
            let unknown =
                places(text).find(|name| !(about.details().contains(name) || is_answer && *name == "answer"));
            if let Some(unknown) = unknown {
                return Err(TemplateError::Unknown { text: text.clone(), unknown: unknown.to_owned() });
            }
        }
        Ok(Template { about, question, answer })
    }
}

/// The names in braces.
fn places(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// `text` with what stands in braces replaced; what is put in is not looked at again.
fn fill(text: &str, fact: &Fact) -> String {
    let mut pieces = text.split('{');
    let mut filled = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let known = piece.split_once('}').and_then(|(name, rest)| match name {
            "answer" => Some((&fact.answer, rest)),
            name => fact.details.get(name).map(|value| (value, rest)),
        });
        match known {
            Some((value, rest)) => {
                filled.push_str(value);
                filled.push_str(rest);
            }
            None => {
                filled.push('{');
                filled.push_str(piece);
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_asked_has_a_wording_that_reads_back() {
        for about in About::ALL {
            assert!(BUILT_IN.iter().any(|(other, ..)| *other == about), "{}", about.name());
        }
        for (about, question, answer) in BUILT_IN {
            let value = serde_json::json!({"about": about.name(), "question": question, "answer": answer});
            assert!(Template::read(&value).is_ok(), "{question}");
        }
    }

    #[test]
    fn mistakes_in_templates_are_told() {
        let told = |json: &str| Templates::with(json).map(drop).unwrap_err();
        assert_eq!(told("{}"), TemplateError::Form);
        assert_eq!(told(r#"[{"about": "value"}]"#), TemplateError::Form);
        let about = told(r#"[{"about": "time", "question": "", "answer": ""}]"#).to_string();
        assert!(about.starts_with("a template is about `time`, but can be about value, count"), "{about}");
        assert_eq!(
            told(r#"[{"about": "count", "question": "How often?", "answer": "{answer}"}]"#).to_string(),
            "the question `How often?` must say {line}, or it has no single answer"
        );
        assert_eq!(
            told(r#"[{"about": "pure", "question": "?", "answer": "yes"}]"#).to_string(),
            "the answer `yes` must say {answer}"
        );
        assert_eq!(
            told(r#"[{"about": "pure", "question": "{line}?", "answer": "{answer}"}]"#).to_string(),
            "`{line}?` says {line}, which is not known there"
        );
    }

    #[test]
    fn what_a_program_says_is_not_filled_in_again() {
        let details = [("line", "{answer}".to_owned())].into();
        let fact = Fact { about: About::Count, details, answer: "{line}".to_owned() };
        assert_eq!(fill("{line} {answer} {other}", &fact), "{answer} {line} {other}");
    }
}
