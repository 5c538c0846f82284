//! What executions of a package reached.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::time::{Duration, Instant};

use dataset::source::Source;
use dataset::{Limits, Search as Settings};
use inputs::{Call, Guidance, Module};
use trace::{Bounds, Entry, EventKind, Given, Granularity, Reader, Request, Verdict};
use worker::execute::{Execution, Slot, WorkerFault};
use worker::search::{self, Began, Plan, Stage};

use crate::hypothesis::Drawn;

/// A step from a line to the next within a function of a source.
pub(crate) type Step = (usize, String, u32, u32);

/// A file, and the tests that lie beside it.
pub(crate) struct Sample {
    pub(crate) source: Source,
    pub(crate) tests: Vec<String>,
}

/// What the search of a package gave.
#[derive(Default)]
pub(crate) struct Yield {
    /// Files whose import came to its end.
    pub(crate) imported: usize,
    /// Functions in all files, and in those that can be imported.
    pub(crate) functions: usize,
    pub(crate) searched: BTreeSet<(usize, String)>,
    /// Calls that were probed, and those that were executed by themselves.
    pub(crate) probed: usize,
    pub(crate) executed: usize,
    /// What all executions took, and those of them that were kept.
    pub(crate) time: Duration,
    pub(crate) time_kept: Duration,
    /// Processor time of all executions, those that probe included.
    pub(crate) cpu: Duration,
    /// Distinct inputs of good executions that were kept, by source and function.
    inputs: BTreeMap<(usize, String), BTreeSet<String>>,
    /// Taken by whatever returned, probes included.
    pub(crate) steps: BTreeSet<Step>,
    /// Taken by what returned and was kept.
    pub(crate) kept_steps: BTreeSet<Step>,
    pub(crate) kept: usize,
}

impl Yield {
    /// Searches all sources.
    pub(crate) fn of(
        samples: &[Sample],
        guidance: Guidance,
        settings: Settings,
        slot: &mut Slot,
    ) -> Result<Yield, Box<dyn Error>> {
        let limits = limits();
        let plan =
            Plan { limits: &limits, granularity: Granularity::Line, identities: false, settings, guidance };
        let mut found = Yield::default();
        for (number, Sample { source, tests }) in samples.iter().enumerate() {
            let functions = functions(source);
            found.functions += functions.len();
            let before = found.imported;
            let name = source.module_name();
            let mut stage = Counted { number, name, tests, found: &mut found, slot, last: Duration::ZERO };
            search::search(source, &plan, &mut stage)?;
            if found.imported > before {
                found.searched.extend(functions.into_iter().map(|function| (number, function)));
            }
        }
        Ok(found)
    }

    /// Runs all sources as scripts. What they call of their functions counts as inputs, as far as the tracer shows it.
    pub(crate) fn of_scripts(samples: &[Sample], slot: &mut Slot) -> Result<Yield, Box<dyn Error>> {
        let limits = limits();
        let mut found = Yield::default();
        for (number, Sample { source, .. }) in samples.iter().enumerate() {
            let functions: BTreeSet<String> = functions(source).into_iter().collect();
            found.functions += functions.len();
            let request = request(source, Entry::Script(Given::default()), &limits);
            let execution = slot.run(&request, &limits, || true)?;
            found.executed += 1;
            found.cpu += Duration::from_micros(execution.cpu_us);
            let log = Log::read(execution.log());
            if log.has_returned {
                let of_functions =
                    log.steps.into_iter().filter(|(function, ..)| functions.contains(function));
                for (function, from, to) in of_functions {
                    let inputs = found.inputs.entry((number, function.clone())).or_default();
                    inputs.extend(log.calls.get(&function).into_iter().flatten().cloned());
                    found.steps.insert((number, function, from, to));
                }
            }
        }
        Ok(found)
    }

