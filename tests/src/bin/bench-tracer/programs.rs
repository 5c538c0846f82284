//! The programs that are measured.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Program {
    pub(crate) name: String,
    /// As it is run by all tracers.
    pub(crate) source: String,
}

/// The folder of our own programs.
pub(crate) fn own() -> PathBuf {
    bench().join("programs")
}

/// What `tests/bench` holds.
pub(crate) fn bench() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench")
}

/// The folder of programs that spend their time in library code.
pub(crate) fn library() -> PathBuf {
    bench().join("library")
}

/// A program that does nothing.
pub(crate) const EMPTY: &str = "pass\n";

/// The Python files of these folders, by name.
pub(crate) fn of(folders: &[PathBuf]) -> Result<Vec<Program>, Box<dyn Error>> {
    let mut programs = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                programs.push(Program { name, source: runnable(&path)? });
            }
        }
    }
    programs.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(programs)
}

fn runnable(path: &Path) -> Result<String, Box<dyn Error>> {
    let source = fs::read_to_string(path)?;
    let has_main = source.contains("\ndef main():") || source.starts_with("def main():");
    Ok(if has_main { source + "\n\nmain()\n" } else { source })
}
