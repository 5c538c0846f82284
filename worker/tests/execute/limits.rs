//! Programs that go too far, and how each ends.

use dataset::Limits;
use worker::execute::Ended;

use crate::harness::{check, check_each, check_holds, complaints, printed, short};

#[track_caller]
fn check_ends(sources: &[&str], limits: &Limits, expected: Ended) {
    check_each(sources, limits, |execution, profile, source| {
        assert_eq!(execution.ended, expected, "{profile}: {source}\n{}", complaints(execution));
    });
}

fn little_time() -> Limits {
    Limits { wall_ms: 300, ..short() }
}

fn little_cpu() -> Limits {
    Limits { cpu_ms: 200, ..short() }
}

#[test]
fn who_sleeps_too_long_is_stopped_at_the_wall_clock() {
    check("import time\ntime.sleep(3600)", &little_time(), |execution, _| {
        assert_eq!(execution.ended, Ended::WallLimit);
        assert!((300_000..1_500_000).contains(&execution.wall_us), "{}", execution.wall_us);
        assert!(execution.cpu_us < 200_000, "{}", execution.cpu_us);
    });
}

#[test]
fn who_waits_for_nobody_is_stopped_at_the_wall_clock() {
    let sources = [
        "import os\nos.mkfifo('pipe')\nopen('pipe')",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import threading\nthreading.Thread(target=threading.Event().wait).start()",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "import atexit, time\natexit.register(time.sleep, 3600)",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nsignal.sigwait([40])",
    ];
    check_ends(&sources, &little_time(), Ended::WallLimit);
}

#[test]
fn who_computes_too_long_is_stopped_at_the_processor_clock() {
    let sources = [
        "while True: pass",
        // One call into C that holds the interpreter's lock and never looks up.
        "9 ** 9 ** 9",
        "import re\nre.match('(a*)*b', 'a' * 64)",
        "sum(range(10 ** 18))",
        "import threading\nfor _ in range(3):\n    threading.Thread(target=lambda: sum(range(10 ** 18))).start()",
        "import atexit\n@atexit.register\ndef spin():\n    while True: pass",
        "class Endless:\n    def __del__(self):\n        while True: pass\nEndless()",
    ];
    check_ends(&sources, &little_cpu(), Ended::CpuLimit);
}

#[test]
fn signals_do_not_hold_off_the_end() {
    let source = "\
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
";
    check_ends(&[source], &little_cpu(), Ended::CpuLimit);
}

#[test]
fn memory_runs_out_as_python_knows_it() {
    check_holds(
        "\
import mmap
try:
    hog = bytearray(1 << 30)
except MemoryError:
    hog = None
assert hog is None
hog = []
try:
    while True:
        hog.append(bytearray(1 << 20))
except MemoryError:
    count = len(hog)
    hog = None
assert 150 < count < 256, count
",
    );
}

#[test]
fn memory_that_is_nobodys_own_is_limited_as_well() {
    let source = "\
import mmap
hogs = []
while True:
    hog = mmap.mmap(-1, 16 << 20)
    hog.write(b'x' * (16 << 20))
    hogs.append(hog)
";
    check(source, &short(), |execution, profile| {
        assert_eq!(execution.ended, Ended::MemoryLimit, "{profile}");
        assert!(execution.peak_memory_bytes > 256 << 20, "{}", execution.peak_memory_bytes);
    });
}

#[test]
fn who_prints_too_much_is_stopped() {
    let sources = [
        "while True: print('x' * 1000)",
        "import sys\nwhile True: print('x' * 1000, file=sys.stderr)",
        "import os\nwhile True: os.write(1, b'x' * 100000)",
        "import os\nos.write(2, b'x' * (1 << 20))",
        // A hole counts as if it were full.
        "import os\nos.ftruncate(1, 2 << 20)",
    ];
    check_each(&sources, &short(), |execution, profile, source| {
        assert_eq!(execution.ended, Ended::OutputLimit, "{profile}: {source}");
        assert!(execution.stdout.bytes.len() <= 64 << 10 && execution.stderr.bytes.len() <= 64 << 10);
    });
}

#[test]
fn a_little_output_is_whole_and_much_is_cut() {
    check("print('x' * 70000)", &short(), |execution, _| {
        assert_eq!(execution.ended, Ended::Exited(0));
        assert_eq!(printed(execution), "x".repeat(64 << 10));
        assert!(execution.stdout.truncated && !execution.stderr.truncated);
    });
}

