//! A store in a folder. Objects are written aside, flushed to the disk, and appear by a rename or a link.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::ops::Bound;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Backend, Keys, Published, ReadAt, Upload};
use crate::walk::Walk;

/// Where objects are while they are written. On the file system of the rest, so that a rename will do.
const ASIDE: &str = "_et/tmp";

#[derive(Debug)]
pub(super) struct Local {
    root: PathBuf,
    link: fn(&Path, &Path) -> io::Result<()>,
}

impl Local {
    pub(super) fn new(root: PathBuf) -> Local {
        // Missing folders are made from the first one that exists, which a relative path need not name.
        let root = std::path::absolute(&root).unwrap_or(root);
        Local { root, link: |from, to| fs::hard_link(from, to) }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn write_aside(&self, key: &str) -> io::Result<Aside> {
        let folder = self.root.join(ASIDE);
        create_folder(&folder)?;
        // Several hosts may write to one folder, so process ids would not tell them apart.
        let name = format!("{:016x}", RandomState::new().build_hasher().finish());
        let path = folder.join(name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Aside { file, path, to: self.path(key) })
    }

    fn copy_aside(&self, key: &str, from: &Path) -> io::Result<Aside> {
        let mut source = File::open(from)?;
        let mut aside = self.write_aside(key)?;
        io::copy(&mut source, &mut aside.file)?;
        Ok(aside)
    }
}

impl Backend for Local {
    fn create(&self, key: &str) -> io::Result<Box<dyn Upload>> {
        Ok(Box::new(self.write_aside(key)?))
    }

    fn put_file(&self, key: &str, file: &Path) -> io::Result<()> {
        let to = self.path(key);
        File::open(file)?.sync_all()?;
        create_parent(&to)?;
        match fs::rename(file, &to) {
            Ok(()) => sync_parent(&to),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                Box::new(self.copy_aside(key, file)?).finish()?;
                fs::remove_file(file)
            }
            Err(error) => Err(error),
        }
    }

    fn publish(&self, attempt: &str, part: &str) -> io::Result<Published> {
        let (from, to) = (self.path(attempt), self.path(part));
        create_parent(&to)?;
        let published = match (self.link)(&from, &to) {
            Ok(()) => Published::Now,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Published::Before,
            Err(error) if error.kind() == io::ErrorKind::NotFound && to.exists() => Published::Before,
            Err(error) if links_are_refused(&error) => self.copy_aside(part, &from)?.appear_once()?,
            Err(error) => return Err(error),
        };
        // Also for one that was there before: who made it may have died before it was durable.
        sync_parent(&to)?;
        Ok(published)
    }

    fn read(&self, key: &str) -> io::Result<Arc<dyn ReadAt>> {
        let file = File::open(self.path(key))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        Ok(Arc::new(OpenFile { file, size: metadata.len() }))
    }

