//! Receives events from the interpreter, of all threads.

mod callback;
mod monitoring;
mod settrace;

use crate::layout::Version;
use crate::opcodes::Opcodes;
use crate::python::Result;
use crate::reach;
use crate::tracer::Tracer;

/// The events of a program, switched on.
pub(crate) enum Events<V: Version> {
    Monitored(Box<monitoring::Tool>),
    Hooked(Box<settrace::Hook<V>>),
}

/// Makes ready for programs. None may have run before, since it could have changed what names stand for.
pub(crate) fn prepare<V: Version>() -> Result<()> {
    Opcodes::learn()?;
    reach::prepare()?;
    if V::MINOR >= 12 { monitoring::prepare() } else { settrace::prepare() }
}

impl<V: Version> Events<V> {
    /// Switches them on.
    ///
    /// # Safety
    /// The tracer must stay where it is, and nothing else use it, until they are switched off.
    pub(crate) unsafe fn switch_on(tracer: *mut Tracer<V>) -> Result<Events<V>> {
        // SAFETY: the caller vouches for the tracer.
        unsafe {
            Ok(if V::MINOR >= 12 {
                Events::Monitored(monitoring::Tool::switch_on(tracer)?)
            } else {
                Events::Hooked(settrace::Hook::set(tracer))
            })
        }
    }

    pub(crate) fn switch_off(self) -> Result<()> {
        match self {
            Events::Monitored(tool) => tool.switch_off(),
            Events::Hooked(hook) => {
                hook.take_off();
                Ok(())
            }
        }
    }
}
