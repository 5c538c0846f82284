//! One execution, as a row of the dataset. `docs/format.md` says what each column means.

use std::str::FromStr;

use trace::{Event, Granularity};

use crate::{Outcome, Verdict};

/// Everything about one execution. Texts that come from programs are already valid UTF-8 and bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    pub trace_id: String,
    pub job_id: &'a str,
    pub shard: u64,
    pub source_id: String,
    /// Names one source and no other: a file's path, or `file.jsonl:17`.
    pub source_path: String,
    /// Lower-case hex.
    pub source_sha256: String,
    /// A JSON object of what came with the source and is passed through; empty object if nothing did.
    pub source_meta: String,
    /// `python`.
    pub language: &'a str,
    /// For example `3.13.0`; empty where nothing ran.
    pub interpreter: &'a str,
    pub tracer_version: &'a str,
    /// `<module>` for a script, else the function called.
    pub entry: &'a str,
    /// Decoded source text; empty where it could not be decoded.
    pub code: String,
    pub input: Option<String>,
    pub input_origin: InputOrigin,
    /// How finely it was traced.
    pub granularity: Granularity,
    pub outcome: Outcome,
    pub exception_type: Option<String>,
    pub exception_message: Option<String>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Type and text of the value that the entry returned.
    pub output_type: Option<String>,
    pub output: Option<String>,
    pub stdout: Captured,
    pub stderr: Captured,
    /// The layers that confined it, for example `namespaces+landlock7+seccomp`.
    pub confinement: &'a str,
    /// Whether it had no effect on the world outside it and let none of that in; `None` if it did not run.
    pub pure: Option<bool>,
    /// Whether all runs gave the same; `None` if there was one, or a limit cut one off before they differed.
    pub deterministic: Option<bool>,
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_memory_bytes: u64,
    /// The log ended in bytes that could not be read; `events` holds what came before them.
    pub trace_damaged: bool,
    /// Tracing stopped before the program did: a limit on events or on their memory was reached.
    pub trace_truncated: bool,
    /// Whether it did what it should have; `None` where nothing says what that is, or where that could not be told.
    pub verdict: Option<Verdict>,
    pub events: Vec<Event<'a>>,
}

impl Row<'_> {
    /// Why it did not run to its end, as reports count it: short, and without what varies from run to run.
    pub fn reason(&self) -> Option<String> {
        const MAX_CHARS: usize = 160;
        let message = self.exception_message.as_deref().and_then(|message| message.lines().next());
        let mut reason = match (self.outcome, self.exception_type.as_deref(), message, self.signal) {
            (Outcome::Returned | Outcome::Exited, ..) => return None,
            (_, Some(exception), None | Some(""), _) => exception.to_owned(),
            (_, Some(exception), Some(message), _) => format!("{exception}: {message}"),
            (_, None, Some(message), _) => message.to_owned(),
            (_, None, None, Some(signal)) => format!("signal {signal}"),
            (_, None, None, None) => return None,
        };
        if let Some((end, _)) = reason.char_indices().nth(MAX_CHARS) {
            reason.truncate(end);
            reason.push('…');
        }
        Some(reason)
    }
}

/// What was written to a standard stream, up to a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    pub text: String,
    pub truncated: bool,
}

/// Where an execution's input came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputOrigin {
    /// The source ran as a script and was given none.
    Script,
    /// The source's own row carried it.
    Case,
    /// The job gives it to all scripts.
    Listed,
    /// It is a test that came with the source.
    Test,
    /// The source itself makes this call.
    Harvested,
    /// It was made of what the code says of its parameters.
    Typed,
    /// It is a change of one that worked.
    Fuzzed,
}

impl InputOrigin {
    const ALL: [InputOrigin; 7] = [
        InputOrigin::Script,
        InputOrigin::Case,
        InputOrigin::Listed,
        InputOrigin::Test,
        InputOrigin::Harvested,
        InputOrigin::Typed,
        InputOrigin::Fuzzed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            InputOrigin::Script => "script",
            InputOrigin::Case => "case",
            InputOrigin::Listed => "listed",
            InputOrigin::Test => "test",
            InputOrigin::Harvested => "harvested",
            InputOrigin::Typed => "typed",
            InputOrigin::Fuzzed => "fuzzed",
        }
    }
}

impl FromStr for InputOrigin {
    type Err = UnknownInputOrigin;

    fn from_str(name: &str) -> Result<InputOrigin, UnknownInputOrigin> {
        InputOrigin::ALL.into_iter().find(|origin| origin.name() == name).ok_or(UnknownInputOrigin)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no origin of inputs has this name")]
pub struct UnknownInputOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: Outcome, exception: Option<&str>, message: Option<&str>, expect: Option<&str>) {
        let row = Row {
            trace_id: String::new(),
            job_id: "",
            shard: 0,
            source_id: String::new(),
            source_path: String::new(),
            source_sha256: String::new(),
            source_meta: String::new(),
            language: "",
            interpreter: "",
            tracer_version: "",
            entry: "",
            code: String::new(),
            input: None,
            input_origin: InputOrigin::Script,
            granularity: Granularity::Line,
            outcome,
            exception_type: exception.map(str::to_owned),
            exception_message: message.map(str::to_owned),
            exit_code: None,
            signal: (outcome == Outcome::Killed).then_some(11),
            output_type: None,
            output: None,
            stdout: Captured::default(),
            stderr: Captured::default(),
            confinement: "",
            pure: None,
            deterministic: None,
            wall_us: 0,
            cpu_us: 0,
            peak_memory_bytes: 0,
            trace_damaged: false,
            trace_truncated: false,
            verdict: None,
            events: Vec::new(),
        };
        assert_eq!(row.reason().as_deref(), expect);
    }

    #[test]
    fn reasons_are_short_and_only_given_for_failures() {
        check(Outcome::Returned, None, None, None);
        check(Outcome::Exited, Some("SystemExit"), Some("1"), None);
        check(Outcome::Raised, Some("KeyError"), Some("'a'\nb"), Some("KeyError: 'a'"));
        check(Outcome::Raised, Some("StopIteration"), Some(""), Some("StopIteration"));
        check(Outcome::Unreadable, None, Some("line 3 has no `code`"), Some("line 3 has no `code`"));
        check(Outcome::Killed, None, None, Some("signal 11"));
        check(Outcome::TimedOut, None, None, None);
        let long = "é".repeat(200);
        check(Outcome::NoEntry, None, Some(&long), Some(&format!("{}…", "é".repeat(160))));
    }
}
