//! Finds the interpreter that programs run on, and makes sure that it is one which can be traced.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::labels::minor;

/// Minor versions of CPython 3 that can be traced, best first.
const MINORS: [u32; 3] = [13, 12, 11];

/// A CPython that can be traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The interpreter itself, never a shim.
    pub executable: PathBuf,
    /// For example `3.13.0`.
    pub version: String,
    /// What it must be able to read on top of the system's libraries: itself and its packages.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    #[error(
        "no CPython {0} was found on PATH, under pyenv or under uv; install one or give its path with --python"
    )]
    NotFound(String),
    #[error("'{0}' is neither a version such as 3.13 nor the path of an interpreter")]
    NoVersion(String),
    #[error("{0} could not be started: {1}; give another with --python")]
    NotStarted(PathBuf, #[source] io::Error),
    #[error("{0} is no CPython 3: {1}; give another with --python")]
    NotPython(PathBuf, String),
    #[error("{0} is {1}, which cannot be traced; give a CPython with --python")]
    NotCPython(PathBuf, String),
    #[error("{0} is CPython {1}, older than the oldest that can be traced, 3.11; give another with --python")]
    TooOld(PathBuf, String),
    #[error("{0} is CPython {1}, newer than the newest that can be traced, 3.13; give another with --python")]
    TooNew(PathBuf, String),
    #[error("{0} is a free-threaded CPython, which cannot be traced; give another with --python")]
    FreeThreaded(PathBuf),
    #[error("there is no tracer at {0}; build it or give its path with --tracer")]
    NoTracer(PathBuf),
    #[error("the tracer does not work with {0}: {1}")]
    Tracer(PathBuf, String),
}

/// The minor version, such as `3.13`, of the interpreter that a worker would choose.
pub fn minor_version(wanted: Option<&str>) -> Result<String, PythonError> {
    Interpreter::find(wanted).map(|found| minor(&found.version).to_owned())
}

impl Interpreter {
    /// `wanted` is a path, a version such as `3.13` or `3.12.1`, or `None` for the best one there is.
    pub fn find(wanted: Option<&str>) -> Result<Interpreter, PythonError> {
        let places = Places::from_environment();
        match wanted {
            None => MINORS
                .into_iter()
                .find_map(|minor| find_version(&places, &Version { minor, patch: None }))
                .ok_or_else(|| PythonError::NotFound("3.11, 3.12 or 3.13".to_owned())),
            Some(path) if path.contains('/') => Interpreter::ask(Path::new(path)),
            Some(version) => {
                let parsed =
                    Version::parse(version).ok_or_else(|| PythonError::NoVersion(version.to_owned()))?;
                find_version(&places, &parsed).ok_or_else(|| PythonError::NotFound(version.to_owned()))
            }
        }
    }

    /// Makes sure that the tracer at `tracer` loads into this interpreter.
    pub fn check_tracer(&self, tracer: &Path) -> Result<(), PythonError> {
        if !tracer.is_file() {
            return Err(PythonError::NoTracer(tracer.to_owned()));
        }
        let output = isolated(&self.executable)
            .args(["-I", "-c", LOAD_TRACER])
            .arg(tracer)
            .output()
            .map_err(|error| PythonError::NotStarted(self.executable.clone(), error))?;
        if output.status.success() {
            return Ok(());
        }
        Err(PythonError::Tracer(self.executable.clone(), last_line(&output.stderr)))
    }

    fn ask(python: &Path) -> Result<Interpreter, PythonError> {
        let path = || python.to_owned();
        let output = isolated(python)
            .args(["-I", "-c", DESCRIBE])
            .output()
            .map_err(|error| PythonError::NotStarted(path(), error))?;
        let description: Description = serde_json::from_slice(&output.stdout)
            .map_err(|_| PythonError::NotPython(path(), last_line(&output.stderr)))?;
        description.check(python)
    }
}

/// Puts the module of the library at `sys.argv[1]` into `tracer`. It is found by path and kept out of
/// `sys.modules`, so that no program comes across it.
pub(crate) const LOAD_TRACER: &str = "\
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
loader = ExtensionFileLoader('et_tracer', sys.argv[1])
tracer = loader.create_module(ModuleSpec('et_tracer', loader, origin=sys.argv[1]))
loader.exec_module(tracer)
sys.modules.pop('et_tracer', None)
";

