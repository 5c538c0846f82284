//! The zygote's life: take an order, fork, watch, clean up, answer. What is forked, and what the fork runs,
//! is up to the caller; this knows nothing of interpreters.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::ptr::NonNull;

use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::pipe::PipeFlags;
use rustix::process::{DumpableBehavior, Pid};

use crate::program::{self, Confinement};
use crate::scratch::Scratch;
use crate::step::{Step, StepError};
use crate::watch::{self, Watch};
use crate::wire::{Answer, End, Files, Line, Order};
use crate::{Profile, namespaces, seccomp};

/// Descriptors that a zygote is started with, by number, and how it finds its place.
pub(crate) mod inherited {
    use super::RawFd;

    pub(crate) const LINE: RawFd = 3;
    pub(crate) const PROC: RawFd = 4;
    /// Only where the profile has Landlock.
    pub(crate) const RULESET: RawFd = 5;
    /// Only where there are namespaces and the kernel lets process numbers be chosen.
    pub(crate) const LAST_PID: RawFd = 6;
}

/// The process that programs are forked from.
#[derive(Debug)]
pub struct Zygote {
    profile: Profile,
    scratch: Scratch,
    line: Line,
    proc: OwnedFd,
    ruleset: Option<OwnedFd>,
    last_pid: Option<File>,
    null: OwnedFd,
}

/// Memory that a program shares with its worker, mapped for as long as the program lives.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    pub base: NonNull<u8>,
    pub len: usize,
}

/// How to fork and run a program.
pub trait Forker {
    /// Forks this process. `None` is the child, as with `fork`.
    fn fork(&mut self) -> io::Result<Option<Pid>>;

    /// Runs the program that `shared` asks for, in the child, confined. Returns its exit status.
    fn run(&mut self, shared: Shared) -> i32;
}

