//! What a coordinator tells of its jobs, to a collector and to whoever starts and stops workers.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use telemetry::job::{self, Job};
use telemetry::metrics::{self, LeaseEnd};

use super::Service;
use super::schedule::{Labels, fits};
use crate::queue::{Counts, Depth, JobRecord, JobState, Status};
use crate::status::Backlog;

impl Backlog for Service {
    async fn shards(&self, labels: Option<&Labels>) -> Result<u64, String> {
        if !self.0.knows_jobs.load(Ordering::Relaxed) {
            return Err("the queue did not answer when it was asked for jobs".to_owned());
        }
        let open = self.open_jobs();
        let fitting =
            open.iter().filter(|open| labels.is_none_or(|labels| fits(&open.record.labels, labels)));
        let depths = fitting.map(|open| open.depth());
        Ok(depths.map(|Depth { ready, leased }| ready + leased).sum())
    }
}

impl Service {
    /// Tells how much there is to do.
    pub(super) fn tell_depth(&self) {
        let (mut ready, mut leased) = (0, 0);
        for depth in self.open_jobs().iter().map(|open| open.depth()) {
            ready += depth.ready;
            leased += depth.leased;
        }
        metrics::queue(ready, leased);
    }
}

/// The leases of one job that have ended without a part, as far as they were told.
#[derive(Debug, Default)]
pub(super) struct EndedLeases(Option<Counts>);

impl EndedLeases {
    pub(super) fn tell(&mut self, counts: Counts) {
        for (kind, new) in self.news(counts) {
            metrics::leases_ended(kind, new);
        }
    }

    /// What is new since the last call. What was before the first was told by others.
    fn news(&mut self, counts: Counts) -> Vec<(LeaseEnd, u64)> {
        let before = self.0.replace(counts).unwrap_or(counts);
        // A queue that was lost begins to count anew.
        let new = |kind| count(&counts, kind).saturating_sub(count(&before, kind));
        LeaseEnd::ALL.into_iter().map(|kind| (kind, new(kind))).filter(|(_, new)| *new > 0).collect()
    }
}

fn count(counts: &Counts, kind: LeaseEnd) -> u64 {
    match kind {
        LeaseEnd::Expired => counts.expired,
        LeaseEnd::Lost => counts.lost,
        LeaseEnd::Released => counts.released,
        LeaseEnd::Withdrawn => counts.withdrawn,
        LeaseEnd::Failed => counts.failed,
    }
}

/// Tells of a job that is over now.
pub(super) fn job_is_over(record: &JobRecord, status: &Status, state: JobState, ended_unix_ms: u64) {
    let at = |unix_ms| SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms);
    job::record(&Job {
        id: &record.id,
        submitted: at(record.submitted_unix_ms),
        ended: at(ended_unix_ms),
        state: match state {
            JobState::Running => "running",
            JobState::Paused => "paused",
            JobState::Cancelled => "cancelled",
            JobState::Complete => "complete",
            JobState::Failed => "failed",
        },
        sources: status.sources_planned,
        shards: status.shards_planned,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lease_that_ends_is_told_once() {
        let mut leases = EndedLeases::default();
        let counts = Counts { expired: 3, failed: 1, ..Counts::default() };
        assert_eq!(leases.news(counts), [], "others have told of these");
        let counts = Counts { expired: 5, lost: 1, adopted: 9, ..counts };
        assert_eq!(leases.news(counts), [(LeaseEnd::Expired, 2), (LeaseEnd::Lost, 1)]);
        assert_eq!(leases.news(counts), []);
        assert_eq!(leases.news(Counts { released: 1, ..Counts::default() }), [(LeaseEnd::Released, 1)]);
    }
}
