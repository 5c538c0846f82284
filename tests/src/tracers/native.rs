//! Runs the native tracer in a plain interpreter, on an arena in a file.

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::mm::{self, MapFlags, ProtFlags};
use trace::{Arena, Decoded, EventKind};

use super::account::Account;
use super::bounded::{self, Ended};
use super::{Interpreter, Program};
use crate::binaries;

const LOG_CAPACITY: usize = 64 << 20;
/// Room for every instruction of a program that a benchmark runs.
const LARGE_LOG_CAPACITY: usize = 512 << 20;

/// What the native tracer says of a program: all that it had written when its process ended, however that
/// ended.
///
/// # Panics
/// If the log is damaged, or `libet_tracer.so` was not built.
pub fn trace(interpreter: &Interpreter, program: &Program) -> (Account, Ended) {
    let log = run(interpreter, program);
    let account = Account::from(&log.read());
    (account, log.ended)
}

/// The log that a traced process left behind.
pub struct Log {
    arena: Mapping,
    request_len: usize,
    pub ended: Ended,
}

impl Log {
    /// # Panics
    /// If it is damaged.
    pub fn read(&self) -> Decoded<'_> {
        let decoded = Decoded::read(self.bytes());
        if let Some(damage) = decoded.damage {
            panic!("{damage} ({})", self.ended.report);
        }
        decoded
    }

    /// As the worker finds it.
    pub fn bytes(&self) -> &[u8] {
        self.arena.view.log_of_the_dead(self.request_len)
    }
}

/// Loads the tracer as `tracer`. Without automatic collections: those happen when enough was allocated, which is not
/// the same under two tracers.
const LOAD: &str = "import gc, os, sys, time; from importlib import machinery, util; gc.disable()\n\
    loader = machinery.ExtensionFileLoader('et_tracer', sys.argv[1])\n\
    tracer = util.module_from_spec(util.spec_from_loader('et_tracer', loader))\n\
    loader.exec_module(tracer)\n";

pub fn run(interpreter: &Interpreter, program: &Program) -> Log {
    run_and(interpreter, program, LOG_CAPACITY, "os._exit(tracer.run_file(sys.argv[2]))")
}

/// What tracing one program took and gave.
pub struct Timed {
    /// Of processor time, to compile, run and trace it.
    pub seconds: f64,
    /// Those of all kinds but `instruction`.
    pub events: u64,
    pub instructions: u64,
    /// Size of the log.
    pub bytes: u64,
}

/// Runs and traces a program against the processor's clock, in an interpreter that is as warm as those that a worker
/// forks.
pub fn time(interpreter: &Interpreter, program: &Program) -> Result<Timed, String> {
    const TIMED: &str = "tracer.warm_up(); began = time.process_time(); tracer.run_file(sys.argv[2])\n\
        os.write(2, b'\\n%f' % (time.process_time() - began)); os._exit(0)";
    let log = run_and(interpreter, program, LARGE_LOG_CAPACITY, TIMED);
    let told = log.ended.report.lines().last().and_then(|line| line.parse().ok());
    let seconds = told.ok_or_else(|| log.ended.report.clone())?;
    let mut timed = Timed { seconds, events: 0, instructions: 0, bytes: log.bytes().len() as u64 };
    for event in log.read().events {
        match event.kind {
            EventKind::Gap { .. } => return Err("the program was not traced to its end".to_owned()),
            EventKind::Instruction(_) => timed.instructions += 1,
            _ => timed.events += 1,
        }
    }
    Ok(timed)
}

/// Runs a script of Python that finds the tracer under the name `tracer`.
pub fn with_tracer(interpreter: &Interpreter, script: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (script, library) = (format!("{LOAD}{script}"), binaries::tracer());
    let arguments = ["-c".as_ref(), script.as_ref(), library.as_os_str()];
    bounded::run(&interpreter.path, arguments, folder.path(), false).expect("a shell to run the tracer in")
}

fn run_and(interpreter: &Interpreter, program: &Program, capacity: usize, then: &str) -> Log {
    let script = format!("{LOAD}{then}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("arena");
    let request = program.request().encode();
    let arena = Mapping::create(&file, &request, capacity);
    let library = binaries::tracer();
    let arguments = ["-c".as_ref(), script.as_ref(), library.as_os_str(), file.as_os_str()];
    let ended = bounded::run(&interpreter.path, arguments, folder.path(), program.foreign);
    let ended = ended.expect("a shell to run the tracer in");
    Log { arena, request_len: request.len(), ended }
}

/// A file's arena in memory, for as long as this lives.
struct Mapping {
    view: Arena,
    base: *mut std::ffi::c_void,
    len: usize,
}

impl Mapping {
    fn create(path: &Path, request: &[u8], capacity: usize) -> Mapping {
        let len = Arena::size_for(request.len(), capacity);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.expect("a temporary folder takes files");
        file.set_len(len as u64).expect("a sparse file takes any length");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping, placed by the kernel, aliases nothing.
        let base = unsafe { mm::mmap(std::ptr::null_mut(), len, access, MapFlags::SHARED, file.as_fd(), 0) };
        let base = base.expect("a file can be mapped");
        // SAFETY: the mapping is `len` bytes, page-aligned, zeroed as a fresh file is, and lives until `drop`.
        let view = unsafe { Arena::create(base.cast(), len, request) };
        Mapping { view, base, len }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is the mapping that `create` made, and the view goes with it.
        let unmapped = unsafe { mm::munmap(self.base, self.len) };
        unmapped.expect("what was mapped can be unmapped");
    }
}
