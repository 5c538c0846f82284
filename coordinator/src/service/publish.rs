//! Gives committed parts their place.

use std::sync::Arc;
use std::time::Duration;

use telemetry::metrics;
use tracing::{info, warn};

use super::product::Fault;
use super::{Open, Service, ServiceError, lock};
use crate::queue::{Finished, QueueError};

/// Pauses before the store is asked again where it failed for a reason that may pass. Together they are shorter than
/// the time after which the queue gives a publication to somebody else (`Rules::publication`), so few try at once.
const RETRIES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(20)];

/// What became of a publication.
enum Outcome {
    Published,
    /// The store has been failing all the time. The part is whole and waits where it is: a sweep gives it to a
    /// coordinator again, and no program runs twice because of an outage.
    Postponed(Fault),
    /// The part cannot be published, now or later.
    Failed(String),
}

impl Service {
    /// Publishes a committed part and says so to the queue. If that cannot be said, a sweep finds it out.
    pub(super) fn publish(&self, open: Arc<Open>, finished: Finished) {
        let service = self.clone();
        self.0.machine.spawn(async move {
            let (job, shard) = (open.id(), finished.lease.shard);
            let told = match service.place(&open, &finished).await {
                Outcome::Published => {
                    metrics::published();
                    open.queue.published(finished.lease, &finished.tally).await.map(drop)
                }
                Outcome::Postponed(error) => {
                    warn!(job, shard, %error, "a part waits for the store");
                    Ok(())
                }
                Outcome::Failed(reason) => {
                    info!(job, shard, %reason, "could not publish a part");
                    open.queue.unpublished(finished.lease, &reason).await
                }
            };
            lock(&service.0.workers).shard_is_done(job, shard);
            note(job, shard, told);
        });
    }

    /// Copies a part to its place, again and again while that may help.
    async fn place(&self, open: &Open, finished: &Finished) -> Outcome {
        let mut pauses = RETRIES.into_iter();
        loop {
            let error = match self.copy(open, finished).await {
                Ok(Ok(())) => return Outcome::Published,
                Ok(Err(error)) => error,
                Err(bug) => return Outcome::Failed(bug.to_string()),
            };
            if !error.may_pass {
                return Outcome::Failed(error.to_string());
            }
            match pauses.next() {
                Some(pause) => self.0.machine.sleep(pause).await,
                None => return Outcome::Postponed(error),
            }
        }
    }

    async fn copy(&self, open: &Open, finished: &Finished) -> Result<Result<(), Fault>, ServiceError> {
        let (product, shard, attempt) =
            (open.product.clone(), finished.lease.shard, finished.attempt.clone());
        self.0.machine.blocking(move || product.publish(shard, &attempt)).await
    }
}

fn note(job: &str, shard: u64, told: Result<(), QueueError>) {
    if let Err(error) = told {
        warn!(job, shard, %error, "cannot tell the queue of a publication");
    }
}
