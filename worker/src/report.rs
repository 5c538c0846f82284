//! Tells the coordinator how this worker stands and does what its replies ask, until nothing is left to do.
//!
//! One report is under way at a time, whatever the number of slots. What a report or a reply means is the
//! ledger's to decide; this is only when and how they travel.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use plane::client::CallError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use crate::backoff::{Backoff, chance};
use crate::ledger::{Action, Ended, Event, Failure, Lease, Ledger, Reply, Standing};
use crate::prefetch::Prefetched;
use crate::slots::{News, Slots};

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
    #[error("the coordinator at {coordinator} refuses this worker: {reason}")]
    Refused { coordinator: String, reason: String },
    #[error(
        "the coordinator at {coordinator} did not take back in time what runs here (leases: {count}); it will expire"
    )]
    NotGivenBack { coordinator: String, count: usize },
    #[error("stopped at once by a third signal; the leases held here will expire")]
    Interrupted,
    #[error("{count} shards failed in a row on this worker, the last because {reason}")]
    KeepsFailing { count: usize, reason: String },
}

/// The other end. Shows as its address.
pub(crate) trait Coordinator: Clone + fmt::Display + Send + 'static {
    /// What it wants changed, and when it wants to hear again at the latest.
    fn report(self, standing: Standing) -> impl Future<Output = Result<(Reply, Duration), CallError>> + Send;
}

/// How long this worker waits for others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// A coordinator that does not answer for so long is given up.
    pub(crate) silence: Duration,
    /// What is not finished so long after the wish to stop is given back.
    pub(crate) drain: Duration,
    /// The coordinator may take so long to hear of that.
    pub(crate) release: Duration,
}

/// How far the wish to stop has come.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Working,
    /// What runs is finished until then.
    Draining {
        until: Instant,
    },
    /// What was not finished is given back until then.
    Releasing {
        until: Instant,
    },
}

/// A worker at its work.
pub(crate) struct Loop<C> {
    coordinator: C,
    slots: Slots,
    prefetched: Prefetched,
    ledger: Ledger,
    failures: Failures,
    stage: Stage,
    /// The one report under way, if there is one.
    in_flight: JoinSet<Result<(Reply, Duration), CallError>>,
    /// How many sources of each running shard it tells of.
    telling: Vec<(Lease, u64)>,
    /// When the next one goes out. Means nothing while one is under way.
    due: Instant,
    /// Something happened that the report under way does not tell.
    news: bool,
    backoff: Backoff,
    /// When the coordinator last answered; at first, when this worker began to ask.
    heard_at: Instant,
    /// It has answered before.
    is_known: bool,
    waits: Waits,
}

impl<C: Coordinator> Loop<C> {
    /// `prefetched` is where the slots find what was fetched for them.
    pub(crate) fn new(coordinator: C, waits: Waits, slots: Slots, prefetched: Prefetched) -> Loop<C> {
        Loop {
            ledger: Ledger::new(slots.count()),
            failures: Failures::new(slots.count()),
            is_known: false,
            waits,
            coordinator,
            slots,
            prefetched,
            stage: Stage::Working,
            in_flight: JoinSet::new(),
            telling: Vec::new(),
            due: Instant::now(),
            news: false,
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            heard_at: Instant::now(),
        }
    }

