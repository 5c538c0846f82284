//! What a job is asked to do. Two jobs with the same questions are the same job.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trace::Granularity;

use crate::granularity;
use crate::hex::hex;
use crate::layout::FORMAT_VERSION;
use crate::source::{self, SourceError};
use crate::{ColumnMap, Executions};

/// A job as it stands in `_et/job.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub format_version: u32,
    /// Folders, files and URIs of sources, as absolute paths.
    pub sources: Vec<String>,
    /// Which columns of Parquet files hold what.
    #[serde(default, skip_serializing_if = "ColumnMap::is_empty")]
    pub columns: ColumnMap,
    pub shard_sources: u64,
    /// Minor version of the interpreter, such as `3.13`: others trace differently, so their workers do not run it.
    /// `None` for whichever comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// How finely programs are traced.
    #[serde(default, with = "granularity", skip_serializing_if = "granularity::is_usual")]
    pub granularity: Granularity,
    /// Objects that can change are told apart by numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub identities: bool,
    /// What is executed of each source.
    #[serde(default, skip_serializing_if = "Executions::is_usual")]
    pub executions: Executions,
    /// How often each program is run. From twice on, rows say whether the runs were alike.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub repeat: u32,
    pub limits: Limits,
}

fn once() -> u32 {
    1
}

fn is_once(repeat: &u32) -> bool {
    *repeat == once()
}

impl Job {
    /// A job over these sources, which must exist. Their paths become absolute, so that any process can open
    /// them.
    pub fn new(sources: &[String], shard_sources: u64, limits: Limits) -> Result<Job, SourceError> {
        let sources = source::resolve(sources)?;
        let columns = ColumnMap::default();
        let granularity = Granularity::default();
        let (format_version, python) = (FORMAT_VERSION, None);
        let (executions, repeat) = (Executions::default(), once());
        Ok(Job {
            format_version,
            sources,
            columns,
            shard_sources,
            python,
            granularity,
            identities: false,
            executions,
            repeat,
            limits,
        })
    }

    /// The same job over Parquet files that have other columns than usual.
    pub fn with_columns(self, columns: ColumnMap) -> Job {
        Job { columns, ..self }
    }

    /// The same job with other executions of each source.
    pub fn with_executions(self, executions: Executions) -> Job {
        Job { executions, ..self }
    }

    /// The same job for interpreters of one minor version.
    pub fn with_python(self, minor: &str) -> Job {
        Job { python: Some(minor.to_owned()), ..self }
    }

    /// The same job with its programs traced as finely as this.
    pub fn with_granularity(self, granularity: Granularity) -> Job {
        Job { granularity, ..self }
    }

    /// The same job with its objects told apart or not.
    pub fn with_identities(self, identities: bool) -> Job {
        Job { identities, ..self }
    }

    /// The same job with each program run so often.
    pub fn with_repeat(self, repeat: u32) -> Job {
        Job { repeat, ..self }
    }

    /// The beginning of the job's hash. Whatever changes its rows changes this.
    pub fn id(&self) -> JobId {
        const BYTES: usize = 8;
        let canonical = serde_json::to_vec(self).expect("texts and numbers are JSON");
        JobId(hex(&Sha256::digest(canonical)[..BYTES]))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Search};

    #[test]
    fn every_question_counts_in_the_id() {
        let job = Job {
            format_version: 1,
            sources: vec!["/a".to_owned()],
            columns: ColumnMap::default(),
            shard_sources: 9,
            python: None,
            granularity: Granularity::Line,
            identities: false,
            executions: Executions::default(),
            repeat: 1,
            limits: Limits::default(),
        };
        let others = [
            Job { sources: vec!["/b".to_owned()], ..job.clone() },
            Job { shard_sources: 10, ..job.clone() },
            job.clone().with_repeat(2),
            job.clone().with_python("3.12"),
            job.clone().with_columns(ColumnMap::new(["code=body".parse().unwrap()]).unwrap()),
            job.clone().with_granularity(Granularity::Call),
            job.clone().with_identities(true),
            job.clone()
                .with_executions(Executions { modes: [Mode::Functions].into(), ..Executions::default() }),
            job.clone().with_executions(Executions {
                search: Search { seed: 1, ..Search::default() },
                ..Executions::default()
            }),
            Job { limits: Limits { wall_ms: 1, ..job.limits }, ..job.clone() },
        ];
        assert_eq!(job.id(), job.clone().id());
        assert!(others.iter().all(|other| other.id() != job.id()));
        assert_eq!(job.id().0.len(), 16);
    }
}
