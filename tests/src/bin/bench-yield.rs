//! What searching functions yields on real packages: how many functions give good executions, how many distinct inputs
//! each, and how many branches these take, against random values of the annotated kinds at the same number of
//! executions.
//!
//! Usage: bench-yield PACKAGE…, each a folder of Python files. The folders below the one that `ET_CORPORA` names are
//! the default.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use dataset::source::{self, Body, Source};
use dataset::{Job, Limits, Search as Settings};
use inputs::{Guidance, Module};
use serde_json::Map;
use tests::{bench, binaries};
use trace::{Entry, EventKind, Granularity, Reader, Request, Verdict};
use worker::execute::{self, Execution, Slot, SlotSpec, WorkerFault};
use worker::python::Interpreter;
use worker::search::{self, Began, Plan, Stage};

/// A step from a line to the next within a function of a source.
type Step = (usize, String, u32, u32);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-yield: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
    let mut slot = slot(scratch.path())?;
    let mut metrics = Map::new();
    println!(
        "{:<16} {:>5} {:>6} {:>6} {:>6} {:>7} {:>8} {:>8} {:>8} {:>6} {:>8} {:>8}",
        "package",
        "files",
        "import",
        "funcs",
        "good",
        "inputs",
        "executed",
        "branches",
        "at chance",
        "ratio",
        "good, ch.",
        "ms each"
    );
    for package in packages()? {
        let name = package.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let sources = sources(&package)?;
        let began = Instant::now();
        let guided = Yield::of(&sources, Guidance::Coverage, Settings::default(), &mut slot)?;
        let seconds = began.elapsed().as_secs_f64();
        // As many executions for each function as guidance took.
        let functions: usize = guided.searched.max(1);
        let tried = u32::try_from(guided.executed.div_ceil(functions))?;
        let settings = Settings { tried, kept: tried, ..Settings::default() };
        let random = Yield::of(&sources, Guidance::None, settings, &mut slot)?;

        let branches = branches(&[&guided.steps, &random.steps]);
        let taken = |steps: &BTreeSet<Step>| steps.intersection(&branches).count();
        let (with, without) = (taken(&guided.steps), taken(&random.steps));
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64 * 100.0;
        let good = share(guided.good(), guided.functions);
        let inputs = guided.inputs_each();
        let ratio = with as f64 / without.max(1) as f64;
        let each = seconds * 1e3 / guided.executed.max(1) as f64;
        println!(
            "{name:<16} {:>5} {:>6} {:>6} {good:>5.0}% {inputs:>7.1} {:>8} {with:>8} {without:>9} {ratio:>6.2} {:>8.0}% {each:>8.2}",
            sources.len(),
            guided.imported,
            guided.functions,
            guided.executed,
            share(random.good(), guided.functions),
        );
        let importable = share(guided.good(), guided.searched);
        println!(
            "{:<16} of the {} functions that can be imported, {importable:.0}% gave a good execution",
            "", guided.searched
        );
        for (metric, value) in [
            ("good_share", good / 100.0),
            ("good_share_importable", importable / 100.0),
            ("inputs_each", inputs),
            ("branches", with as f64),
            ("branches_at_chance", without as f64),
            ("executed", guided.executed as f64),
            ("ms_each", each),
        ] {
            metrics.insert(format!("{name}_{metric}"), value.into());
        }
    }
    bench::write("yield", &metrics)?;
    Ok(())
}

fn packages() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let named: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let corpora = env::var_os("ET_CORPORA").ok_or("name packages, or a folder of them in ET_CORPORA")?;
    let mut folders =
        fs::read_dir(corpora)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    folders.sort();
    Ok(folders)
}

fn sources(package: &Path) -> Result<Vec<Source>, Box<dyn Error>> {
    let limits = Limits::default();
    let job = Job::new(&[package.to_string_lossy().into_owned()], 1000, limits)?;
    let mut sources = Vec::new();
    for shard in source::plan(&job, None)? {
        for source in source::read(&shard?.range, limits.source_bytes)? {
            sources.push(source?);
        }
    }
    sources.retain(|source| matches!(source.body, Body::Script(_)));
    Ok(sources)
}

