//! Watches a program until it is over: its time, its memory and what it prints.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::report::{self, Confined};
use crate::step::{Step, StepError, check};
use crate::wire::{Cause, End, Files};
use crate::{Limits, limits};

/// A program that runs.
pub(crate) struct Watch<'a> {
    pub(crate) child: Pid,
    pub(crate) confined: Confined,
    /// Hung up once the worker is gone.
    pub(crate) worker: BorrowedFd<'a>,
    pub(crate) proc: BorrowedFd<'a>,
    pub(crate) files: Files<BorrowedFd<'a>>,
    pub(crate) limits: Limits,
}

/// How often what no deadline covers is looked at.
const TICK: Duration = Duration::from_millis(20);

/// A killed process that is not gone after so long never will be.
const DEATH: Duration = Duration::from_secs(10);

impl Watch<'_> {
    /// Waits until the program is over, and ends it where it goes too far. `None` if the worker went away.
    pub(crate) fn until_over(&self) -> Result<Option<End>, StepError> {
        let process =
            rustix::process::pidfd_open(self.child, PidfdFlags::empty()).step("watch the program")?;
        let mut gauges = Gauges::default();
        let mut stopped = None;
        loop {
            let patience = match stopped {
                None => self.limits.wall.saturating_sub(self.elapsed().step("read the clock")?).min(TICK),
                Some(_) => DEATH,
            };
            match self.wait(&process, patience).step("wait for the program")? {
                Awaited::ProgramOver => break,
                Awaited::WorkerGone => return Ok(None),
                Awaited::Nothing if stopped.is_some() => {
                    return Err(StepError::new("end the program", io::Error::from(io::ErrorKind::TimedOut)));
                }
                Awaited::Nothing => {}
            }
            stopped = self.exceeded(&mut gauges).step("watch the program")?;
            if stopped.is_some() {
                // It may be over by itself in this very moment; then that is how it ended.
                match rustix::process::pidfd_send_signal(&process, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(StepError::new("end the program", error)),
                }
            }
        }
        let wall = self.elapsed().step("read the clock")?;
        let (status, usage) = reap(self.child).step("learn how the program ended")?;
        let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
        let cause = self.cause(status, stopped, cpu).step("learn how the program ended")?;
        let peak_memory_bytes = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
        Ok(Some(End { cause, wall, cpu, peak_memory_bytes }))
    }

    fn elapsed(&self) -> io::Result<Duration> {
        Ok(report::now()?.saturating_sub(self.confined.since))
    }

    fn wait(&self, process: &OwnedFd, patience: Duration) -> io::Result<Awaited> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut awaited =
            [PollFd::new(process, PollFlags::IN), PollFd::new(&self.worker, PollFlags::empty())];
        rustix::io::retry_on_intr(|| poll(&mut awaited, Some(&patience)))?;
        Ok(match awaited.map(|descriptor| !descriptor.revents().is_empty()) {
            [true, _] => Awaited::ProgramOver,
            [_, true] => Awaited::WorkerGone,
            _ => Awaited::Nothing,
        })
    }

    /// What the program has gone too far in.
    fn exceeded(&self, gauges: &mut Gauges) -> io::Result<Option<Cause>> {
        let limits = &self.limits;
        Ok(if self.elapsed()? >= limits.wall {
            Some(Cause::WallLimit)
        } else if self.cpu_time()? >= limits.cpu {
            Some(Cause::CpuLimit)
        } else if self.has_printed_too_much()? {
            Some(Cause::OutputLimit)
        } else if gauges.memory(self)? > self.most_memory()? {
            Some(Cause::MemoryLimit)
        } else {
            None
        })
    }

    fn cause(&self, status: i32, stopped: Option<Cause>, cpu: Duration) -> io::Result<Cause> {
        let cause = if libc::WIFSIGNALED(status) {
            match (libc::WTERMSIG(status), stopped) {
                (libc::SIGKILL, Some(limit)) => limit,
                (libc::SIGKILL | libc::SIGXCPU, None) if cpu >= self.limits.cpu => Cause::CpuLimit,
                (signal, _) => Cause::Signalled(signal),
            }
        } else {
            Cause::Exited(libc::WEXITSTATUS(status))
        };
        // Between two looks a program can print too much and end. What it printed is cut all the same.
        let ended_by_itself = matches!(cause, Cause::Exited(_) | Cause::Signalled(_));
        Ok(if ended_by_itself && self.has_printed_too_much()? { Cause::OutputLimit } else { cause })
    }

    fn has_printed_too_much(&self) -> io::Result<bool> {
        let most = self.limits.output_bytes;
        Ok(length(self.files.stdout)? >= most || length(self.files.stderr)? >= most)
    }

    /// The kernel bounds a program's own data, and Python meets that bound with a `MemoryError`. This is
    /// where all else that takes memory ends: what is mapped to be shared. It leaves room for what the
    /// kernel's bound does not count, and for the memory that program and worker share.
    fn most_memory(&self) -> io::Result<u64> {
        let uncounted = length(self.files.arena)? + limits::STACK_BYTES;
        Ok(self.limits.memory_bytes.saturating_add(uncounted))
    }

    fn cpu_time(&self) -> io::Result<Duration> {
        let mut clock = 0;
        // SAFETY: the number outlives the call.
        match unsafe { libc::clock_getcpuclockid(self.child.as_raw_nonzero().get(), &raw mut clock) } {
            0 => report::clock(clock),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

enum Awaited {
    ProgramOver,
    WorkerGone,
    Nothing,
}

/// Where a program's memory is read, opened when it is first asked for: most programs are over before.
#[derive(Default)]
struct Gauges {
    status: Option<File>,
}

impl Gauges {
    /// Bytes of memory that are resident and not just a part of some file.
    fn memory(&mut self, watch: &Watch<'_>) -> io::Result<u64> {
        let status = match &mut self.status {
            Some(status) => status,
            none => {
                let name = format!("{}/status", watch.confined.number_in_proc);
                let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                none.insert(File::from(rustix::fs::openat(watch.proc, name, flags, Mode::empty())?))
            }
        };
        let mut text = [0; 4096];
        match status.read_at(&mut text, 0) {
            Ok(length) => Ok(["RssAnon:", "RssShmem:"]
                .into_iter()
                .map(|field| kilobytes(&text[..length], field).unwrap_or(0) * 1024)
                .sum()),
            // It is over: the next wait says so.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// A line of a process's status, such as `RssAnon:     1234 kB`. Processes that are over have none.
fn kilobytes(status: &[u8], field: &str) -> Option<u64> {
    let lines = str::from_utf8(status).ok()?.lines();
    let value = lines.filter_map(|line| line.strip_prefix(field)).next()?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn reap(child: Pid) -> io::Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`.
    let mut usage = unsafe { std::mem::zeroed() };
    // SAFETY: both outlive the call.
    let reaped = unsafe { libc::wait4(child.as_raw_nonzero().get(), &raw mut status, 0, &raw mut usage) };
    check(reaped.into())?;
    Ok((status, usage))
}

fn length(file: impl AsFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_size.cast_unsigned())
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_usec as u32 * 1000)
}
