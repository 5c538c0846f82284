//! What a job is asked to do. Two jobs with the same questions are the same job.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A job as it stands in `_et/job.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub format_version: u32,
    /// Source folders and JSONL files, as the user gave them.
    pub sources: Vec<String>,
    pub shard_sources: u64,
    pub limits: Limits,
}

/// Derived from everything that decides a job's rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub String);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one execution may use. All are hard limits but `max_events`, past which tracing stops and the program
/// runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub wall_ms: u64,
    pub cpu_ms: u64,
    pub memory_bytes: u64,
    /// Size of any one file that it writes.
    pub file_bytes: u64,
    /// Threads included. A confined program can start no process, so this bounds its threads.
    pub processes: u64,
    /// Bytes written to standard output and standard error, each.
    pub output_bytes: u64,
    pub max_events: u64,
    /// Memory for events.
    pub log_bytes: u64,
    /// Larger sources are rows that say so.
    pub source_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall_ms: 10_000,
            cpu_ms: 10_000,
            memory_bytes: 1 << 30,
            file_bytes: 64 << 20,
            processes: 64,
            output_bytes: 8 << 20,
            max_events: 100_000,
            log_bytes: 64 << 20,
            source_bytes: 10 << 20,
        }
    }
}