impl Zygote {
    /// Takes over what [`crate::launch`] handed this process.
    ///
    /// # Safety
    /// This process was started by `launch` with this profile and scratch folder, and nobody has used the
    /// descriptors that it came with.
    pub unsafe fn adopt(profile: Profile, scratch: PathBuf) -> Result<Zygote, StepError> {
        // SAFETY: `launch` has put them there, and nobody else owns them.
        let take = |place| unsafe { OwnedFd::from_raw_fd(place) };
        let line = Line::from_end(take(inherited::LINE));
        let proc = take(inherited::PROC);
        let ruleset = profile.landlock.map(|_| take(inherited::RULESET));
        // SAFETY: asking about a descriptor is harmless, also where there is none.
        let has_last_pid = unsafe { libc::fcntl(inherited::LAST_PID, libc::F_GETFD) } >= 0;
        let last_pid = has_last_pid.then(|| File::from(take(inherited::LAST_PID)));
        let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .step("open /dev/null")?;
        let scratch = if profile.namespaces {
            Scratch::mounted(scratch)
        } else {
            Scratch::emptied(scratch).step("empty the scratch folder")?
        };

        for descriptor in [line.as_fd(), proc.as_fd()].into_iter().chain(ruleset.as_ref().map(AsFd::as_fd)) {
            rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC).step("keep descriptors")?;
        }
        // Programs are forked from this process: its memory and state are not for them to look at.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hide the zygote")?;
        if profile.seccomp {
            seccomp::confine_zygote().step("filter the zygote's system calls")?;
        }
        Ok(Zygote { profile, scratch, line, proc, ruleset, last_pid, null })
    }

    /// Runs one program after another until the worker is gone. Only returns when it cannot go on.
    pub fn serve(mut self, interpreter: &str, forker: &mut impl Forker) -> Result<Infallible, StepError> {
        let ready = Answer::Ready { interpreter: interpreter.to_owned() };
        self.line.send_answer(&ready).step("say hello to the worker")?;
        while let Some(order) = self.line.receive_order().step("take an order")? {
            let end = match self.run(&order, forker) {
                Ok(Some(end)) => end,
                Ok(None) => break,
                Err(fault) => {
                    let _ = self.line.send_answer(&Answer::Fault(fault.to_string()));
                    return Err(fault);
                }
            };
            self.line.send_answer(&Answer::Ended(end)).step("answer the worker")?;
        }
        // SAFETY: ends the process, and what is still running with it, without running anything more.
        unsafe { libc::_exit(0) }
    }

    /// Runs one program and leaves nothing of it behind. `None` if the worker went away meanwhile.
    fn run(&mut self, order: &Order<OwnedFd>, forker: &mut impl Forker) -> Result<Option<End>, StepError> {
        self.scratch.prepare(order.limits.file_bytes).step("prepare the scratch folder")?;
        self.choose_next_pid();
        let (from_child, to_zygote) =
            rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("open a pipe to the program")?;
        let Some(child) = forker.fork().step("fork the program")? else {
            self.become_program(order, to_zygote, forker);
        };
        drop(to_zygote);
        let end = self.watch(order, child, from_child)?;
        if end.is_some() {
            watch::end_remains(child, self.profile.namespaces, self.proc.as_fd())?;
            self.scratch.clear().step("empty the scratch folder")?;
        }
        Ok(end)
    }

    fn watch(
        &self,
        order: &Order<OwnedFd>,
        child: Pid,
        from_child: OwnedFd,
    ) -> Result<Option<End>, StepError> {
        let number_in_proc = match receive_report(from_child) {
            Ok(number) => number,
            Err(error) => {
                // It has not come as far as the program, and never will.
                let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
                return Err(StepError::new("confine the program", error));
            }
        };
        let watch = Watch {
            child,
            worker: self.line.as_fd(),
            proc: self.proc.as_fd(),
            number_in_proc,
            files: borrow(&order.files),
            limits: order.limits,
        };
        watch.until_over()
    }

    /// Every program of a namespace has the same number, so that one which looks at it runs the same way
    /// every time. Where the kernel does not offer that, numbers go up.
    fn choose_next_pid(&self) {
        if let Some(last_pid) = &self.last_pid {
            let _ = last_pid.write_all_at(b"1", 0);
        }
    }

    fn become_program(&self, order: &Order<OwnedFd>, report: OwnedFd, forker: &mut impl Forker) -> ! {
        let status = match self.confine(order, report.as_fd()) {
            Ok(shared) => forker.run(shared),
            Err(_) => 1,
        };
        // The place that `report` names has been closed or is somebody else's by now.
        std::mem::forget(report);
        // SAFETY: ends the process without running what its zygote has registered for its own end.
        unsafe { libc::_exit(status) }
    }

    /// Confines this process, and tells the zygote how that went.
    fn confine(&self, order: &Order<OwnedFd>, report: BorrowedFd<'_>) -> Result<Shared, StepError> {
        let confined = self.prepare_and_confine(order, report);
        let text = match &confined {
            Ok((number, _)) => format!("{CONFINED}{number}"),
            Err(error) => error.to_string(),
        };
        // Where a step before the descriptors moved has failed, the report is still where it was.
        let place = if confined.is_ok() { program::REPORT } else { report.as_raw_fd() };
        // SAFETY: the one place or the other is the open report, and nobody uses it after this.
        let mut report = File::from(unsafe { OwnedFd::from_raw_fd(place) });
        report.write_all(text.as_bytes()).step("report to the zygote")?;
        confined.map(|(_, shared)| shared)
    }

    fn prepare_and_confine(
        &self,
        order: &Order<OwnedFd>,
        report: BorrowedFd<'_>,
    ) -> Result<(u32, Shared), StepError> {
        // While /proc is still within reach.
        let number = namespaces::number_in(self.proc.as_fd()).step("learn the program's number")?;
        // Before the descriptor is closed.
        let shared = map(order.files.arena.as_fd()).step("map the program's memory")?;
        program::confine(&Confinement {
            profile: self.profile,
            limits: order.limits,
            scratch: self.scratch.path(),
            null: self.null.as_fd(),
            files: borrow(&order.files),
            ruleset: self.ruleset.as_ref().map(AsFd::as_fd),
            report,
        })?;
        Ok((number, shared))
    }
}

/// What a confined program's report begins with; its number follows.
const CONFINED: &str = "confined ";

/// Waits until the program is confined. An error says that it is not: what follows would be ours to blame.
fn receive_report(from_child: OwnedFd) -> io::Result<u32> {
    let mut report = String::new();
    File::from(from_child).take(4096).read_to_string(&mut report)?;
    match report.strip_prefix(CONFINED).map(str::parse) {
        Some(Ok(number)) => Ok(number),
        _ if report.is_empty() => Err(io::Error::other("it ended before it was confined")),
        _ => Err(io::Error::other(report)),
    }
}

fn map(arena: BorrowedFd<'_>) -> io::Result<Shared> {
    let len = usize::try_from(rustix::fs::fstat(arena)?.st_size).map_err(io::Error::other)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping where the kernel finds room, which nobody unmaps.
    let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, arena, 0) }?;
    let base = NonNull::new(base.cast()).expect("mappings are never at address zero");
    Ok(Shared { base, len })
}

fn borrow(files: &Files<OwnedFd>) -> Files<BorrowedFd<'_>> {
    Files { arena: files.arena.as_fd(), stdout: files.stdout.as_fd(), stderr: files.stderr.as_fd() }
}
