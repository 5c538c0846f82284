//! The one loop that owns the queue and deals with the outside world.
//!
//! Whatever happens comes in as an [`Event`], and one `match` says what it means. Slow work, which is
//! publication and planning, happens elsewhere and comes back as an event.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dataset::{Dataset, Shard, StoreError, Tally};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval};
use tracing::info;

use crate::planner::Planned;
use crate::progress::Progress;
use crate::queue::{Counts, IntervalSet, Lease, Queue, Report, Rules, SetAside, Token, WorkerId};
use crate::signals::Interrupt;

/// How often leases are swept and the progress is told.
const TICK: Duration = Duration::from_millis(250);

/// When a worker reports again at the latest. A lease lasts thirty times as long.
const REPORT_WITHIN: Duration = Duration::from_secs(1);
/// The same for a worker that has nothing to do: there may be something soon, or the end.
const IDLE_REPORT_WITHIN: Duration = Duration::from_millis(200);

/// When every local worker has given up so often, with nothing published in between, they will do so again.
const MAX_REFUSALS: usize = 3;
/// The same for those that died at work. A shard that takes them down is set aside before.
const MAX_DEATHS: usize = 20;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A worker says how it stands, and waits for the answer.
    Reported {
        heard: Heard,
        answer: oneshot::Sender<Answer>,
    },
    Planned(Planned),
    PublicationEnded {
        shard: u64,
        tally: Tally,
        result: Result<(), String>,
    },
    /// A worker process that was started here is gone.
    WorkerExited {
        pid: Option<u32>,
        cause: ExitCause,
    },
    /// Somebody wants the job to stop: what runs is finished, nothing new begins.
    StopAsked(Interrupt),
    Tick,
}

/// Why a worker process is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExitCause {
    /// It said why it stops.
    Refused(String),
    /// It said nothing. This is how it ended.
    Died(String),
}

/// A worker's report, with what the queue need not know.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) report: Report,
    /// How far each running shard is.
    pub(crate) running: BTreeMap<Lease, Tally>,
    /// Where each finished shard's part lies, and what is in it.
    pub(crate) finished: BTreeMap<Lease, (String, Tally)>,
    /// Set if the worker runs on this machine.
    pub(crate) local_pid: Option<u32>,
}

/// What a worker should do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) start: Vec<(Lease, Shard)>,
    pub(crate) stop: Vec<Lease>,
    pub(crate) acknowledged: Vec<Lease>,
    /// No work will come any more.
    pub(crate) drain: bool,
    pub(crate) report_within: Duration,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every shard is published.
    Complete,
    /// Every shard but these, which failed too often.
    Incomplete { set_aside: u64, explained: Vec<SetAside> },
    /// It was asked to stop, and what ran then is finished.
    Stopped(Interrupt),
    /// It makes no sense to go on, for this reason.
    GaveUp(String),
}

pub(crate) struct Driver {
    dataset: Dataset,
    queue: Queue,
    events: mpsc::Receiver<Event>,
    plan: mpsc::Receiver<Planned>,
    publications: JoinSet<Event>,
    tick: Interval,
    started: Instant,
    workers: BTreeMap<WorkerId, Member>,
    /// How far the shards are that somebody works on.
    at_work: BTreeMap<u64, Tally>,
    progress: Progress,
    observers: watch::Sender<Progress>,
    /// Why no more work is handed out.
    stopping: Option<Stopping>,
    local_workers: usize,
    /// Exits of local workers since a shard was last published.
    refusals: usize,
    deaths: usize,
}

/// A worker that has been heard of.
struct Member {
    local_pid: Option<u32>,
    heard_at: Duration,
}

enum Stopping {
    Asked(Interrupt),
    GivingUp(String),
}

/// What the driver listens to.
pub(crate) struct Inbox {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) plan: mpsc::Receiver<Planned>,
}

