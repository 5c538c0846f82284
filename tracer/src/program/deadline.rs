//! Ends this process when something takes too long.
//!
//! The timers are the kernel's, and nothing in Python reaches them.

use std::io;
use std::mem::zeroed;
use std::ptr::null_mut;

use libc::{clockid_t, itimerspec, sigevent, timer_t, timespec};
use trace::Patience;

/// Two timers, of which either ends the process.
pub(super) struct Deadline {
    wall: Timer,
    cpu: Timer,
}

impl Deadline {
    /// One that does not run yet.
    pub(super) fn new(patience: Patience) -> io::Result<Deadline> {
        Ok(Deadline {
            wall: Timer::new(libc::CLOCK_MONOTONIC, patience.wall_ms)?,
            cpu: Timer::new(libc::CLOCK_PROCESS_CPUTIME_ID, patience.cpu_ms)?,
        })
    }

    /// From now on there is as much time as at first.
    pub(super) fn restart(&self) {
        self.wall.restart();
        self.cpu.restart();
    }
}

struct Timer {
    number: timer_t,
    after: timespec,
}

impl Timer {
    fn new(clock: clockid_t, milliseconds: u64) -> io::Result<Timer> {
        // SAFETY: zeroes are a valid `sigevent`.
        let mut event: sigevent = unsafe { zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        // No handler of the program can get in its way.
        event.sigev_signo = libc::SIGKILL;
        let mut number: timer_t = null_mut();
        // SAFETY: both outlive the call.
        if unsafe { libc::timer_create(clock, &raw mut event, &raw mut number) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let tv_sec = (milliseconds / 1000).try_into().unwrap_or(libc::time_t::MAX);
        let tv_nsec = (milliseconds % 1000 * 1_000_000) as i64;
        Ok(Timer { number, after: timespec { tv_sec, tv_nsec } })
    }

    fn restart(&self) {
        let once = timespec { tv_sec: 0, tv_nsec: 0 };
        let times = itimerspec { it_interval: once, it_value: self.after };
        // SAFETY: the timer exists, and the times outlive the call.
        let status = unsafe { libc::timer_settime(self.number, 0, &raw const times, null_mut()) };
        debug_assert_eq!(status, 0, "the timer is one, and its time is well-formed");
    }
}
