//! The one thing that a program tells its zygote: that it is confined, or why it could not be.
//!
//! It goes through a pipe that is closed before the first untrusted byte is read. Whatever goes wrong before it
//! is written is ours to blame, everything after it is the program's doing.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::pipe::PipeFlags;

use crate::step::{StepError, check};

/// A program that is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confined {
    /// The number that the machine's `/proc` knows it by.
    pub(crate) number_in_proc: u32,
    /// When it was, by [`now`]. The zygote may hear of it much later, on a busy machine.
    pub(crate) since: Duration,
}

const CONFINED: &str = "confined";

/// Both ends of a new pipe: where the zygote reads, and where the program writes.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

/// Closes the pipe, having said how it went.
pub(crate) fn send(to_zygote: OwnedFd, outcome: &Result<Confined, StepError>) -> io::Result<()> {
    let text = match outcome {
        Ok(Confined { number_in_proc, since }) => {
            format!("{CONFINED} {number_in_proc} {}", since.as_nanos())
        }
        Err(error) => error.to_string(),
    };
    File::from(to_zygote).write_all(text.as_bytes())
}

/// Waits until the program is confined. An error says why it is not.
pub(crate) fn receive(from_program: OwnedFd) -> io::Result<Confined> {
    let mut text = String::new();
    File::from(from_program).take(4096).read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| match text.is_empty() {
        true => io::Error::other("it ended before it was"),
        false => io::Error::other(text),
    })
}

fn parse(text: &str) -> Option<Confined> {
    let mut words = text.split(' ');
    if words.next()? != CONFINED {
        return None;
    }
    let number_in_proc = words.next()?.parse().ok()?;
    let since = Duration::from_nanos(words.next()?.parse().ok()?);
    Some(Confined { number_in_proc, since })
}

/// Time since the machine started, the same for all its processes.
pub(crate) fn now() -> io::Result<Duration> {
    clock(libc::CLOCK_MONOTONIC)
}

pub(crate) fn clock(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure outlives the call.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) }.into())?;
    Ok(Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_says_arrives() {
        let confined = Confined { number_in_proc: 77, since: now().unwrap() };
        let (from_program, to_zygote) = pipe().unwrap();
        send(to_zygote, &Ok(confined)).unwrap();
        assert_eq!(receive(from_program).unwrap(), confined);

        let (from_program, to_zygote) = pipe().unwrap();
        send(to_zygote, &Err(StepError::new("close doors", io::Error::other("stuck")))).unwrap();
        assert_eq!(receive(from_program).unwrap_err().to_string(), "could not close doors: stuck");
    }

    #[test]
    fn a_program_that_dies_before_it_is_confined_is_an_error() {
        let (from_program, to_zygote) = pipe().unwrap();
        drop(to_zygote);
        assert!(receive(from_program).is_err());
    }
}