/// Written for any Python 3, since it is asked before anything is known.
const DESCRIBE: &str = "\
import json, os, sys, sysconfig
folders = [p for p in sys.path if os.path.isabs(p)]
for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
    folders += [os.path.join(prefix, name) for name in ('lib', 'lib64', 'pyvenv.cfg')]
files = [sys.executable, os.path.realpath(sys.executable)] + folders
print(json.dumps({
    'implementation': sys.implementation.name,
    'version': list(sys.version_info[:3]),
    'free_threaded': bool(sysconfig.get_config_var('Py_GIL_DISABLED')),
    'executable': sys.executable,
    'files': sorted(set(p for p in files if os.path.exists(p))),
}))
";

#[derive(Deserialize)]
struct Description {
    implementation: String,
    version: [u32; 3],
    free_threaded: bool,
    executable: PathBuf,
    files: Vec<PathBuf>,
}

impl Description {
    fn check(self, python: &Path) -> Result<Interpreter, PythonError> {
        let path = || python.to_owned();
        let [major, minor, patch] = self.version;
        let version = format!("{major}.{minor}.{patch}");
        if self.implementation != "cpython" {
            return Err(PythonError::NotCPython(path(), self.implementation));
        }
        if (major, minor) < (3, 11) {
            return Err(PythonError::TooOld(path(), version));
        }
        if (major, minor) > (3, 13) {
            return Err(PythonError::TooNew(path(), version));
        }
        if self.free_threaded {
            return Err(PythonError::FreeThreaded(path()));
        }
        Ok(Interpreter { executable: self.executable, version, files: self.files })
    }
}

/// A version of CPython 3, perhaps without its last part.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    minor: u32,
    patch: Option<u32>,
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let mut parts = text.strip_prefix("3.")?.split('.').map(|part| part.parse().ok());
        let minor = parts.next()??;
        let patch = parts.next();
        match (patch, parts.next()) {
            (None, _) => Some(Version { minor, patch: None }),
            (Some(Some(patch)), None) => Some(Version { minor, patch: Some(patch) }),
            _ => None,
        }
    }

    fn is(&self, version: &str) -> bool {
        Version::parse(version).is_some_and(|found| {
            found.minor == self.minor && (self.patch.is_none() || self.patch == found.patch)
        })
    }
}

/// Where interpreters are looked for.
struct Places {
    path: Vec<PathBuf>,
    /// Folders whose sub-folders are one installation each.
    installations: Vec<PathBuf>,
}

impl Places {
    fn from_environment() -> Places {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("HOME").unwrap_or_default();
        let pyenv = folder("PYENV_ROOT").unwrap_or_else(|| home.join(".pyenv")).join("versions");
        let uv = folder("UV_PYTHON_INSTALL_DIR").unwrap_or_else(|| {
            folder("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("uv/python")
        });
        let path = folder("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Places { path, installations: vec![pyenv, uv] }
    }

    /// Everything that may be a CPython 3 of this minor version, likeliest first.
    fn candidates(&self, minor: u32) -> Vec<PathBuf> {
        let by_version = format!("python3.{minor}");
        let on_path = |name: &str| self.path.iter().map(|folder| folder.join(name)).collect::<Vec<_>>();
        let mut candidates = on_path(&by_version);
        for folder in &self.installations {
            let mut installed: Vec<PathBuf> = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path().join("bin").join(&by_version))
                .collect();
            installed.sort_by_key(|path| Reverse(numbers_of(path)));
            candidates.extend(installed);
        }
        candidates.extend(on_path("python3"));
        candidates.retain(|candidate| candidate.is_file());
        candidates
    }
}

/// The numbers in a path, for `3.13.10` to come after `3.13.9`.
fn numbers_of(path: &Path) -> Vec<u64> {
    let text = path.to_string_lossy();
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// A candidate that cannot be run or traced is passed over: a shim may stand for a version that is not there.
fn find_version(places: &Places, wanted: &Version) -> Option<Interpreter> {
    places
        .candidates(wanted.minor)
        .iter()
        .filter_map(|candidate| Interpreter::ask(candidate).ok())
        .find(|interpreter| wanted.is(&interpreter.version))
}

/// A command that the caller's Python settings do not reach. Shims need the rest of the environment.
fn isolated(python: &Path) -> Command {
    let mut command = Command::new(python);
    let settings = std::env::vars_os().map(|(name, _)| name).filter(|name| is_python_setting(name));
    for name in settings {
        command.env_remove(name);
    }
    command.stdin(std::process::Stdio::null());
    command
}

fn is_python_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"PYTHON")
}

