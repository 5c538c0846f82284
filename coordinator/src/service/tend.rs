//! What a coordinator does for a job without being asked: plans it, frees what was left behind, seals it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dataset::Times;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::measure::{EndedLeases, job_is_over};
use super::planner::Planned;
use super::product::{Fault, Sealed};
use super::{Open, Over, Product, Service, ServiceError, Snapshot, Trouble, closed, is_over, lock};
use crate::progress::Progress;
use crate::queue::{Depth, JobState, Mode, Piece, QueueError, Rules, Status};

/// Whoever plans or seals a job says so this often, in ticks, and loses the right if it does not.
const CLAIM_TICKS: u32 = 20;

/// How many shards are offered to the queue in one call.
const OFFERED_AT_ONCE: usize = 1000;

/// Pauses before a job is planned or sealed again where the store failed for a reason that may pass. An outage of some
/// ten minutes costs time; after that the job gives up, and people are told.
const RETRIES: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(120),
    Duration::from_secs(120),
    Duration::from_secs(120),
];

/// The plan of one job, as far as this coordinator makes it.
struct Planning {
    shards: mpsc::Receiver<Planned>,
    /// The last shard that it has come to so far.
    furthest: Option<u64>,
    /// In a row, with nothing new in between.
    failures: usize,
    /// After a failure, at which uptime to begin anew.
    again_at: Option<Duration>,
}

impl Service {
    /// Tends a job until it is over, or this coordinator is.
    pub(super) async fn tend(self, open: Arc<Open>) {
        let mut closing = self.0.closing.subscribe();
        let machine = &self.0.machine;
        let mut next_look = machine.uptime();
        let mut tending = Tending {
            service: &self,
            open: &open,
            planning: None,
            giving_up: None,
            seal_failures: 0,
            seal_again_at: Duration::ZERO,
            ended_leases: EndedLeases::default(),
        };
        let mut wants_shards = false;
        let mut trouble = Trouble::default();
        let over = loop {
            if !self.is_current(&open) {
                return;
            }
            let mut planned = Vec::new();
            let step = tokio::select! {
                biased;
                () = closed(&mut closing) => break None,
                () = machine.sleep_until(next_look) => {
                    next_look = machine.uptime() + self.0.pace.tick;
                    tending.step().await
                }
                count = receive(&mut tending.planning, &mut planned), if wants_shards => {
                    tending.planned(count, planned).await.map(|()| None)
                }
            };
            match step {
                Ok(Some(over)) => break Some(over),
                Ok(None) => trouble.note("cannot tend a job", Ok::<_, ServiceError>(())),
                Err(ServiceError::Queue(QueueError::UnknownJob(_))) => {
                    // A plan that is half told would leave a gap.
                    tending.planning = None;
                    trouble.note("cannot begin a job again", self.begin_again(&open).await);
                }
                Err(error) => trouble.note("cannot tend a job", Err(error)),
            }
            wants_shards = tending.planning.is_some() && open.queue.wants_shards().await.unwrap_or(false);
        };
        // Another coordinator may go on at once. If that cannot be said, it will when the claim is over.
        let _ = self.0.registry.release(&plan_claim(&open), &self.0.name).await;
        if self.is_current(&open) {
            lock(&self.0.open).remove(open.id());
        }
        if let Some(over) = over {
            info!(job = open.id(), ?over, "a job is over");
            let progress = open.watch().borrow().progress.clone();
            open.tell(Snapshot { progress, over: Some(over) });
        }
    }
}

impl Planning {
    /// The plan has come to this shard. A plan that begins anew passes those that it had before, and only what lies
    /// beyond them shows that its trouble is over.
    fn reached(&mut self, ordinal: u64) {
        if self.furthest.is_none_or(|furthest| furthest < ordinal) {
            self.furthest = Some(ordinal);
            self.failures = 0;
        }
    }
}

async fn offer(open: &Open, shards: &[Piece]) -> Result<(), QueueError> {
    open.queue.offer(shards).await?;
    open.note_depth(open.queue.depth().await?);
    Ok(())
}

/// Never returns where nothing is planned.
async fn receive(planning: &mut Option<Planning>, planned: &mut Vec<Planned>) -> usize {
    match planning {
        Some(Planning { shards, again_at: None, .. }) => shards.recv_many(planned, OFFERED_AT_ONCE).await,
        _ => std::future::pending().await,
    }
}

struct Tending<'a> {
    service: &'a Service,
    open: &'a Arc<Open>,
    planning: Option<Planning>,
    /// Why the job is not to go on, once what runs is finished.
    giving_up: Option<String>,
    seal_failures: usize,
    /// After a failure, at which uptime to try again.
    seal_again_at: Duration,
    ended_leases: EndedLeases,
}

