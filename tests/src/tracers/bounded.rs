//! Runs an interpreter for a bounded time in bounded memory, in a folder of its own.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The reference takes some of them for a long program where the machine is busy.
const SECONDS: u32 = 120;
const MEMORY_KIB: u32 = 4 << 20;
/// In units of 512 bytes, as a shell counts.
const FILE_BLOCKS: u32 = 128 << 11;

/// What a run left behind.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    /// What it says of itself: status and standard error.
    pub report: String,
    pub stdout: Vec<u8>,
}

/// Runs an interpreter with `folder` as its home and `folder/work`, which holds its standard streams, as its
/// current folder. It gets no other environment than one that makes it repeatable.
pub(super) fn run<I: AsRef<OsStr>>(
    python: &Path,
    arguments: impl IntoIterator<Item = I>,
    folder: &Path,
    foreign: bool,
) -> io::Result<Ended> {
    let work = folder.join("work");
    fs::create_dir_all(&work)?;
    let bounds = format!(
        "ulimit -v {MEMORY_KIB} && ulimit -f {FILE_BLOCKS} && cd work && exec timeout -k 1 {SECONDS} \"$@\""
    );
    let mut command = if foreign {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c"]);
        command.arg(format!("{READ_ONLY_BUT_HERE} && {bounds}"));
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &bounds]);
        command
    };
    let (output, errors) = (work.join("stdout"), work.join("stderr"));
    let status = command
        .arg("sh")
        .arg(python)
        .args(["-s", "-P"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("PYTHONHASHSEED", "0"), ("TZ", "UTC")])
        .env("HOME", folder)
        // With `debug`, whoever reads freed memory or writes beyond its own shows.
        .envs(env::var_os("PYTHONMALLOC").map(|allocator| ("PYTHONMALLOC", allocator)))
        .stdin(Stdio::null())
        .stdout(File::create(&output)?)
        .stderr(File::create(&errors)?)
        .status()?;
    let report = format!("{status}: {}", String::from_utf8_lossy(&fs::read(errors)?));
    Ok(Ended { success: status.success(), report, stdout: fs::read(output)? })
}

/// Makes every mount but the current folder read-only, in a mount namespace of one's own.
const READ_ONLY_BUT_HERE: &str = "mount --bind . . && cd \"$PWD\" && while read -r _ at _; do \
    [ \"$at\" = \"$PWD\" ] || mount -o remount,bind,ro \"$at\" 2>/dev/null; done < /proc/self/mounts";
