//! Executions that nobody asked for by name: the functions of a source, called with inputs that are searched for.
//!
//! The search itself is in the crate `inputs`, which runs nothing. Here its proposals are probed, many in one process,
//! and those that promise something are executed, each in a process of its own. The search is told what came of them,
//! as `observe` reads it from their logs.

mod observe;

use dataset::source::Source;
use dataset::{InputOrigin, Limits, Search as Settings};
use inputs::{Budget, Call, Decision, Ending, Guidance, Module, Origin, Proposal, Search};
use trace::{Bounds, Entry, Given, Granularity, Patience, Request};

use observe::Calls;

pub use crate::asked::Began;
use crate::execute::Execution;
pub use crate::verdict::Expected;

/// How a source is searched.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub limits: &'a Limits,
    pub granularity: Granularity,
    pub identities: bool,
    pub settings: Settings,
    pub guidance: Guidance,
}

/// Executes what is proposed, and takes what is worth a row.
pub trait Stage {
    type Fault;

    fn execute(&mut self, request: &Request<'_>, limits: &Limits) -> Result<Execution, Self::Fault>;

    /// Calls of the module's functions that somebody proposes.
    fn propose(&mut self, module: &Module, code: &str) -> Result<Vec<Call>, Self::Fault>;

    /// Writes a row of an execution, of which the request and its limits are told, too.
    fn keep(
        &mut self,
        began: Began<'_>,
        request: &Request<'_>,
        limits: &Limits,
        execution: &Execution,
    ) -> Result<(), Self::Fault>;
}

/// The entry of a source that was imported and no more.
pub const IMPORT_ENTRY: &str = "<import>";

/// Searches all functions of a source. At least one execution is kept, whatever comes of it.
pub fn search<S: Stage>(source: &Source, plan: &Plan<'_>, stage: &mut S) -> Result<(), S::Fault> {
    let code = source.code();
    let searched = Searched { source, plan, limits: tighter(plan.limits, plan.settings.cpu_ms) };
    // What cannot be imported has nothing to call. Its row says why, and so does that of a source without functions.
    let request = searched.request(Entry::Import);
    let import = stage.execute(&request, plan.limits)?;
    let mut is_any_kept = false;
    if let Ok(module) = Module::read(&code)
        && observe::has_returned(&import, plan.limits)
    {
        let mut calls = Calls::default();
        if plan.guidance == Guidance::Coverage && module.functions().next().is_some() {
            // What the source does with its functions when it runs as a script. Of numbers no argument can be made.
            let request = Request { identities: false, ..searched.request(Entry::Script(Given::default())) };
            let main = stage.execute(&request, plan.limits)?;
            observe::executed_calls(&main, plan.limits, &mut calls);
            calls.found.extend(stage.propose(&module, &code)?);
        }
        for function in module.functions() {
            is_any_kept |= searched.function(&module, function, &mut calls, stage)?;
        }
    }
    if !is_any_kept {
        let began = Began {
            entry: IMPORT_ENTRY,
            input: None,
            origin: InputOrigin::Script,
            expected: Expected::Unknown,
        };
        stage.keep(began, &request, plan.limits, &import)?;
    }
    Ok(())
}

struct Searched<'a> {
    source: &'a Source,
    plan: &'a Plan<'a>,
    limits: Limits,
}

