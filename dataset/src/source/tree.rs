//! Python files of a folder, on this machine or in a bucket.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt::Write;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use super::location::base_name;
use super::objects::{read_file, read_object};
use super::{Body, Source, SourceError};
use crate::Store;
use crate::store::is_s3;
use crate::walk::Walk;

/// Objects of a bucket that are read side by side: each takes tens of milliseconds, most of them waiting.
const READS_AT_ONCE: usize = 8;

/// Whether a file of this name is a source.
pub(super) fn is_source(name: &[u8]) -> bool {
    name.ends_with(b".py")
}

/// What a row calls the file at `key` below `root`.
pub(super) fn source_path(root: &str, key: &[u8]) -> String {
    match base_name(root) {
        "" => lossless(key),
        name => format!("{name}/{}", lossless(key)),
    }
}

/// The keys below a root, in order.
pub(super) type Keys = Box<dyn Iterator<Item = Result<Vec<u8>, SourceError>> + Send>;

/// Yields the keys of the sources below a root, from a key on.
pub(super) fn keys(root: &str, from: Bound<Vec<u8>>) -> Result<Keys, SourceError> {
    if !is_s3(root) {
        let walk = Walk::new(Path::new(root), is_source, from)?;
        return Ok(Box::new(walk.map(|key| Ok(key?))));
    }
    // Keys in a bucket are UTF-8, and those of a range were found there.
    let from = from.map(|key| String::from_utf8_lossy(&key).into_owned());
    let from = from.as_ref().map(String::as_str);
    let keys = Store::open(root)?.list_from("", from)?.map(|key| Ok(key?.into_bytes()));
    Ok(Box::new(keys.filter(|key: &Result<Vec<u8>, _>| key.as_ref().map_or(true, |key| is_source(key)))))
}

/// Yields the sources of a folder whose keys lie in a range, as they are now.
pub(super) struct Files {
    root: String,
    keys: Keys,
    last: Vec<u8>,
    source_bytes: u64,
    /// Set for a folder in a bucket.
    remote: Option<Remote>,
}

struct Remote {
    store: Store,
    under_way: VecDeque<(Vec<u8>, JoinHandle<Read>)>,
}

/// The bytes of a program, or why a row has none.
type Read = Result<Result<Vec<u8>, String>, SourceError>;

impl Files {
    pub(super) fn open(
        root: &str,
        first: &[u8],
        last: &[u8],
        source_bytes: u64,
    ) -> Result<Files, SourceError> {
        let remote = match is_s3(root) {
            true => Some(Remote { store: Store::open(root)?, under_way: VecDeque::new() }),
            false => None,
        };
        let keys = keys(root, Bound::Included(first.to_owned()))?;
        Ok(Files { root: root.to_owned(), keys, last: last.to_owned(), source_bytes, remote })
    }

    fn next_key(&mut self) -> Option<Result<Vec<u8>, SourceError>> {
        let key = self.keys.next()?;
        if key.as_ref().is_ok_and(|key| *key > self.last) {
            self.keys = Box::new(std::iter::empty());
            return None;
        }
        Some(key)
    }

    fn advance(&mut self) -> Result<Option<Source>, SourceError> {
        let Some(mut remote) = self.remote.take() else {
            let Some(key) = self.next_key().transpose()? else { return Ok(None) };
            let file: PathBuf = [OsStr::new(&self.root), OsStr::from_bytes(&key)].iter().collect();
            return Ok(Some(self.source(&key, read_file(&file, self.source_bytes))));
        };
        while remote.under_way.len() < READS_AT_ONCE {
            let Some(key) = self.next_key().transpose()? else { break };
            let (store, name) = (remote.store.clone(), String::from_utf8_lossy(&key).into_owned());
            let most = self.source_bytes;
            remote.under_way.push_back((key, thread::spawn(move || read_object(&store, &name, most))));
        }
        let next = remote.under_way.pop_front();
        self.remote = Some(remote);
        let Some((key, reading)) = next else { return Ok(None) };
        let read = reading.join().expect("reading an object does not panic")?;
        Ok(Some(self.source(&key, read)))
    }

    fn source(&self, key: &[u8], read: Result<Vec<u8>, String>) -> Source {
        let path = source_path(&self.root, key);
        let body = match read {
            Ok(bytes) => Body::Script(bytes),
            Err(reason) => Body::Unreadable { reason },
        };
        let filename = lossless(key.rsplit(|&byte| byte == b'/').next().unwrap_or(key));
        Source { id: path.clone(), path, meta: "{}".to_owned(), filename, body }
    }
}

impl Iterator for Files {
    type Item = Result<Source, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.advance();
        if step.is_err() {
            self.keys = Box::new(std::iter::empty());
            self.remote = None;
        }
        step.transpose()
    }
}

/// A path as text that tells any two paths apart.
fn lossless(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            write!(text, r"\x{byte:02x}").expect("a String takes any text");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_read_differently() {
        assert_eq!(lossless(b"plain/\xc3\xa4.py"), "plain/ä.py");
        assert_eq!(lossless(b"\xff.py"), r"\xff.py");
        assert_eq!(lossless(br"\xff.py"), r"\\xff.py");
    }
}
