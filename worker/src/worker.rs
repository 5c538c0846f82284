//! Puts a worker together: finds what it needs, says in one sentence what is missing, and runs it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use dataset::{BadEndpoint, S3Settings};
use plane::client::{Target, TargetError};
use telemetry::metrics;
use tokio::sync::mpsc;

use crate::backoff::random_bits;
use crate::config::{Config, RELEASE_WITHIN};
use crate::execute::{self, ConfinementError, SlotSpec, WorkerFault};
use crate::labels::{self, Contradiction};
use crate::prefetch::Prefetched;
use crate::python::{Interpreter, PythonError};
use crate::render::Renderings;
use crate::report::{Loop, ReportError, Waits};
use crate::scratch::Scratch;
use crate::shard::ShardRunner;
use crate::slots::Slots;
use crate::spans;
use crate::wire::{Introduction, Remote};

/// The tracer's file name, beside this program.
const TRACER: &str = "libet_tracer.so";

/// Why a worker does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Labels(#[from] Contradiction),
    #[error(transparent)]
    S3(#[from] BadEndpoint),
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    #[error("the scratch folder {} could not be made: {cause}", folder.display())]
    Scratch { folder: PathBuf, cause: io::Error },
    #[error(transparent)]
    Slot(#[from] WorkerFault),
    #[error("no thread could be started: {0}")]
    Thread(#[source] io::Error),
}

/// A worker that has all it needs. Its first interpreter is warm.
pub struct Worker {
    interpreter: Interpreter,
    profile: jail::Profile,
    labels: BTreeMap<String, String>,
    slots: Slots,
    prefetched: Prefetched,
    target: Target,
    waits: Waits,
    scratch: Scratch,
    /// Names this process and no other.
    name: String,
}

impl Worker {
    /// Finds all that `config` asks for. `program` is the `et-worker` program, which slots start again as
    /// their interpreters and beside which the tracer lies.
    pub fn prepare(config: &Config, program: &Path) -> Result<Worker, StartError> {
        let target = config.security.target(&config.coordinator)?;
        S3Settings { endpoint: config.s3_endpoint.clone(), ..S3Settings::default() }.install()?;
        let interpreter = Interpreter::find(config.python.as_deref())?;
        let labels = labels::of_worker(&interpreter.version, &config.labels)?;
        let tracer = config.tracer.clone().unwrap_or_else(|| program.with_file_name(TRACER));
        interpreter.check_tracer(&tracer)?;
        let parent = config.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let failed = |cause| StartError::Scratch { folder: parent.clone(), cause };
        let scratch = Scratch::create_in(&parent).map_err(failed)?;
        let trials = scratch.folder("trials").map_err(failed)?;
        let profile = execute::admit(&execute::probe(program, &trials)?, config.allow_unconfined)?;
        let parts = scratch.folder("parts").map_err(failed)?;
        let count = config.slots.unwrap_or_else(|| available_parallelism().map_or(1, NonZero::get));
        let (prefetched, renderings) = (Prefetched::default(), Renderings::default());
        let mut runners = Vec::with_capacity(count);
        for number in 0..count {
            let spec = SlotSpec {
                launcher: program.to_owned(),
                interpreter: interpreter.clone(),
                tracer: tracer.clone(),
                scratch: scratch.folder(&format!("slot-{number}")).map_err(failed)?,
                profile,
            };
            runners.push(ShardRunner::new(spec, parts.clone(), prefetched.clone(), renderings.clone()));
        }
        // One interpreter shows whether all will start; the others wait for work.
        if let Some(first) = runners.first_mut() {
            first.warm_up()?;
        }
        let name = format!("{}-{}-{:016x}", host(), std::process::id(), random_bits());
        let told = |runner: ShardRunner| spans::told(name.clone(), runner.into_runner());
        let slots = Slots::start_threads(runners.into_iter().map(told).collect());
        let slots = slots.map_err(StartError::Thread)?;
        metrics::slots(count);
        let waits = Waits { silence: config.patience, drain: config.drain_within, release: RELEASE_WITHIN };
        Ok(Worker { interpreter, profile, labels, slots, prefetched, target, waits, scratch, name })
    }

    /// Runs shards until the coordinator has no more, or until it is asked to stop. The first message on
    /// `shutdown` drains, the second gives back what runs, the third ends it at once.
    pub async fn run(self, shutdown: mpsc::Receiver<()>) -> Result<(), ReportError> {
        let Worker { interpreter, profile, labels, slots, prefetched, target, waits, scratch, name } = self;
        let introduction = Introduction {
            host: host(),
            pid: std::process::id(),
            interpreter: interpreter.version,
            confinement: profile.to_string(),
            labels,
        };
        let coordinator = Remote::new(target, name, introduction);
        let ended = Loop::new(coordinator, waits, slots, prefetched).run(shutdown).await;
        // Only now: what the slots still held lay in it.
        drop(scratch);
        ended
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What people want to know of a worker that begins, in one line.
impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CPython {} ({}), confinement {}, {} slots",
            self.interpreter.version,
            self.interpreter.executable.display(),
            self.profile,
            self.slots.count(),
        )
    }
}