impl Driver {
    /// A driver for the shards of `dataset` that are not in `published`. Of its workers, `local_workers` are kept
    /// alive on this machine.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new(
        dataset: Dataset,
        published: IntervalSet,
        rules: Rules,
        local_workers: usize,
        inbox: Inbox,
    ) -> Driver {
        Driver {
            dataset,
            queue: Queue::new(rules, first_token(), published),
            events: inbox.events,
            plan: inbox.plan,
            publications: JoinSet::new(),
            tick: interval(TICK),
            started: Instant::now(),
            workers: BTreeMap::new(),
            at_work: BTreeMap::new(),
            progress: Progress::default(),
            observers: watch::Sender::new(Progress::default()),
            stopping: None,
            local_workers,
            refusals: 0,
            deaths: 0,
        }
    }

    /// How far the job is, from now on.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.observers.subscribe()
    }

    /// Works until nothing is left to do.
    pub(crate) async fn run(&mut self) -> Ending {
        while !self.queue.is_at_rest() {
            let event = self.next_event().await;
            self.apply(event);
        }
        self.tell_progress();
        self.ending()
    }

    /// Tells every worker that asks to go, until `over` is.
    pub(crate) async fn dismiss<T>(&mut self, over: impl Future<Output = T>) -> T {
        tokio::pin!(over);
        loop {
            tokio::select! {
                result = &mut over => return result,
                event = self.next_event() => self.apply(event),
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        tokio::select! {
            Some(event) = self.events.recv() => event,
            planned = self.plan.recv(), if self.queue.wants_shards() => {
                let gone = || Planned::Failed("the planner is gone, which is a bug".to_owned());
                Event::Planned(planned.unwrap_or_else(gone))
            }
            Some(ended) = self.publications.join_next() => {
                ended.expect("publications neither panic nor are they cancelled")
            }
            _ = self.tick.tick() => Event::Tick,
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Reported { heard, answer } => {
                // A worker that does not wait for its answer any more repeats its report.
                let _ = answer.send(self.reported(heard));
            }
            Event::Planned(planned) => self.planned(planned),
            Event::PublicationEnded { shard, tally, result: Ok(()) } => self.published(shard, &tally),
            Event::PublicationEnded { shard, result: Err(reason), .. } => {
                info!(shard, %reason, "could not publish a part");
                self.queue.unpublished(shard, &reason);
                self.note_failures();
            }
            Event::WorkerExited { pid, cause } => self.worker_exited(pid, cause),
            Event::StopAsked(interrupt) => self.stop(Stopping::Asked(interrupt)),
            Event::Tick => self.ticked(),
        }
    }

    fn reported(&mut self, heard: Heard) -> Answer {
        let Heard { report, running, mut finished, local_pid } = heard;
        for (lease, reason) in &report.failed {
            info!(shard = lease.shard, worker = %report.worker, %reason, "a worker could not do a shard");
        }
        let reply = self.queue.reconcile(&report, self.now());
        for lease in &reply.committed {
            let (attempt, tally) = finished.remove(lease).expect("what is committed was reported");
            self.at_work.insert(lease.shard, tally.clone());
            self.publish(lease.shard, attempt, tally);
        }
        for (lease, tally) in running {
            if !reply.stop.contains(&lease) {
                self.at_work.insert(lease.shard, tally);
            }
        }
        self.note_failures();
        self.note_worker(report.worker.clone(), local_pid);
        let start: Vec<_> =
            reply.start.iter().filter_map(|&lease| Some((lease, self.queue.shard(lease)?.clone()))).collect();
        let is_idle = report.running.is_empty() && start.is_empty();
        Answer {
            start,
            stop: reply.stop,
            acknowledged: reply.acknowledged,
            drain: self.stopping.is_some() || self.queue.is_at_rest(),
            report_within: if is_idle { IDLE_REPORT_WITHIN } else { REPORT_WITHIN },
        }
    }

    fn note_worker(&mut self, worker: WorkerId, local_pid: Option<u32>) {
        let heard_at = self.now();
        if self.workers.insert(worker.clone(), Member { local_pid, heard_at }).is_none() {
            info!(%worker, "a worker is here");
        }
    }

    fn publish(&mut self, shard: u64, attempt: String, tally: Tally) {
        let dataset = self.dataset.clone();
        let copying = tokio::task::spawn_blocking(move || dataset.publish(shard, &attempt));
        self.publications.spawn(async move {
            let result = match copying.await {
                Ok(result) => result.map(drop).map_err(|error: StoreError| error.to_string()),
                Err(bug) => Err(bug.to_string()),
            };
            Event::PublicationEnded { shard, tally, result }
        });
    }

    fn published(&mut self, shard: u64, tally: &Tally) {
        self.queue.published(shard);
        telemetry::metrics::published();
        self.at_work.remove(&shard);
        self.refusals = 0;
        self.deaths = 0;
        self.progress.parts_done += 1;
        self.progress.published.merge(tally);
    }

    fn planned(&mut self, planned: Planned) {
        match planned {
            Planned::Shard(shard) => {
                let sources = shard.sources;
                self.progress.parts_planned += 1;
                self.progress.sources_planned += sources;
                if !self.queue.offer(shard) {
                    self.progress.parts_done += 1;
                    self.progress.sources_done_before += sources;
                }
            }
            Planned::All => {
                self.queue.all_offered();
                self.progress.all_planned = true;
            }
            Planned::Failed(reason) => self.stop(Stopping::GivingUp(reason)),
        }
    }

    fn worker_exited(&mut self, pid: Option<u32>, cause: ExitCause) {
        let known = self.workers.iter().find(|(_, member)| pid.is_some() && member.local_pid == pid);
        let known = known.map(|(worker, _)| worker.clone());
        let was_heard_of = known.is_some();
        if let Some(worker) = known {
            info!(%worker, ?cause, "a worker is gone");
            self.workers.remove(&worker);
            self.queue.worker_lost(&worker);
        }
        match cause {
            ExitCause::Died(_) if was_heard_of => self.deaths += 1,
            _ => self.refusals += 1,
        }
        if self.refusals >= MAX_REFUSALS * self.local_workers
            || self.deaths >= MAX_DEATHS * self.local_workers
        {
            let (ExitCause::Refused(words) | ExitCause::Died(words)) = cause;
            self.stop(Stopping::GivingUp(words));
        }
    }

    fn ticked(&mut self) {
        let now = self.now();
        self.queue.sweep(now);
        self.note_failures();
        let silence = self.queue.rules().lease;
        self.workers.retain(|_, member| member.heard_at + silence > now);
        self.tell_progress();
    }

    fn note_failures(&mut self) {
        if let Some(reason) = self.queue.hopeless() {
            let reason = format!("shard after shard failed, the last because {reason}");
            self.stop(Stopping::GivingUp(reason));
        }
    }

    fn stop(&mut self, stopping: Stopping) {
        self.stopping.get_or_insert(stopping);
        self.queue.drain();
    }

    fn tell_progress(&mut self) {
        self.at_work.retain(|&shard, _| self.queue.is_at_work(shard));
        let mut progress = self.progress.clone();
        for tally in self.at_work.values() {
            progress.at_work.merge(tally);
        }
        progress.workers = self.workers.len();
        progress.failed_attempts = self.queue.counts().failed;
        progress.set_aside = self.queue.set_aside();
        progress.stopping = self.stopping.is_some();
        self.observers.send_replace(progress);
    }

    fn ending(&self) -> Ending {
        match &self.stopping {
            // The wish to stop may come when the last shard is on its way.
            _ if self.queue.is_complete() => Ending::Complete,
            Some(Stopping::Asked(interrupt)) => Ending::Stopped(*interrupt),
            Some(Stopping::GivingUp(reason)) => Ending::GaveUp(reason.clone()),
            None => Ending::Incomplete {
                set_aside: self.queue.set_aside(),
                explained: self.queue.explained().to_vec(),
            },
        }
    }

    /// Why leases ended without a part.
    pub(crate) fn counts(&self) -> Counts {
        self.queue.counts()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Above every token of a coordinator before this one: microseconds since the epoch grow faster than leases are
/// given.
fn first_token() -> Token {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Token(since_epoch.as_micros() as u64)
}
