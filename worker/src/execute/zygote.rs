//! The worker's side of a zygote: the process, and the line to it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use jail::{Answer, End, Line, Order};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;

use super::launch::zygote_command;
use super::memory::memory_file;
use super::{SlotSpec, WorkerFault};
use crate::python::last_line;

/// An interpreter that waits for programs to fork. It ends with this value.
#[derive(Debug)]
pub(super) struct Zygote {
    process: Child,
    line: Line,
    /// What it prints while it starts.
    printed: File,
    interpreter: String,
}

/// An interpreter starts in a tenth of a second; a cold disk on a busy machine takes its time.
const START: Duration = Duration::from_secs(60);

impl Zygote {
    /// Starts one and waits until it is ready.
    pub(super) fn start(spec: &SlotSpec) -> Result<Zygote, WorkerFault> {
        let (line, its_end) = Line::pair().map_err(|error| WorkerFault::Own("open a line", error))?;
        let printed = memory_file("printed", MemfdFlags::empty())
            .map_err(|error| WorkerFault::Own("make a file in memory", error))?;
        let stderr = printed.try_clone().map_err(|error| WorkerFault::Own("share a file", error))?;
        let process = zygote_command(spec)
            .stdin(its_end)
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| WorkerFault::Start(format!("{}: {error}", spec.launcher.display())))?;
        let mut zygote = Zygote { process, line, printed, interpreter: String::new() };
        match zygote.answer_within(START, &|| true) {
            Ok(Answer::Ready { interpreter }) => zygote.interpreter = interpreter,
            Ok(other) => return Err(WorkerFault::Start(format!("it said {other:?}"))),
            Err(WorkerFault::Zygote(last_words)) => return Err(WorkerFault::Start(last_words)),
            Err(fault) => return Err(fault),
        }
        Ok(zygote)
    }

    pub(super) fn interpreter(&self) -> &str {
        &self.interpreter
    }

    /// Has one program run and waits for its end.
    pub(super) fn run<Fd: AsFd>(
        &mut self,
        order: &Order<Fd>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<End, WorkerFault> {
        match self.line.send_order(order) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Err(WorkerFault::Zygote(self.last_words()));
            }
            Err(error) => return Err(WorkerFault::Own("send an order", error)),
        }
        // The zygote keeps the time. This is for when the zygote itself does not answer.
        let patience = order.limits.wall.saturating_add(GRACE);
        match self.answer_within(patience, is_wanted)? {
            Answer::Ended(end) => Ok(end),
            Answer::Fault(text) => Err(WorkerFault::Zygote(text)),
            Answer::Ready { .. } => Err(WorkerFault::Zygote("it started again by itself".to_owned())),
        }
    }

    fn answer_within(
        &mut self,
        patience: Duration,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Answer, WorkerFault> {
        // Limits may be longer than clocks run; then there is no deadline.
        let deadline = Instant::now().checked_add(patience);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(WorkerFault::Silent(patience));
            }
            let glance = left.map_or(GLANCE, |left| left.min(GLANCE));
            let timeout = Timespec::try_from(glance).ok();
            match poll(&mut [PollFd::new(&self.line, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) if !is_wanted() => return Err(WorkerFault::Unwanted),
                Ok(0) => {}
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(WorkerFault::Own("wait for the interpreter", error.into())),
            }
        }
        match self.line.receive_answer() {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(WorkerFault::Zygote(self.last_words())),
            Err(error) => Err(WorkerFault::Own("read the interpreter's answer", error)),
        }
    }

    /// Why a zygote that closed its line did so.
    fn last_words(&mut self) -> String {
        let mut text = vec![0; LAST_WORDS];
        match self.printed.read_at(&mut text, 0) {
            Ok(length @ 1..) => last_line(&text[..length]),
            _ => match self.process.wait() {
                Ok(status) => format!("it ended with {status} and without a word"),
                Err(error) => format!("it ended without a word: {error}"),
            },
        }
    }
}

/// How much later than a program's deadline its zygote's answer may come: it confines the program before the
/// deadline starts to run, and waits for its death and cleans up after it.
const GRACE: Duration = Duration::from_secs(30);

/// How often to look whether a program that still runs is still wanted.
const GLANCE: Duration = Duration::from_millis(100);

/// Bytes of what a zygote printed that are looked at.
const LAST_WORDS: usize = 64 * 1024;

impl Drop for Zygote {
    fn drop(&mut self) {
        // A program that is still running goes with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
