//! Finds out which layers hold on this machine, by trying them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::pipe::PipeFlags;

use crate::scratch::Scratch;
use crate::step::{Step, StepError, check};
use crate::{Profile, landlock, namespaces, root, seccomp};

/// What a machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub profile: Profile,
    /// Why layers are missing, a sentence each.
    pub missing: Vec<String>,
}

/// Tries every layer in a process of its own. This process must have one thread; `scratch` is an empty
/// folder.
pub fn probe(scratch: &Path) -> Probe {
    let mut missing = Vec::new();
    let mut holds = |layer: &str, outcome: Result<(), String>| {
        outcome.map_err(|error| missing.push(format!("{layer}: {error}"))).is_ok()
    };
    let namespaces = holds("no namespaces", attempt(|| try_namespaces(scratch)));
    let seccomp = holds("no seccomp", attempt(try_seccomp));
    let landlock = landlock::version();
    holds("no Landlock", landlock.map(drop).ok_or_else(|| "this kernel does not have it".to_owned()));
    Probe { profile: Profile { namespaces, landlock, seccomp }, missing }
}

fn try_namespaces(scratch: &Path) -> Result<(), StepError> {
    let proc = namespaces::open_proc()?;
    let readable: Vec<&Path> = root::SYSTEM_FILES.iter().map(Path::new).collect();
    namespaces::enter(proc.as_fd(), scratch, &readable)?;
    namespaces::number_in(proc.as_fd()).step("read /proc from a process namespace")?;
    let mounted = Scratch::Mounted(root::SCRATCH.into());
    mounted.prepare(1 << 20).step("mount a scratch folder")?;
    mounted.clear().step("unmount a scratch folder")
}

fn try_seccomp() -> Result<(), StepError> {
    rustix::thread::set_no_new_privs(true).step("rule out new privileges")?;
    seccomp::confine_zygote().step("filter system calls")
}

/// Does something in a child, and says what went wrong.
fn attempt(act: impl FnOnce() -> Result<(), StepError>) -> Result<(), String> {
    let (from_child, to_parent) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)
        .map_err(|error| format!("could not open a pipe: {error}"))?;
    // SAFETY: this process has one thread.
    let child = check(unsafe { libc::fork() }.into()).map_err(|error| format!("could not fork: {error}"))?;
    if child == 0 {
        let report = match act() {
            Ok(()) => HOLDS.to_owned(),
            Err(error) => error.to_string(),
        };
        let _ = File::from(to_parent).write_all(report.as_bytes());
        // SAFETY: ends the child without running what its parent is to run.
        unsafe { libc::_exit(0) }
    }
    drop(to_parent);
    let mut report = String::new();
    let read = File::from(from_child).read_to_string(&mut report);
    // SAFETY: reaps our own child; no status is asked for.
    unsafe { libc::waitpid(child as libc::pid_t, std::ptr::null_mut(), 0) };
    match read {
        Ok(_) if report == HOLDS => Ok(()),
        Ok(0) => Err("the attempt was killed".to_owned()),
        Ok(_) => Err(report),
        Err(error) => Err(error.to_string()),
    }
}

const HOLDS: &str = "holds";
