//! What a forked program goes through before it reads its first untrusted byte.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use rustix::process::Signal;

use crate::step::{Step, StepError, check};
use crate::{Limits, Profile, landlock, namespaces, seccomp, wire};

/// How one program is to be confined.
pub(crate) struct Confinement<'a> {
    pub(crate) profile: Profile,
    pub(crate) limits: Limits,
    pub(crate) scratch: &'a Path,
    pub(crate) null: BorrowedFd<'a>,
    pub(crate) files: wire::Files<BorrowedFd<'a>>,
    pub(crate) ruleset: Option<BorrowedFd<'a>>,
    /// Stays open through all steps, to tell the zygote how they went.
    pub(crate) report: BorrowedFd<'a>,
}

/// The one descriptor that outlives all steps. The three standard ones come before it.
pub(crate) const REPORT: RawFd = 3;

type Act = fn(&Confinement<'_>) -> io::Result<()>;

/// In this order. Comments say which cannot move.
const STEPS: [(&str, Act); 9] = [
    ("tie the program's life to the zygote's", die_with_zygote),
    ("give the program a session", start_session),
    ("enter the scratch folder", enter_scratch),
    ("limit the program's resources", limit_resources),
    ("drop the program's privileges", drop_privileges),
    // Landlock, from here on, would let no file be opened that is not among the program's.
    ("close what is the zygote's", close_descriptors),
    // Without it, neither Landlock nor a filter may be installed by those who have no privileges.
    ("rule out new privileges", rule_out_new_privileges),
    ("restrict the program's files", restrict_files),
    // Last, because it takes away the system calls of the steps before.
    ("filter the program's system calls", filter_calls),
];

/// Confines this process for good. Afterwards only [`REPORT`] and the standard descriptors are open.
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

/// Moves the few descriptors that are still needed to their places and closes all others. The ruleset stays
/// for one step more.
fn close_descriptors(confinement: &Confinement<'_>) -> io::Result<()> {
    let files = &confinement.files;
    let mut places = vec![confinement.null, files.stdout, files.stderr, confinement.report];
    places.extend(confinement.ruleset);
    // First out of each other's way, then into place.
    let clear_of_places = RULESET + 1;
    let copies = places
        .iter()
        .map(|descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, clear_of_places))
        .collect::<Result<Vec<_>, _>>()?;
    for (place, copy) in (0..).zip(&copies) {
        // SAFETY: no owner of a descriptor at any of these places uses it from here on.
        check(unsafe { libc::dup2(copy.as_raw_fd(), place) }.into())?;
    }
    let first_closed = libc::c_uint::try_from(places.len()).expect("a handful");
    // Their owners would close them once more, and by then they may be the program's.
    copies.into_iter().for_each(std::mem::forget);
    // SAFETY: as above.
    check(unsafe { libc::close_range(first_closed, libc::c_uint::MAX, 0) }.into()).map(drop)
}

/// Where [`close_descriptors`] leaves the ruleset, if there is one.
const RULESET: RawFd = REPORT + 1;

fn rule_out_new_privileges(_: &Confinement<'_>) -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

fn restrict_files(confinement: &Confinement<'_>) -> io::Result<()> {
    if confinement.profile.landlock.is_none() {
        return Ok(());
    }
    // SAFETY: `close_descriptors` has put it there, and nothing else closes it.
    landlock::restrict_self(unsafe { BorrowedFd::borrow_raw(RULESET) })?;
    // SAFETY: as above; it is not used again.
    check(unsafe { libc::close(RULESET) }.into()).map(drop)
}

fn filter_calls(confinement: &Confinement<'_>) -> io::Result<()> {
    if !confinement.profile.seccomp {
        return Ok(());
    }
    let pid = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
    seccomp::confine_program(seccomp::Program { pid, own_root: confinement.profile.namespaces })
}
