//! Events from `sys.monitoring`, from 3.12 on.
//!
//! They are switched on for each code object of the source, so that all other code runs at full speed; those
//! that exist for all code only are told apart by their frame. The program's own use of `sys.settrace` and
//! `sys.setprofile` is another tool's, and does not disturb.

use std::ffi::CStr;

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;
use trace::Granularity;

use super::callback::{self, Callback, Vectorcall};
use crate::code::CodeNumber;
use crate::layout::{Exception, Frame, Int, Obj, Traceback, Version};
use crate::python::{self, Owned, Result};
use crate::tracer::Tracer;

/// The tool that the tracer is: one of the two that CPython does not give a name to.
const TOOL: i64 = 4;

/// Runs `program` with its events switched on.
///
/// # Safety
/// Nothing else may use the tracer while the program runs.
pub(super) unsafe fn during<V: Version, R>(tracer: *mut Tracer<V>, program: impl FnOnce() -> R) -> Result<R> {
    let tool = Tool::take()?;
    // SAFETY: nothing else uses the tracer yet.
    let codes: Vec<Owned> = unsafe { &mut *tracer }.codes().iter().map(|info| info.object.clone()).collect();
    // SAFETY: as above.
    let granularity = unsafe { &*tracer }.granularity();
    tool.switch_on(tracer, &codes, granularity)?;
    let result = program();
    tool.switch_off::<V>(&codes, granularity)?;
    Ok(result)
}

struct Tool {
    monitoring: Owned,
    number: Owned,
}

impl Tool {
    fn take() -> Result<Tool> {
        let monitoring = python::import(c"sys")?.attribute(c"monitoring")?;
        let number = python::int(TOOL)?;
        monitoring.call_method(c"use_tool_id", &[&number, &python::text("et")?])?;
        Ok(Tool { monitoring, number })
    }

    fn switch_on<V: Version>(
        &self,
        tracer: *mut Tracer<V>,
        codes: &[Owned],
        granularity: Granularity,
    ) -> Result<()> {
        let numbers = self.monitoring.attribute(c"events")?;
        let disable = self.monitoring.attribute(c"DISABLE")?;
        let class = callback::class::<V, Tracer<V>>()?;
        let (mut local, mut global) = (0, 0);
        for (name, is_local, receive) in events::<V>(granularity) {
            let number = numbers.attribute(name)?;
            let callback = callback::new::<V, _>(&class, receive, tracer, Some(disable.clone()))?;
            self.monitoring.call_method(c"register_callback", &[&self.number, &number, &callback])?;
            *(if is_local { &mut local } else { &mut global }) |= number.to_i64()?;
        }
        self.set_events(codes, local, global)
    }

    fn switch_off<V: Version>(&self, codes: &[Owned], granularity: Granularity) -> Result<()> {
        self.set_events(codes, 0, 0)?;
        let numbers = self.monitoring.attribute(c"events")?;
        for (name, ..) in events::<V>(granularity) {
            let nothing = [&self.number, &numbers.attribute(name)?, &python::none()];
            self.monitoring.call_method(c"register_callback", &nothing)?;
        }
        self.monitoring.call_method(c"free_tool_id", &[&self.number])?;
        Ok(())
    }

    fn set_events(&self, codes: &[Owned], local: i64, global: i64) -> Result<()> {
        let (local, global) = (python::int(local)?, python::int(global)?);
        for code in codes {
            self.monitoring.call_method(c"set_local_events", &[&self.number, code, &local])?;
        }
        self.monitoring.call_method(c"set_events", &[&self.number, &global])?;
        Ok(())
    }
}

/// What a callback tells the interpreter.
enum Answer {
    GoOn,
    /// Do not report this event from this place again.
    Disable,
}

/// One kind of event.
trait Event<V: Version> {
    const NAME: &'static CStr;
    /// Whether it is switched on for each code object of the source, rather than for all code.
    const IS_LOCAL: bool = true;

    /// The arguments are those that the documentation of `sys.monitoring` lists.
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer;
}

/// Name, whether it is local, and what the interpreter calls, for each kind of event that is needed.
fn events<V: Version>(granularity: Granularity) -> Vec<(&'static CStr, bool, Vectorcall)> {
    fn event<V: Version, E: Event<V>>() -> (&'static CStr, bool, Vectorcall) {
        (E::NAME, E::IS_LOCAL, receive::<V, E>)
    }
    let mut events = vec![
        event::<V, Start>(),
        event::<V, Resume>(),
        event::<V, Return>(),
        event::<V, Yield>(),
        event::<V, Throw>(),
        event::<V, Raise>(),
        event::<V, Unwind>(),
    ];
    if granularity == Granularity::Call {
        events.push(event::<V, Handle>());
    } else {
        events.extend([event::<V, Line>(), event::<V, Jump>()]);
    }
    if granularity == Granularity::Instruction {
        events.push(event::<V, Instruction>());
    }
    events
}

