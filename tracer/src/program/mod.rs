//! Runs one program, from its request to its exit status, in this process.

mod deadline;
mod ending;
mod entry;
mod function;
mod holes;
mod main_module;
mod probes;
mod stdin;
mod streams;
mod warm;

use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null_mut};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use trace::{Arena, Request};

pub(crate) use warm::warm_up;

use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::{HiddenStack, Version};
use crate::log::Log;

/// Runs the program that the arena asks for, and returns the status to exit with.
///
/// The process is the program's from here on: its `sys` is set up for it and is not restored.
///
/// # Safety
/// The arena must be whole, stay mapped for as long as the process lives, and be written to by nothing else.
/// The calling thread must be the main one and hold the GIL.
pub(crate) unsafe fn run(arena: Arena) -> i32 {
    struct Run(Arena);
    impl ForVersion for Run {
        type Output = i32;
        fn with<V: Version>(self) -> i32 {
            run_on::<V>(&self.0)
        }
    }
    for_this_version(Run(arena))
}

fn run_on<V: Version>(arena: &Arena) -> i32 {
    let request = Request::decode(arena.request()).expect("the worker writes requests that can be read");
    // SAFETY: `run` was promised that the arena stays mapped, and is this process's own.
    let log = SharedLog::new(unsafe { Log::new::<V>(arena, &request.bounds) });
    LOG.store(log.as_ptr(), Ordering::Relaxed);
    keep_forks_out();
    let _hidden = HiddenStack::<V>::new();
    let end = entry::run::<V>(&request, log);
    ending::finish::<V>(end, log)
}

/// The log of the program that this process runs.
static LOG: AtomicPtr<Log> = AtomicPtr::new(null_mut());

/// Uses the log, without letting go of the GIL.
pub(crate) fn with_log<R>(user: impl FnOnce(&mut Log) -> R) -> R {
    // SAFETY: `run_on` has put the log there, which is never freed. Whoever holds the GIL is its only user.
    user(unsafe { &mut *LOG.load(Ordering::Relaxed) })
}

/// A process that the program forks shares the memory of the log, but is not traced.
fn keep_forks_out() {
    extern "C" fn abandon_log() {
        with_log(Log::abandon);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler only sets a flag. Without memory for it the fork goes wrong, too.
        unsafe { libc::pthread_atfork(None, None, Some(abandon_log)) };
    });
}

/// The log, which the tracer and the standard streams both write to, one at a time: the interpreter runs either
/// the one or the other.
#[derive(Clone, Copy)]
pub(crate) struct SharedLog(NonNull<Log>);

impl SharedLog {
    /// The log lives until it is freed: the program's streams may be written to until the process ends.
    fn new(log: Log) -> SharedLog {
        SharedLog(NonNull::from(Box::leak(Box::new(log))))
    }

    fn as_ptr(self) -> *mut Log {
        self.0.as_ptr()
    }

    /// Frees the log.
    ///
    /// # Safety
    /// No copy of it may be used any more.
    unsafe fn free(self) {
        // SAFETY: `new` made it of a box, and the caller vouches for the rest.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Deref for SharedLog {
    type Target = Log;

    #[inline(always)]
    fn deref(&self) -> &Log {
        // SAFETY: the log is never freed, and nobody writes to it meanwhile.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for SharedLog {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Log {
        // SAFETY: the log is never freed, and nobody else uses it meanwhile.
        unsafe { self.0.as_mut() }
    }
}