    fn exists(&self, key: &str) -> io::Result<bool> {
        match fs::metadata(self.path(key)) {
            Ok(metadata) => Ok(metadata.is_file()),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &str, from: Bound<&str>) -> io::Result<Keys> {
        // Keys below the folder are all that the walk knows.
        let below = |key: &str| key.strip_prefix(folder).unwrap_or_default().as_bytes().to_owned();
        let walk = match Walk::new(&self.path(folder), |_| true, from.map(below)) {
            Ok(walk) => walk,
            Err(error) if error.cause.kind() == io::ErrorKind::NotFound => {
                return Ok(Box::new(std::iter::empty()));
            }
            Err(error) => return Err(error.cause),
        };
        let folder = folder.to_owned();
        let keys = walk.map(move |key| match key {
            Ok(key) => Ok(format!("{folder}{}", String::from_utf8_lossy(&key))),
            Err(error) => Err(error.cause),
        });
        let is_object = |key: &io::Result<String>| !key.as_ref().is_ok_and(|key| is_aside(key));
        Ok(Box::new(keys.filter(is_object)))
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        match fs::remove_file(self.path(key)) {
            Err(error) if !is_absence(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.root.join(ASIDE)) {
            Err(error) if !is_absence(&error) => return Err(error),
            _ => {}
        }
        remove_empty_folders(&self.root)
    }
}

/// A file that is being written, outside the sight of readers. Removed when it is dropped.
struct Aside {
    file: File,
    path: PathBuf,
    to: PathBuf,
}

impl Aside {
    /// Appears under its key unless something stands there.
    fn appear_once(self) -> io::Result<Published> {
        self.file.sync_all()?;
        match renameat_with(CWD, &self.path, CWD, &self.to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(Published::Now),
            Err(Errno::EXIST) => Ok(Published::Before),
            // The file system cannot promise it. Only the holder of a fenced commit gets here, so that nobody
            // else writes to this key between the look and the rename.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !self.to.exists() => {
                fs::rename(&self.path, &self.to).map(|()| Published::Now)
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(Published::Before),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Aside {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        create_parent(&self.to)?;
        fs::rename(&self.path, &self.to)?;
        sync_parent(&self.to)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After a rename there is nothing at this path; a failure leaves a file that nobody reads.
        let _ = fs::remove_file(&self.path);
    }
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    size: u64,
}

impl ReadAt for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

fn is_aside(key: &str) -> bool {
    key.strip_prefix(ASIDE).is_some_and(|rest| rest.starts_with('/'))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// File systems without hard links, two file systems under one folder, files of another user, too many links.
fn links_are_refused(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::XDEV | Errno::MLINK)
    )
}

/// Removes `folder` and what is below it as far as there is no file in it. An object store has no empty folders.
fn remove_empty_folders(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if is_absence(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty_folders(&entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), create_folder)
}

/// Creates a folder and those above it, durably.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    create_parent(folder)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(folder),
    }
}

/// Makes a new name durable: that takes a flush of the folder it stands in.
fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::super::{ErrorKind, StoreError};
    use super::*;

    fn refusing_links(root: &Path) -> Local {
        Local { root: root.to_owned(), link: |_, _| Err(Errno::PERM.into()) }
    }

    fn put(local: &Local, key: &str, bytes: &[u8]) {
        let mut upload = local.create(key).unwrap();
        upload.write_all(bytes).unwrap();
        upload.finish().unwrap();
    }

    #[test]
    fn publishing_without_links_copies_and_never_replaces() {
        let root = tempfile::tempdir().unwrap();
        let local = refusing_links(root.path());
        put(&local, "attempts/1", b"first");
        put(&local, "attempts/2", b"second");
        assert_eq!(local.publish("attempts/1", "data/part").unwrap(), Published::Now);
        assert_eq!(local.publish("attempts/2", "data/part").unwrap(), Published::Before);
        assert_eq!(fs::read(root.path().join("data/part")).unwrap(), b"first");
        assert_eq!(fs::read_dir(root.path().join(ASIDE)).unwrap().count(), 0);
    }

    #[test]
    fn what_is_being_written_is_no_object() {
        let root = tempfile::tempdir().unwrap();
        let local = Local::new(root.path().to_owned());
        let mut upload = local.create("data/part").unwrap();
        upload.write_all(b"half").unwrap();
        assert_eq!(local.list("", Bound::Unbounded).unwrap().count(), 0);
        drop(upload);
        assert_eq!(fs::read_dir(root.path().join(ASIDE)).unwrap().count(), 0);
    }

    #[test]
    fn leftovers_of_a_crash_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let local = Local::new(root.path().to_owned());
        std::mem::forget(local.create("data/part").unwrap());
        assert_eq!(fs::read_dir(root.path().join(ASIDE)).unwrap().count(), 1);
        local.remove_leftovers().unwrap();
        local.remove_leftovers().unwrap();
        assert!(!root.path().join(ASIDE).exists());
    }

    #[test]
    fn a_full_disk_is_told_in_one_sentence() {
        let root = tempfile::tempdir().unwrap();
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut aside = Aside { file, path: root.path().join("aside"), to: root.path().join("object") };
        let error = StoreError::new("write", "/out", "object", aside.write_all(b"x").unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(
            error.to_string().starts_with("the disk that holds /out is full: free some space"),
            "{error}"
        );
    }
}
