//! Files, wherever they lie: on this machine or in a bucket.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::SourceError;
use crate::store::{Object, is_key, is_s3};
use crate::{ErrorKind, Store};

/// Folder and name of a file, given by its absolute path or its URI.
pub(super) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", path),
    }
}

/// Opens a file, to read any stretch of it.
pub(super) fn open(path: &str) -> Result<Object, SourceError> {
    let (folder, name) = split(path);
    Store::open(folder).and_then(|store| store.read(name)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => SourceError::NotFound { path: path.to_owned() },
        _ => error.into(),
    })
}

/// All of a file that holds a program, or why there is none, as a row says it. An error where that may pass.
pub(super) fn read_whole(path: &str, most: u64) -> Result<Result<Vec<u8>, String>, SourceError> {
    if !is_s3(path) {
        return Ok(read_file(Path::new(path), most));
    }
    let (folder, name) = split(path);
    read_object(&Store::open(folder)?, name, most)
}

/// The same for a program in a store.
pub(super) fn read_object(
    store: &Store,
    key: &str,
    most: u64,
) -> Result<Result<Vec<u8>, String>, SourceError> {
    if !is_key(key) {
        return Ok(Err("its name has empty or dotted parts".to_owned()));
    }
    let object = match store.read(key) {
        Ok(object) => object,
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound => Ok(Err(GONE.to_owned())),
                ErrorKind::Denied => Ok(Err("the file cannot be read: permission denied".to_owned())),
                ErrorKind::Full | ErrorKind::Other => Err(error.into()),
            };
        }
    };
    if object.size() > most {
        return Ok(Err(too_large(most)));
    }
    let mut bytes = vec![0; object.size() as usize];
    let failed = |cause| SourceError::reading(key, &object, cause);
    object.read_exact_at(&mut bytes, 0).map_err(failed)?;
    Ok(Ok(bytes))
}

/// The bytes of a file on this machine, or why there are none.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => GONE.to_owned(),
        kind => format!("the file cannot be read: {kind}"),
    };
    // A named pipe would block until somebody writes to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.len() > most {
        return Err(too_large(most));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

const GONE: &str = "the file is gone, or a link that leads nowhere";

fn too_large(most: u64) -> String {
    format!("the file has more than {most} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_path_and_a_uri_are_a_folder_and_a_name() {
        for (path, folder, name) in [
            ("/a/b.py", "/a", "b.py"),
            ("/b.py", "/", "b.py"),
            ("s3://bucket/x/b.py", "s3://bucket/x", "b.py"),
        ] {
            assert_eq!(split(path), (folder, name));
        }
    }
}