unsafe extern "C" fn receive<V: Version, E: Event<V>>(
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls a callback, whose tracer is used by nothing else while the program runs.
    let (callback, tracer, arguments) = unsafe {
        let callback = &*callable.cast::<Callback<V, Tracer<V>>>();
        (callback, &mut *callback.carried, callback::arguments(arguments, count))
    };
    let answer = if tracer.has_ended() {
        if E::IS_LOCAL { Answer::Disable } else { Answer::GoOn }
    } else {
        match callback.thread.frame() {
            Some(frame) if callback.thread.is_current() => E::report(tracer, frame, arguments),
            _ => Answer::GoOn,
        }
    };
    match (answer, &callback.disable) {
        (Answer::Disable, Some(disable)) => disable.clone().into_ptr(),
        // SAFETY: `None` is immortal in the versions that have `sys.monitoring`.
        _ => unsafe { ffi::Py_None() },
    }
}

struct Start;
struct Resume;
struct Return;
struct Yield;
struct Line;
struct Jump;
struct Instruction;
struct Throw;
struct Raise;
struct Handle;
struct Unwind;

impl<V: Version> Event<V> for Start {
    const NAME: &'static CStr = c"PY_START";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let Some(code) = code(tracer, arguments) {
            tracer.call(frame, code);
            tracer.instruction(frame, offset::<V>(arguments));
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Resume {
    const NAME: &'static CStr = c"PY_RESUME";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let Some(code) = code(tracer, arguments) {
            tracer.resume(frame, code);
            tracer.instruction(frame, offset::<V>(arguments));
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Return {
    const NAME: &'static CStr = c"PY_RETURN";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let [_, _, value] = arguments {
            tracer.return_value(frame, *value);
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Yield {
    const NAME: &'static CStr = c"PY_YIELD";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let [_, _, value] = arguments {
            tracer.yield_value(frame, *value);
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Line {
    const NAME: &'static CStr = c"LINE";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let [_, line] = arguments {
            tracer.line(frame, number::<V>(*line) as u32);
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Jump {
    const NAME: &'static CStr = c"JUMP";

    /// `sys.settrace` reports a line again when a loop jumps back within it.
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        let (Some(code), [_, from, to]) = (code(tracer, arguments), arguments) else { return Answer::GoOn };
        match tracer.codes().get(code).line_of_jump(number::<V>(*from), number::<V>(*to)) {
            Some(line) => {
                tracer.line(frame, line);
                Answer::GoOn
            }
            None => Answer::Disable,
        }
    }
}

impl<V: Version> Event<V> for Instruction {
    const NAME: &'static CStr = c"INSTRUCTION";

    #[inline(always)]
    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        tracer.instruction(frame, offset::<V>(arguments));
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Throw {
    const NAME: &'static CStr = c"PY_THROW";
    const IS_LOCAL: bool = false;

    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let Some(code) = code(tracer, arguments) {
            if tracer.codes().get(code).is_start(frame.instruction_offset()) {
                tracer.call(frame, code);
            } else {
                tracer.resume(frame, code);
            }
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Raise {
    const NAME: &'static CStr = c"RAISE";
    const IS_LOCAL: bool = false;

    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let [_, offset, exception] = arguments {
            let traceback = Exception::of(*exception).and_then(Exception::traceback).and_then(Traceback::of);
            tracer.raise(frame, *exception, traceback, number::<V>(*offset) as isize);
        }
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Handle {
    const NAME: &'static CStr = c"EXCEPTION_HANDLED";
    const IS_LOCAL: bool = false;

    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, _: &[Obj]) -> Answer {
        tracer.handle(frame);
        Answer::GoOn
    }
}

impl<V: Version> Event<V> for Unwind {
    const NAME: &'static CStr = c"PY_UNWIND";
    const IS_LOCAL: bool = false;

    fn report(tracer: &mut Tracer<V>, frame: Frame<V>, arguments: &[Obj]) -> Answer {
        if let [_, _, exception] = arguments {
            tracer.unwind(frame, *exception, traceback::<V>(*exception).is_some());
        }
        Answer::GoOn
    }
}

/// The code object that the first argument is, if it is one of the source's.
#[inline(always)]
fn code<V: Version>(tracer: &mut Tracer<V>, arguments: &[Obj]) -> Option<CodeNumber> {
    tracer.codes().number_of(*arguments.first()?)
}

/// The byte offset that is the second argument.
#[inline(always)]
fn offset<V: Version>(arguments: &[Obj]) -> isize {
    arguments.get(1).map_or(-1, |offset| number::<V>(*offset) as isize)
}

/// A line or an offset.
#[inline(always)]
fn number<V: Version>(object: Obj) -> i64 {
    Int::plain(object).and_then(Int::small::<V>).unwrap_or(0)
}

fn traceback<V: Version>(exception: Obj) -> Option<Traceback<V>> {
    Exception::of(exception)?.traceback().and_then(Traceback::of)
}
