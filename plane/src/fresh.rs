//! What files say, read again when they have changed: secrets and certificates are replaced while programs run.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Files are looked at no more often than this, however often somebody asks. A replaced one may be a minute late anyway
/// where a cluster hands it out.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

type Reader<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;

/// The last thing that made sense.
pub(crate) struct Fresh<T> {
    files: Vec<PathBuf>,
    look_every: Duration,
    read: Reader<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    stamps: Vec<Option<Stamp>>,
    looked_at: Instant,
}

/// Tells one version of a file from another: when it was written, how long it is, which one it is.
type Stamp = (i64, i64, u64, u64);

impl<T> Fresh<T> {
    /// What `read` makes of these files, now and whenever they change.
    pub(crate) fn read<E: fmt::Display>(
        files: Vec<PathBuf>,
        look_every: Duration,
        read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Fresh<T>, E> {
        // Before they are read, so that no change goes unnoticed.
        let stamps = stamps(&files);
        let state = State { value: Arc::new(read()?), stamps, looked_at: Instant::now() };
        let read = Box::new(move || read().map_err(|error| error.to_string()));
        Ok(Fresh { files, look_every, read, state: Mutex::new(state) })
    }

    /// As the files say now. Where they make no sense, a warning, and as they said before.
    pub(crate) fn get(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() < self.look_every {
            return Arc::clone(&state.value);
        }
        state.looked_at = Instant::now();
        let stamps = stamps(&self.files);
        if stamps != state.stamps {
            state.stamps = stamps;
            match (self.read)() {
                Ok(value) => {
                    tracing::info!(files = ?self.files, "read again, as they have changed");
                    state.value = Arc::new(value);
                }
                Err(error) => {
                    tracing::warn!(%error, "files have changed and are of no use: what they said before holds")
                }
            }
        }
        Arc::clone(&state.value)
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.mtime(), metadata.mtime_nsec(), metadata.size(), metadata.ino()))
    };
    files.iter().map(stamp).collect()
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_read_again_and_nonsense_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        fs::write(&file, "1").unwrap();
        let read = {
            let file = file.clone();
            move || fs::read_to_string(&file).unwrap_or_default().parse::<u32>()
        };
        let fresh = Fresh::read(vec![file.clone()], Duration::ZERO, read).unwrap();
        assert_eq!(*fresh.get(), 1);
        assert!(Arc::ptr_eq(&fresh.get(), &fresh.get()), "it is read once");
        fs::write(&file, "23").unwrap();
        assert_eq!(*fresh.get(), 23);
        fs::write(&file, "nonsense").unwrap();
        assert_eq!(*fresh.get(), 23);
        fs::remove_file(&file).unwrap();
        assert_eq!(*fresh.get(), 23);
        fs::write(&file, "4").unwrap();
        assert_eq!(*fresh.get(), 4);
    }

    #[test]
    fn files_are_not_looked_at_too_often() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        fs::write(&file, "1").unwrap();
        let read = {
            let file = file.clone();
            move || fs::read_to_string(&file).map(|text| text.len())
        };
        let fresh = Fresh::read(vec![file.clone()], Duration::from_secs(3600), read).unwrap();
        fs::write(&file, "four").unwrap();
        assert_eq!(*fresh.get(), 1);
    }
}
