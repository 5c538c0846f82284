//! Built-in functions that ask the machine something without the interpreter reporting it.

use pyo3_ffi::PyObject;
use trace::EffectKind::{self, Environment, Randomness, Read, Time, Write};

use super::Happening;
use crate::intercept::{Call, Function, intercepted};
use crate::python::{self, Result};

struct Asks {
    kind: EffectKind,
    /// With so many arguments that are not `None` it only computes something from them.
    computes_from: usize,
}

macro_rules! asks {
    ($module:literal: $($kind:ident $($name:literal),+;)+) => {
        [$($(intercepted!($module, $name, Asks: Asks { kind: $kind, computes_from: usize::MAX }, ask)),+),+]
    };
}

macro_rules! asks_without {
    ($module:literal: $($count:literal $name:literal),+) => {
        [$(intercepted!($module, $name, Asks: Asks { kind: Time, computes_from: $count }, ask)),+]
    };
}

static CLOCKS: [&Function<Asks>; 14] = asks! { c"time":
    Time "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
        "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns", "clock_settime",
        "sleep";
};

static CALENDARS: [&Function<Asks>; 5] = asks_without! { c"time":
    1 "localtime", 1 "gmtime", 1 "ctime", 1 "asctime", 2 "strftime"
};

/// `today` asks `time.time`.
static DATES: [&Function<Asks>; 2] = asks! { c"_datetime": Time "datetime.now", "datetime.utcnow"; };

static TIMERS: [&Function<Asks>; 3] = asks! { c"_signal": Time "alarm", "setitimer", "getitimer"; };

static SYSTEM: [&Function<Asks>; 28] = asks! { c"posix":
    Read "stat", "lstat", "access", "readlink", "statvfs", "fstatvfs", "pathconf";
    Write "mkfifo", "mknod";
    Environment "getcwd", "getcwdb", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups",
        "getlogin", "uname", "cpu_count", "sched_getaffinity", "getloadavg", "get_terminal_size", "sysconf";
    Time "times";
    Randomness "urandom", "getrandom";
};

static USERS: [&Function<Asks>; 3] = asks! { c"pwd": Environment "getpwuid", "getpwnam", "getpwall"; };

static USAGE: [&Function<Asks>; 1] = asks! { c"resource": Time "getrusage"; };

static IDENTIFIERS: [&Function<Asks>; 1] = asks! { c"_uuid": Randomness "generate_time_safe"; };

pub(super) fn install() -> Result<()> {
    let groups: [&[&'static Function<Asks>]; 8] =
        [&CLOCKS, &CALENDARS, &DATES, &TIMERS, &SYSTEM, &USERS, &USAGE, &IDENTIFIERS];
    groups.into_iter().flatten().try_for_each(|function| function.install())
}

fn ask(function: &'static Function<Asks>, call: &Call<'_>) -> *mut PyObject {
    let Asks { kind, computes_from } = function.known;
    let none = python::none();
    let given = call.arguments.iter().filter(|argument| **argument != none.obj()).count();
    if given < computes_from {
        let module = match function.module() {
            "posix" => "os",
            module => module.trim_start_matches('_'),
        };
        Happening { kind, module, name: function.name(), arguments: call.arguments }.tell();
    }
    call.go_on()
}
