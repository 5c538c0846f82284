//! Ends what a program leaves besides its main process.
//!
//! Programs start no processes. Should one have managed to, the zygote is who inherits it: as process 1 of its
//! namespace, where one signal reaches all others, or else as the nearest subreaper.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};

use crate::step::{Step, StepError};

/// Killed processes that are not gone after so long never will be.
const DEATH: Duration = Duration::from_secs(10);

/// Ends and reaps all children of this process.
pub(crate) fn end(is_first_process: bool, proc: BorrowedFd<'_>) -> Result<(), StepError> {
    let deadline = Instant::now() + DEATH;
    loop {
        match reap_any().step("reap what a program left")? {
            Reaped::Nobody => return Ok(()),
            Reaped::One => continue,
            Reaped::NoneYet if Instant::now() >= deadline => {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(StepError::new("end what a program left", late));
            }
            // SAFETY: the call reads no memory. From process 1, -1 means everybody else in its namespace.
            Reaped::NoneYet if is_first_process => drop(unsafe { libc::kill(-1, libc::SIGKILL) }),
            Reaped::NoneYet => end_children(proc).step("end what a program left")?,
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
