//! Finds the CPythons that the tests can use: one for each minor version that the tracer supports.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const MINORS: [u32; 3] = [11, 12, 13];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The 13 of 3.13.
    pub minor: u32,
    pub path: PathBuf,
}

/// One interpreter of each supported minor version that is present, oldest first. Those that the environment
/// variable `ET_PYTHONS` lists, separated by colons, or those on the path and in the folders of pyenv and uv.
///
/// # Panics
/// If there is none, or a listed one is none.
pub fn interpreters() -> &'static [Interpreter] {
    static FOUND: OnceLock<Vec<Interpreter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = match env::var_os("ET_PYTHONS") {
            Some(listed) => {
                let identify_listed = |path: PathBuf| {
                    identify(&path).unwrap_or_else(|| {
                        panic!("ET_PYTHONS lists {}, no CPython 3.11 to 3.13", path.display())
                    })
                };
                env::split_paths(&listed).map(identify_listed).collect()
            }
            None => MINORS.into_iter().filter_map(find).collect::<Vec<_>>(),
        };
        assert!(!found.is_empty(), "no CPython 3.11, 3.12 or 3.13 found; list some in ET_PYTHONS");
        for minor in MINORS {
            if !found.iter().any(|interpreter| interpreter.minor == minor) {
                eprintln!("no CPython 3.{minor} found: its part of the test is left out");
            }
        }
        found
    })
}

fn find(minor: u32) -> Option<Interpreter> {
    let name = format!("python3.{minor}");
    let candidates = folders().into_iter().map(|folder| folder.join(&name)).filter(|path| path.exists());
    candidates.filter_map(|path| identify(&path)).find(|interpreter| interpreter.minor == minor)
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let home = env::home_dir().unwrap_or_default();
    let pyenv = env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    for versions in [pyenv.join("versions"), home.join(".local/share/uv/python")] {
        let entries = fs::read_dir(versions).into_iter().flatten().flatten();
        folders.extend(entries.map(|version| version.path().join("bin")));
    }
    folders
}

/// What an executable says that it is. It may be a shim, so the interpreter names its own path; a build
/// without the global lock is not one that the tracer supports.
fn identify(path: &Path) -> Option<Interpreter> {
    const QUESTION: &str = "import sys, sysconfig\n\
        assert sys.implementation.name == 'cpython' and not sysconfig.get_config_var('Py_GIL_DISABLED')\n\
        print(sys.version_info.minor, sys.executable)";
    let output = Command::new(path).args(["-I", "-c", QUESTION]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let (minor, path) = answer.trim_end().split_once(' ')?;
    let minor = minor.parse().ok().filter(|minor| MINORS.contains(minor))?;
    Some(Interpreter { minor, path: PathBuf::from(path) })
}
