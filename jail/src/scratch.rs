//! The folder that a program may write to. Each program finds it empty.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

/// The scratch folder of a zygote's programs.
#[derive(Debug)]
pub(crate) enum Scratch {
    /// A file system of its own for each program, of limited size, that goes away as a whole.
    Mounted(PathBuf),
    /// One folder that is emptied after each program.
    Emptied(PathBuf),
}

/// Files, folders and links that fit into a mounted scratch. Each takes about a kilobyte of the kernel's
/// memory.
const MAX_FILES: u64 = 16 * 1024;

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Scratch::Mounted(path) | Scratch::Emptied(path) => path,
        }
    }

    /// Makes it ready for the next program.
    pub(crate) fn prepare(&self, size: u64) -> io::Result<()> {
        match self {
            Scratch::Mounted(path) => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                let options = CString::new(format!("mode=0700,size={size},nr_inodes={MAX_FILES}"))?;
                Ok(rustix::mount::mount("tmpfs", path, "tmpfs", flags, options.as_c_str())?)
            }
            // Also before the first: a zygote that was killed may have left something.
            Scratch::Emptied(path) => empty(path),
        }
    }

    /// Takes away what the last program left.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match self {
            Scratch::Mounted(path) => Ok(rustix::mount::unmount(path, UnmountFlags::DETACH)?),
            Scratch::Emptied(path) => empty(path),
        }
    }
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
        if name == c"." || name == c".." {
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
            fs::set_permissions(scratch.join(inner), Permissions::from_mode(0o000)).unwrap();
        }
        check_emptied(&scratch);
    }

    #[test]
    fn paths_too_long_for_any_call_are_no_obstacle() {
        let scratch = folder("deep");
        let name = "d".repeat(200);
        let mut at = rustix::fs::open(&scratch, FOLDER, Mode::empty()).unwrap();
        // 100 × 201 bytes; the kernel takes paths of 4096.
        for _ in 0..100 {
            rustix::fs::mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, &name, FOLDER, Mode::empty()).unwrap();
        }
        drop(at);
        check_emptied(&scratch);
    }
}
