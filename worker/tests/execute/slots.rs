//! What a slot does between programs, and when something is wrong with it.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dataset::Limits;
use jail::Profile;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use worker::execute::{Ended, Slot, SlotSpec, WorkerFault};

use crate::harness::{LAUNCHER, Place, check, complaints, folder, printed, profiles, script, short, spec};

#[test]
fn a_program_runs_to_its_end() {
    let source = "import sys\nprint('hello')\nprint('oops', file=sys.stderr)";
    check(source, &Limits::default(), |execution, _| {
        assert_eq!(execution.ended, Ended::Exited(0));
        assert_eq!((printed(execution), complaints(execution)), ("hello\n".into(), "oops\n".into()));
        assert!(execution.wall_us > 0 && execution.cpu_us > 0);
        assert!(execution.peak_memory_bytes > 1 << 20, "{}", execution.peak_memory_bytes);
    });
}

#[test]
fn a_slot_tells_its_interpreters_version() {
    for profile in profiles() {
        let mut place = Place::with(profile);
        let asked = place.run("import platform\nprint(platform.python_version(), end='')", &short());
        assert_eq!(place.slot.interpreter(), printed(&asked));
    }
}

#[test]
fn programs_of_one_interpreter_draw_other_random_numbers() {
    for profile in profiles() {
        let mut place = Place::with(profile);
        let mut draw =
            || printed(&place.run("import random\nprint(random.getrandbits(128), end='')", &short()));
        let (first, second) = (draw(), draw());
        assert!(first.parse::<u128>().is_ok() && second.parse::<u128>().is_ok(), "{first}, {second}");
        assert_ne!(first, second);
    }
}

#[test]
fn programs_do_not_notice_how_their_worker_was_started() {
    let source = "\
import os, resource, sys
assert 'SECRET' not in os.environ
assert os.umask(0) == 0o022
assert resource.getrlimit(resource.RLIMIT_STACK)[0] == 8 << 20
assert sys.flags.hash_randomization == 0
print('same')
";
    for profile in profiles() {
        let scratch = folder();
        let launcher = scratch.path().join("et-worker");
        let script = format!(
            "#!/bin/sh\numask 077\nulimit -S -s 1024\nexport SECRET=1 PYTHONHASHSEED=7\nexec {LAUNCHER} \"$@\"\n"
        );
        fs::write(&launcher, script).unwrap();
        fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).unwrap();
        let spec = SlotSpec { launcher, ..spec(profile, scratch.path()) };
        let mut slot = Slot::start(&spec).unwrap();
        let execution = slot.run(&crate::harness::script(source), &short(), || true).unwrap();
        assert_eq!(printed(&execution), "same\n", "{profile}: {}", complaints(&execution));
    }
}

#[test]
fn a_zygote_that_cannot_start_says_why() {
    let scratch = folder();
    for profile in profiles() {
        let mut spec = spec(profile, scratch.path());
        spec.tracer = "/usr/lib/os-release".into();
        let fault = Slot::start(&spec).unwrap_err();
        assert!(matches!(&fault, WorkerFault::Start(text) if text.contains("ImportError")), "{fault}");

        spec.interpreter.executable = "/nowhere/python3".into();
        let fault = Slot::start(&spec).unwrap_err();
        assert!(
            matches!(&fault, WorkerFault::Start(text) if text.contains("start the interpreter")),
            "{fault}"
        );

        spec.launcher = "/nowhere/et-worker".into();
        let fault = Slot::start(&spec).unwrap_err();
        assert!(matches!(&fault, WorkerFault::Start(text) if text.contains("No such file")), "{fault}");
    }
}

#[test]
fn a_slot_goes_on_after_its_zygote_was_killed() {
    for profile in profiles() {
        let marker = folder();
        let mut place = Place::marked(profile, marker.path());
        let family = processes_with(marker.path());
        assert!(!family.is_empty());
        end_all(&family);
        let fault = place.slot.run(&script("print()"), &short(), || true).unwrap_err();
        assert!(matches!(fault, WorkerFault::Zygote(_)), "{fault}");
        place.expect_clean();
    }
}

#[test]
fn a_program_that_is_not_wanted_any_more_ends_and_the_next_runs() {
    for profile in profiles() {
        let mut place = Place::with(profile);
        let limits = Limits { wall_ms: 60_000, ..short() };
        let fault = place.slot.run(&script("import time\ntime.sleep(60)"), &limits, || false).unwrap_err();
        assert!(matches!(fault, WorkerFault::Unwanted), "{fault}");
        place.expect_clean();
    }
}

#[test]
fn a_dropped_slot_leaves_no_process() {
    for profile in profiles() {
        let marker = folder();
        let place = Place::marked(profile, marker.path());
        let family = processes_with(marker.path());
        assert!(!family.is_empty());
        drop(place);
        expect_ended(family);
    }
}

/// Does for the next test what a worker does; run by itself it does nothing.
#[test]
fn stand_in_for_a_worker() {
    let (Ok(profile), Ok(marker)) = (std::env::var(STAND_IN_PROFILE), std::env::var(STAND_IN_MARKER)) else {
        return;
    };
    let mut place = Place::marked(profile.parse().unwrap(), Path::new(&marker));
    let limits = Limits { wall_ms: 60_000, ..short() };
    let _ = place.slot.run(&script("import time\ntime.sleep(60)"), &limits, || true);
}

