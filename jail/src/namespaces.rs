//! Namespaces: what a program sees of users, mounts, processes, networks and names is its zygote's own.
//!
//! They are entered once, by the zygote. A program adds nothing to them: it has no privileges in them, its
//! scratch file system is mounted by the zygote before it is forked and taken away after it, and the zygote
//! is process 1 of its own process namespace, where it ends and reaps whatever a program leaves behind.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};

use crate::root;
use crate::step::{Step, StepError, check};

/// The user that programs run as where the worker is root, and that they see themselves as in any namespace.
pub(crate) const NOBODY: u32 = 65534;

/// Enters a root and namespaces of this process's own. Returns in a child that is process 1 of its
/// namespace; the parent waits for it and passes on how it ended.
///
/// `proc` is the machine's `/proc`, which the new root does not have; `at` is a folder to build the root at.
pub(crate) fn enter(proc: BorrowedFd<'_>, at: &Path, readable: &[&Path]) -> Result<(), StepError> {
    if holds(CapabilitySet::SYS_ADMIN)? {
        // As root the root comes first: the folders on the way to an interpreter may be closed to others.
        unshare(UnshareFlags::NEWNS).step("enter a mount namespace")?;
        root::enter(at, readable)?;
        give_up_root()?;
        enter_user_namespace(proc)?;
    } else {
        give_up_root()?;
        enter_user_namespace(proc)?;
        root::enter(at, readable)?;
    }
    let rest = UnshareFlags::NEWPID | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    unshare(rest).step("enter the other namespaces")?;
    rustix::system::sethostname(b"localhost").step("name the machine")?;
    keep_only(CapabilitySet::SYS_ADMIN)?;
    become_first_process()
}

/// Becomes an ordinary user for good, if this process is root.
pub(crate) fn give_up_root() -> Result<(), StepError> {
    if !rustix::process::geteuid().is_root() && !rustix::process::getuid().is_root() {
        return Ok(());
    }
    let no_groups: &[libc::gid_t] = &[];
    // SAFETY: these calls read no memory but the empty list.
    unsafe {
        check(libc::setgroups(0, no_groups.as_ptr()).into()).step("leave root's groups")?;
        check(libc::setresgid(NOBODY, NOBODY, NOBODY).into()).step("leave root's group")?;
        check(libc::setresuid(NOBODY, NOBODY, NOBODY).into()).step("become an ordinary user")?;
    }
    // Changing users has closed this process's own files under /proc to it.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).step("read our own state")
}

/// Gives up all privileges.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySet::empty();
    // What is ambient goes as well: it is always a part of what is permitted.
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    Ok(())
}

/// Keeps one privilege, also over `exec`.
fn keep_only(capability: CapabilitySet) -> Result<(), StepError> {
    let sets = CapabilitySets { effective: capability, permitted: capability, inheritable: capability };
    rustix::thread::set_capabilities(None, sets).step("drop privileges")?;
    rustix::thread::configure_capability_in_ambient_set(capability, true).step("keep the right to mount")
}

fn holds(capability: CapabilitySet) -> Result<bool, StepError> {
    let sets = rustix::thread::capabilities(None).step("ask for our privileges")?;
    Ok(sets.effective.contains(capability))
}

/// The mount namespace comes along: only the user namespace that owns one may mount in it.
fn enter_user_namespace(proc: BorrowedFd<'_>) -> Result<(), StepError> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).step("enter a user namespace")?;
    let write = |name: &str, text: String| write_own(proc, name, &text).step("map our user number");
    // Required before groups are mapped without privileges outside.
    write("self/setgroups", "deny".to_owned())?;
    write("self/gid_map", format!("{NOBODY} {group} 1"))?;
    write("self/uid_map", format!("{NOBODY} {user} 1"))
}

pub(crate) fn write_own(proc: BorrowedFd<'_>, name: &str, text: &str) -> io::Result<()> {
    let file = rustix::fs::openat(proc, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    File::from(file).write_all(text.as_bytes())
}

fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    // SAFETY: this process has one thread, and the table of descriptors is not among what is unshared.
    Ok(unsafe { rustix::thread::unshare_unsafe(namespaces) }?)
}

/// A process namespace begins with the next child. This process stays behind as its guardian: it looks like
/// the zygote to whoever started it, and takes the zygote along when it ends.
fn become_first_process() -> Result<(), StepError> {
    // SAFETY: this process has one thread.
    let child = check(unsafe { libc::fork() }.into()).step("fork the zygote")?;
    if child != 0 {
        guard(child as libc::pid_t);
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .step("tie the zygote to its guardian")
}

/// Waits for the zygote and ends as it ended.
fn guard(zygote: libc::pid_t) -> ! {
    // Whatever this process inherited would stay open for as long as it waits.
    // SAFETY: nothing in this process uses a descriptor from here on.
    unsafe { libc::close_range(0, libc::c_uint::MAX, 0) };
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    while unsafe { libc::waitpid(zygote, &raw mut status, 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1 };
    // SAFETY: ends the process without running anything that the zygote's half is to run.
    unsafe { libc::_exit(code) }
}

/// Opens the machine's `/proc` for later, when no path leads there any more.
pub(crate) fn open_proc() -> Result<std::os::fd::OwnedFd, StepError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open("/proc", flags, Mode::empty()).step("open /proc")
}

/// The number that this process has in the namespace that `proc` shows.
pub(crate) fn number_in(proc: BorrowedFd<'_>) -> io::Result<u32> {
    let link = rustix::fs::readlinkat(proc.as_fd(), "self", Vec::new())?;
    let number = link.to_str().ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}
