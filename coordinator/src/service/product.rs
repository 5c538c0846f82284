//! What a job makes: a dataset of traces out of sources, or a set of training text out of such a dataset.
//!
//! Both are made of numbered shards that anybody may do, and are whole once the last thing is written. Only the store
//! knows which shards are done. All calls block.

use std::sync::Arc;

use dataset::{Dataset, ErrorKind, Job, Report, SealError, StoreError, Times};
use training::{Order, RenderError, Rendering};

use crate::queue::{IntervalSet, JobKind, Rules};

/// What is asked of a job.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    Trace(Job),
    Render(Order),
}

/// What comes of it, in its place. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Product {
    Traces(Dataset),
    /// Its shards are the steps of the rendering in their order.
    Text(Arc<Rendering>),
}

/// What is sealed.
pub(super) enum Sealed {
    Traces(Report),
    Text,
}

/// Why something could not be done with it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Fault {
    what: String,
    /// The store may do better in a while.
    pub(crate) may_pass: bool,
}

impl Product {
    /// The shards that are done.
    pub(super) fn published(&self) -> Result<IntervalSet, Fault> {
        match self {
            Product::Traces(dataset) => Ok(dataset.published()?.collect::<Result<_, _>>()?),
            Product::Text(rendering) => Ok(rendering.done()?.into_iter().collect()),
        }
    }

    /// Gives what a worker has made of a shard its place. What a step writes stands there already, and is the same
    /// whoever wrote it.
    pub(super) fn publish(&self, shard: u64, attempt: &str) -> Result<(), Fault> {
        match self {
            Product::Traces(dataset) => {
                dataset.publish(shard, attempt)?;
                Ok(())
            }
            Product::Text(rendering) => match rendering.step(shard) {
                Some(step) if rendering.is_done(step)? => Ok(()),
                _ => Err(Fault { what: "the store holds nothing of it".to_owned(), may_pass: false }),
            },
        }
    }

    /// Makes it whole once every shard is done.
    pub(super) fn seal(&self, times: Times) -> Result<Sealed, Fault> {
        match self {
            Product::Traces(dataset) => Ok(Sealed::Traces(dataset.seal(times)?)),
            Product::Text(rendering) => {
                rendering.seal()?;
                Ok(Sealed::Text)
            }
        }
    }

    /// What is bounded in a job for it. The steps of a rendering run nothing of anybody's: no source is to blame for a
    /// worker that is lost with one.
    pub(super) fn rules(kind: JobKind) -> Rules {
        match kind {
            JobKind::Trace => Rules::default(),
            JobKind::Render => Rules { careful_after: u32::MAX, ..Rules::default() },
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault { what: error.to_string(), may_pass: error.kind() == ErrorKind::Other }
    }
}

impl From<SealError> for Fault {
    fn from(error: SealError) -> Fault {
        Fault { what: error.to_string(), may_pass: error.may_pass() }
    }
}

impl From<RenderError> for Fault {
    fn from(error: RenderError) -> Fault {
        Fault { what: error.to_string(), may_pass: error.may_pass() }
    }
}
