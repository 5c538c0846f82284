//! Standard input of a script that was given one.

use std::fs::{self, File};
use std::io::Write;

use crate::python::{self, Result};

/// What the text lies in until it is open. The file is gone before the program begins.
const NAME: &str = ".stdin";

/// Puts descriptor 0 at the start of this text. Where there is none it stays what it is, which is empty.
pub(super) fn provide(text: &[u8]) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let put = || -> std::io::Result<()> {
        File::create_new(NAME)?.write_all(text)?;
        let file = File::open(NAME)?;
        fs::remove_file(NAME)?;
        rustix::stdio::dup2_stdin(&file)?;
        Ok(())
    };
    put().map_err(|error| python::raise_os_error(&format!("standard input could not be provided: {error}")))
}
