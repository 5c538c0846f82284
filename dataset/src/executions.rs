//! Which executions a job makes of each source.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Filters, Run};

/// How executions of a source are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executions {
    pub modes: BTreeSet<Mode>,
    pub search: Search,
    /// What each script is given, once after another; nothing, once, if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Whom to ask for inputs of functions, if anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposals: Option<Proposals>,
    /// Which of them become rows.
    #[serde(default, skip_serializing_if = "Filters::is_none")]
    pub filters: Filters,
}

/// One way to find executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A source without a case runs as `__main__`.
    Script,
    /// A source that comes with an input or with tests is executed with them.
    Cases,
    /// The functions of a source are called with inputs that are searched for.
    Functions,
}

/// What may be spent on each function, and the chance that goes into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The same seed gives the same inputs.
    pub seed: u64,
    /// Inputs tried.
    pub tried: u32,
    /// Executions kept as rows.
    pub kept: u32,
    /// Processor time of each execution tried, where the job allows no less.
    pub cpu_ms: u64,
}

/// A language model that proposes inputs. Where it is asked, and with which key, is known to workers alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposals {
    pub model: String,
    /// What it is asked, in place of the usual. [`Proposals::FUNCTIONS`] and [`Proposals::CODE`] stand for those of
    /// the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

impl Proposals {
    pub const FUNCTIONS: &str = "{functions}";
    pub const CODE: &str = "{code}";
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Script, Mode::Cases, Mode::Functions];

    pub fn name(self) -> &'static str {
        match self {
            Mode::Script => "script",
            Mode::Cases => "cases",
            Mode::Functions => "functions",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mode: say script, cases or functions")]
pub struct UnknownMode(String);

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Mode, UnknownMode> {
        Mode::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| UnknownMode(name.to_owned()))
    }
}

impl Default for Executions {
    /// Each source as it is meant to be run.
    fn default() -> Self {
        let modes = BTreeSet::from([Mode::Script, Mode::Cases]);
        Executions {
            modes,
            search: Search::default(),
            runs: Vec::new(),
            proposals: None,
            filters: Filters::default(),
        }
    }
}

impl Default for Search {
    fn default() -> Self {
        Search { seed: 0, tried: 256, kept: 8, cpu_ms: 1_000 }
    }
}

impl Executions {
    pub(crate) fn is_usual(&self) -> bool {
        *self == Executions::default()
    }

    pub fn has(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }
}
