//! The folder that a program may write to. Each program finds it empty.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

/// The scratch folder of a zygote's programs.
#[derive(Debug)]
pub(crate) enum Scratch {
    /// A file system of its own, of limited size, that goes away with all that a program has written.
    Mounted { path: PathBuf, untouched: Option<Untouched> },
    /// One folder that is emptied after each program.
    Emptied { path: PathBuf },
}

/// A mounted scratch as it was before any program ran in it. Most programs write no files, and leave it so;
/// then the next one gets it too, since mounting and unmounting takes the kernel some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untouched {
    size: u64,
    /// Seconds and nanoseconds at which its folder last changed, in content or permissions.
    changed: (i64, u64),
    mode: u32,
}

/// Files, folders and links that fit into a mounted scratch. Each takes about a kilobyte of the kernel's
/// memory.
const MAX_FILES: u64 = 16 * 1024;

impl Scratch {
    /// `path` is an empty folder of the zygote's own root.
    pub(crate) fn mounted(path: PathBuf) -> Scratch {
        Scratch::Mounted { path, untouched: None }
    }

    /// `path` is a folder of this zygote's own, in which an earlier one may have left something.
    pub(crate) fn emptied(path: PathBuf) -> io::Result<Scratch> {
        empty(&path)?;
        Ok(Scratch::Emptied { path })
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Scratch::Mounted { path, .. } | Scratch::Emptied { path } => path,
        }
    }

    /// Makes it ready for the next program.
    pub(crate) fn prepare(&mut self, size: u64) -> io::Result<()> {
        let Scratch::Mounted { path, untouched } = self else { return Ok(()) };
        match untouched {
            Some(ready) if ready.size == size => return Ok(()),
            Some(_) => rustix::mount::unmount(&*path, UnmountFlags::DETACH)?,
            None => {}
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let options = CString::new(format!("mode=0700,size={size},nr_inodes={MAX_FILES}"))?;
        rustix::mount::mount("tmpfs", &*path, "tmpfs", flags, options.as_c_str())?;
        *untouched = Some(look(path, size)?);
        Ok(())
    }

    /// Takes away what the last program left.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        match self {
            Scratch::Mounted { path, untouched } => {
                if let Some(before) = *untouched
                    && (look(path, before.size)? != before || !is_empty(path)?)
                {
                    rustix::mount::unmount(&*path, UnmountFlags::DETACH)?;
                    *untouched = None;
                }
                Ok(())
            }
            Scratch::Emptied { path } => empty(path),
        }
    }
}

fn look(path: &Path, size: u64) -> io::Result<Untouched> {
    let found = rustix::fs::stat(path)?;
    Ok(Untouched { size, changed: (found.st_ctime, found.st_ctime_nsec), mode: found.st_mode })
}

/// Asked besides the time of the last change, which the kernel counts in steps of milliseconds.
fn is_empty(path: &Path) -> io::Result<bool> {
    let mut entries = Dir::read_from(rustix::fs::open(path, FOLDER, Mode::empty())?)?;
    while let Some(entry) = entries.read() {
        if !is_itself_or_parent(entry?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_itself_or_parent(name: &CStr) -> bool {
    name == c"." || name == c".."
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Empties a folder, whatever is in it: folders without permissions, links to anywhere, and folders nested
/// more deeply than any path is long. Those are why it does not recurse: it moves the folders of a folder up
/// to the top until all of them are there.
pub(crate) fn empty(path: &Path) -> io::Result<()> {
    let top = rustix::fs::open(path, FOLDER, Mode::empty())?;
    let mut moved = 0_u64;
    loop {
        let folders = remove_files(top.as_fd())?;
        if folders.is_empty() {
            return Ok(());
        }
        for name in folders {
            let folder = open_anyway(top.as_fd(), &name)?;
            for inner in remove_files(folder.as_fd())? {
                // Moving a folder takes the right to write to it, for its `..` changes.
                drop(open_anyway(folder.as_fd(), &inner)?);
                rename_to_unused(folder.as_fd(), &inner, top.as_fd(), &mut moved)?;
            }
            drop(folder);
            rustix::fs::unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
        }
    }
}

/// Removes what is no folder, and returns the names of what is.
fn remove_files(folder: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    let mut entries = Dir::read_from(folder)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name();
        if is_itself_or_parent(name) {
            continue;
        }
        // A file system need not say what an entry is: then trying to remove it tells.
        match entry.file_type() {
            FileType::Directory => folders.push(name.to_owned()),
            _ => match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
                Err(Errno::ISDIR) => folders.push(name.to_owned()),
                removed => removed?,
            },
        }
    }
    Ok(folders)
}

/// Opens a folder that its owner may have closed.
fn open_anyway(folder: BorrowedFd<'_>, name: &CString) -> io::Result<OwnedFd> {
    rustix::fs::chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
    Ok(rustix::fs::openat(folder, name, FOLDER, Mode::empty())?)
}

fn rename_to_unused(
    from: BorrowedFd<'_>,
    name: &CString,
    top: BorrowedFd<'_>,
    moved: &mut u64,
) -> io::Result<()> {
    loop {
        *moved += 1;
        let unused = format!("moved-{moved}");
        match rustix::fs::renameat_with(from, name, top, &unused, rustix::fs::RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            renamed => return Ok(renamed?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("et-scratch-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[track_caller]
    fn check_emptied(folder: &Path) {
        empty(folder).unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn files_links_and_folders_go_and_what_links_lead_to_stays() {
        let (scratch, outside) = (folder("links"), folder("outside"));
        fs::write(outside.join("kept"), "").unwrap();
        symlink(&outside, scratch.join("link")).unwrap();
        symlink("nowhere", scratch.join("dangling")).unwrap();
        fs::create_dir_all(scratch.join("a/b")).unwrap();
        fs::create_dir_all(scratch.join("moved-1/b")).unwrap();
        symlink(&outside, scratch.join("a/b/link")).unwrap();
        fs::write(scratch.join("a/file"), "x").unwrap();
        check_emptied(&scratch);
        assert!(outside.join("kept").exists());
        fs::remove_dir_all(outside).unwrap();
    }

    #[test]
    fn closed_folders_are_no_obstacle() {
        let scratch = folder("closed");
        fs::create_dir_all(scratch.join("a/b/c")).unwrap();
        for inner in ["a/b/c", "a/b", "a"] {
            fs::set_permissions(scratch.join(inner), Permissions::from_mode(0)).unwrap();
        }
        check_emptied(&scratch);
    }

    #[test]
    fn deep_nesting_is_no_obstacle() {
        let scratch = folder("deep");
        let mut at = rustix::fs::open(&scratch, FOLDER, Mode::empty()).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, "d", FOLDER, Mode::empty()).unwrap();
        }
        drop(at);
        check_emptied(&scratch);
    }
}
