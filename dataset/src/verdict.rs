//! Whether an execution did what it should have.

use std::fmt;
use std::str::FromStr;

/// What an execution comes to where something says what it should have done: a test, an expected value, an expected
/// output. Its outcome is another matter: a test that fails has raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It did as it should.
    Passed,
    /// It ran to its end and did otherwise, or an assertion of its test did not hold.
    Failed,
    /// It did not get there: it raised, reached a limit, or could not be asked.
    Error,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [Verdict::Passed, Verdict::Failed, Verdict::Error];

    /// The name that this verdict has in a dataset.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(name: &str) -> Result<Verdict, UnknownVerdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name).ok_or(UnknownVerdict)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no verdict has this name")]
pub struct UnknownVerdict;
