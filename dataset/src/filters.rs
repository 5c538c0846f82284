//! Which executions of a job become rows, and why others do not.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// What an execution must be to become a row. By default, anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filters {
    /// How it ended; empty for any way.
    pub outcomes: BTreeSet<Outcome>,
    /// It has no effect on the world outside it and lets none of that in.
    pub pure: bool,
    /// All its runs were alike, of which there must be two at least.
    pub deterministic: bool,
    pub fewest_events: Option<u64>,
    pub most_events: Option<u64>,
    /// In which ways it differs from what became a row before it.
    pub distinct: BTreeSet<Distinct>,
}

/// A way in which an execution is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distinct {
    /// No execution of the shard was of the same code with the same input.
    Content,
    /// None of the shard took the same way through lines of the same text.
    Shape,
    /// It takes a step from one line to the next that none of its source took.
    Coverage,
    /// It does not give what its function always gave.
    Output,
}

/// Why an execution did not become a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    Outcome,
    Impure,
    NotDeterministic,
    TooFewEvents,
    TooManyEvents,
    SameContent,
    SameShape,
    NoNewCoverage,
    ConstantOutput,
}

impl Filters {
    /// Whether everything becomes a row.
    pub fn is_none(&self) -> bool {
        *self == Filters::default()
    }

    pub fn wants(&self, distinct: Distinct) -> bool {
        self.distinct.contains(&distinct)
    }
}

impl Distinct {
    pub const ALL: [Distinct; 4] = [Distinct::Content, Distinct::Shape, Distinct::Coverage, Distinct::Output];

    pub fn name(self) -> &'static str {
        match self {
            Distinct::Content => "content",
            Distinct::Shape => "shape",
            Distinct::Coverage => "coverage",
            Distinct::Output => "output",
        }
    }
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distinct {
    type Err = UnknownDistinct;

    fn from_str(name: &str) -> Result<Distinct, UnknownDistinct> {
        let known = Distinct::ALL.into_iter().find(|distinct| distinct.name() == name);
        known.ok_or_else(|| UnknownDistinct(name.to_owned()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("executions cannot be distinct in `{0}`: say content, shape, coverage or output")]
pub struct UnknownDistinct(String);

impl Dropped {
    /// The name under which a report counts it.
    pub fn name(self) -> &'static str {
        match self {
            Dropped::Outcome => "outcome",
            Dropped::Impure => "impure",
            Dropped::NotDeterministic => "not_deterministic",
            Dropped::TooFewEvents => "too_few_events",
            Dropped::TooManyEvents => "too_many_events",
            Dropped::SameContent => "same_content",
            Dropped::SameShape => "same_shape",
            Dropped::NoNewCoverage => "no_new_coverage",
            Dropped::ConstantOutput => "constant_output",
        }
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
