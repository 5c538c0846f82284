//! Runs one program after another, each confined and traced, in a process of its own.
//!
//! `slot` is where programs run; it keeps one `zygote`, an interpreter that forks them, and shares `memory`
//! with each. `launch` holds the worker's internal commands, `confinement` what this machine offers.

mod confinement;
mod launch;
mod memory;
mod slot;
mod zygote;

use std::path::PathBuf;

pub use confinement::{ConfinementError, admit, probe};
pub use launch::run_if_asked;
pub use slot::Slot;

/// What a slot needs to run programs.
#[derive(Debug, Clone)]
pub struct SlotSpec {
    /// The `et-worker` program, which becomes the zygote.
    pub launcher: PathBuf,
    pub interpreter: crate::python::Interpreter,
    /// The tracer's shared library.
    pub tracer: PathBuf,
    /// An empty folder of this slot's own.
    pub scratch: PathBuf,
    /// The layers that every program is promised to be confined by.
    pub profile: jail::Profile,
}

/// What one execution left behind.
#[derive(Debug)]
pub struct Execution {
    pub ended: Ended,
    pub stdout: Output,
    pub stderr: Output,
    pub wall_us: u64,
    /// User and system time of all its threads.
    pub cpu_us: u64,
    /// The most memory that was resident at any one time.
    pub peak_memory_bytes: u64,
    arena: memory::SharedArena,
}

impl Execution {
    /// Whether it had no effect on the world outside it, nor that on it, as far as the tracer sees such things.
    pub fn is_pure(&self) -> bool {
        self.arena.effects() == 0
    }

    /// The event log as the program left it: untrusted bytes.
    pub fn log(&self) -> &[u8] {
        self.arena.log()
    }
}

/// How the process ended. All of it is the program's doing; our own failures are [`WorkerFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// It was stopped at its limit of wall-clock time.
    WallLimit,
    /// It was stopped at its limit of processor time.
    CpuLimit,
    /// It was stopped because more memory was resident than it was allowed.
    MemoryLimit,
    /// It was stopped because it wrote more to standard output or standard error than it was allowed.
    OutputLimit,
}

impl Ended {
    /// Whether it was a limit that ended it, and so the machine that decided how far it came.
    pub(crate) fn is_cut_off(self) -> bool {
        match self {
            Ended::Exited(_) | Ended::Signalled(_) => false,
            Ended::WallLimit | Ended::CpuLimit | Ended::MemoryLimit | Ended::OutputLimit => true,
        }
    }
}

/// What was written to a standard stream: its first 64 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub bytes: Vec<u8>,
    /// More was written than `bytes` holds.
    pub truncated: bool,
}

/// We failed, not the program. Trying again, perhaps elsewhere, can help.
#[derive(Debug, thiserror::Error)]
pub enum WorkerFault {
    /// No zygote could be started.
    #[error("the interpreter could not be started: {0}")]
    Start(String),
    /// The zygote ended, or said that it cannot go on.
    #[error("the interpreter failed between programs: {0}")]
    Zygote(String),
    /// The zygote did not answer in time and was killed.
    #[error("the interpreter did not answer within {0:?}")]
    Silent(std::time::Duration),
    /// It was stopped before its end, because nobody wants its row any more.
    #[error("the program is no longer wanted")]
    Unwanted,
    /// The worker's own part failed.
    #[error("could not {0}: {1}")]
    Own(&'static str, #[source] std::io::Error),
}

impl WorkerFault {
    /// Whether the program that was to run may have caused it: it happens while one is at work.
    pub(crate) fn may_be_the_programs(&self) -> bool {
        match self {
            WorkerFault::Zygote(_) | WorkerFault::Silent(_) => true,
            WorkerFault::Start(_) | WorkerFault::Unwanted | WorkerFault::Own(..) => false,
        }
    }
}