    /// Works until nothing is left to do. Each message on `shutdown` is a wish to stop: the first drains, the
    /// second gives back what runs, the third ends it at once.
    pub(crate) async fn run(mut self, mut shutdown: mpsc::Receiver<()>) -> Result<(), ReportError> {
        while !self.ledger.is_done() {
            let stage_ends = match self.stage {
                Stage::Working => None,
                Stage::Draining { until } | Stage::Releasing { until } => Some(until),
            };
            tokio::select! {
                Some(()) = shutdown.recv() => self.next_stage(ReportError::Interrupted)?,
                () = sleep_until(stage_ends.unwrap_or_else(Instant::now)), if stage_ends.is_some() => {
                    let coordinator = self.coordinator.to_string();
                    let count = self.ledger.untold();
                    self.next_stage(ReportError::NotGivenBack { coordinator, count })?;
                }
                news = self.slots.next_news() => self.heard(news),
                Some(answer) = self.in_flight.join_next() => {
                    match answer.unwrap_or_else(|bug| Err(CallError::NoAnswer(bug.to_string()))) {
                        Ok((reply, within)) => self.answered(reply, within),
                        Err(CallError::NoAnswer(cause)) => self.not_answered(cause)?,
                        Err(CallError::Refused(reason)) => {
                            let coordinator = self.coordinator.to_string();
                            return Err(ReportError::Refused { coordinator, reason });
                        }
                    }
                }
                () = sleep_until(self.due), if self.in_flight.is_empty() => self.send(),
            }
        }
        match self.stage {
            // Programs end at once when they are not wanted, but a store may keep a slot waiting.
            Stage::Releasing { until } => drop(timeout_at(until, self.slots.close()).await),
            Stage::Working | Stage::Draining { .. } => self.slots.close().await,
        }
        self.failures.verdict()
    }

    /// One step closer to the end; `last` is how it ends where there is no further step.
    fn next_stage(&mut self, last: ReportError) -> Result<(), ReportError> {
        match self.stage {
            Stage::Working => {
                info!("draining: what runs is finished, nothing new is taken");
                self.stage = Stage::Draining { until: Instant::now() + self.waits.drain };
                self.happened(Event::DrainAsked);
            }
            Stage::Draining { .. } => {
                info!("what runs is given back");
                self.stage = Stage::Releasing { until: Instant::now() + self.waits.release };
                self.happened(Event::ReleaseAsked);
            }
            Stage::Releasing { .. } => return Err(last),
        }
        Ok(())
    }

    fn heard(&mut self, news: News) {
        match news {
            News::Ended(lease, ended) => {
                self.failures.note(&lease, &ended);
                self.happened(Event::Ended(lease, ended));
                if self.failures.are_too_many() {
                    self.happened(Event::DrainAsked);
                }
            }
            News::NearsEnd(lease) => self.happened(Event::NearsEnd(lease)),
            News::Waits => self.report_soon(),
        }
    }

    fn happened(&mut self, event: Event) {
        self.apply(event);
        self.report_soon();
    }

    fn report_soon(&mut self) {
        self.news = true;
        if !self.backoff.is_waiting() {
            self.due = Instant::now();
        }
    }

    fn apply(&mut self, event: Event) {
        for action in self.ledger.apply(event) {
            match action {
                Action::Prefetch(assignment) => self.prefetched.begin(&assignment),
                Action::Start(assignment) => self.slots.start(*assignment),
                Action::Stop(lease) => self.slots.stop(&lease),
                Action::Forget(lease) => drop(self.prefetched.take(&lease)),
            }
        }
    }

    fn send(&mut self) {
        self.news = false;
        let standing = self.ledger.standing(|lease| self.slots.tally(lease));
        let running = standing.running.iter();
        self.telling = running.map(|(lease, tally)| (lease.clone(), tally.sources)).collect();
        self.in_flight.spawn(self.coordinator.clone().report(standing));
    }

    fn answered(&mut self, reply: Reply, within: Duration) {
        self.heard_at = Instant::now();
        self.is_known = true;
        self.backoff.reset();
        self.apply(Event::Replied(reply));
        for (lease, sources) in self.telling.drain(..) {
            self.slots.set_told(&lease, sources);
        }
        let wait = if self.news { Duration::ZERO } else { within.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL) };
        self.due = Instant::now() + wait;
    }

    /// Waits and asks again, unless the silence has lasted too long. What runs, runs on.
    fn not_answered(&mut self, cause: String) -> Result<(), ReportError> {
        let silence = self.waits.silence;
        let patience = if self.is_known { silence } else { FIRST_PATIENCE.min(silence) };
        if self.heard_at.elapsed() >= patience {
            let coordinator = self.coordinator.to_string();
            return Err(ReportError::Unreachable { coordinator, patience, cause });
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
            Ended::Failed(Failure { reason, .. }) => {
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
