//! One execution, as a row of the dataset. `docs/format.md` says what each column means.

use trace::Event;

use crate::Outcome;

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
    /// For example `3.13.0`; empty where nothing ran.
    pub interpreter: &'a str,
    pub tracer_version: &'a str,
    /// `<module>` for a script, else the function called.
    pub entry: &'a str,
    /// Decoded source text; empty where it could not be decoded.
    pub code: String,
    pub input: Option<String>,
    pub input_origin: InputOrigin,
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
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_memory_bytes: u64,
    /// The log ended in bytes that could not be read; `events` holds what came before them.
    pub trace_damaged: bool,
    /// Tracing stopped before the program did: a limit on events or on their memory was reached.
    pub trace_truncated: bool,
    pub events: Vec<Event<'a>>,
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
}

impl InputOrigin {
    pub fn name(self) -> &'static str {
        match self {
            InputOrigin::Script => "script",
            InputOrigin::Case => "case",
        }
    }
}
