//! Takes the last steps of the Dockerfile in a plain root file system: the programs lie where it puts them, start as
//! it starts them, as its user, and nothing can be written but what a pod gives them.
//!
//! What is missing against an image is only what its base brings: the system's libraries are this machine's, and the
//! interpreter is the one that the tests use, moved to where the image has it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::binaries;
use tests::system::text;
use tests::tracers::interpreters;

use crate::dockerfile::{Stage, stage};

/// Puts the root together in a mount namespace of its own, so that nothing is left of it, and runs a program there.
/// `$1` is the root, `$2` the user, the rest the program with its arguments.
const ENTER: &str = r#"
root=$1 user=$2; shift 2
mount --bind "$root" "$root"
for folder in lib lib64 usr/lib; do
    test -d "/$folder" || continue
    mkdir -p "$root/$folder"
    mount --rbind "/$folder" "$root/$folder"
done
mkdir -p "$root/proc" "$root/dev" "$root/scratch"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o "mode=0700,uid=${user%:*},gid=${user#*:}" tmpfs "$root/scratch"
mount -o remount,bind,ro "$root"
chroot=$(command -v chroot)
exec env -i "$(command -v setpriv)" --no-new-privs "$chroot" --userspec="$user" "$root" "$@"
"#;

#[test]
fn worker_image_starts_confined_and_says_so() {
    let Some(python) = interpreters().iter().find(|python| python.minor == 13) else {
        eprintln!("skipped: there is no CPython 3.13");
        return;
    };
    let stage = stage("worker");
    let root = TempDir::new().unwrap();
    copy_programs(&stage, root.path());
    move_interpreter(&python.path, &root.path().join("usr/local"));
    let mut command = stage.command();
    command.extend(["--scratch", "/scratch", "--slots", "1", "--patience", "1"].map(str::to_owned));
    command.extend(["--coordinator", "http://127.0.0.1:1"].map(str::to_owned));
    let Some(output) = enter(root.path(), &stage, &command) else { return };
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(said.starts_with("et-worker: CPython 3.13"), "{said}{complained}");
    assert!(said.contains("seccomp, 1 slots"), "{said}");
    assert!(complained.contains("has not answered"), "it should have got as far as calling: {complained}");
}

#[test]
fn coordinator_image_starts_without_a_shell() {
    let stage = stage("coordinator");
    let root = TempDir::new().unwrap();
    copy_programs(&stage, root.path());
    let Some(output) = enter(root.path(), &stage, &[stage.entrypoint[0].clone(), "--version".to_owned()])
    else {
        return;
    };
    let version = format!("et-coord {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&output.stdout), version, "{}", text(&output.stderr));
    assert!(!root.path().join("bin").exists(), "the image has no shell");
}

/// `None`, with a word, where this needs more rights than there are.
fn enter(root: &Path, stage: &Stage, command: &[String]) -> Option<Output> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can put a root file system together");
        return None;
    }
    let mut entering = Command::new("unshare");
    entering.args(["--mount", "sh", "-eu", "-c", ENTER, "sh"]).arg(root).arg(&stage.user).args(command);
    let output = entering.output().unwrap();
    if text(&output.stderr).contains("unshare failed") {
        eprintln!("skipped: no mount namespace can be had here");
        return None;
    }
    Some(output)
}

/// Puts what was built where the Dockerfile copies it to.
fn copy_programs(stage: &Stage, root: &Path) {
    let built = [binaries::et_coord(), binaries::et_worker(), binaries::tracer()];
    for (name, target) in &stage.programs {
        let program = built.iter().find(|path| path.file_name() == Some(OsStr::new(name))).unwrap();
        let target = root.join(target.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(program, target).unwrap();
    }
}

/// Puts an interpreter and its library below a prefix, as the image of CPython has it.
fn move_interpreter(python: &Path, prefix: &Path) {
    let python = fs::canonicalize(python).unwrap();
    let home: PathBuf = python.parent().unwrap().parent().unwrap().to_owned();
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin).unwrap();
    // It looks for its library where it was installed; the image's looks beside itself.
    let beside = b"$ORIGIN/../lib\0";
    let mut program = fs::read(&python).unwrap();
    let installed: Vec<u8> = [home.join("lib").as_os_str().as_encoded_bytes(), b"\0"].concat();
    if let Some(at) = program.windows(installed.len()).position(|bytes| bytes == installed) {
        program[at..at + beside.len()].copy_from_slice(beside);
    }
    let target = bin.join("python3.13");
    fs::write(&target, program).unwrap();
    fs::set_permissions(&target, fs::metadata(&python).unwrap().permissions()).unwrap();
    symlink("python3.13", bin.join("python3")).unwrap();
    let lib = prefix.join("lib");
    fs::create_dir_all(&lib).unwrap();
    let copied = Command::new("cp").arg("-R").arg(home.join("lib/python3.13")).arg(&lib).status().unwrap();
    assert!(copied.success());
    for entry in fs::read_dir(home.join("lib")).unwrap().map(Result::unwrap) {
        if entry.file_name().as_encoded_bytes().starts_with(b"libpython") && entry.path().is_file() {
            fs::copy(entry.path(), lib.join(entry.file_name())).unwrap();
        }
    }
}
