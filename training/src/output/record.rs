//! One example as it is written: its text in the form that was asked for, and whence it came.

use std::fmt;

use render::{Role, Shape, Text};
use serde::{Deserialize, Serialize};

/// Which columns hold the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `text`.
    Text,
    /// `prompt` and `completion`.
    Prompt,
    /// `messages`, each with `role` and `content`.
    Messages,
}

/// One example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `TRACE_ID/STYLE/KEY`, the same in every run.
    pub id: String,
    pub trace_id: String,
    pub source_path: String,
    /// A JSON object of what came with the source, as text.
    pub source_meta: String,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Text(String),
    Prompt { prompt: String, completion: String },
    Messages(Vec<Message>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `user` or `assistant`.
    pub role: String,
    pub content: String,
}

/// A style's examples have no such form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the examples of this style are {made}, which cannot be written as {form}: leave the form out")]
pub struct Misfit {
    made: Form,
    form: Form,
}

impl Form {
    const ALL: [Form; 3] = [Form::Text, Form::Prompt, Form::Messages];

    pub fn name(self) -> &'static str {
        match self {
            Form::Text => "text",
            Form::Prompt => "prompt",
            Form::Messages => "messages",
        }
    }

    pub fn named(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.name() == name)
    }

    /// The form that a style's examples have by themselves.
    pub fn of(shape: Shape) -> Form {
        match shape {
            Shape::Plain => Form::Text,
            Shape::Prompt => Form::Prompt,
            Shape::Messages => Form::Messages,
        }
    }

    /// Whether examples of a shape can be written so: a prompt can be joined with its completion, or asked in a
    /// chat, but where a plain text's completion would begin nobody has said.
    pub fn check(self, shape: Shape) -> Result<(), Misfit> {
        let made = Form::of(shape);
        if made == self || made == Form::Prompt { Ok(()) } else { Err(Misfit { made, form: self }) }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Content {
    /// The text in a form that [`Form::check`] has allowed for it.
    pub(crate) fn new(text: Text, form: Form) -> Content {
        match (text, form) {
            (Text::Plain(text), _) => Content::Text(text),
            (Text::Prompt { prompt, completion }, Form::Text) => Content::Text(prompt + &completion),
            (Text::Prompt { prompt, completion }, Form::Prompt) => Content::Prompt { prompt, completion },
            (Text::Prompt { prompt, completion }, Form::Messages) => {
                let message = |role: Role, content| Message { role: role.name().to_owned(), content };
                Content::Messages(vec![message(Role::User, prompt), message(Role::Assistant, completion)])
            }
            (Text::Messages(messages), _) => Content::Messages(
                messages
                    .into_iter()
                    .map(|message| Message { role: message.role.name().to_owned(), content: message.content })
                    .collect(),
            ),
        }
    }

    /// The texts that it is made of.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        let (first, second, messages): (_, _, &[Message]) = match self {
            Content::Text(text) => (Some(text), None, &[]),
            Content::Prompt { prompt, completion } => (Some(prompt), Some(completion), &[]),
            Content::Messages(messages) => (None, None, messages),
        };
        let messages = messages.iter().map(|message| message.content.as_str());
        first.into_iter().chain(second).map(String::as_str).chain(messages)
    }

    pub(crate) fn characters(&self) -> u64 {
        self.pieces().map(|piece| piece.chars().count() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_can_take_any_form() {
        let text = || Text::Prompt { prompt: "q\n".to_owned(), completion: "a".to_owned() };
        assert_eq!(Content::new(text(), Form::Text), Content::Text("q\na".to_owned()));
        let Content::Messages(messages) = Content::new(text(), Form::Messages) else { panic!("no chat") };
        let told: Vec<_> =
            messages.iter().map(|message| (message.role.as_str(), &*message.content)).collect();
        assert_eq!(told, [("user", "q\n"), ("assistant", "a")]);
    }

    #[test]
    fn a_text_is_no_chat() {
        assert!(Form::ALL.into_iter().all(|form| form.check(Shape::Prompt).is_ok()));
        assert_eq!(Form::Text.check(Shape::Plain), Ok(()));
        let refusal = Form::Messages.check(Shape::Plain).unwrap_err().to_string();
        assert!(refusal.contains("are text, which cannot be written as messages"), "{refusal}");
    }
}
