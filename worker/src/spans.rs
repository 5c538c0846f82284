//! What is told of a worker's shards while they run: a span each, below the span of their job, and the metrics that
//! frame them.

use std::time::Instant;

use telemetry::metrics;
use tracing::field::{Empty, display};
use tracing::{info, info_span};

use crate::ledger::{Ended, Failure};
use crate::slots::Runner;

/// A runner that does what `runner` does, each shard in a span of its own. `worker` is the name that the
/// coordinator knows this process by.
pub(crate) fn told(worker: String, mut runner: Runner) -> Runner {
    Box::new(move |assignment, progress| {
        let lease = &assignment.lease;
        let span = info_span!(
            "shard",
            job = lease.job,
            shard = lease.shard,
            token = lease.token,
            worker,
            ended = Empty,
            sources = Empty,
            events = Empty,
        );
        assignment.parent.adopt(&span);
        let _entered = span.enter();
        let _busy = metrics::slot_taken();
        let begun = Instant::now();
        let ended = runner(assignment, progress);
        match &ended {
            Ended::Finished { tally, .. } => {
                metrics::shard_finished(begun.elapsed());
                span.record("ended", "finished")
                    .record("sources", tally.sources)
                    .record("events", tally.events);
                info!(rows = tally.rows, "finished a shard");
            }
            Ended::Failed(Failure { reason, source }) => {
                span.record("ended", "failed");
                info!(source, %reason, "could not do a shard");
            }
            Ended::Dropped => {
                span.record("ended", "dropped");
            }
        }
        ended
    })
}

/// Stores a part of so many bytes, which `store` does, in a span of its own.
pub(crate) fn upload<T, E>(attempt: &str, bytes: u64, store: impl FnOnce() -> Result<T, E>) -> Result<T, E>
where
    E: std::fmt::Display,
{
    let span = info_span!("upload", attempt, bytes, error = Empty);
    let _entered = span.enter();
    let begun = Instant::now();
    let stored = store();
    match &stored {
        Ok(_) => metrics::uploaded(bytes, begun.elapsed()),
        Err(error) => {
            span.record("error", display(error));
        }
    }
    stored
}
