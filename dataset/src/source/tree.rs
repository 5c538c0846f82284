//! Python files of a folder.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::location::base_name;
use super::{Body, Source, SourceError};
use crate::walk::Walk;

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

/// Yields the sources of a folder whose keys lie in a range, as they are now.
pub(super) struct Files {
    root: String,
    walk: Walk,
    last: Vec<u8>,
    source_bytes: u64,
}

impl Files {
    pub(super) fn open(
        root: &str,
        first: &[u8],
        last: &[u8],
        source_bytes: u64,
    ) -> Result<Files, SourceError> {
        let walk = Walk::new(Path::new(root), is_source, Bound::Included(first.to_owned()))?;
        Ok(Files { root: root.to_owned(), walk, last: last.to_owned(), source_bytes })
    }

    fn source(&self, key: &[u8]) -> Source {
        let path = source_path(&self.root, key);
        let file: PathBuf = [OsStr::new(&self.root), OsStr::from_bytes(key)].iter().collect();
        let body = match read_file(&file, self.source_bytes) {
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
        match self.walk.next()? {
            Ok(key) if key > self.last => None,
            Ok(key) => Some(Ok(self.source(&key))),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// The bytes of a file, or why there are none, as a row says it.
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "the file is gone, or a link that leads nowhere".to_owned(),
        kind => format!("the file cannot be read: {kind}"),
    };
    // A named pipe would block until somebody writes to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let too_large = || format!("the file has more than {most} bytes");
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
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

    #[test]
    fn larger_files_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("large.py");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"12345");
        assert_eq!(read_file(&path, 4).unwrap_err(), "the file has more than 4 bytes");
    }

    #[test]
    fn pipes_and_broken_links_are_told_and_do_not_block() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe.py");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(read_file(&pipe, 10).unwrap_err(), "it is not a file");
        let link = root.path().join("link.py");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(read_file(&link, 10).unwrap_err().contains("leads nowhere"));
    }
}
