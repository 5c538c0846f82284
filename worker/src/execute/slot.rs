//! One place where programs run, one at a time.

use std::time::Duration;

use jail::{Cause, Files, Order};
use trace::Request;

use super::memory::{OutputFile, SharedArena};
use super::zygote::Zygote;
use super::{Ended, Execution, SlotSpec, WorkerFault};

/// Runs programs one after another. It blocks; give it a thread of its own.
#[derive(Debug)]
pub struct Slot {
    spec: SlotSpec,
    interpreter: String,
    /// None after a fault, until the next program.
    zygote: Option<Zygote>,
    /// Programs that the zygote has run.
    runs: u32,
}

/// Whatever a zygote may gather over time, it does not gather for longer than this.
const RUNS_PER_ZYGOTE: u32 = 10_000;

impl Slot {
    /// Starts an interpreter and waits until it is ready.
    pub fn start(spec: &SlotSpec) -> Result<Slot, WorkerFault> {
        let zygote = Zygote::start(spec)?;
        let interpreter = zygote.interpreter().to_owned();
        Ok(Slot { spec: spec.clone(), interpreter, zygote: Some(zygote), runs: 0 })
    }

    /// Version of the interpreter, for example `3.13.0`.
    pub fn interpreter(&self) -> &str {
        &self.interpreter
    }

    /// Runs one program to its end, or for as long as it is wanted. After a fault the next call starts afresh.
    pub fn run(
        &mut self,
        request: &Request<'_>,
        limits: &dataset::Limits,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Execution, WorkerFault> {
        let mut zygote = match self.zygote.take() {
            Some(zygote) if self.runs < RUNS_PER_ZYGOTE => zygote,
            retired => {
                drop(retired);
                self.runs = 0;
                Zygote::start(&self.spec)?
            }
        };
        let execution = run_in(&mut zygote, request, limits, &is_wanted)?;
        self.runs += 1;
        self.zygote = Some(zygote);
        Ok(execution)
    }
}

fn run_in(
    zygote: &mut Zygote,
    request: &Request<'_>,
    limits: &dataset::Limits,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Execution, WorkerFault> {
    let own = |error| WorkerFault::Own("make memory for a program", error);
    let log_capacity = usize::try_from(limits.log_bytes).unwrap_or(usize::MAX);
    let arena = SharedArena::create(&request.encode(), log_capacity).map_err(own)?;
    let stdout = OutputFile::create().map_err(own)?;
    let stderr = OutputFile::create().map_err(own)?;

    use std::os::fd::AsFd;
    let files = Files { arena: arena.as_fd(), stdout: stdout.as_fd(), stderr: stderr.as_fd() };
    let end = zygote.run(&Order { limits: jail_limits(limits), files }, is_wanted)?;

    let read = |error| WorkerFault::Own("read what a program printed", error);
    Ok(Execution {
        ended: match end.cause {
            Cause::Exited(status) => Ended::Exited(status),
            Cause::Signalled(signal) => Ended::Signalled(signal),
            Cause::WallLimit => Ended::WallLimit,
            Cause::CpuLimit => Ended::CpuLimit,
            Cause::MemoryLimit => Ended::MemoryLimit,
            Cause::OutputLimit => Ended::OutputLimit,
        },
        stdout: stdout.read().map_err(read)?,
        stderr: stderr.read().map_err(read)?,
        wall_us: micros(end.wall),
        cpu_us: micros(end.cpu),
        peak_memory_bytes: end.peak_memory_bytes,
        arena,
    })
}

fn jail_limits(limits: &dataset::Limits) -> jail::Limits {
    jail::Limits {
        wall: Duration::from_millis(limits.wall_ms),
        cpu: Duration::from_millis(limits.cpu_ms),
        memory_bytes: limits.memory_bytes,
        file_bytes: limits.file_bytes,
        threads: limits.processes,
        output_bytes: limits.output_bytes,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
