//! How fine the steps of a style are.

use trace::{Event, EventKind};

use crate::style::{Parameter, Skipped};
use crate::{Execution, SettingError, Settings, step};

/// The finest steps that a text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Lines, calls and what else happens between them; instructions are left out.
    Line,
    Instruction,
}

impl Level {
    pub(crate) const PARAMETER: Parameter = Parameter {
        key: "level",
        default: "line",
        meaning: "how fine the steps are: `line`, or `instruction` for traces that have them",
    };

    pub(crate) fn of(settings: &Settings) -> Result<Level, SettingError> {
        settings.choose("level", &[("line", Level::Line), ("instruction", Level::Instruction)])
    }

    /// Whether `event` belongs into texts of this level.
    pub(crate) fn shows(self, event: &Event<'_>) -> bool {
        self == Level::Instruction || !is_instruction(event)
    }

    /// Whether `execution` has steps of this level.
    pub(crate) fn check(self, execution: &Execution<'_>) -> Result<(), Skipped> {
        if !execution.events.iter().any(step::is_step) {
            return Err(Skipped::NoTrace);
        }
        match self {
            Level::Instruction if !execution.events.iter().any(is_instruction) => {
                Err(Skipped::NoInstructions)
            }
            _ => Ok(()),
        }
    }
}

/// Whether `execution` was traced line by line: what styles need that tell of lines.
pub(crate) fn check_lines(execution: &Execution<'_>) -> Result<(), Skipped> {
    Level::Line.check(execution)?;
    if execution.events.iter().all(|event| event.kind != EventKind::Line) {
        return Err(Skipped::NoLines);
    }
    Ok(())
}

fn is_instruction(event: &Event<'_>) -> bool {
    matches!(event.kind, EventKind::Instruction(_))
}
