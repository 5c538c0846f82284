//! Tells the coordinator how this worker stands and does what its replies ask, until nothing is left to do.
//!
//! One report is under way at a time, whatever the number of slots. What a report or a reply means is the
//! ledger's to decide; this is only when and how they travel.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::backoff::{Backoff, chance};
use crate::ledger::{Action, Ended, Event, Lease, Ledger, Reply, Standing};
use crate::slots::Slots;

/// The coordinator chooses how often it wants to hear. These bounds keep a mistake in that from becoming a
/// flood, or a silence that costs the leases.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

const FIRST_RETRY: Duration = Duration::from_millis(200);
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// How long the very first reply may take: someone may be looking, and nothing is lost yet.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);

/// Why a worker stops before its work is done.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("the coordinator at {coordinator} has not answered for {} s: {cause}", patience.as_secs())]
    Unreachable { coordinator: String, patience: Duration, cause: String },
    #[error("stopped at once by a second signal; the leases held here will expire")]
    Interrupted,
    #[error("{count} shards failed in a row on this worker, the last because {reason}")]
    KeepsFailing { count: usize, reason: String },
}

/// The other end. Shows as its address.
pub(crate) trait Coordinator: Clone + fmt::Display + Send + 'static {
    /// What it wants changed, and when it wants to hear again at the latest.
    fn report(self, standing: Standing) -> impl Future<Output = Result<(Reply, Duration), NoAnswer>> + Send;
}

/// Why there was no answer that could be understood.
#[derive(Debug)]
pub(crate) struct NoAnswer(pub(crate) String);

/// A worker at its work.
pub(crate) struct Loop<C> {
    coordinator: C,
    slots: Slots,
    ledger: Ledger,
    failures: Failures,
    /// The one report under way, if there is one.
    in_flight: JoinSet<Result<(Reply, Duration), NoAnswer>>,
    /// When the next one goes out. Means nothing while one is under way.
    due: Instant,
    /// Something happened that the report under way does not tell.
    news: bool,
    backoff: Backoff,
    /// When the coordinator last answered; at first, when this worker began to ask.
    heard_at: Instant,
    /// How long it may keep silent: at first, and once it has answered.
    patience: Duration,
    full_patience: Duration,
}

impl<C: Coordinator> Loop<C> {
    /// `patience` is how long the coordinator may keep silent before it is given up.
    pub(crate) fn new(coordinator: C, patience: Duration, slots: Slots) -> Loop<C> {
        Loop {
            ledger: Ledger::new(slots.count()),
            failures: Failures::new(slots.count()),
            patience: FIRST_PATIENCE.min(patience),
            full_patience: patience,
            coordinator,
            slots,
            in_flight: JoinSet::new(),
            due: Instant::now(),
            news: false,
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            heard_at: Instant::now(),
        }
    }

    /// Works until nothing is left to do. Each message on `shutdown` is a wish to stop: the first drains, the
    /// second ends it at once.
    pub(crate) async fn run(mut self, mut shutdown: mpsc::Receiver<()>) -> Result<(), ReportError> {
        let mut drain_asked = false;
        while !self.ledger.is_done() {
            tokio::select! {
                Some(()) = shutdown.recv() => {
                    if drain_asked {
                        return Err(ReportError::Interrupted);
                    }
                    drain_asked = true;
                    info!("draining: what runs is finished, nothing new is taken");
                    self.happened(Event::DrainAsked);
                }
                (lease, ended) = self.slots.next_ended() => {
                    self.failures.note(&lease, &ended);
                    self.happened(Event::Ended(lease, ended));
                    if self.failures.are_too_many() {
                        self.happened(Event::DrainAsked);
                    }
                }
                Some(answer) = self.in_flight.join_next() => {
                    match answer.unwrap_or_else(|bug| Err(NoAnswer(bug.to_string()))) {
                        Ok((reply, within)) => self.answered(reply, within),
                        Err(NoAnswer(cause)) => self.not_answered(cause)?,
                    }
                }
                () = sleep_until(self.due), if self.in_flight.is_empty() => self.send(),
            }
        }
        self.slots.close();
        self.failures.verdict()
    }

    fn happened(&mut self, event: Event) {
        self.apply(event);
        self.news = true;
        if !self.backoff.is_waiting() {
            self.due = Instant::now();
        }
    }

    fn apply(&mut self, event: Event) {
        for action in self.ledger.apply(event) {
            match action {
                Action::Start(assignment) => self.slots.start(assignment),
                Action::Stop(lease) => self.slots.stop(&lease),
            }
        }
    }

    fn send(&mut self) {
        self.news = false;
        let standing = self.ledger.standing(|lease| self.slots.tally(lease));
        self.in_flight.spawn(self.coordinator.clone().report(standing));
    }

    fn answered(&mut self, reply: Reply, within: Duration) {
        self.heard_at = Instant::now();
        self.patience = self.full_patience;
        self.backoff.reset();
        self.apply(Event::Replied(reply));
        let wait = if self.news { Duration::ZERO } else { within.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL) };
        self.due = Instant::now() + wait;
    }

    /// Waits and asks again, unless the silence has lasted too long. What runs, runs on.
    fn not_answered(&mut self, cause: String) -> Result<(), ReportError> {
        if self.heard_at.elapsed() >= self.patience {
            return Err(ReportError::Unreachable {
                coordinator: self.coordinator.to_string(),
                patience: self.patience,
                cause,
            });
        }
        let wait = self.backoff.next(chance());
        warn!(%cause, retry_ms = wait.as_millis(), "the coordinator did not answer");
        self.due = Instant::now() + wait;
        Ok(())
    }
}

/// Failed shards with no finished one between them. A worker that can do nothing right would otherwise take
/// one shard after another from those that can.
struct Failures {
    most: usize,
    shards: BTreeSet<(String, u64)>,
    last: String,
}

impl Failures {
    /// All slots may fail over one short outage of the store; a few more is this worker's own trouble.
    fn new(slots: usize) -> Failures {
        Failures { most: slots + 2, shards: BTreeSet::new(), last: String::new() }
    }

    fn note(&mut self, lease: &Lease, ended: &Ended) {
        match ended {
            Ended::Finished { .. } => self.shards.clear(),
            Ended::Failed { reason } => {
                self.shards.insert((lease.job.clone(), lease.shard));
                self.last.clone_from(reason);
            }
            Ended::Dropped => {}
        }
    }

    fn are_too_many(&self) -> bool {
        self.shards.len() > self.most
    }

    fn verdict(self) -> Result<(), ReportError> {
        if self.are_too_many() {
            return Err(ReportError::KeepsFailing { count: self.shards.len(), reason: self.last });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