const STAND_IN_PROFILE: &str = "ET_TEST_PROFILE";
const STAND_IN_MARKER: &str = "ET_TEST_MARKER";

#[test]
fn when_a_worker_is_killed_its_programs_die() {
    for profile in profiles() {
        let marker = folder();
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "slots::stand_in_for_a_worker"])
            .env(STAND_IN_PROFILE, profile.to_string())
            .env(STAND_IN_MARKER, marker.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The zygote, where there are namespaces its guardian, and the program.
        let expected = if profile.namespaces { 3 } else { 2 };
        let family = loop {
            let family = processes_with(marker.path());
            if family.len() == expected {
                break family;
            }
            assert!(worker.try_wait().unwrap().is_none(), "the worker ended by itself");
            std::thread::yield_now();
        };
        worker.kill().unwrap();
        worker.wait().unwrap();
        expect_ended(family);
    }
}

#[test]
fn what_a_program_leaves_is_ended_even_where_no_filter_holds() {
    let source = "\
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            time.sleep(3600)
        os._exit(0)
print('left')
";
    for profile in profiles() {
        let marker = folder();
        let mut place = Place::marked(Profile { seccomp: false, ..profile }, marker.path());
        let before = processes_with(marker.path()).len();
        let limits = Limits { processes: 100, ..short() };
        let execution = place.run(source, &limits);
        assert_eq!(printed(&execution), "left\n", "{profile}: {}", complaints(&execution));
        assert_eq!(processes_with(marker.path()).len(), before, "{profile}");
        place.expect_clean();
    }
}

#[test]
fn a_restricted_pod_confines_all_the_same() {
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "slots::inside_a_restricted_pod"]).env(IN_POD, "yes");
    // SAFETY: what runs between fork and exec makes system calls and nothing else.
    unsafe { inside.pre_exec(refuse_namespaces) };
    if rustix::process::geteuid().is_root() {
        inside.uid(NOBODY).gid(NOBODY);
    }
    let inside = inside.output().unwrap();
    assert!(inside.status.success(), "{}", String::from_utf8_lossy(&inside.stderr));
}

/// Runs for the test before in such a pod; by itself it does nothing.
#[test]
fn inside_a_restricted_pod() {
    if std::env::var_os(IN_POD).is_none() {
        return;
    }
    let scratch = folder();
    let probe = worker::execute::probe(Path::new(LAUNCHER), scratch.path()).unwrap();
    assert!(!probe.profile.namespaces && probe.profile.is_enough(), "{probe:?}");
    assert!(probe.missing[0].starts_with("no namespaces: could not enter a user namespace"), "{probe:?}");

    let mut place = Place::with(probe.profile);
    let spy = "try:\n    open('/etc/passwd')\nexcept PermissionError:\n    open('a', 'w').write('denied')\n    print(open('a').read())";
    let execution = place.run(spy, &short());
    assert_eq!(printed(&execution), "denied\n", "{}", complaints(&execution));
    place.expect_clean();

    // A layer that was promised and does not hold is our fault, not something to do without.
    let spec = spec(probe.profile, scratch.path());
    let promised = SlotSpec { profile: Profile { namespaces: true, ..probe.profile }, ..spec };
    let fault = Slot::start(&promised).unwrap_err();
    assert!(matches!(&fault, WorkerFault::Start(text) if text.contains("user namespace")), "{fault}");
}

const IN_POD: &str = "ET_TEST_IN_POD";
const NOBODY: u32 = 65534;

/// What container runtimes refuse by default, as far as it matters here.
fn refuse_namespaces() -> io::Result<()> {
    let number = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let end = libc::BPF_RET | libc::BPF_K;
    let refused = [libc::SYS_unshare, libc::SYS_setns, libc::SYS_mount, libc::SYS_pivot_root];
    let mut filter = [libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; 7];
    filter[0] = instruction(number, 0, 0);
    for (at, call) in (1..).zip(refused) {
        filter[at] = instruction(equal, call as u32, (refused.len() + 1 - at) as u8);
    }
    filter[5] = instruction(end, libc::SECCOMP_RET_ALLOW, 0);
    filter[6] = instruction(end, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0);
    let program = libc::sock_fprog { len: 7, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which lives until the call returns.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
    };
    if refused { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn instruction(code: u32, value: u32, if_true: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: if_true, jf: 0, k: value }
}

/// The processes whose command line names this folder, and ways to wait for them.
pub(crate) fn processes_with(marker: &Path) -> Vec<(Pid, OwnedFd)> {
    let marker = marker.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_marked = command.windows(marker.len()).any(|part| part == marker);
        if let (Some(pid), true) = (pid, is_marked)
            && let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
        {
            found.push((pid, process));
        }
    }
    found
}

fn end_all(processes: &[(Pid, OwnedFd)]) {
    for (pid, _) in processes {
        let _ = kill_process(*pid, Signal::KILL);
    }
}

#[track_caller]
fn expect_ended(processes: Vec<(Pid, OwnedFd)>) {
    let patience = Timespec::try_from(Duration::from_secs(20)).unwrap();
    for (pid, process) in processes {
        let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(ended, 1, "process {pid:?} lives on");
    }
}