    /// Calls functions with these inputs, each alone.
    pub(crate) fn of_inputs(
        samples: &[Sample],
        drawn: &Drawn,
        slot: &mut Slot,
    ) -> Result<Yield, Box<dyn Error>> {
        let limits = limits();
        let mut found = Yield::default();
        for ((number, function), inputs) in drawn {
            let source = &samples[*number].source;
            for input in inputs {
                let request = request(source, Entry::Function { name: function, input }, &limits);
                let execution = slot.run(&request, &limits, || true)?;
                found.executed += 1;
                let log = Log::read(execution.log());
                if log.has_returned {
                    if log.lines >= GOOD_LINES {
                        let inputs = found.inputs.entry((*number, function.clone())).or_default();
                        inputs.insert(input.clone());
                    }
                    found.steps.extend(of_source(*number, log.steps));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn good(&self) -> usize {
        self.inputs.len()
    }

    /// How many of these functions had a good execution.
    pub(crate) fn good_among(&self, functions: &Drawn) -> usize {
        self.inputs.keys().filter(|function| functions.contains_key(function)).count()
    }

    pub(crate) fn inputs_each(&self) -> f64 {
        self.inputs.values().map(BTreeSet::len).sum::<usize>() as f64 / self.inputs.len().max(1) as f64
    }
}

/// Executes for a search, and counts what comes of it.
struct Counted<'a> {
    /// Of the source.
    number: usize,
    /// By which its tests import it.
    name: &'a str,
    tests: &'a [String],
    found: &'a mut Yield,
    slot: &'a mut Slot,
    /// What the last execution took.
    last: Duration,
}

impl Stage for Counted<'_> {
    type Fault = WorkerFault;

    fn execute(&mut self, request: &Request<'_>, limits: &Limits) -> Result<Execution, WorkerFault> {
        let began = Instant::now();
        let execution = self.slot.run(request, limits, || true)?;
        self.last = began.elapsed();
        self.found.time += self.last;
        self.found.cpu += Duration::from_micros(execution.cpu_us);
        let calls = Log::read_calls(execution.log());
        match request.entry {
            Entry::Import => self.found.imported += usize::from(calls[0].has_returned),
            Entry::Function { .. } => self.found.executed += 1,
            Entry::Probes { .. } => self.found.probed += calls.len() - 1,
            _ => {}
        }
        if matches!(request.entry, Entry::Function { .. } | Entry::Probes { .. }) {
            for log in calls.into_iter().filter(|log| log.has_returned) {
                self.found.steps.extend(of_source(self.number, log.steps));
            }
        }
        Ok(execution)
    }

    fn propose(&mut self, module: &Module, _: &str) -> Result<Vec<Call>, WorkerFault> {
        Ok(self.tests.iter().flat_map(|test| module.calls_in_test(test, self.name)).collect())
    }

    fn keep(
        &mut self,
        began: Began<'_>,
        _: &Request<'_>,
        _: &Limits,
        execution: &Execution,
    ) -> Result<(), WorkerFault> {
        self.found.time_kept += self.last;
        let Some(input) = began.input else { return Ok(()) };
        self.found.kept += 1;
        let log = Log::read(execution.log());
        if !log.has_returned {
            return Ok(());
        }
        if log.lines >= GOOD_LINES {
            let inputs = self.found.inputs.entry((self.number, began.entry.to_owned())).or_default();
            inputs.insert(input.to_owned());
        }
        self.found.kept_steps.extend(of_source(self.number, log.steps));
        Ok(())
    }
}

/// Lines that a good execution runs at least: more than the one that it enters by and the one that it leaves by, or
/// the only ones that there are.
const GOOD_LINES: usize = 1;

/// What the benchmark reads of a log.
struct Log {
    has_returned: bool,
    lines: usize,
    /// Function, line, next line.
    steps: BTreeSet<(String, u32, u32)>,
    /// By function, the arguments of its calls.
    calls: BTreeMap<String, BTreeSet<String>>,
}

impl Log {
    fn read(bytes: &[u8]) -> Log {
        Log::read_on(&mut Reader::new(bytes))
    }

    /// What stands before the first of several calls, then each of these.
    fn read_calls(bytes: &[u8]) -> Vec<Log> {
        let mut reader = Reader::new(bytes);
        let mut logs = vec![Log::read_on(&mut reader)];
        while reader.next_probe() {
            logs.push(Log::read_on(&mut reader));
        }
        logs
    }

    /// What there is up to the end, or up to the next of several calls.
    fn read_on(reader: &mut Reader<'_>) -> Log {
        let mut log = Log { has_returned: false, lines: 0, steps: BTreeSet::new(), calls: BTreeMap::new() };
        let mut last: HashMap<u32, u32> = HashMap::new();
        for event in reader.by_ref().map_while(Result::ok) {
            if matches!(event.kind, EventKind::Call) {
                let arguments = event.changes.iter().filter_map(|change| change.value.as_ref());
                let arguments: Vec<&str> = arguments.map(|value| value.text).collect();
                log.calls.entry(event.function.to_owned()).or_default().insert(arguments.join(", "));
            }
            if matches!(event.kind, EventKind::Line) {
                log.lines += 1;
                let from = last.insert(event.frame, event.line).unwrap_or(0);
                log.steps.insert((event.function.to_owned(), from, event.line));
            }
        }
        log.has_returned = reader.end().is_some_and(|end| end.verdict == Verdict::Returned);
        log
    }
}

fn of_source(number: usize, steps: BTreeSet<(String, u32, u32)>) -> impl Iterator<Item = Step> {
    steps.into_iter().map(move |(function, from, to)| (number, function, from, to))
}

fn functions(source: &Source) -> Vec<String> {
    Module::read(&source.code())
        .map_or_else(|_| Vec::new(), |module| module.functions().map(str::to_owned).collect())
}

/// A run of a source that is traced by lines.
fn request<'a>(source: &'a Source, entry: Entry<'a>, limits: &Limits) -> Request<'a> {
    Request {
        entry,
        filename: &source.filename,
        source: source.bytes(),
        granularity: Granularity::Line,
        identities: false,
        bounds: Bounds { max_events: limits.max_events, ..Bounds::default() },
    }
}

fn limits() -> Limits {
    Limits { memory_bytes: 512 << 20, ..Limits::default() }
}
