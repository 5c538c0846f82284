//! The zygote's life: take an order, fork, watch, clean up, answer. What is forked, and what the fork runs,
//! is up to the caller; this knows nothing of interpreters.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags};
use rustix::process::{DumpableBehavior, Pid};

use crate::program::{self, Confinement};
use crate::report::{self, Confined};
use crate::scratch::Scratch;
use crate::step::{Step, StepError};
use crate::watch::Watch;
use crate::wire::{Answer, End, Files, Line, Order};
use crate::{Profile, namespaces, remains, seccomp};

/// Descriptors that a zygote is started with, at fixed numbers.
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
        let scratch = if profile.namespaces { Scratch::Mounted(scratch) } else { Scratch::Emptied(scratch) };

        for descriptor in [line.as_fd(), proc.as_fd()].into_iter().chain(ruleset.as_ref().map(AsFd::as_fd)) {
            rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC).step("keep descriptors")?;
        }
        // Programs are forked from this process: its memory and state are not for them to look at.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hide the zygote")?;
        if profile.seccomp {
            seccomp::confine_zygote().step("filter the zygote's system calls")?;
        }
        Ok(Zygote { profile, scratch, line, proc, ruleset, last_pid })
    }

    /// Runs one program after another until the worker is gone. Only returns when it cannot go on.
    pub fn serve(&self, interpreter: &str, forker: &mut impl Forker) -> Result<Infallible, StepError> {
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
    fn run(&self, order: &Order<OwnedFd>, forker: &mut impl Forker) -> Result<Option<End>, StepError> {
        self.scratch.prepare(order.limits.file_bytes).step("prepare the scratch folder")?;
        self.choose_next_pid();
        let (from_program, to_zygote) = report::pipe().step("open a pipe to the program")?;
        let Some(child) = forker.fork().step("fork the program")? else {
            self.become_program(order, to_zygote, forker);
        };
        drop(to_zygote);
        let confined = report::receive(from_program).step("confine the program")?;
        let end = Watch {
            child,
            confined,
            worker: self.line.as_fd(),
            proc: self.proc.as_fd(),
            files: borrow(&order.files),
            limits: order.limits,
        }
        .until_over()?;
        if end.is_some() {
            remains::end(self.profile.namespaces, self.proc.as_fd())?;
            self.scratch.clear().step("empty the scratch folder")?;
        }
        Ok(end)
    }

    /// Every program of a namespace has the same number, so that one which looks at it runs the same way
    /// every time. Where the kernel does not offer that, numbers go up.
    fn choose_next_pid(&self) {
        if let Some(last_pid) = &self.last_pid {
            let _ = last_pid.write_all_at(b"1", 0);
        }
    }

    fn become_program(&self, order: &Order<OwnedFd>, to_zygote: OwnedFd, forker: &mut impl Forker) -> ! {
        let confined = self.confine(order, to_zygote.as_fd());
        let (shared, outcome) = match confined {
            Ok((shared, confined)) => (Some(shared), Ok(confined)),
            Err(error) => (None, Err(error)),
        };
        let status = match (report::send(to_zygote, &outcome), shared) {
            (Ok(()), Some(shared)) => forker.run(shared),
            _ => 1,
        };
        // SAFETY: ends the process without running what its zygote has registered for its own end.
        unsafe { libc::_exit(status) }
    }

    /// Confines this process. Only `to_zygote` and the standard descriptors stay open.
    fn confine(
        &self,
        order: &Order<OwnedFd>,
        to_zygote: BorrowedFd<'_>,
    ) -> Result<(Shared, Confined), StepError> {
        // While /proc is still within reach.
        let number_in_proc = namespaces::number_in(self.proc.as_fd()).step("learn the program's number")?;
        // Before the descriptor is closed.
        let shared = map(order.files.arena.as_fd()).step("map the program's memory")?;
        program::confine(&Confinement {
            profile: self.profile,
            limits: order.limits,
            scratch: self.scratch.path(),
            output: [order.files.stdout.as_fd(), order.files.stderr.as_fd()],
            ruleset: self.ruleset.as_ref().map(AsFd::as_fd),
            to_zygote,
        })?;
        let since = report::now().step("read the clock")?;
        Ok((shared, Confined { number_in_proc, since }))
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
