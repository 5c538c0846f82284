//! Why a rendering ends without its set of text.

use dataset::{ErrorKind, ManifestError, PartError, StoreError};
use render::StyleError;

use crate::benchmarks::BenchmarkError;
use crate::limit::BadTokenizer;
use crate::output::Misfit;

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Style(#[from] StyleError),
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error(transparent)]
    Tokenizer(#[from] BadTokenizer),
    #[error(transparent)]
    Benchmark(#[from] BenchmarkError),
    #[error("{location} is not finished: run its job to its end first")]
    Unfinished { location: String },
    #[error("{location} is neither empty nor a set of training text: choose another output")]
    NotEmpty { location: String },
    #[error("{location} was begun with another {what}: choose another output, or ask for the same")]
    Other { location: String, what: String },
    #[error("{key} is damaged: {what}")]
    Damaged { key: String, what: String },
    #[error(
        "{executions} executions are more than can be selected from at once: render its parts as datasets"
    )]
    TooMany { executions: u64 },
}

impl RenderError {
    /// Whether the store may do better in a while.
    pub fn may_pass(&self) -> bool {
        match self {
            RenderError::Store(error)
            | RenderError::Part(PartError::Store(error))
            | RenderError::Manifest(ManifestError::Store(error))
            | RenderError::Benchmark(BenchmarkError::Store(error)) => error.kind() == ErrorKind::Other,
            _ => false,
        }
    }
}

/// Why a step of a rendering went no further.
#[derive(Debug)]
pub(crate) enum Halt {
    /// That was wished.
    Stopped,
    /// Others have made the set complete meanwhile, and cleared away what the step had to go on.
    Overtaken,
    Failed(RenderError),
}

impl<E: Into<RenderError>> From<E> for Halt {
    fn from(error: E) -> Halt {
        Halt::Failed(error.into())
    }
}
