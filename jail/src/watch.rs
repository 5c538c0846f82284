//! Watches a program until it is over: its time, its memory and what it prints.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::step::{Step, StepError, check};
use crate::wire::{Cause, End, Files};
use crate::{Limits, limits};

/// A program that runs.
pub(crate) struct Watch<'a> {
    pub(crate) child: Pid,
    /// Hung up once the worker is gone.
    pub(crate) worker: BorrowedFd<'a>,
    pub(crate) proc: BorrowedFd<'a>,
    /// The number that `proc` knows the program by.
    pub(crate) number_in_proc: u32,
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
        let started = Instant::now();
        let process =
            rustix::process::pidfd_open(self.child, PidfdFlags::empty()).step("watch the program")?;
        let mut gauges = Gauges::default();
        let mut stopped = None;
        let mut deadline = started + self.limits.wall;
        loop {
            let now = Instant::now();
            let patience = deadline.saturating_duration_since(now);
            let patience = if stopped.is_none() { patience.min(TICK) } else { patience };
            let (is_over, is_orphaned) = self.wait(&process, patience).step("wait for the program")?;
            if is_over {
                break;
            }
            if is_orphaned {
                return Ok(None);
            }
            if stopped.is_some() {
                if Instant::now() >= deadline {
                    return Err(StepError::new("end the program", io::Error::from(io::ErrorKind::TimedOut)));
                }
            } else if let Some(limit) = self.exceeded(started, &mut gauges).step("watch the program")? {
                // It may be over by itself in this very moment; then that is how it ended.
                match rustix::process::pidfd_send_signal(&process, Signal::KILL) {
                    Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                    Err(error) => return Err(StepError::new("end the program", error)),
                }
                stopped = Some(limit);
                deadline = Instant::now() + DEATH;
            }
        }
        let wall = started.elapsed();
        let (status, usage) = reap(self.child).step("learn how the program ended")?;
        let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
        let cause = self.cause(status, stopped, cpu).step("learn how the program ended")?;
        let peak_memory_bytes = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
        Ok(Some(End { cause, wall, cpu, peak_memory_bytes }))
    }

    /// Whether the program is over, and whether the worker is gone.
    fn wait(&self, process: &OwnedFd, patience: Duration) -> io::Result<(bool, bool)> {
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut awaited =
            [PollFd::new(process, PollFlags::IN), PollFd::new(&self.worker, PollFlags::empty())];
        match poll(&mut awaited, Some(&patience)) {
            Ok(_) => Ok((!awaited[0].revents().is_empty(), !awaited[1].revents().is_empty())),
            Err(rustix::io::Errno::INTR) => Ok((false, false)),
            Err(error) => Err(error.into()),
        }
    }

    fn exceeded(&self, started: Instant, gauges: &mut Gauges) -> io::Result<Option<Cause>> {
        let limits = &self.limits;
        Ok(if started.elapsed() >= limits.wall {
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
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both structures outlive the calls.
        unsafe {
            match libc::clock_getcpuclockid(self.child.as_raw_nonzero().get(), &raw mut clock) {
                0 => check(libc::clock_gettime(clock, &raw mut time).into())?,
                error => return Err(io::Error::from_raw_os_error(error)),
            };
        }
        Ok(Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32))
    }
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
                let name = format!("{}/status", watch.number_in_proc);
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

/// Ends whatever is left of a program besides its main process, which is over already.
///
/// Programs start no processes. Should one have managed to, this process is who inherits it: as process 1 of
/// its namespace, where one signal reaches all others, or else as the nearest subreaper.
pub(crate) fn end_remains(
    program: Pid,
    is_first_process: bool,
    proc: BorrowedFd<'_>,
) -> Result<(), StepError> {
    let deadline = Instant::now() + DEATH;
    loop {
        if is_first_process {
            // SAFETY: the call reads no memory. From process 1, -1 means everybody else in its namespace.
            unsafe { libc::kill(-1, libc::SIGKILL) };
        } else {
            let _ = rustix::process::kill_process_group(program, Signal::KILL);
        }
        match reap_any().step("reap what a program left")? {
            Reaped::Nobody => return Ok(()),
            Reaped::One => continue,
            Reaped::NoneYet if Instant::now() >= deadline => {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(StepError::new("end what a program left", late));
            }
            Reaped::NoneYet if !is_first_process => {
                end_children(proc).step("end what a program left")?;
            }
            Reaped::NoneYet => {}
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

enum Reaped {
    One,
    NoneYet,
    Nobody,
}

fn reap_any() -> io::Result<Reaped> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::__WALL) } {
        0 => Ok(Reaped::NoneYet),
        -1 => {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::ECHILD) { Ok(Reaped::Nobody) } else { Err(error) }
        }
        _ => Ok(Reaped::One),
    }
}

fn end_children(proc: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let list = rustix::fs::openat(proc, "thread-self/children", flags, Mode::empty())?;
    let list = io::read_to_string(File::from(list))?;
    for child in list.split_whitespace().filter_map(|pid| pid.parse().ok()).filter_map(Pid::from_raw) {
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
    Ok(())
}

fn reap(child: Pid) -> io::Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`.
    let mut usage = unsafe { std::mem::zeroed() };
    // SAFETY: both outlive the call.
    check(
        unsafe { libc::wait4(child.as_raw_nonzero().get(), &raw mut status, libc::__WALL, &raw mut usage) }
            .into(),
    )?;
    Ok((status, usage))
}

fn length(file: impl AsFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(file)?.st_size.cast_unsigned())
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_usec as u32 * 1000)
}