impl Searched<'_> {
    /// Searches one function, of which these calls are known. Whether anything was kept.
    fn function<S: Stage>(
        &self,
        module: &Module,
        function: &str,
        calls: &mut Calls,
        stage: &mut S,
    ) -> Result<bool, S::Fault> {
        let Settings { seed, tried, kept, .. } = self.plan.settings;
        let budget = Budget { tried, kept };
        let mut search = Search::new(module, function, &calls.found, budget, self.plan.guidance, seed);
        let mut is_any_kept = false;
        loop {
            let batch = search.propose();
            match &batch[..] {
                [] => break,
                // A probe would cost as much.
                [only] => is_any_kept |= self.execute(&mut search, only, &self.limits, stage)?,
                _ => is_any_kept |= self.probe(&mut search, &batch, calls, stage)?,
            }
        }
        while let Some(proposal) = search.spare() {
            is_any_kept |= self.execute(&mut search, &proposal, &self.limits, stage)?;
        }
        Ok(is_any_kept)
    }

    /// Probes calls of a function, and executes those that promise something. Whether anything was kept.
    fn probe<S: Stage>(
        &self,
        search: &mut Search<'_>,
        batch: &[Proposal],
        calls: &mut Calls,
        stage: &mut S,
    ) -> Result<bool, S::Fault> {
        let mut is_any_kept = false;
        let impatient = tighter(&self.limits, self.limits.cpu_ms.div_ceil(LESS_PATIENCE));
        let mut rest = batch;
        while let [first, ..] = rest
            && !search.is_over()
        {
            let inputs = rest.iter().map(|proposal| proposal.input.as_str()).collect();
            let patience = Patience { wall_ms: impatient.wall_ms, cpu_ms: impatient.cpu_ms };
            let request = Request {
                granularity: Granularity::Line,
                identities: false,
                bounds: Bounds { max_events: self.limits.max_events.min(PROBE_EVENTS), ..Bounds::default() },
                ..self.request(Entry::Probes { name: &first.function, inputs, patience })
            };
            let execution = stage.execute(&request, &for_all(&self.limits))?;
            let probed = observe::probed(&execution, &self.limits, calls);
            for (proposal, observation) in rest.iter().zip(&probed) {
                if !search.is_over() && search.weigh(proposal, observation) == Decision::Keep {
                    let is_unfinished = observation.ending == Ending::Unfinished;
                    let limits = if is_unfinished { &impatient } else { &self.limits };
                    is_any_kept |= self.execute(search, proposal, limits, stage)?;
                }
            }
            rest = rest.get(probed.len()..).unwrap_or_default();
        }
        Ok(is_any_kept)
    }

    /// Executes a call by itself. Whether that was kept.
    fn execute<S: Stage>(
        &self,
        search: &mut Search<'_>,
        proposal: &Proposal,
        limits: &Limits,
        stage: &mut S,
    ) -> Result<bool, S::Fault> {
        let request = self.request(Entry::Function { name: &proposal.function, input: &proposal.input });
        let execution = stage.execute(&request, limits)?;
        if search.observe(proposal, &observe::executed(&execution, limits)) == Decision::Drop {
            return Ok(false);
        }
        let began = Began {
            entry: &proposal.function,
            input: Some(&proposal.input),
            origin: origin(proposal.origin),
            expected: Expected::Unknown,
        };
        stage.keep(began, &request, limits, &execution)?;
        Ok(true)
    }

    fn request<'b>(&'b self, entry: Entry<'b>) -> Request<'b> {
        Request {
            entry,
            filename: &self.source.filename,
            source: self.source.bytes(),
            granularity: self.plan.granularity,
            identities: self.plan.identities,
            bounds: Bounds { max_events: self.limits.max_events, ..Bounds::default() },
        }
    }
}

/// Events of a probe: enough for most calls, and a loop that does not end is known for one after some milliseconds.
const PROBE_EVENTS: u64 = 10_000;

/// Of how many parts of an execution's time a probe has one, and an execution that its probe did not see the end of.
/// Nearly all that takes longer never ends, and to wait for that took more time than everything else together.
const LESS_PATIENCE: u64 = 5;

fn origin(origin: Origin) -> InputOrigin {
    match origin {
        Origin::Harvested => InputOrigin::Harvested,
        Origin::Proposed => InputOrigin::Proposed,
        Origin::Typed => InputOrigin::Typed,
        Origin::Fuzzed => InputOrigin::Fuzzed,
    }
}

/// The job's limits with less time. How busy the machine is changes what fits into wall-clock time more
/// than what fits into processor time, so the former is only for what sleeps.
fn tighter(limits: &Limits, cpu_ms: u64) -> Limits {
    const WALL_FOR_CPU: u64 = 4;
    Limits {
        wall_ms: limits.wall_ms.min(cpu_ms.saturating_mul(WALL_FOR_CPU)),
        cpu_ms: limits.cpu_ms.min(cpu_ms),
        ..*limits
    }
}

/// The limits of a process that makes several calls, each of which keeps to its own time itself.
fn for_all(limits: &Limits) -> Limits {
    const TIMES: u64 = 4;
    Limits {
        wall_ms: limits.wall_ms.saturating_mul(TIMES),
        cpu_ms: limits.cpu_ms.saturating_mul(TIMES),
        ..*limits
    }
}
