//! Walks a folder in the order of its keys' bytes, from any key on, in bounded memory.
//!
//! A *key* is a path below the root as bytes, `/`-separated. Their order is not the order in which a plain
//! recursive walk meets the files: `a.py` comes before `a/b.py`, since `.` sorts before `/`, and `a0.py` after
//! it. So a folder takes part in the sorting of its level as `name/`.

use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::io;
use std::ops::Bound;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Names held at once for each level of the tree. A larger folder is listed several times, each time for the
/// next names in order.
const NAMES_AT_ONCE: usize = 1 << 18;

/// Yields the keys of all files below a root whose names are wanted. Links to folders are not followed;
/// whatever else is no folder counts as a file.
#[derive(Debug)]
pub(crate) struct Walk {
    root: PathBuf,
    wanted: fn(&[u8]) -> bool,
    from: Bound<Vec<u8>>,
    names_at_once: usize,
    levels: Vec<Level>,
}

/// What is left of one folder on the way to the current key.
#[derive(Debug)]
struct Level {
    /// The folder's key with its final `/`; empty for the root.
    prefix: Vec<u8>,
    names: std::vec::IntoIter<Vec<u8>>,
    /// The last of `names` where the folder holds more than them.
    more_after: Option<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot list the folder {}: {cause}", path.display())]
pub struct WalkError {
    path: PathBuf,
    pub(crate) cause: io::Error,
}

impl Walk {
    /// Fails if the root cannot be listed.
    pub(crate) fn new(
        root: &Path,
        wanted: fn(&[u8]) -> bool,
        from: Bound<Vec<u8>>,
    ) -> Result<Walk, WalkError> {
        Walk::holding(NAMES_AT_ONCE, root, wanted, from)
    }

    fn holding(
        names_at_once: usize,
        root: &Path,
        wanted: fn(&[u8]) -> bool,
        from: Bound<Vec<u8>>,
    ) -> Result<Walk, WalkError> {
        let mut walk = Walk { root: root.to_owned(), wanted, from, names_at_once, levels: Vec::new() };
        let level = walk.list(Vec::new(), None).map_err(|cause| walk.error(b"", cause))?;
        walk.levels.push(level);
        Ok(walk)
    }

    fn advance(&mut self) -> Result<Option<Vec<u8>>, WalkError> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.names.next() {
                let key = [level.prefix.as_slice(), &name].concat();
                if !key.ends_with(b"/") {
                    return Ok(Some(key));
                }
                self.enter(key, None)?;
            } else if let Some(last) = level.more_after.take() {
                let prefix = std::mem::take(&mut level.prefix);
                self.levels.pop();
                self.enter(prefix, Some(last))?;
            } else {
                self.levels.pop();
            }
        }
        Ok(None)
    }

    fn enter(&mut self, prefix: Vec<u8>, after: Option<Vec<u8>>) -> Result<(), WalkError> {
        match self.list(prefix.clone(), after) {
            Ok(level) => self.levels.push(level),
            // The folder is gone since its name was read, and with it what it held.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(self.error(&prefix, cause)),
        }
        Ok(())
    }

    /// The first names of a folder beyond `after`.
    fn list(&self, prefix: Vec<u8>, after: Option<Vec<u8>>) -> io::Result<Level> {
        let folder = self.root.join(OsStr::from_bytes(&prefix));
        let mut first = BinaryHeap::new();
        let mut more = false;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let mut name = entry.file_name().into_vec();
            if file_type.is_dir() {
                name.push(b'/');
            } else if !(self.wanted)(&name) {
                continue;
            }
            if after.as_ref().is_some_and(|after| name <= *after) || !self.leads_on(&prefix, &name) {
                continue;
            }
            if file_type.is_symlink() && std::fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
                continue;
            }
            first.push(name);
            if first.len() > self.names_at_once {
                first.pop();
                more = true;
            }
        }
        let names = first.into_sorted_vec();
        let more_after = if more { names.last().cloned() } else { None };
        Ok(Level { prefix, names: names.into_iter(), more_after })
    }

    /// Whether the walk's stretch of keys holds this file, or anything below this folder.
    fn leads_on(&self, prefix: &[u8], name: &[u8]) -> bool {
        let (from, included) = match &self.from {
            Bound::Unbounded => return true,
            Bound::Included(from) => (from.as_slice(), true),
            Bound::Excluded(from) => (from.as_slice(), false),
        };
        let key = prefix.iter().chain(name);
        match key.cmp(from) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => included,
            std::cmp::Ordering::Less => {
                name.ends_with(b"/") && from.strip_prefix(prefix).is_some_and(|below| below.starts_with(name))
            }
        }
    }

    fn error(&self, prefix: &[u8], cause: io::Error) -> WalkError {
        WalkError { path: self.root.join(OsStr::from_bytes(prefix)), cause }
    }
}

impl Iterator for Walk {
    type Item = Result<Vec<u8>, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.advance();
        if step.is_err() {
            self.levels.clear();
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn all(_: &[u8]) -> bool {
        true
    }

    fn plant(keys: &BTreeSet<String>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for key in keys {
            let path = root.path().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn walked(names_at_once: usize, root: &Path, from: Bound<Vec<u8>>) -> Vec<String> {
        Walk::holding(names_at_once, root, all, from)
            .unwrap()
            .map(|key| String::from_utf8(key.unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn keys_come_in_order_of_their_bytes() {
        let keys = ["a-b.py", "a.py", "a/b.py", "a/b/c.py", "a0.py", "b.py"].map(String::from);
        let root = plant(&keys.clone().into());
        assert_eq!(walked(10, root.path(), Bound::Unbounded), keys);
    }

    #[test]
    fn links_to_folders_are_not_followed() {
        let root = plant(&BTreeSet::from(["a/b.py".to_owned()]));
        std::os::unix::fs::symlink(root.path(), root.path().join("a/up")).unwrap();
        std::os::unix::fs::symlink("b.py", root.path().join("a/c.py")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("a/d.py")).unwrap();
        assert_eq!(walked(10, root.path(), Bound::Unbounded), ["a/b.py", "a/c.py", "a/d.py"]);
    }

    #[test]
    fn missing_root_is_an_error_that_names_it() {
        let error = Walk::new(Path::new("/no/such/folder"), all, Bound::Unbounded).unwrap_err();
        assert!(error.to_string().starts_with("cannot list the folder /no/such/folder"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_start_and_any_bound_on_memory_give_the_same_order(
            names in prop::collection::btree_set("[ab.]{1,2}(/[ab.]{1,2}){0,3}x", 1..20),
            from in "[ab./]{0,6}",
            names_at_once in 1..4_usize,
        ) {
            // `..` would leave the root, and a component cannot be a file and a folder.
            let keys: BTreeSet<String> = names
                .into_iter()
                .filter(|key| key.split('/').all(|part| part != "." && part != ".."))
                .collect();
            let root = plant(&keys);
            let expect = |keep: &dyn Fn(&str) -> bool| -> Vec<String> {
                keys.iter().filter(|key| keep(key)).cloned().collect()
            };
            prop_assert_eq!(walked(names_at_once, root.path(), Bound::Unbounded), expect(&|_| true));
            let included = Bound::Included(from.clone().into_bytes());
            prop_assert_eq!(walked(names_at_once, root.path(), included), expect(&|key| key >= from.as_str()));
            for key in &keys {
                let excluded = Bound::Excluded(key.clone().into_bytes());
                prop_assert_eq!(
                    walked(names_at_once, root.path(), excluded),
                    expect(&|other| other > key.as_str())
                );
            }
        }
    }
}
