//! What searching functions yields on real packages: how many functions give good executions, how many distinct inputs
//! each, how many of their branches these take, and what it costs; against running the files as scripts, against random
//! values of the annotated kinds in the same processor time, and, with `--hypothesis`, against inputs that Hypothesis draws
//! for those functions that are annotated throughout, which takes most of the time.
//!
//! Usage: bench-yield [--hypothesis] PACKAGE…, each a folder of Python files. The folders below the one that `ET_CORPORA`
//! names are the default.

mod branches;
mod found;
mod hypothesis;

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use branches::outermost;
use dataset::source::{self, Body};
use dataset::{Job, Limits, Search as Settings};
use found::{Sample, Step, Yield};
use inputs::Guidance;
use serde_json::Map;
use tests::{bench, binaries};
use worker::execute::{self, Slot, SlotSpec};
use worker::python::Interpreter;

const HEADINGS: &str = "                   probed executed   kept  seconds   good  importable  inputs  branches  share  of kept  share";

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
    let interpreter = Interpreter::find(None)?;
    let python = interpreter.executable.clone();
    let mut slot = slot(scratch.path(), interpreter)?;
    let mut metrics = Map::new();
    let (options, named): (Vec<OsString>, Vec<OsString>) =
        env::args_os().skip(1).partition(|argument| argument == "--hypothesis");
    println!("{HEADINGS}");
    for package in packages(named)? {
        let name = package.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let sources = sources(&package)?;
        let guided = Yield::of(&sources, Guidance::Coverage, Settings::default(), &mut slot)?;
        let random = by_chance(&sources, guided.cpu, &mut slot)?;
        let scripts = Yield::of_scripts(&sources, &mut slot)?;

        let above = package.parent().unwrap_or(&package);
        let files: Vec<PathBuf> = sources.iter().map(|sample| above.join(&sample.source.path)).collect();
        let branches = branches::of(&python, &files, &guided.searched)?;
        let importable = guided.searched.len();
        println!(
            "{name}: {} files, {} of which can be imported, with {importable} of {} functions and {} branches",
            sources.len(),
            guided.imported,
            guided.functions,
            branches.len()
        );
        for (way, found) in [("scripts", &scripts), ("chance", &random), ("functions", &guided)] {
            let taken = found.steps.intersection(&branches).count();
            let taken_kept = found.kept_steps.intersection(&branches).count();
            let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
            let good = share(found.good(), guided.functions);
            println!(
                "  {way:<14} {:>8} {:>8} {:>6} {:>8.1} {:>5.0}% {:>10.0}% {:>7.1} {taken:>9} {:>5.0}% {taken_kept:>8} {:>5.0}%",
                found.probed,
                found.executed,
                found.kept,
                found.cpu.as_secs_f64(),
                good * 100.0,
                share(found.good(), importable) * 100.0,
                found.inputs_each(),
                share(taken, branches.len()) * 100.0,
                share(taken_kept, branches.len()) * 100.0,
            );
            for (metric, value) in [
                ("probes", found.probed as f64),
                ("executions", found.executed as f64),
                ("cpu_seconds", found.cpu.as_secs_f64()),
                ("good_share", good),
                ("good_share_importable", share(found.good(), importable)),
                ("inputs_each", found.inputs_each()),
                ("branches", taken as f64),
                ("branch_coverage", share(taken, branches.len())),
                ("kept", found.kept as f64),
                ("branches_of_kept", taken_kept as f64),
            ] {
                metrics.insert(format!("{name}_{way}_{metric}"), value.into());
            }
        }
        if !options.is_empty() {
            let python = hypothesis::python().ok_or("Hypothesis is not set up: `make hypothesis` does it")?;
            // As many as the search tried.
            let tried = guided.probed.max(guided.executed).div_ceil(importable.max(1));
            let drawn = hypothesis::draw(&python, &files, &guided.searched, tried)?;
            let from_types = Yield::of_inputs(&sources, &drawn, &mut slot)?;
            let branches: BTreeSet<Step> = branches
                .into_iter()
                .filter(|(number, function, ..)| drawn.contains_key(&(*number, outermost(function))))
                .collect();
            println!(
                "  of these, {} annotated functions with {} branches, {} executions by Hypothesis",
                drawn.len(),
                branches.len(),
                from_types.executed
            );
            for (way, found) in [("chance", &random), ("hypothesis", &from_types), ("functions", &guided)] {
                let taken = found.steps.intersection(&branches).count();
                let good = found.good_among(&drawn);
                println!("    {way:<12} {good:>8} good {taken:>8} branches");
                metrics.insert(format!("{name}_annotated_{way}_good"), good.into());
                metrics.insert(format!("{name}_annotated_{way}_branches"), taken.into());
            }
        }
        let per_second = guided.executed as f64 / guided.time.as_secs_f64();
        let finding = (guided.time - guided.time_kept).as_secs_f64() / guided.time_kept.as_secs_f64();
        println!(
            "  {per_second:.0} executions in a second; finding took {finding:.1} times what those kept took"
        );
        metrics.insert(format!("{name}_executions_per_second"), per_second.into());
        metrics.insert(format!("{name}_search_over_kept"), finding.into());
    }
    bench::write("yield", &metrics)?;
    Ok(())
}

/// Random values with at least this much processor time and not much more, or with as many tries as there is any use in.
fn by_chance(sources: &[Sample], cpu: Duration, slot: &mut Slot) -> Result<Yield, Box<dyn Error>> {
    const MOST: u32 = 1024;
    let mut tried = 16;
    loop {
        let settings = Settings { tried, kept: tried, ..Settings::default() };
        let found = Yield::of(sources, Guidance::None, settings, slot)?;
        if found.cpu >= cpu || tried >= MOST {
            return Ok(found);
        }
        // What is spent grows less than the tries, because a function that hangs is left alone.
        let more = 1.05 * cpu.as_secs_f64() / found.cpu.as_secs_f64();
        tried = MOST.min((f64::from(tried) * more).ceil() as u32).max(tried + 1);
    }
}

fn packages(named: Vec<OsString>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !named.is_empty() {
        return Ok(named.into_iter().map(PathBuf::from).collect());
    }
    let corpora = env::var_os("ET_CORPORA").ok_or("name packages, or a folder of them in ET_CORPORA")?;
    let mut folders =
        fs::read_dir(corpora)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    folders.sort();
    Ok(folders)
}

fn sources(package: &Path) -> Result<Vec<Sample>, Box<dyn Error>> {
    let limits = Limits::default();
    let job = Job::new(&[package.to_string_lossy().into_owned()], 1000, limits)?;
    let mut samples = Vec::new();
    for shard in source::plan(&job, None)? {
        let range = shard?.range;
        for source in source::read(&range, limits.source_bytes)? {
            let source = source?;
            if matches!(source.body, Body::Script(_)) {
                let tests = source::tests_beside(&range, &source.path)?;
                samples.push(Sample { source, tests });
            }
        }
    }
    Ok(samples)
}

fn slot(scratch: &Path, interpreter: Interpreter) -> Result<Slot, Box<dyn Error>> {
    let launcher = binaries::et_worker();
    let probe = execute::probe(&launcher, scratch)?;
    let profile = execute::admit(&probe, false)?;
    let spec = SlotSpec {
        launcher,
        interpreter,
        tracer: binaries::tracer(),
        scratch: scratch.join("slot"),
        profile,
    };
    Ok(Slot::start(&spec)?)
}
