//! What a forked program goes through before it reads its first untrusted byte.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use crate::step::{Step, StepError, check};
use crate::{Limits, Profile, landlock, namespaces, seccomp};

/// How one program is to be confined.
pub(crate) struct Confinement<'a> {
    pub(crate) profile: Profile,
    pub(crate) limits: Limits,
    pub(crate) scratch: &'a Path,
    /// Its standard output and error.
    pub(crate) output: [BorrowedFd<'a>; 2],
    pub(crate) ruleset: Option<BorrowedFd<'a>>,
    /// Stays open through all steps, to tell the zygote how they went.
    pub(crate) to_zygote: BorrowedFd<'a>,
}

type Act = fn(&Confinement<'_>) -> io::Result<()>;

/// In this order. Comments say which cannot move.
const STEPS: [(&str, Act); 10] = [
    ("tie the program's life to the zygote's", die_with_zygote),
    ("give the program a session", start_session),
    ("enter the scratch folder", enter_scratch),
    ("limit the program's resources", limit_resources),
    ("drop the program's privileges", drop_privileges),
    ("give the program standard streams", place_streams),
    // What the step before has opened and copied is among what is closed.
    ("close what is the zygote's", close_descriptors),
    // Without it, neither Landlock nor a filter may be installed by those who have no privileges.
    ("rule out new privileges", rule_out_new_privileges),
    ("restrict the program's files", restrict_files),
    // Last, because it takes away the system calls of the steps before.
    ("filter the program's system calls", filter_calls),
];

/// Confines this process for good. Afterwards only `to_zygote` and the standard descriptors are open.
pub(crate) fn confine(confinement: &Confinement<'_>) -> Result<(), StepError> {
    STEPS.iter().try_for_each(|(name, act)| act(confinement).step(name))
}

fn die_with_zygote(_: &Confinement<'_>) -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

fn start_session(_: &Confinement<'_>) -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

fn enter_scratch(confinement: &Confinement<'_>) -> io::Result<()> {
    Ok(rustix::process::chdir(confinement.scratch)?)
}

fn limit_resources(confinement: &Confinement<'_>) -> io::Result<()> {
    confinement.limits.apply(confinement.profile.namespaces)
}

fn drop_privileges(_: &Confinement<'_>) -> io::Result<()> {
    namespaces::drop_capabilities()
}

/// Its standard input is opened anew: had all programs one, the flags and locks that one sets on it would show
/// in the next.
fn place_streams(confinement: &Confinement<'_>) -> io::Result<()> {
    let input = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let [output, error] = confinement.output;
    for (place, stream) in (libc::STDIN_FILENO..).zip([input.as_fd(), output, error]) {
        // SAFETY: nobody owns what is at these places.
        check(unsafe { libc::dup2(stream.as_raw_fd(), place) }.into())?;
    }
    Ok(())
}

/// Closes all other descriptors but the two that later steps need.
fn close_descriptors(confinement: &Confinement<'_>) -> io::Result<()> {
    let mut kept = vec![confinement.to_zygote.as_raw_fd()];
    kept.extend(confinement.ruleset.map(|ruleset| ruleset.as_raw_fd()));
    kept.sort_unstable();
    let mut first = libc::STDERR_FILENO + 1;
    for kept in kept {
        if first < kept {
            close_range(first.cast_unsigned(), kept.cast_unsigned() - 1)?;
        }
        first = kept + 1;
    }
    close_range(first.cast_unsigned(), libc::c_uint::MAX)
}

/// Closes descriptors whose owners are the zygote's: this half of the fork never drops them.
fn close_range(first: libc::c_uint, last: libc::c_uint) -> io::Result<()> {
    // SAFETY: as just said.
    check(unsafe { libc::close_range(first, last, 0) }.into()).map(drop)
}

fn rule_out_new_privileges(_: &Confinement<'_>) -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

fn restrict_files(confinement: &Confinement<'_>) -> io::Result<()> {
    let Some(ruleset) = confinement.ruleset else { return Ok(()) };
    landlock::restrict_self(ruleset)?;
    let ruleset = ruleset.as_raw_fd().cast_unsigned();
    close_range(ruleset, ruleset)
}

fn filter_calls(confinement: &Confinement<'_>) -> io::Result<()> {
    if !confinement.profile.seccomp {
        return Ok(());
    }
    let pid = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
    seccomp::confine_program(seccomp::Program { pid, own_root: confinement.profile.namespaces })
}
