//! What a style makes of an execution.

/// One training example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Names this example among those of its execution in this style, such as `3+2`; the same in every run
    /// with the same settings and seed. With the execution's id and the style it is a stable id.
    pub key: String,
    pub text: Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Everything is to be learnt.
    Plain(String),
    /// The completion is to be learnt; the text is both, one after the other.
    Prompt { prompt: String, completion: String },
    /// A chat.
    Messages(Vec<Message>),
}

impl Text {
    /// The texts that it is made of, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        let (first, second, messages): (_, _, &[Message]) = match self {
            Text::Plain(text) => (Some(text), None, &[]),
            Text::Prompt { prompt, completion } => (Some(prompt), Some(completion), &[]),
            Text::Messages(messages) => (None, None, messages),
        };
        let messages = messages.iter().map(|message| message.content.as_str());
        first.into_iter().chain(second).map(String::as_str).chain(messages)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

impl Role {
    /// The name that chat templates know.
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}
