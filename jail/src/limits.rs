//! What one program may use, as far as the kernel counts it per process.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

/// What one execution may use. All are hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub wall: Duration,
    pub cpu: Duration,
    /// Resident, and of the program's own data.
    pub memory_bytes: u64,
    /// Size of any one file that it writes, and of its scratch folder where that is a file system of its own.
    pub file_bytes: u64,
    /// Threads, the main one included.
    pub threads: u64,
    /// Written to standard output and standard error, each.
    pub output_bytes: u64,
}

/// Processes that count against a program's limit besides its own threads: the zygote and its guardian.
const COMPANIONS: u64 = 2;

const OPEN_FILES: u64 = 256;

/// What a thread's stack, and the main one, has by default on most machines. It decides where recursion ends,
/// so it must not be left to this machine.
pub(crate) const STACK_BYTES: u64 = 8 << 20;

impl Limits {
    /// Binds this process. `counts_threads` says that nobody else has its user number.
    pub(crate) fn apply(&self, counts_threads: bool) -> std::io::Result<()> {
        // The watch ends programs at their exact time; this is for the case that the watch is gone.
        let cpu_seconds = self.cpu.as_secs() + 2;
        let mut limits = vec![
            (Resource::Cpu, cpu_seconds),
            // Not address space: interpreters, threads and numeric libraries reserve far more than they use.
            (Resource::Data, self.memory_bytes),
            (Resource::Fsize, self.file_bytes.max(self.output_bytes)),
            (Resource::Nofile, OPEN_FILES),
            (Resource::Core, 0),
            (Resource::Memlock, 0),
            (Resource::Msgqueue, 0),
            (Resource::Nice, 0),
            (Resource::Rtprio, 0),
        ];
        if counts_threads {
            limits.push((Resource::Nproc, self.threads + COMPANIONS));
        }
        for (resource, most) in limits {
            setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
        }
        Ok(())
    }
}
