//! Brings an interpreter to the state in which programs are forked from it.

use std::ffi::CStr;
use std::ptr::null_mut;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use trace::{Arena, Bounds, Entry, Given, Granularity, Request};

use super::SharedLog;
use super::entry::Tracing;
use super::holes;
use crate::effects;
use crate::events;
use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::Version;
use crate::log::Log;
use crate::python::{self, Result};

/// How often the program is run: as often as it takes the interpreter to specialise the code that runs it.
const RUNS: usize = 8;

/// What running and ending a program may need: uncaught exceptions are printed with `traceback`, calls are recognised
/// with `ast`, and `opcode` names instructions.
const NEEDED: [&CStr; 6] = [c"ast", c"atexit", c"io", c"linecache", c"opcode", c"traceback"];

/// What programs import most and takes a fresh interpreter longer than most programs run: a millisecond for `random`,
/// 11 for `dataclasses`, 20 for `unittest`. Here it is imported once. All of it may be forked, as it neither begins
/// threads nor looks at the clock, the environment or files, and `random` is seeded anew in each fork. `threading` and
/// what needs it (`logging`, `asyncio`) are not here, because their own handlers make each fork dearer.
const LIBRARY: [&CStr; 20] = [
    c"argparse",
    c"bisect",
    c"copy",
    c"csv",
    c"dataclasses",
    c"datetime",
    c"decimal",
    c"fractions",
    c"heapq",
    c"inspect",
    c"json",
    c"math",
    c"pathlib",
    c"pickle",
    c"random",
    c"string",
    c"struct",
    c"typing",
    c"unittest",
    c"urllib.parse",
];

/// Imports what most programs would, runs a small one that uses a bit of everything, and sees to it that forks copy as
/// few pages as can be: all objects are hidden from the garbage collector, and holes between them are used up.
pub(crate) fn warm_up() -> Result<()> {
    struct Warm;
    impl ForVersion for Warm {
        type Output = Result<()>;
        fn with<V: Version>(self) -> Result<()> {
            (0..RUNS).try_for_each(|_| run_once::<V>())
        }
    }
    effects::install()?;
    for module in NEEDED {
        python::import(module)?;
    }
    for module in LIBRARY {
        if python::import(module).is_err() {
            // Some distributions leave parts of the library out. A program that wants one is told so.
            python::clear();
        }
    }
    for_this_version(Warm)?;
    let gc = python::import(c"gc")?;
    gc.call_method(c"collect", &[])?;
    gc.call_method(c"freeze", &[])?;
    holes::use_up();
    Ok(())
}

fn run_once<V: Version>() -> Result<()> {
    const LOG_CAPACITY: usize = 4 << 20;
    let request = Request {
        entry: Entry::Script(Given::default()),
        filename: "warm_up.py",
        source: include_bytes!("warm_up.py"),
        granularity: Granularity::Line,
        identities: false,
        bounds: Bounds::default(),
    };
    let encoded = request.encode();
    let len = Arena::size_for(encoded.len(), LOG_CAPACITY);
    // SAFETY: the mapping is a fresh one, which nothing refers to once the run is over.
    unsafe {
        let base = mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
            .map_err(|error| python::raise_os_error(&error.to_string()))?;
        let arena = Arena::create(base.cast(), len, &encoded);
        let log = SharedLog::new(Log::new::<V>(&arena, &request.bounds));
        let result = run_program::<V>(&request, log);
        log.free();
        rustix::mm::munmap(base, len).map_err(|error| python::raise_os_error(&error.to_string()))?;
        result
    }
}

fn run_program<V: Version>(request: &Request<'_>, log: SharedLog) -> Result<()> {
    let namespace = python::dict()?;
    namespace.set_item(c"__name__", &python::text("warm_up")?)?;
    namespace.set_item(c"__builtins__", &python::import(c"builtins")?)?;
    let code = python::compile(&python::bytes(request.source)?, request.filename, "exec", 0)?;
    events::prepare::<V>()?;
    let mut tracing = Tracing::<V>::begin(request, log, &code, &namespace)?;
    tracing.run(|| python::evaluate(&code, &namespace))?;
    tracing.end()
}
