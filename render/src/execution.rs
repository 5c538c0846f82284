//! One execution, as a style sees it.

use trace::{Event, Value};

/// What a row of a dataset says of one execution. `docs/format.md` has the meaning of each column.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// The `trace_id`; all randomness of a style comes from it and the seed.
    pub id: &'a str,
    /// The `source_path`.
    pub path: &'a str,
    pub code: &'a str,
    /// `<module>` for a script, else the function called.
    pub entry: &'a str,
    /// The arguments as Python text; `None` for a script.
    pub input: Option<&'a str>,
    /// The name of its outcome, such as `returned`.
    pub outcome: &'a str,
    /// Type and message of the exception that ended it.
    pub exception: Option<Value<'a>>,
    /// What the entry returned; `None` for a script and for one that did not get there.
    pub output: Option<Value<'a>>,
    pub stdout: &'a str,
    /// Whether `stdout` lacks its end.
    pub stdout_truncated: bool,
    pub pure: Option<bool>,
    pub deterministic: Option<bool>,
    /// Whether the events end before the program did, or were damaged.
    pub incomplete: bool,
    pub events: &'a [Event<'a>],
}

impl Execution<'_> {
    /// The run as Python text: `f([1, 2])`, or `<module>` for a script.
    pub fn call(&self) -> String {
        match self.input {
            Some(input) => format!("{}({input})", self.entry),
            None => self.entry.to_owned(),
        }
    }
}
