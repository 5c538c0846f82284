//! Colour, where people look and want it.

use std::io::{self, IsTerminal};

use anstyle::{AnsiColor, Style};
use dataset::Outcome;

/// Paints texts, or leaves them plain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Colour if standard output is a terminal and `NO_COLOR` (no-color.org) is not set.
    pub(crate) fn for_stdout() -> Paint {
        Paint { on: io::stdout().is_terminal() && is_wanted() }
    }

    /// The same for standard error.
    pub(crate) fn for_stderr() -> Paint {
        Paint { on: io::stderr().is_terminal() && is_wanted() }
    }

    #[cfg(test)]
    pub(crate) fn plain() -> Paint {
        Paint { on: false }
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// Green for what ran to its end, yellow for what the program did to itself, red for what we did.
    pub(crate) fn outcome(&self, outcome: Outcome, text: &str) -> String {
        let color = match outcome {
            Outcome::Returned | Outcome::Exited => AnsiColor::Green,
            Outcome::WorkerFault => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        self.with(color.on_default(), text)
    }

    fn with(&self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn is_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
