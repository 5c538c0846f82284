//! Landlock: which files a program may open, and that it reaches no other process.
//!
//! The rules are put together once per zygote; each program is only restricted by them, which is quick.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::{io, ptr};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

use crate::step::{Step, StepError, check};

/// The newest version of the interface that this kernel and we both know.
pub(crate) fn version() -> Option<u32> {
    const CREATE_RULESET_VERSION: u32 = 1;
    let no_rules = ptr::null::<u8>();
    // SAFETY: with this flag the call reads no memory and answers with a number.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, no_rules, 0_usize, CREATE_RULESET_VERSION)
    };
    u32::try_from(version).ok().filter(|&version| version > 0).map(|version| version.min(NEWEST))
}

const NEWEST: u32 = 7;

fn abi(version: u32) -> ABI {
    match version {
        0 => ABI::Unsupported,
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6 => ABI::V6,
        _ => ABI::V7,
    }
}

/// What a program may open. Folders stand for all that is in them.
pub(crate) struct Files<'a> {
    pub(crate) readable: &'a [&'a Path],
    pub(crate) devices: &'a [&'a Path],
    pub(crate) writable: &'a Path,
}

/// Builds the rules: everything that this version can forbid is forbidden, but for `files`.
pub(crate) fn ruleset(version: u32, files: &Files<'_>) -> Result<OwnedFd, StepError> {
    let built = build(abi(version), files).map_err(io::Error::other).step("build the Landlock rules")?;
    let descriptor: Option<OwnedFd> = built.into();
    descriptor
        .ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
        .step("build the Landlock rules that this machine promised")
}

fn build(abi: ABI, files: &Files<'_>) -> Result<RulesetCreated, Box<dyn std::error::Error + Send + Sync>> {
    // The default leaves out what the kernel does not know, silently.
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    if abi >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    let mut rules = rules.create()?;

    let in_files = AccessFs::from_file(abi);
    for path in files.readable {
        let readable = AccessFs::ReadFile | AccessFs::ReadDir;
        rules = rules.add_rule(beneath(path, readable, in_files)?)?;
    }
    for path in files.devices {
        rules = rules.add_rule(beneath(path, AccessFs::ReadFile | AccessFs::WriteFile, in_files)?)?;
    }
    // In its own folder a program may do everything but run files and drive devices.
    let never = AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    Ok(rules.add_rule(beneath(files.writable, AccessFs::from_all(abi) & !never, in_files)?)?)
}

/// A rule for a folder and all in it, or for a file, to which only some rights apply.
fn beneath(
    path: &Path,
    access: BitFlags<AccessFs>,
    in_files: BitFlags<AccessFs>,
) -> Result<PathBeneath<PathFd>, Box<dyn std::error::Error + Send + Sync>> {
    let access = if path.is_dir() { access } else { access & in_files };
    Ok(PathBeneath::new(PathFd::new(path)?, access))
}

/// Restricts this thread, and what it starts from now on, for good. It must have given up new privileges.
pub(crate) fn restrict_self(ruleset: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes a descriptor and flags, and reads no memory.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) }).map(drop)
}
