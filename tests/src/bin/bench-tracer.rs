//! The native tracer against a tracer as people write one (`tests/bench/naive_tracer.py`): processor time to
//! run and trace a program, and the ratio of the two.
//!
//! Usage: bench-tracer [FOLDER]; the programs in FOLDER, or those in `tests/bench/programs`. A program that
//! defines `main` has it called.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use tests::bench::{self, geometric_mean};
use tests::tracers::{Interpreter, Program, interpreters, native};
use trace::Bounds;

/// The machine is noisy, so the best of a few runs is told. The baseline takes long enough to even out.
const RUNS: usize = 5;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-tracer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
    let folder = std::env::args_os().nth(1).map_or_else(|| own.join("programs"), PathBuf::from);
    let mut programs: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Box<dyn Error>>>()?;
    programs.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    programs.sort();

    let mut metrics = serde_json::Map::new();
    println!(
        "{:<24} {:>6} {:>9} {:>11} {:>11} {:>9} {:>8}",
        "program", "python", "events", "naive, ms", "native, ms", "ns/event", "ratio"
    );
    let mut ratios: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let mut costs: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for path in &programs {
        for python in interpreters() {
            let program = runnable(path)?;
            let naive = naive_seconds(python, &own.join("naive_tracer.py"), &program)?;
            let (native, events) = native_seconds(python, &program)?;
            let (ratio, cost) = (naive / native, native * 1e9 / events as f64);
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            println!(
                "{name:<24} {:>6} {events:>9} {:>11.1} {:>11.2} {cost:>9.0} {ratio:>8.0}",
                format!("3.{}", python.minor),
                naive * 1e3,
                native * 1e3
            );
            ratios.entry(python.minor).or_default().push(ratio);
            costs.entry(python.minor).or_default().push(cost);
        }
    }
    for (minor, ratios) in &ratios {
        let (ratio, cost) = (geometric_mean(ratios), geometric_mean(&costs[minor]));
        println!("geometric mean, 3.{minor}: {ratio:.0} times less processor time, {cost:.0} ns per event");
        metrics.insert(format!("ratio_3_{minor}"), ratio.into());
        metrics.insert(format!("ns_per_event_3_{minor}"), cost.into());
    }
    bench::write("tracer", &metrics)?;
    Ok(())
}

/// A program as it is run by both.
fn runnable(path: &Path) -> Result<String, Box<dyn Error>> {
    let source = fs::read_to_string(path)?;
    let has_main = source.contains("\ndef main():") || source.starts_with("def main():");
    Ok(if has_main { source + "\n\nmain()\n" } else { source })
}

fn naive_seconds(python: &Interpreter, tracer: &Path, program: &str) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (file, output) = (folder.path().join("program.py"), folder.path().join("trace.jsonl"));
    fs::write(&file, program)?;
    let ran = Command::new(&python.path).arg("-I").arg(tracer).arg(file).arg(output).output()?;
    let told = String::from_utf8(ran.stderr)?;
    // Last, after the warnings that some versions have about a tracer that reads the locals.
    let seconds = told.lines().last().unwrap_or_default();
    Ok(seconds.parse().map_err(|_| format!("under the naive tracer: {told}"))?)
}

/// Processor seconds to compile, run and trace, and the number of events.
fn native_seconds(python: &Interpreter, program: &str) -> Result<(f64, u64), Box<dyn Error>> {
    let bounds = Bounds { max_events: 10_000_000, ..Bounds::default() };
    let program = Program { bounds, ..Program::script(program) };
    let mut best = (f64::INFINITY, 0);
    for _ in 0..RUNS {
        let timed = native::time(python, &program)?;
        best = if timed.0 < best.0 { timed } else { best };
    }
    Ok(best)
}