#[test]
fn files_do_not_grow_past_their_limit() {
    check_holds(
        "\
with open('file', 'wb', buffering=0) as file:
    refused('EFBIG', file.truncate, 1 << 40)
    refused('EFBIG', os.posix_fallocate, file.fileno(), 0, 9 << 20)
    written = 0
    try:
        while True:
            written += file.write(b'x' * (1 << 20))
    except OSError as error:
        assert error.errno in (errno.EFBIG, errno.ENOSPC), error
    assert 7 << 20 <= written <= 8 << 20, written
",
    );
}

#[test]
fn a_disk_of_its_own_is_full_at_its_limit() {
    let source = "\
import errno
for size, most in ((1 << 20, 9), (0, 20000)):
    try:
        for number in range(most):
            with open(f'{size}-{number}', 'wb') as file:
                file.write(b'x' * size)
    except OSError as error:
        assert error.errno == errno.ENOSPC
        print('full')
";
    check(source, &short(), |execution, profile| {
        if profile.namespaces {
            assert_eq!(printed(execution), "full\nfull\n", "{}", complaints(execution));
        }
    });
}

#[test]
fn threads_are_limited_where_they_can_be_counted() {
    let source = "\
import threading
done = threading.Event()
threads = []
try:
    for _ in range(100):
        threads.append(threading.Thread(target=done.wait))
        threads[-1].start()
except RuntimeError:
    threads.pop()
print(len(threads))
done.set()
";
    check(source, &short(), |execution, profile| {
        assert_eq!(execution.ended, Ended::Exited(0), "{profile}: {}", complaints(execution));
        if profile.namespaces {
            assert_eq!(printed(execution), "7\n");
        }
    });
}

#[test]
fn descriptors_are_limited() {
    check_holds(
        "\
descriptors = []
try:
    while len(descriptors) < 1000:
        descriptors.append(os.dup(1))
except OSError as error:
    assert error.errno == errno.EMFILE
assert len(descriptors) == 253, len(descriptors)
for descriptor in descriptors:
    os.close(descriptor)
",
    );
}

#[test]
fn exits_and_crashes_are_told_as_they_are() {
    let ends = [
        ("import os\nos._exit(7)", Ended::Exited(7)),
        ("import os\nos.abort()", Ended::Signalled(libc::SIGABRT)),
        ("import ctypes\nctypes.string_at(0)", Ended::Signalled(libc::SIGSEGV)),
        ("import os\nos.kill(os.getpid(), 9)", Ended::Signalled(libc::SIGKILL)),
        ("import os\nos.kill(os.getpid(), 15)", Ended::Signalled(libc::SIGTERM)),
        ("import os\nos.kill(0, 15)", Ended::Signalled(libc::SIGTERM)),
        ("import faulthandler\nfaulthandler._sigfpe()", Ended::Signalled(libc::SIGFPE)),
        ("import faulthandler\nfaulthandler._stack_overflow()", Ended::Signalled(libc::SIGSEGV)),
    ];
    check_each(&ends.map(|(source, _)| source), &short(), |execution, profile, source| {
        let expected = ends.iter().find(|(known, _)| *known == source).unwrap().1;
        assert_eq!(execution.ended, expected, "{profile}: {source}\n{}", complaints(execution));
    });
}

#[test]
fn a_program_that_wrecks_its_process_harms_nobody_else() {
    let sources = [
        "import os\nfor descriptor in range(256):\n    try: os.close(descriptor)\n    except OSError: pass",
        "import os\nos.close(1)\nopen('not-stdout', 'w').write('x')\nprint('lost')",
        "import os\nos.dup2(0, 1)\nos.dup2(0, 2)\nprint('lost')",
        "import os\nos.lseek(1, 100, 0)\nos.write(1, b'x')\nos.ftruncate(1, 0)",
        "import fcntl, os\nfcntl.fcntl(1, fcntl.F_SETFL, os.O_APPEND)\nfcntl.flock(1, fcntl.LOCK_EX)",
        "import os\nos.set_blocking(0, False)",
        "import gc, sys\ngc.disable()\nsys.setrecursionlimit(10 ** 9)\nsys.modules.clear()",
        "import os, signal\nsignal.alarm(1)\nos.chdir('/')\nos.umask(0o777)\nos.environ.clear()",
        "import os\nos.mkdir('d', 0)\nos.mkdir('e')\nos.mkdir('e/f', 0)\nos.symlink('/', 'e/link')",
        "import os\nfor _ in range(2000):\n    os.mkdir('d')\n    os.chdir('d')",
        "import threading\nthreading.Thread(target=lambda: sum(range(10 ** 18)), daemon=True).start()",
        "import ctypes\nctypes.memset(id(int), 0, 100)",
        "import os, signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\nos.kill(os.getpid(), signal.SIGSTOP)",
    ];
    check_each(&sources, &Limits { wall_ms: 500, ..short() }, |_, _, _| {});
}
