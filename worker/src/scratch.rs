//! The folder that one worker process has for itself, for as long as it lives.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::backoff::random_bits;

/// How the names of all these folders begin.
const PREFIX: &str = "et-worker-";

/// A folder of this process's own. It goes with the value, with all that is in it; if the process is killed
/// first, with the next worker that makes one beside it.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Shows the others that somebody lives here. The kernel lets go of it however the process ends.
    _lock: File,
}

impl Scratch {
    /// Makes a fresh folder inside `parent`, which is made as well if it is missing.
    pub(crate) fn create_in(parent: &Path) -> io::Result<Scratch> {
        fs::create_dir_all(parent)?;
        remove_orphans(parent);
        let name = format!("{PREFIX}{:016x}", random_bits());
        // It gets its name when it is locked, so that nobody takes it for an orphan.
        let unnamed = parent.join(format!(".{name}"));
        fs::create_dir(&unnamed)?;
        let lock = File::open(&unnamed)?;
        lock.lock()?;
        let folder = parent.join(name);
        fs::rename(unnamed, &folder)?;
        Ok(Scratch { folder, _lock: lock })
    }

    /// Makes a folder inside it.
    pub(crate) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "could not remove the scratch folder");
        }
    }
}

/// Removes the folders of workers that were killed. One that cannot be removed is no reason not to work.
fn remove_orphans(parent: &Path) {
    let me = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_scratch = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let is_mine = || entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == me);
        let is_orphan = || File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if is_scratch && is_mine() && is_orphan() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::create_in(&parent.path().join("missing")).unwrap();
        let twin = Scratch::create_in(&parent.path().join("missing")).unwrap();
        let slot = scratch.folder("slot-0").unwrap();
        fs::write(slot.join("left-over"), "x").unwrap();
        drop(scratch);
        assert!(!slot.exists());
        drop(twin);
        assert_eq!(fs::read_dir(parent.path().join("missing")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_worker_left_goes_and_what_a_living_one_uses_stays() {
        let parent = tempfile::tempdir().unwrap();
        let orphan = parent.path().join("et-worker-0");
        fs::create_dir_all(orphan.join("slot-0")).unwrap();
        let foreign = parent.path().join("something-else");
        fs::create_dir(&foreign).unwrap();
        let living = Scratch::create_in(parent.path()).unwrap();
        let in_use = living.folder("slot-0").unwrap();
        let _another = Scratch::create_in(parent.path()).unwrap();
        assert!(!orphan.exists());
        assert!(in_use.exists() && foreign.exists());
    }
}
