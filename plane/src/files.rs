//! Reads the files that certificates, keys and tokens come in, without ever showing what is in them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Far more than any of these files holds; a wrong path may lead to something endless.
const MAX_BYTES: u64 = 1 << 20;

/// Permission of everybody to read.
const READABLE_BY_ALL: u32 = 0o004;

/// Why a file of secrets or certificates is of no use.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the {what} {} could not be read: {cause}", path.display())]
    Unreadable { what: &'static str, path: PathBuf, cause: io::Error },
    #[error("the {what} {} holds no {wanted} in PEM form", path.display())]
    NotPem { what: &'static str, path: PathBuf, wanted: &'static str },
    #[error("the {what} {} is longer than such files are", path.display())]
    TooLong { what: &'static str, path: PathBuf },
    #[error("the {what} {} is not text", path.display())]
    NotText { what: &'static str, path: PathBuf },
}

/// The text of a file that only its owner should read. It is for the operator to decide, so others being able to is
/// a warning.
pub(crate) fn read_secret(what: &'static str, path: &Path) -> Result<String, FileError> {
    let (text, mode) = read(what, path)?;
    if mode & READABLE_BY_ALL != 0 {
        tracing::warn!(file = %path.display(), "everybody on this machine can read the {what}: chmod o-r");
    }
    Ok(text)
}

pub(crate) fn read_certificates(what: &'static str, path: &Path) -> Result<String, FileError> {
    let (text, _) = read(what, path)?;
    expect_pem(what, path, &text, "certificate", "CERTIFICATE-----")?;
    Ok(text)
}

pub(crate) fn read_key(what: &'static str, path: &Path) -> Result<String, FileError> {
    let text = read_secret(what, path)?;
    expect_pem(what, path, &text, "private key", "PRIVATE KEY-----")?;
    Ok(text)
}

fn expect_pem(
    what: &'static str,
    path: &Path,
    text: &str,
    wanted: &'static str,
    label: &str,
) -> Result<(), FileError> {
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(label);
    if text.lines().any(begins) {
        return Ok(());
    }
    Err(FileError::NotPem { what, path: path.to_owned(), wanted })
}

/// The text, and the permissions of its file.
fn read(what: &'static str, path: &Path) -> Result<(String, u32), FileError> {
    let unreadable = |cause| FileError::Unreadable { what, path: path.to_owned(), cause };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLong { what, path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|_| FileError::NotText { what, path: path.to_owned() })?;
    Ok((text, mode))
}
