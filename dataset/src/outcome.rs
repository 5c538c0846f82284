//! How one execution ended.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How one execution ended. All but the last two are what the program or its source did, and are data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end.
    Returned,
    /// An exception left it.
    Raised,
    /// It chose to stop: `sys.exit`, `os._exit`.
    Exited,
    /// It was stopped at its limit of wall-clock or processor time.
    TimedOut,
    /// It ran out of the memory that it was allowed.
    OutOfMemory,
    /// It was stopped because it wrote more than it was allowed.
    OutputLimit,
    /// A signal ended it: a crash of the interpreter, or a signal that it sent itself.
    Killed,
    /// The confinement ended it because of a system call that no innocent program makes.
    Denied,
    /// The interpreter could not compile it.
    SyntaxError,
    /// It does not define what the row asks to call, or the row's input is no argument list.
    NoEntry,
    /// The source could not be read: no such encoding, not a row, too large.
    Unreadable,
    /// The job's filters dropped whatever ran of the source.
    Filtered,
    /// We failed, again and again, and at this source alone.
    WorkerFault,
}

impl Outcome {
    pub const ALL: [Outcome; 13] = [
        Outcome::Returned,
        Outcome::Raised,
        Outcome::Exited,
        Outcome::TimedOut,
        Outcome::OutOfMemory,
        Outcome::OutputLimit,
        Outcome::Killed,
        Outcome::Denied,
        Outcome::SyntaxError,
        Outcome::NoEntry,
        Outcome::Unreadable,
        Outcome::Filtered,
        Outcome::WorkerFault,
    ];

    /// The name that this outcome has in a dataset.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Returned => "returned",
            Outcome::Raised => "raised",
            Outcome::Exited => "exited",
            Outcome::TimedOut => "timed_out",
            Outcome::OutOfMemory => "out_of_memory",
            Outcome::OutputLimit => "output_limit",
            Outcome::Killed => "killed",
            Outcome::Denied => "denied",
            Outcome::SyntaxError => "syntax_error",
            Outcome::NoEntry => "no_entry",
            Outcome::Unreadable => "unreadable",
            Outcome::Filtered => "filtered",
            Outcome::WorkerFault => "worker_fault",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Outcome, UnknownOutcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name).ok_or(UnknownOutcome)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no outcome has this name: they are returned, raised, exited, timed_out, out_of_memory, output_limit, killed, denied, \
     syntax_error and no_entry"
)]
pub struct UnknownOutcome;