/// The last line that is not empty: of a traceback, the one that says what is wrong.
pub(crate) fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it said nothing").chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A file that, run as an interpreter, describes itself as given.
    fn fake(folder: &Path, name: &str, says: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\ncat <<'END'\n{says}\nEND\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn description(implementation: &str, version: [u32; 3], free_threaded: bool) -> String {
        let version: Vec<String> = version.iter().map(u32::to_string).collect();
        format!(
            r#"{{"implementation": "{implementation}", "version": [{}], "free_threaded": {free_threaded},
                "executable": "/opt/python-{}", "files": []}}"#,
            version.join(", "),
            version.join("."),
        )
    }

    #[track_caller]
    fn check_refusal(says: &str, message: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = fake(folder.path(), "python3", says);
        let error = Interpreter::find(Some(path.to_str().unwrap())).unwrap_err().to_string();
        let message = format!("{} {message}", path.display());
        assert!(error.starts_with(&message), "{error}");
    }

    #[test]
    fn what_cannot_be_traced_is_refused_in_one_sentence() {
        check_refusal(&description("cpython", [3, 10, 13], false), "is CPython 3.10.13, older than");
        check_refusal(&description("cpython", [3, 14, 0], false), "is CPython 3.14.0, newer than");
        check_refusal(&description("cpython", [3, 13, 0], true), "is a free-threaded CPython");
        check_refusal(&description("pypy", [3, 11, 9], false), "is pypy, which cannot be traced");
        check_refusal("Python 2.7.18", "is no CPython 3");
    }

    #[test]
    fn a_tracer_that_is_missing_or_refuses_is_told_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let executable = folder.path().join("python3");
        std::fs::write(&executable, "#!/bin/sh\necho 'ImportError: unknown layout' >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&executable, std::fs::Permissions::from_mode(0o755)).unwrap();
        let interpreter =
            Interpreter { executable: executable.clone(), version: "3.13.0".to_owned(), files: vec![] };
        let missing = interpreter.check_tracer(Path::new("/nowhere/tracer.so")).unwrap_err();
        assert!(matches!(missing, PythonError::NoTracer(_)), "{missing}");
        let refusal = interpreter.check_tracer(&executable).unwrap_err();
        assert!(refusal.to_string().ends_with("ImportError: unknown layout"), "{refusal}");
    }

    #[test]
    fn a_path_that_is_not_there_is_refused() {
        let error = Interpreter::find(Some("/nowhere/python3")).unwrap_err();
        assert!(matches!(error, PythonError::NotStarted(..)), "{error}");
        let error = Interpreter::find(Some("three")).unwrap_err();
        assert!(matches!(error, PythonError::NoVersion(_)), "{error}");
    }

    #[test]
    fn newest_patch_of_an_installation_wins_and_broken_shims_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (path, versions) = (folder.path().join("bin"), folder.path().join("versions"));
        fake(&path, "python3.13", "pyenv: python3.13: command not found");
        fake(&versions, "3.13.9/bin/python3.13", &description("cpython", [3, 13, 9], false));
        fake(&versions, "3.13.10/bin/python3.13", &description("cpython", [3, 13, 10], false));
        let places = Places { path: vec![path], installations: vec![versions] };
        let find = |text: &str| {
            find_version(&places, &Version::parse(text).unwrap()).map(|interpreter| interpreter.version)
        };
        assert_eq!(find("3.13").as_deref(), Some("3.13.10"));
        assert_eq!(find("3.13.9").as_deref(), Some("3.13.9"));
        assert_eq!(find("3.13.11"), None);
        assert_eq!(find("3.12"), None);
    }

    #[test]
    fn versions_have_two_or_three_parts() {
        assert_eq!(Version::parse("3.13"), Some(Version { minor: 13, patch: None }));
        assert_eq!(Version::parse("3.13.0"), Some(Version { minor: 13, patch: Some(0) }));
        for text in ["3", "3.", "3.x", "3.13.", "3.13.0.1", "2.7", ""] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