impl Tending<'_> {
    /// Looks after the job once. Says how it ended, if it has.
    async fn step(&mut self) -> Result<Option<Over>, ServiceError> {
        let Tending { service, open, .. } = *self;
        let record = service.0.registry.get(open.id()).await?;
        match record {
            None => return Err(QueueError::UnknownJob(open.id().to_owned()).into()),
            Some(record) if record.state == JobState::Cancelled => return Ok(Some(Over::Cancelled)),
            // Another coordinator has found it so.
            Some(record) if is_over(record.state) => {
                return self.ended_elsewhere(record.state, record.message).await.map(Some);
            }
            Some(_) => {}
        }
        let swept = open.queue.sweep(service.0.machine.clock()).await?;
        for finished in swept.abandoned {
            service.publish(open.clone(), finished);
        }
        let status = open.queue.status().await?;
        let ready = if status.mode == Mode::Running { status.shards_ready } else { 0 };
        open.note_depth(Depth { ready, leased: status.shards_running });
        self.ended_leases.tell(status.leases);
        self.tell(&status);
        if !status.all_planned && status.mode == Mode::Running {
            self.plan().await?;
        }
        if self.giving_up.is_none()
            && let Some(reason) = self.hopeless(&status).await?
        {
            self.give_up(reason).await?;
        }
        self.ending(&status).await
    }

    /// Why it makes no sense to go on. A rendering needs every step: the next ones build on them.
    async fn hopeless(&self, status: &Status) -> Result<Option<String>, ServiceError> {
        if let (Product::Text(_), 1..) = (&self.open.product, status.shards_set_aside) {
            let failures = self.open.queue.failures().await?;
            let failed = failures.iter().find(|failed| failed.set_aside);
            let reason = failed.map_or("", |failed| failed.reason.as_str());
            return Ok(Some(format!("a step of the rendering failed too often, because {reason}")));
        }
        let last = status.hopeless.as_ref();
        Ok(last.map(|reason| format!("shard after shard failed, the last because {reason}")))
    }

    fn tell(&self, status: &Status) {
        let Service(shared) = self.service;
        let mut workers = lock(&shared.workers);
        workers.forget_silent(Rules::default().lease, shared.machine.clock());
        let progress = Progress {
            sources_planned: status.sources_planned,
            all_planned: status.all_planned,
            sources_done_before: status.sources_done.saturating_sub(status.tally.sources),
            parts_planned: status.shards_planned,
            parts_done: status.shards_done,
            published: status.tally.clone(),
            at_work: workers.at_work(self.open.id()),
            workers: workers.count(),
            failed_attempts: status.leases.failed,
            set_aside: status.shards_set_aside,
            stopping: status.mode == Mode::Draining,
        };
        self.open.tell(Snapshot { progress, over: None });
    }

    /// Goes on with the plan, if no other coordinator does.
    async fn plan(&mut self) -> Result<(), ServiceError> {
        if !self.claim(&plan_claim(self.open)).await? {
            self.planning = None;
            return Ok(());
        }
        let service = self.service;
        match &mut self.planning {
            None => {
                let shards = service.start_planning(self.open);
                self.planning = Some(Planning { shards, furthest: None, failures: 0, again_at: None });
            }
            Some(planning) if planning.again_at.is_some_and(|at| at <= service.0.machine.uptime()) => {
                planning.shards = service.start_planning(self.open);
                planning.again_at = None;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Tells the queue what the planner says. Shards that were told before stay as they are.
    async fn planned(&mut self, count: usize, planned: Vec<Planned>) -> Result<(), ServiceError> {
        let open = self.open;
        if count == 0 {
            return self.give_up("the planner is gone, which is a bug".to_owned()).await;
        }
        let mut shards = Vec::with_capacity(count);
        let mut end = None;
        for planned in planned {
            match planned {
                Planned::Shard(shard) => shards.push(shard),
                last => end = Some(last),
            }
        }
        if let (Some(last), Some(planning)) = (shards.last(), &mut self.planning) {
            planning.reached(last.ordinal);
            // What could not be told would be missing, the end of the plan too: then it begins anew.
            if let Err(error) = offer(open, &shards).await {
                self.planning = None;
                return Err(error.into());
            }
        }
        match end {
            None | Some(Planned::Shard(_)) => {}
            Some(Planned::All) => {
                let planning = self.planning.take();
                let planned = planning.and_then(|planning| planning.furthest).map_or(0, |last| last + 1);
                // A queue that was lost meanwhile has only what was planned since. Then the plan begins anew.
                open.queue.all_offered(planned).await?;
            }
            Some(Planned::Failed { reason, may_pass }) => self.plan_failed(reason, may_pass).await?,
        }
        Ok(())
    }

    async fn plan_failed(&mut self, reason: String, may_pass: bool) -> Result<(), ServiceError> {
        let now = self.service.0.machine.uptime();
        let retry = self.planning.as_mut().filter(|_| may_pass).and_then(|planning| {
            let pause = *RETRIES.get(planning.failures)?;
            planning.failures += 1;
            planning.again_at = Some(now + pause);
            Some(pause)
        });
        match retry {
            Some(pause) => {
                warn!(job = self.open.id(), %reason, again_in = ?pause, "cannot plan any further");
                Ok(())
            }
            None => self.give_up(reason).await,
        }
    }

    /// Hands out nothing more; the job ends when what runs is finished.
    async fn give_up(&mut self, reason: String) -> Result<(), ServiceError> {
        self.planning = None;
        self.open.queue.drain().await?;
        self.giving_up = Some(reason);
        Ok(())
    }

    async fn ending(&mut self, status: &Status) -> Result<Option<Over>, ServiceError> {
        if status.is_complete {
            return self.seal().await;
        }
        if !status.is_at_rest {
            return Ok(None);
        }
        match (status.mode, &self.giving_up) {
            (Mode::Cancelled, _) => Ok(Some(Over::Cancelled)),
            (_, Some(reason)) => {
                self.record(JobState::Failed, reason).await?;
                Ok(Some(Over::GaveUp(reason.clone())))
            }
            (Mode::Draining, None) => {
                self.record(JobState::Failed, "it was stopped before its end: resume it to go on").await?;
                Ok(Some(Over::Drained))
            }
            (Mode::Running | Mode::Paused, None) => {
                let failures = self.open.queue.failures().await?;
                let failures: Vec<_> = failures.into_iter().filter(|failed| failed.set_aside).collect();
                let set_aside = status.shards_set_aside;
                let first = failures.first().map_or("", |failed| failed.reason.as_str());
                let message =
                    format!("{set_aside} shards failed too often and are missing, the first because {first}");
                self.record(JobState::Failed, &message).await?;
                Ok(Some(Over::Incomplete { set_aside, failures }))
            }
        }
    }

    /// Seals the dataset, if no other coordinator does. To seal twice would be harmless.
    async fn seal(&mut self) -> Result<Option<Over>, ServiceError> {
        let machine = &self.service.0.machine;
        let claim = format!("{}/seal", self.open.id());
        if machine.uptime() < self.seal_again_at || !self.claim(&claim).await? {
            return Ok(None);
        }
        let error = match self.sealed(&claim).await? {
            Ok(sealed) => {
                self.record(JobState::Complete, "").await?;
                return Ok(Some(match sealed {
                    Sealed::Traces(report) => Over::Complete(Arc::new(report)),
                    Sealed::Text => Over::Rendered,
                }));
            }
            Err(error) => error,
        };
        match RETRIES.get(self.seal_failures).filter(|_| error.may_pass) {
            Some(&pause) => {
                self.seal_failures += 1;
                self.seal_again_at = machine.uptime() + pause;
                warn!(job = self.open.id(), %error, again_in = ?pause, "cannot seal the dataset");
                Ok(None)
            }
            None => {
                let reason = format!("the dataset cannot be sealed: {error}");
                self.record(JobState::Failed, &reason).await?;
                Ok(Some(Over::GaveUp(reason)))
            }
        }
    }

    /// Reads all parts, which may take long: meanwhile the claim is kept alive.
    async fn sealed(&self, claim: &str) -> Result<Result<Sealed, Fault>, ServiceError> {
        let Service(shared) = self.service;
        let started_unix_ms = self.open.record.submitted_unix_ms;
        let times = Times { started_unix_ms, finished_unix_ms: shared.machine.unix_ms() };
        let product = self.open.product.clone();
        let mut sealing = pin!(shared.machine.blocking(move || product.seal(times)));
        loop {
            tokio::select! {
                biased;
                sealed = &mut sealing => return sealed,
                () = shared.machine.sleep(shared.pace.tick * CLAIM_TICKS / 4) => {
                    // Two may seal at once if it cannot be kept, which costs time.
                    let _ = self.claim(claim).await;
                }
            }
        }
    }

    async fn claim(&self, claim: &str) -> Result<bool, ServiceError> {
        let Service(shared) = self.service;
        let ttl = shared.pace.tick * CLAIM_TICKS;
        Ok(shared.registry.claim(claim, &shared.name, ttl, shared.machine.clock()).await?)
    }

    async fn record(&self, state: JobState, message: &str) -> Result<(), ServiceError> {
        let now = self.service.0.machine.unix_ms();
        // Several coordinators may find the same. One of them tells of it.
        if self.service.0.registry.set_state(self.open.id(), state, message, now).await? {
            // What is over may be forgotten at once, and then there is less to tell.
            let status = self.open.queue.status().await.unwrap_or_default();
            job_is_over(&self.open.record, &status, state, now);
        }
        Ok(())
    }

    async fn ended_elsewhere(&self, state: JobState, message: String) -> Result<Over, ServiceError> {
        if state != JobState::Complete {
            return Ok(Over::GaveUp(message));
        }
        let Product::Traces(dataset) = self.open.product.clone() else { return Ok(Over::Rendered) };
        match self.service.0.machine.blocking(move || dataset.report()).await? {
            Ok(report) => Ok(Over::Complete(Arc::new(report))),
            Err(error) => Err(ServiceError::Refused(error.to_string())),
        }
    }
}

fn plan_claim(open: &Open) -> String {
    format!("{}/plan", open.id())
}
