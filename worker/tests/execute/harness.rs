//! Slots to run programs in, and what is expected of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dataset::Limits;
use jail::{Probe, Profile};
use tempfile::TempDir;
use trace::{Bounds, Entry, Given, Granularity, Request};
use worker::execute::{self, Ended, Execution, Slot, SlotSpec};
use worker::python::Interpreter;

pub(crate) const LAUNCHER: &str = env!("CARGO_BIN_EXE_et-worker");

/// A slot and its folder.
pub(crate) struct Place {
    pub(crate) slot: Slot,
    _scratch: TempDir,
}

impl Place {
    pub(crate) fn with(profile: Profile) -> Place {
        let scratch = folder();
        let slot = Slot::start(&spec(profile, scratch.path())).unwrap();
        Place { slot, _scratch: scratch }
    }

    /// A slot whose processes all name `marker`, a folder, on their command lines.
    pub(crate) fn marked(profile: Profile, marker: &Path) -> Place {
        let scratch = folder();
        let mut spec = spec(profile, scratch.path());
        let tracer = marker.join("libet_tracer.so");
        fs::copy(&spec.tracer, &tracer).unwrap();
        spec.tracer = tracer;
        let slot = Slot::start(&spec).unwrap();
        Place { slot, _scratch: scratch }
    }

    #[track_caller]
    pub(crate) fn run(&mut self, source: &str, limits: &Limits) -> Execution {
        self.slot.run(&script(source), limits, || true).unwrap()
    }

    /// Runs a program that looks for what the ones before it may have left.
    #[track_caller]
    pub(crate) fn expect_clean(&mut self) {
        let look = "\
import fcntl, os, threading
assert not fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK
assert set(os.listdir('.')) <= {'main.py'}, os.listdir('.')
assert os.getcwd() == os.environ['HOME'] == os.environ['TMPDIR'], os.getcwd()
assert threading.active_count() == 1
for descriptor in range(3, 256):
    try:
        os.fstat(descriptor)
    except OSError:
        continue
    raise AssertionError(descriptor)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    pass
print('clean')
";
        let execution = self.run(look, &Limits::default());
        let told = (printed(&execution), execution.ended);
        assert_eq!(told, ("clean\n".to_owned(), Ended::Exited(0)), "{}", complaints(&execution));
    }
}

/// Runs a program under every profile, hands each execution over, and has the slot clean afterwards.
#[track_caller]
pub(crate) fn check(source: &str, limits: &Limits, expect: impl Fn(&Execution, Profile)) {
    check_each(&[source], limits, |execution, profile, _| expect(execution, profile));
}

/// The same for several programs, one after another in one slot.
#[track_caller]
pub(crate) fn check_each(sources: &[&str], limits: &Limits, expect: impl Fn(&Execution, Profile, &str)) {
    for profile in profiles() {
        let mut place = Place::with(profile);
        for source in sources {
            let execution = place.run(source, limits);
            expect(&execution, profile, source);
            place.expect_clean();
        }
    }
}

/// A program whose assertions are the test: it says so if it came to its end.
#[track_caller]
pub(crate) fn check_holds(source: &str) {
    check(&format!("{PRELUDE}{source}\nprint('held')\n"), &short(), |execution, profile| {
        let told = (printed(execution), execution.ended);
        assert_eq!(told, ("held\n".to_owned(), Ended::Exited(0)), "{profile}: {}", complaints(execution));
    });
}

/// What programs of [`check_holds`] may use.
const PRELUDE: &str = "\
import ctypes, errno, os, signal, socket, sys
def refused(error, act, *arguments):
    try:
        result = act(*arguments)
    except OSError as raised:
        name = errno.errorcode[raised.errno]
        assert name in error.split(), f'{act}{arguments} failed with {name}'
    else:
        raise AssertionError(f'{act}{arguments} gave {result!r}')
libc = ctypes.CDLL(None, use_errno=True)
def syscall(*arguments):
    returned = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if returned < 0:
        raise OSError(ctypes.get_errno(), 'syscall')
    return returned
";

/// The profiles that this machine offers: as it is, and as if namespaces were refused.
pub(crate) fn profiles() -> Vec<Profile> {
    static PROBE: LazyLock<Probe> =
        LazyLock::new(|| execute::probe(Path::new(LAUNCHER), folder().path()).unwrap());
    let probe = &*PROBE;
    assert!(probe.profile.is_enough(), "programs cannot be confined here: {:?}", probe.missing);
    let without_namespaces = Profile { namespaces: false, ..probe.profile };
    let mut profiles = vec![probe.profile, without_namespaces];
    profiles.retain(Profile::is_enough);
    profiles.dedup();
    profiles
}

pub(crate) fn spec(profile: Profile, scratch: &Path) -> SlotSpec {
    SlotSpec {
        launcher: LAUNCHER.into(),
        interpreter: if profile.namespaces { BEST_INTERPRETER.clone() } else { OPEN_INTERPRETER.clone() },
        tracer: tracer(),
        scratch: scratch.join("slot"),
        profile,
    }
}

pub(crate) static BEST_INTERPRETER: LazyLock<Interpreter> =
    LazyLock::new(|| Interpreter::find(None).unwrap());

/// An interpreter that every user may run. Without namespaces a worker that is root needs one.
pub(crate) static OPEN_INTERPRETER: LazyLock<Interpreter> = LazyLock::new(|| {
    let is_open = |interpreter: &Interpreter| {
        let mut way = interpreter.executable.ancestors();
        way.all(|path| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o005 == 0o005))
    };
    let others = ["/usr/bin/python3", "/usr/local/bin/python3"];
    let others = others.into_iter().filter_map(|path| Interpreter::find(Some(path)).ok());
    let mut candidates = std::iter::once(BEST_INTERPRETER.clone()).chain(others);
    candidates.find(is_open).expect("an interpreter that every user may run")
});

pub(crate) fn tracer() -> PathBuf {
    let tracer = Path::new(LAUNCHER).with_file_name("libet_tracer.so");
    assert!(tracer.exists(), "there is no {}: run `cargo build -p tracer` first", tracer.display());
    tracer
}

/// A folder that every user may pass through.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

pub(crate) fn script(source: &str) -> Request<'_> {
    let bounds = Bounds { max_events: 1000, ..Bounds::default() };
    let (entry, granularity) = (Entry::Script(Given::default()), Granularity::Line);
    Request { entry, filename: "main.py", source: source.as_bytes(), granularity, identities: false, bounds }
}

/// Limits that nothing innocent reaches, and hostile programs soon.
pub(crate) fn short() -> Limits {
    Limits {
        wall_ms: 5000,
        cpu_ms: 5000,
        memory_bytes: 256 << 20,
        file_bytes: 8 << 20,
        processes: 8,
        output_bytes: 1 << 20,
        log_bytes: 1 << 20,
        ..Limits::default()
    }
}

pub(crate) fn printed(execution: &Execution) -> String {
    String::from_utf8_lossy(&execution.stdout.bytes).into_owned()
}

pub(crate) fn complaints(execution: &Execution) -> String {
    String::from_utf8_lossy(&execution.stderr.bytes).into_owned()
}
