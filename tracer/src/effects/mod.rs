//! Sees what a program does to the world outside it, and where it lets that world in.
//!
//! - `audit` hears what the interpreter itself reports: files, sockets, processes.
//! - `functions` stands in for built-in functions that it does not report: clocks, the state of the machine.
//! - `chance` tells random numbers that come from outside from those that follow from the program's own seed.
//! - `environment` notices who looks into `os.environ`.
//! - `origin` says whose doing it is: what the interpreter does to import a module is not the program's.
//!
//! None of it costs anything until it happens, and none of it can be taken off by Python code.

mod audit;
mod chance;
mod environment;
mod functions;
mod origin;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use trace::EffectKind;

use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::{Obj, Version};
use crate::program::with_log;
use crate::python::Result;
use crate::value::{self, Text};

/// Makes ready to watch this process.
pub(crate) fn install() -> Result<()> {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    origin::learn()?;
    functions::install()?;
    chance::install()?;
    environment::install()?;
    audit::install()
}

/// Whether a program runs, whose log can be told.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// The address of the state of a thread that does something for the interpreter rather than for the program.
static EXCUSED: AtomicUsize = AtomicUsize::new(0);

/// From here on what happens is told to the log of the program that runs.
pub(crate) fn begin() {
    IS_RUNNING.store(true, Ordering::Relaxed);
}

/// Does something that is not the program's doing.
pub(crate) fn excused<R>(action: impl FnOnce() -> R) -> R {
    EXCUSED.store(running_thread(), Ordering::Relaxed);
    let result = action();
    EXCUSED.store(0, Ordering::Relaxed);
    result
}

fn running_thread() -> usize {
    // SAFETY: the GIL is held, so there is one.
    unsafe { pyo3_ffi::PyThreadState_Get() as usize }
}

/// Something that happened. It reads as a call: `os.remove('notes.txt')`.
struct Happening<'a> {
    kind: EffectKind,
    /// What reads before the last point of the name; may be empty.
    module: &'a str,
    name: &'a str,
    arguments: &'a [Obj],
}

impl Happening<'_> {
    /// Tells it, if it is a program's doing.
    fn tell(self) {
        if IS_RUNNING.load(Ordering::Relaxed) && EXCUSED.load(Ordering::Relaxed) != running_thread() {
            for_this_version(self);
        }
    }

    fn write<V: Version>(&self, text: &mut Text) {
        if !self.module.is_empty() {
            text.ascii(self.module.as_bytes());
            text.byte(b'.');
        }
        text.ascii(self.name.as_bytes());
        text.byte(b'(');
        for (index, argument) in self.arguments.iter().enumerate() {
            if index > 0 {
                text.ascii(b", ");
            }
            if text.is_full() {
                text.more(self.arguments.len() - index);
                break;
            }
            value::write::<V>(text, *argument);
        }
        text.byte(b')');
    }
}

impl ForVersion for Happening<'_> {
    type Output = ();

    fn with<V: Version>(self) {
        if origin::is_of_program::<V>(self.kind) {
            with_log(|log| log.effect(self.kind, |text| self.write::<V>(text)));
        }
    }
}
