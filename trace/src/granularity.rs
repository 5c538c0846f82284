//! How finely a program is traced.

use std::fmt;
use std::str::FromStr;

/// How finely a program is traced. Each granularity is a projection of the next finer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Granularity {
    /// The outcome, the value and what was written; no frame is traced.
    Program,
    /// The tree of calls: how frames are entered and left, and exceptions.
    Call,
    /// Each line, and the variables that changed before it.
    #[default]
    Line,
    /// Each bytecode instruction beside the lines, with the operand stack before it.
    Instruction,
}

impl Granularity {
    pub const ALL: [Granularity; 4] =
        [Granularity::Program, Granularity::Call, Granularity::Line, Granularity::Instruction];

    /// The name that it has in a dataset and on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Granularity::Program => "program",
            Granularity::Call => "call",
            Granularity::Line => "line",
            Granularity::Instruction => "instruction",
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Granularity {
    type Err = UnknownGranularity;

    fn from_str(name: &str) -> Result<Granularity, UnknownGranularity> {
        let known = Granularity::ALL.into_iter().find(|granularity| granularity.name() == name);
        known.ok_or_else(|| UnknownGranularity(name.to_owned()))
    }
}

/// No granularity has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownGranularity(String);

impl fmt::Display for UnknownGranularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no granularity: use program, call, line or instruction", self.0)
    }
}

impl std::error::Error for UnknownGranularity {}
