//! What a style is, and which ones there are.

use crate::styles;
use crate::{Example, Execution, SettingError, Settings, Text, sample};

/// A style with its settings.
pub trait Style: Send + Sync {
    /// Appends the examples that this style makes of `execution`: at least one, or says why none.
    ///
    /// The same arguments give the same examples. What one execution gives does not depend on any other.
    fn render(
        &self,
        execution: &Execution<'_>,
        seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped>;
}

/// Why an execution gives no example in a style. Its name is what a report counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Skipped {
    #[error("nothing of it was traced")]
    NoTrace,
    #[error("it was not traced line by line")]
    NoLines,
    #[error("it was not traced instruction by instruction")]
    NoInstructions,
    #[error("it did not come to an end that the style can tell")]
    NoResult,
    #[error("the result's text is cut, so that it does not say the value")]
    CutResult,
    #[error("it ran as a script, so there is no input to tell")]
    NoInput,
    #[error("its trace ends before the program did")]
    Incomplete,
    #[error("its source holds a token that has a meaning in this style")]
    ControlToken,
    #[error("the settings leave nothing of it")]
    NothingAsked,
}

impl Skipped {
    /// The name under which a report counts it.
    pub fn name(self) -> &'static str {
        match self {
            Skipped::NoTrace => "no_trace",
            Skipped::NoLines => "no_lines",
            Skipped::NoInstructions => "no_instructions",
            Skipped::NoResult => "no_result",
            Skipped::CutResult => "cut_result",
            Skipped::NoInput => "no_input",
            Skipped::Incomplete => "incomplete",
            Skipped::ControlToken => "control_token",
            Skipped::NothingAsked => "nothing_asked",
        }
    }
}

/// Which kind of [`Text`] a style's examples are; always the same for one style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Plain,
    Prompt,
    Messages,
}

/// One `key=value` that a style takes.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub key: &'static str,
    /// The value that it has where it is not set, as text.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// A style before its settings are known.
pub struct StyleKind {
    pub name: &'static str,
    /// What its text is, in one line.
    pub summary: &'static str,
    pub shape: Shape,
    pub parameters: &'static [Parameter],
    pub(crate) build: fn(&Settings) -> Result<Box<dyn Style>, SettingError>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StyleError {
    #[error("there is no style `{name}`; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("style {style}: {error}")]
    Setting { style: &'static str, error: SettingError },
}

impl StyleKind {
    /// The style with these settings.
    pub fn with(&self, settings: &Settings) -> Result<Box<dyn Style>, StyleError> {
        self.check_keys(settings)
            .and_then(|()| (self.build)(settings))
            .map_err(|error| StyleError::Setting { style: self.name, error })
    }

    /// What it makes of [`sample`] with its default settings: an example to show to people.
    pub fn example(&self) -> Example {
        let style = (self.build)(&Settings::default()).expect("the defaults of a style are valid");
        let mut examples = Vec::new();
        style.render(&sample(), 0, &mut examples).expect("every style can tell the sample");
        examples.swap_remove(0)
    }

    fn check_keys(&self, settings: &Settings) -> Result<(), SettingError> {
        let unknown = settings.keys().find(|key| self.parameters.iter().all(|known| known.key != *key));
        let Some(key) = unknown else { return Ok(()) };
        let known: Vec<&str> = self.parameters.iter().map(|parameter| parameter.key).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(SettingError::Unknown { key: key.to_owned(), known })
    }
}

impl Shape {
    pub fn of(text: &Text) -> Shape {
        match text {
            Text::Plain(_) => Shape::Plain,
            Text::Prompt { .. } => Shape::Prompt,
            Text::Messages(_) => Shape::Messages,
        }
    }
}

/// All styles, in the order in which people should read of them.
pub fn kinds() -> &'static [StyleKind] {
    styles::ALL
}

/// The style of this name.
pub fn find(name: &str) -> Result<&'static StyleKind, StyleError> {
    kinds().iter().find(|kind| kind.name == name).ok_or_else(|| {
        let known: Vec<&str> = kinds().iter().map(|kind| kind.name).collect();
        StyleError::Unknown { name: name.to_owned(), known: known.join(", ") }
    })
}
