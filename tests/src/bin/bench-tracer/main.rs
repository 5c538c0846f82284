//! What tracing costs: the native tracer against a tracer as people write one (`tests/bench/naive_tracer.py`),
//! against empty C callbacks, which is what CPython itself charges for an event, and against published tracers.
//!
//! Usage: bench-tracer [FOLDER…]; the programs of the folders, or those in `tests/bench/programs`. A program
//! that defines `main` has it called. The published tracers are installed into `target/peers`.

mod figures;
mod programs;
mod runs;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use figures::Figures;
use programs::Program;
use runs::{Baseline, MANY_RUNS, Peers, RUNS, Runs};
use tests::bench;
use tests::tracers::interpreters;
use trace::Granularity;

fn main() -> ExitCode {
    match run(&folders()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-tracer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn folders() -> Vec<PathBuf> {
    let given: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if given.is_empty() { vec![programs::own()] } else { given }
}

fn run(folders: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let programs = programs::of(folders)?;
    let mut figures = Figures::default();
    figures::heading();
    for python in interpreters() {
        let runs = Runs::new(python)?;
        for program in &programs {
            let cost = runs.cost(&program.source).map_err(|error| format!("{}: {error}", program.name))?;
            figures::line(&program.name, python.minor, &cost);
            figures.add(python.minor, &program.name, cost);
        }
        for program in programs::of(&[programs::library()])? {
            let (native, _) = runs.native(&program.source, Granularity::Line, RUNS)?;
            figures.library(python.minor, native);
        }
        figures.start(python.minor, runs.native(programs::EMPTY, Granularity::Line, MANY_RUNS)?.0);
    }
    let newest = interpreters().last().ok_or("there is no interpreter")?;
    match Peers::prepare(newest) {
        Ok(peers) => compare(&peers, &Runs::new(newest)?, &programs, &mut figures)?,
        Err(error) => eprintln!("published tracers are left out: {error}"),
    }
    figures.tell();
    bench::write("tracer", &figures.metrics())?;
    Ok(())
}

/// The published tracers take minutes for all programs, so that each fifth stands for them.
const COMPARED: usize = 5;

/// The published tracers beside the native one.
fn compare(
    peers: &Peers,
    runs: &Runs<'_>,
    programs: &[Program],
    figures: &mut Figures,
) -> Result<(), Box<dyn Error>> {
    for program in programs.iter().step_by(COMPARED) {
        let (native, _) = runs.native(&program.source, Granularity::Line, RUNS)?;
        for peer in Baseline::PUBLISHED {
            match peers.seconds(peer, &program.source) {
                Ok(seconds) => figures.peer(peer, seconds / native.with),
                Err(error) => eprintln!("{} is left out: {error}", program.name),
            }
        }
    }
    Ok(())
}