fn slot(scratch: &Path) -> Result<Slot, Box<dyn Error>> {
    let launcher = binaries::et_worker();
    let probe = execute::probe(&launcher, scratch)?;
    let profile = execute::admit(&probe, false)?;
    let interpreter = Interpreter::find(None)?;
    let spec = SlotSpec {
        launcher,
        interpreter,
        tracer: binaries::tracer(),
        scratch: scratch.join("slot"),
        profile,
    };
    Ok(Slot::start(&spec)?)
}

/// What the search of a package gave.
#[derive(Default)]
struct Yield {
    /// Files whose import came to its end.
    imported: usize,
    /// Functions in all files, and in those that can be imported.
    functions: usize,
    searched: usize,
    executed: usize,
    /// Distinct inputs of good executions that were kept, by source and function.
    inputs: BTreeMap<(usize, String), BTreeSet<String>>,
    steps: BTreeSet<Step>,
}

impl Yield {
    fn of(
        sources: &[Source],
        guidance: Guidance,
        settings: Settings,
        slot: &mut Slot,
    ) -> Result<Yield, Box<dyn Error>> {
        let limits = Limits { memory_bytes: 512 << 20, ..Limits::default() };
        let plan = Plan { limits: &limits, granularity: Granularity::Line, settings, guidance };
        let mut found = Yield::default();
        for (number, source) in sources.iter().enumerate() {
            let functions = Module::read(&source.code()).map_or(0, |module| module.functions().count());
            found.functions += functions;
            let before = found.imported;
            search::search(source, &plan, &mut Counted { number, found: &mut found, slot })?;
            if found.imported > before {
                found.searched += functions;
            }
        }
        Ok(found)
    }

    fn good(&self) -> usize {
        self.inputs.len()
    }

    fn inputs_each(&self) -> f64 {
        self.inputs.values().map(BTreeSet::len).sum::<usize>() as f64 / self.inputs.len().max(1) as f64
    }
}

/// Executes for a search, and counts what comes of it.
struct Counted<'a> {
    /// Of the source.
    number: usize,
    found: &'a mut Yield,
    slot: &'a mut Slot,
}

impl Stage for Counted<'_> {
    type Fault = WorkerFault;

    fn execute(&mut self, request: &Request<'_>, limits: &Limits) -> Result<Execution, WorkerFault> {
        let execution = self.slot.run(request, limits, || true)?;
        let log = Log::read(execution.log());
        match request.entry {
            Entry::Import => self.found.imported += usize::from(log.has_returned),
            Entry::Function { .. } => {
                self.found.executed += 1;
                if log.has_returned {
                    let number = self.number;
                    let steps = log.steps.into_iter();
                    self.found.steps.extend(steps.map(|(function, from, to)| (number, function, from, to)));
                }
            }
            _ => {}
        }
        Ok(execution)
    }

    fn keep(
        &mut self,
        began: Began<'_>,
        _: &Request<'_>,
        _: &Limits,
        execution: &Execution,
    ) -> Result<(), WorkerFault> {
        let log = Log::read(execution.log());
        if let Some(input) = began.input
            && log.has_returned
            && log.lines >= GOOD_LINES
        {
            let inputs = self.found.inputs.entry((self.number, began.entry.to_owned())).or_default();
            inputs.insert(input.to_owned());
        }
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
}

impl Log {
    fn read(bytes: &[u8]) -> Log {
        let mut log = Log { has_returned: false, lines: 0, steps: BTreeSet::new() };
        let mut last: HashMap<u32, u32> = HashMap::new();
        let mut reader = Reader::new(bytes);
        for event in reader.by_ref().map_while(Result::ok) {
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

/// The steps that are one of several from their line, as far as any of these show.
fn branches(all: &[&BTreeSet<Step>]) -> BTreeSet<Step> {
    let mut ways: BTreeMap<(usize, &str, u32), BTreeSet<u32>> = BTreeMap::new();
    for (source, function, from, to) in all.iter().copied().flatten() {
        ways.entry((*source, function, *from)).or_default().insert(*to);
    }
    let several = |(source, function, from, _): &Step| ways[&(*source, function.as_str(), *from)].len() > 1;
    all.iter().copied().flatten().filter(|step| several(step)).cloned().collect()
}
