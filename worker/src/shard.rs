//! Runs one shard: its sources one after another, each of which gives a row, and the rows give a part.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dataset::source::{self, Body, Source, SourceError};
use dataset::{
    Dropped, ErrorKind, EventWriter, JobId, Limits, Mode, PartError, PartHeader, PartWriter, Row, Store,
    StoreError, attempt_key,
};
use inputs::{Call, Guidance, Module};
use telemetry::metrics;
use trace::{Bounds, Entry, Request};
use tracing::{debug, warn};

use crate::ahead::ReadAhead;
use crate::asked::{Began, apart, asked};
use crate::execute::{Execution, Slot, SlotSpec, WorkerFault};
use crate::filter::{Filter, Looks};
use crate::ledger::{Assignment, Ended, Failure, Lease, Trace, Work};
use crate::patience::Patience;
use crate::prefetch::Prefetched;
use crate::progress::Progress;
use crate::proposals::{self, Client};
use crate::render::Renderings;
use crate::repeats::Repeats;
use crate::row::Common;
use crate::search::{self, Stage};
use crate::slots::Runner;
use crate::spans;

/// What this worker could not do for a shard. None of it is the programs' doing.
#[derive(Debug, thiserror::Error)]
enum ShardFault {
    #[error("its sources could not be read: {0}")]
    Sources(#[from] SourceError),
    #[error("no thread could be started to read its sources: {0}")]
    Thread(io::Error),
    #[error("its part could not be written: {0}")]
    Part(#[from] PartError),
    #[error("its part could not be stored: {0}")]
    Store(#[from] StoreError),
    #[error("{path} could not be searched: {missing}")]
    Proposals { path: String, missing: proposals::Missing },
    #[error("{path} could not be run: {fault}")]
    Execution { path: String, fault: WorkerFault },
}

impl ShardFault {
    /// Whether the program that was at work may have caused it.
    fn may_be_the_programs(&self) -> bool {
        matches!(self, ShardFault::Execution { fault, .. } if fault.may_be_the_programs())
    }
}

/// A shard whose programs are run.
struct Task<'a> {
    lease: &'a Lease,
    output: &'a str,
    trace: &'a Trace,
}

/// Runs shards in one slot, whose interpreter stays warm from one to the next.
pub(crate) struct ShardRunner {
    spec: SlotSpec,
    confinement: String,
    /// Folder for parts until they are whole.
    parts: PathBuf,
    prefetched: Prefetched,
    /// Whom to ask for proposals.
    client: Option<Arc<Client>>,
    renderings: Renderings,
    /// Empty until it is needed.
    slot: Option<Slot>,
    /// Where programs are run again: in another interpreter, because programs of one share their addresses, and the
    /// order of most sets of objects follows from those. Where the system lets the launcher fix all addresses, they
    /// are the same in this one. Empty until it is needed.
    twin: Option<Slot>,
}

impl ShardRunner {
    pub(crate) fn new(
        spec: SlotSpec,
        parts: PathBuf,
        prefetched: Prefetched,
        renderings: Renderings,
        client: Option<Arc<Client>>,
    ) -> ShardRunner {
        let confinement = spec.profile.to_string();
        ShardRunner { spec, confinement, parts, prefetched, renderings, client, slot: None, twin: None }
    }

    /// Starts the interpreter now rather than with the first program.
    pub(crate) fn warm_up(&mut self) -> Result<(), WorkerFault> {
        self.slot = Some(Slot::start(&self.spec)?);
        Ok(())
    }

    pub(crate) fn into_runner(mut self) -> Runner {
        Box::new(move |assignment, progress| self.run(assignment, progress))
    }

    /// Runs a shard to its end, or until the progress says to stop.
    fn run(&mut self, assignment: &Assignment, progress: &Progress) -> Ended {
        let Assignment { lease, output, work, .. } = assignment;
        let task = match work {
            Work::Trace(trace) => Task { lease, output, trace },
            Work::Render { order, .. } => return self.renderings.run(lease, output, order, progress),
        };
        match self.try_run(&task, progress) {
            Ok(ended) => ended,
            // Whatever went wrong, it went wrong with something that nobody wants any more.
            Err(_) if progress.is_stopped() => Ended::Dropped,
            Err(fault) => Ended::Failed(Failure {
                source: progress.source().filter(|_| fault.may_be_the_programs()),
                reason: fault.to_string(),
            }),
        }
    }

    fn try_run(&mut self, task: &Task<'_>, progress: &Progress) -> Result<Ended, ShardFault> {
        let Task { lease, output, trace } = *task;
        let Trace { shard, limits, set_aside, careful, .. } = trace;
        let early = self.prefetched.take(lease);
        let store = Store::open(output)?;
        let file = self.parts.join(format!("{}-{}-{}.parquet", lease.job, lease.shard, lease.token));
        let header = PartHeader { job: JobId(lease.job.clone()), shard: shard.clone() };
        let mut part = PartWriter::create(&file, header)?;
        let mut filter = Filter::new(&trace.executions.filters);
        let sources = match early {
            Some(early) => early.go_on(),
            None => ReadAhead::start(shard.range.clone(), limits.source_bytes).map_err(ShardFault::Thread)?,
        };
        for (position, source) in (0..).zip(sources) {
            if !progress.begin(position, *careful) {
                debug!(shard = lease.shard, "dropped, because its lease is lost");
                return Ok(Ended::Dropped);
            }
            let source = apart(source?);
            if set_aside.contains(&position) {
                let common = self.common(task);
                append_row(&mut part, |_| common.set_aside(&source))?;
            } else {
                let source = &source;
                let (part, filter, store) = (&mut part, &mut filter, &store);
                Running { runner: self, part, filter, store, task, source, progress }.run()?;
            }
            progress.set_tally(part.tally());
            metrics::source_finished();
        }
        let stats = part.finish()?;
        let attempt = attempt_key(lease.shard, lease.token);
        let mut patience = Patience::new();
        while let Err(error) = spans::upload(&attempt, stats.tally.bytes, || store.put_file(&attempt, &file))
        {
            let may_pass = error.kind() == ErrorKind::Other && !progress.is_stopped();
            if !may_pass || !patience.wait() {
                // A disk that is full must not stay so for the parts that could not leave it.
                let _ = fs::remove_file(&file);
                return Err(error.into());
            }
            warn!(shard = lease.shard, %error, "could not store a part, trying again");
        }
        Ok(Ended::Finished { attempt, tally: stats.tally })
    }

    fn common<'a>(&'a self, task: &Task<'a>) -> Common<'a> {
        Common {
            lease: task.lease,
            limits: &task.trace.limits,
            granularity: task.trace.granularity,
            identities: task.trace.identities,
            interpreter: &self.spec.interpreter.version,
            confinement: &self.confinement,
        }
    }
}

/// Runs one source of a shard, and writes down what is kept of it.
struct Running<'a, 'f> {
    runner: &'a mut ShardRunner,
    part: &'a mut PartWriter,
    filter: &'a mut Filter<'f>,
    /// Of the dataset.
    store: &'a Store,
    task: &'a Task<'a>,
    source: &'a Source,
    progress: &'a Progress,
}

impl Stage for Running<'_, '_> {
    type Fault = ShardFault;

    fn execute(&mut self, request: &Request<'_>, limits: &Limits) -> Result<Execution, ShardFault> {
        let ShardRunner { slot, spec, .. } = &mut *self.runner;
        let execution = execute_in(slot, spec, request, limits, self.progress);
        execution.map_err(|fault| self.failed(fault))
    }

    fn propose(&mut self, module: &Module, code: &str) -> Result<Vec<Call>, ShardFault> {
        let name = self.source.module_name();
        let mut calls = Vec::new();
        for test in self.source.tests().into_iter().chain(self.tests_beside()?) {
            calls.extend(module.calls_in_test(&test, name));
        }
        if let Some(proposals) = &self.task.trace.executions.proposals {
            let proposed = proposals::of(module, code, proposals, self.runner.client.as_deref(), self.store);
            let missed = |missing| ShardFault::Proposals { path: self.source.path.clone(), missing };
            calls.extend(proposed.map_err(missed)?);
        }
        Ok(calls)
    }

    fn keep(
        &mut self,
        began: Began<'_>,
        request: &Request<'_>,
        limits: &Limits,
        execution: &Execution,
    ) -> Result<(), ShardFault> {
        let looks = self.filter.look(execution, limits);
        if let Some(Err(why)) = looks.as_ref().map(|looks| self.filter.judge(began.entry, looks)) {
            self.drop(why, looks);
            return Ok(());
        }
        let deterministic = self.repeat(request, limits, execution).map_err(|fault| self.failed(fault))?;
        if let Err(why) = self.filter.judge_repeats(deterministic) {
            self.drop(why, looks);
            return Ok(());
        }
        self.filter.keep(began.entry, looks);
        let common = self.runner.common(self.task);
        append_row(self.part, |events| common.ran(self.source, began, execution, deterministic, events))
    }
}

impl Running<'_, '_> {
    /// Makes all executions of the source. It has a row at least, whatever filters leave of them.
    fn run(mut self) -> Result<(), ShardFault> {
        let Running { task, source, .. } = self;
        if let Body::Unreadable { reason } = &source.body {
            let common = self.runner.common(task);
            return append_row(self.part, |_| common.unreadable(source, reason));
        }
        let Trace { executions, limits, .. } = task.trace;
        let asked = asked(source, executions);
        if asked.is_empty() && !executions.has(Mode::Functions) {
            let common = self.runner.common(task);
            return append_row(self.part, |_| common.not_asked_for(source));
        }
        self.filter.begin(source);
        let sha256 = source.sha256();
        for (began, entry) in asked {
            if self.filter.is_known(&sha256, began.entry, began.input) {
                self.drop(Dropped::SameContent, None);
                continue;
            }
            let request = request(source, entry, task.trace);
            let execution = self.execute(&request, limits)?;
            self.keep(began, &request, limits, &execution)?;
        }
        if executions.has(Mode::Functions) {
            self.search(&sha256)?;
        }
        match self.filter.end() {
            Some(ending) => {
                let common = self.runner.common(task);
                append_row(self.part, |_| common.filtered(source, ending))
            }
            None => Ok(()),
        }
    }

    fn tests_beside(&self) -> Result<Vec<String>, SourceError> {
        let mut patience = Patience::new();
        loop {
            match source::tests_beside(&self.task.trace.shard.range, &self.source.path) {
                Err(error) if error.may_pass() && !self.progress.is_stopped() && patience.wait() => {
                    warn!(path = self.source.path, %error, "could not look for tests, trying again");
                }
                found => return found,
            }
        }
    }

    fn search(&mut self, sha256: &str) -> Result<(), ShardFault> {
        if self.filter.is_known(sha256, search::IMPORT_ENTRY, None) {
            self.drop(Dropped::SameContent, None);
            return Ok(());
        }
        let Running { task, source, .. } = *self;
        let Trace { executions, limits, granularity, identities, .. } = task.trace;
        let plan = search::Plan {
            limits,
            granularity: *granularity,
            identities: *identities,
            settings: executions.search,
            guidance: Guidance::Coverage,
        };
        search::search(source, &plan, self)
    }

    fn drop(&mut self, why: Dropped, looks: Option<Looks>) {
        self.part.drop_row(why);
        self.filter.drop(why, looks);
    }

    /// Runs a program again, as often as it is asked for. Whether all were alike.
    fn repeat(
        &mut self,
        request: &Request<'_>,
        limits: &Limits,
        first: &Execution,
    ) -> Result<Option<bool>, WorkerFault> {
        let mut repeats = Repeats::of(first);
        let ShardRunner { twin, spec, .. } = &mut *self.runner;
        for _ in 1..self.task.trace.repeat {
            if repeats.differ() {
                break;
            }
            repeats.add(&execute_in(twin, spec, request, limits, self.progress)?);
        }
        Ok(repeats.are_alike())
    }

    fn failed(&self, fault: WorkerFault) -> ShardFault {
        ShardFault::Execution { path: self.source.path.clone(), fault }
    }
}

/// Tries twice. After a fault the slot starts a fresh interpreter, and the first may have suffered from what ran
/// before this.
fn execute_in(
    slot: &mut Option<Slot>,
    spec: &SlotSpec,
    request: &Request<'_>,
    limits: &Limits,
    progress: &Progress,
) -> Result<Execution, WorkerFault> {
    let mut execute_once = || {
        let slot = match slot {
            Some(slot) => slot,
            None => slot.insert(Slot::start(spec)?),
        };
        slot.run(request, limits, || !progress.is_stopped())
    };
    match execute_once() {
        Err(fault) if !progress.is_stopped() => {
            warn!(%fault, "trying once more in a fresh interpreter");
            execute_once()
        }
        ended => ended,
    }
}

fn append_row<'a>(
    part: &mut PartWriter,
    tell: impl FnOnce(&mut EventWriter<'_, 'a>) -> Row<'a>,
) -> Result<(), ShardFault> {
    part.append_told(|events| {
        let row = tell(events);
        metrics::executed(&metrics::Execution {
            outcome: row.outcome.name(),
            wall: Duration::from_micros(row.wall_us),
            events: events.count(),
        });
        row
    })?;
    Ok(())
}

/// What is asked of the interpreter.
fn request<'a>(source: &'a Source, entry: Entry<'a>, trace: &Trace) -> Request<'a> {
    let bounds = Bounds { max_events: trace.limits.max_events, ..Bounds::default() };
    let Trace { granularity, identities, .. } = *trace;
    Request { entry, filename: &source.filename, source: source.bytes(), granularity, identities, bounds }
}
