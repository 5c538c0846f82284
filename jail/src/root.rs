//! The file system that programs see: the interpreter, the system's libraries, a few devices, an empty
//! scratch folder; all but the last read-only. The machine's other files are not there.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use crate::step::{Step, StepError, check};

/// What every interpreter needs, as far as the machine has it.
pub(crate) const SYSTEM_FILES: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo"];

/// Devices that innocent programs open.
pub(crate) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Where the scratch folder is mounted in such a root, and what it is alone in: a Landlock rule for a folder
/// does not hold for what is mounted on that very folder, but for what is mounted below it.
pub(crate) const SCRATCH: &str = "/scratch/home";
pub(crate) const SCRATCH_PARENT: &str = "/scratch";

/// Where programs write to that do not ask where they may.
const TMP: &str = "/tmp";

/// Builds the root at `at`, a folder that only this process's mounts use, and makes it the root of this
/// process. It needs a mount namespace of its own.
pub(crate) fn enter(at: &Path, readable: &[&Path]) -> Result<(), StepError> {
    // Nothing mounted from now on may show outside.
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .step("keep mounts to ourselves")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("tmpfs", at, "tmpfs", flags, c"mode=0755,size=1m").step("mount an empty root")?;

    let mut root = Root { at, bound: Vec::new() };
    let mut readable: Vec<&Path> = readable.to_vec();
    // Folders before what is inside them, which is then there already.
    readable.sort_by_key(|path| path.components().count());
    for path in readable {
        root.expose(path, READ_ONLY | MOUNT_ATTR_NODEV).step("bind what programs may read")?;
    }
    for path in DEVICES {
        root.expose(Path::new(path), READ_ONLY).step("bind devices")?;
    }
    make_folders(&below(at, Path::new(SCRATCH))).step("make room for the scratch folder")?;
    // An interpreter that is installed below /tmp has the name already.
    if !below(at, Path::new(TMP)).exists() {
        root.make_link(Path::new(TMP), Path::new(SCRATCH)).step("link /tmp")?;
    }

    // `pivot_root` with both arguments the same puts the old root on top of the new one, from where it is
    // taken away.
    rustix::process::chdir(at).step("enter the new root")?;
    rustix::process::pivot_root(".", ".").step("change roots")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).step("leave the old root")?;
    rustix::process::chdir("/").step("enter the new root")?;
    set_attributes(c"/", READ_ONLY, false).step("make the root read-only")
}

const READ_ONLY: u64 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;

// Kernel constants that `libc` does not have.
const MOUNT_ATTR_RDONLY: u64 = 1;
const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;

struct Root<'a> {
    at: &'a Path,
    /// What is there, with all that is in it.
    bound: Vec<PathBuf>,
}

/// More symbolic links in a row than this are a circle.
const MAX_LINKS: usize = 40;

impl Root<'_> {
    /// Makes `path` reachable: the links on the way are made again, what they lead to is bound. What is not
    /// there is left out.
    fn expose(&mut self, path: &Path, attributes: u64) -> io::Result<()> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if fs::symlink_metadata(&path).is_err() {
                return Ok(());
            }
            match first_link(&path)? {
                Some((link, target, rest)) => {
                    if !self.is_bound(&link) {
                        self.make_link(&link, &target)?;
                    }
                    let folder = link.parent().unwrap_or(Path::new("/"));
                    path = normalized(&folder.join(target).join(rest));
                }
                None if self.is_bound(&path) => return Ok(()),
                None => return self.bind(path, attributes),
            }
        }
        Err(rustix::io::Errno::LOOP.into())
    }

    fn is_bound(&self, path: &Path) -> bool {
        self.bound.iter().any(|bound| path.starts_with(bound))
    }

    fn make_link(&self, link: &Path, target: &Path) -> io::Result<()> {
        let link = below(self.at, link);
        make_folders(link.parent().unwrap_or(self.at))?;
        match symlink(target, link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn bind(&mut self, path: PathBuf, attributes: u64) -> io::Result<()> {
        let target = below(self.at, &path);
        if path.is_dir() {
            make_folders(&target)?;
        } else {
            make_folders(target.parent().unwrap_or(self.at))?;
            fs::write(&target, "")?;
        }
        // Recursive, because a part of a tree that hides something under a mount cannot be bound alone.
        rustix::mount::mount_bind_recursive(&path, &target)?;
        let target = std::ffi::CString::new(target.into_os_string().into_encoded_bytes())?;
        set_attributes(&target, attributes, true)?;
        self.bound.push(path);
        Ok(())
    }
}

/// Adds attributes to the mount at `target`, and to those below it where `recursive`.
fn set_attributes(target: &CStr, attributes: u64, recursive: bool) -> io::Result<()> {
    /// `struct mount_attr`.
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let attributes = Attributes { set: attributes, clear: 0, propagation: 0, user_namespace: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: path and structure live until the call returns; the kernel only reads them.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    })
    .map(drop)
}

/// The first component of `path` that is a symbolic link: the path up to it, where it leads, what follows.
fn first_link(path: &Path) -> io::Result<Option<(PathBuf, PathBuf, PathBuf)>> {
    let mut walked = PathBuf::new();
    let mut components: VecDeque<Component<'_>> = path.components().collect();
    while let Some(component) = components.pop_front() {
        walked.push(component);
        if fs::symlink_metadata(&walked)?.is_symlink() {
            let target = fs::read_link(&walked)?;
            return Ok(Some((walked, target, components.iter().collect())));
        }
    }
    Ok(None)
}

/// Without `.` and `..`. What `..` leaves must be no symbolic link.
fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normalized.pop();
            }
            Component::CurDir => {}
            component => normalized.push(component),
        }
    }
    normalized
}

/// Where `path` is while the new root is still at `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_stand() {
        let folder = std::env::temp_dir().join(format!("et-root-{}", std::process::id()));
        let folder = &folder;
        fs::create_dir_all(folder.join("usr/lib")).unwrap();
        symlink("usr/lib", folder.join("lib")).unwrap();
        let (link, target, rest) = first_link(&folder.join("lib/python/x.py")).unwrap().unwrap();
        fs::remove_dir_all(folder).unwrap();
        assert_eq!((link, target, rest), (folder.join("lib"), "usr/lib".into(), "python/x.py".into()));
    }

    #[test]
    fn normalized_paths_have_no_dots() {
        assert_eq!(normalized(Path::new("/a/b/../c/./d")), Path::new("/a/c/d"));
        assert_eq!(normalized(Path::new("/../a")), Path::new("/a"));
    }
}
