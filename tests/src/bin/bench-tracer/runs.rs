//! Runs a program under one tracer after another, each time in a process of its own.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tests::tracers::native::{self, Timed};
use tests::tracers::{Interpreter, Program};
use trace::{Bounds, Granularity};

use crate::figures::{Cost, Pair};
use crate::programs;

/// The machine is noisy, so the best of some runs is told. What takes long evens out by itself and runs once.
pub(crate) const RUNS: usize = 3;
/// The same for what is told of a single program that takes no time.
pub(crate) const MANY_RUNS: usize = 15;

/// What a program can be run under beside the native tracer. `tests/bench/run.py` knows them by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Baseline {
    /// Nothing, and empty C callbacks: what CPython itself charges.
    Floors,
    /// A tracer as people write one.
    Naive,
    PySnooper,
    Hunter,
    VizTracer,
}

impl Baseline {
    /// What others could use instead.
    pub(crate) const PUBLISHED: [Baseline; 3] = [Baseline::PySnooper, Baseline::Hunter, Baseline::VizTracer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Baseline::Floors => "floors",
            Baseline::Naive => "naive",
            Baseline::PySnooper => "pysnooper",
            Baseline::Hunter => "hunter",
            Baseline::VizTracer => "viztracer",
        }
    }
}

/// Runs under one interpreter.
pub(crate) struct Runs<'a> {
    python: &'a Interpreter,
    /// Holds the empty callback.
    modules: TempDir,
}

impl Runs<'_> {
    /// Compiles the empty callback for the interpreter.
    pub(crate) fn new(python: &Interpreter) -> Result<Runs<'_>, Box<dyn Error>> {
        let modules = tempfile::tempdir()?;
        let question = "import sysconfig; print(sysconfig.get_path('include'))";
        let headers = Command::new(&python.path).args(["-I", "-c", question]).output()?;
        let headers = String::from_utf8(headers.stdout)?;
        succeeds(
            Command::new("gcc")
                .args(["-O2", "-shared", "-fPIC", "-I", headers.trim_end(), "-o"])
                .arg(modules.path().join("callback.so"))
                .arg(programs::bench().join("callback.c")),
        )?;
        Ok(Runs { python, modules })
    }

    /// What a program costs under each tracer.
    pub(crate) fn cost(&self, source: &str) -> Result<Cost, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let [untraced, lines, dispatch, instructions] = self.seconds(Baseline::Floors, source, &folder)?;
        let [naive] = self.seconds(Baseline::Naive, source, &folder)?;
        let (native, log) = self.native(source, Granularity::Line, RUNS)?;
        let (native_instructions, instruction_log) = self.native(source, Granularity::Instruction, RUNS)?;
        Ok(Cost {
            naive,
            floor: Pair { without: untraced, with: lines },
            dispatch: Pair { without: untraced, with: dispatch },
            instruction_floor: Pair { without: untraced, with: instructions },
            native,
            instructions: native_instructions,
            log,
            instruction_count: instruction_log.instructions,
        })
    }

    /// What the native tracer costs beside a run at granularity `program`, which tells of no frame but is set up
    /// alike; and what it wrote.
    pub(crate) fn native(
        &self,
        source: &str,
        granularity: Granularity,
        runs: usize,
    ) -> Result<(Pair, Timed), Box<dyn Error>> {
        let mut without = self.traced(source, Granularity::Program)?;
        let mut with = self.traced(source, granularity)?;
        for _ in 1..runs {
            without.seconds = without.seconds.min(self.traced(source, Granularity::Program)?.seconds);
            with.seconds = with.seconds.min(self.traced(source, granularity)?.seconds);
        }
        Ok((Pair { without: without.seconds, with: with.seconds }, with))
    }

    /// One run under the native tracer, without bounds that it could meet.
    fn traced(&self, source: &str, granularity: Granularity) -> Result<Timed, String> {
        let bounds = Bounds { max_events: 10_000_000, ..Bounds::default() };
        native::time(self.python, &Program { bounds, granularity, ..Program::script(source) })
    }

    fn seconds<const N: usize>(
        &self,
        baseline: Baseline,
        source: &str,
        folder: &TempDir,
    ) -> Result<[f64; N], Box<dyn Error>> {
        let mut command = Command::new(&self.python.path);
        command.env("PYTHONPATH", self.modules.path());
        seconds(command, baseline, source, folder.path())
    }
}

/// Published tracers, in an environment of their own.
pub(crate) struct Peers {
    python: PathBuf,
}

impl Peers {
    const PACKAGES: [&str; 3] = ["PySnooper==1.2.3", "hunter==3.9.0", "viztracer==1.1.1"];

    /// Installs them, unless an earlier run has.
    pub(crate) fn prepare(python: &Interpreter) -> Result<Peers, Box<dyn Error>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
        let peers = Peers { python: folder.join("bin/python") };
        let has_them =
            Command::new(&peers.python).args(["-c", "import hunter, pysnooper, viztracer"]).output();
        if !has_them.is_ok_and(|output| output.status.success()) {
            succeeds(Command::new(&python.path).args(["-m", "venv"]).arg(&folder))?;
            let pip = ["-m", "pip", "install", "--quiet"];
            succeeds(Command::new(&peers.python).args(pip).args(Self::PACKAGES))?;
        }
        Ok(peers)
    }

    pub(crate) fn seconds(&self, peer: Baseline, source: &str) -> Result<f64, Box<dyn Error>> {
        let [seconds] = seconds(Command::new(&self.python), peer, source, tempfile::tempdir()?.path())?;
        Ok(seconds)
    }
}

/// As many figures as the baseline gives.
fn seconds<const N: usize>(
    mut command: Command,
    baseline: Baseline,
    source: &str,
    folder: &Path,
) -> Result<[f64; N], Box<dyn Error>> {
    let (file, output) = (folder.join("program.py"), folder.join("output"));
    fs::write(&file, source)?;
    command
        .args(["-s", "-P"])
        .arg(programs::bench().join("run.py"))
        .arg(baseline.name())
        .arg(file)
        .arg(output);
    let ran = command.env("PYTHONHASHSEED", "0").output()?;
    let told = String::from_utf8(ran.stderr)?;
    let figures: Option<Vec<f64>> =
        told.lines().last().and_then(|line| line.split(' ').map(|seconds| seconds.parse().ok()).collect());
    let figures = figures.and_then(|figures| figures.try_into().ok());
    figures.ok_or_else(|| format!("a program under {}: {told}", baseline.name()).into())
}

fn succeeds(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.output()?;
    let told = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", told()).into()) }
}
