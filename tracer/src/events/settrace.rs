//! Events from the C trace hook, before 3.12.

use std::ffi::c_int;
use std::ptr::null_mut;

use pyo3_ffi as ffi;
use pyo3_ffi::{PyFrameObject, PyObject};
use trace::Granularity;

use super::callback::{self, Callback, Vectorcall};
use crate::layout::{Frame, FrameObject, Obj, TraceFunction, Traceback, Tuple, Version};
use crate::python::{self, Owned, Result};
use crate::tracer::Tracer;

unsafe extern "C" {
    fn PyEval_SetTrace(function: Option<TraceFunction>, object: *mut PyObject);
}

/// Runs `program` with its events switched on.
///
/// # Safety
/// Nothing else may use the tracer while the program runs.
pub(super) unsafe fn during<V: Version, R>(tracer: *mut Tracer<V>, program: impl FnOnce() -> R) -> Result<R> {
    let mut shared = Shared { tracer, own: OwnTrace::of_interpreter()? };
    let class = callback::class::<V, Shared<V>>()?;
    let [set, get] = [set_trace::<V> as Vectorcall, get_trace::<V>]
        .map(|call| callback::new::<V, _>(&class, call, &raw mut shared, None));
    let sys = python::import(c"sys")?;
    let (set, get) = (set?, get?);
    sys.set_attribute(c"settrace", &set)?;
    sys.set_attribute(c"gettrace", &get)?;
    // SAFETY: the hook is called with a callback, which carries what it works on, until it is taken off.
    unsafe { PyEval_SetTrace(Some(hook::<V>), set.as_ptr()) };
    let result = program();
    // SAFETY: taking the hook off is always allowed.
    unsafe { PyEval_SetTrace(None, null_mut()) };
    sys.set_attribute(c"settrace", &shared.own.set)?;
    sys.set_attribute(c"gettrace", &shared.own.get)?;
    Ok(result)
}

/// What the hook and the program's `sys.settrace` share.
struct Shared<V: Version> {
    tracer: *mut Tracer<V>,
    own: OwnTrace,
}

/// The program's own trace function. The interpreter has one hook for it and for the tracer, so the tracer
/// keeps the hook, passes events on, and stands in for `sys.settrace` and `sys.gettrace`.
struct OwnTrace {
    /// The interpreter's.
    set: Owned,
    get: Owned,
    /// What the interpreter would call, and with what.
    function: Option<(TraceFunction, Owned)>,
}

impl OwnTrace {
    fn of_interpreter() -> Result<OwnTrace> {
        let sys = python::import(c"sys")?;
        Ok(OwnTrace { set: sys.attribute(c"settrace")?, get: sys.attribute(c"gettrace")?, function: None })
    }
}

/// The program's `sys.settrace`.
unsafe extern "C" fn set_trace<V: Version>(
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the interpreter calls a callback. What it carries lives as long as the program runs, and is not
    // borrowed while code of the program's may run.
    let (callback, set, arguments) = unsafe {
        let callback = &*callable.cast::<Callback<V, Shared<V>>>();
        (callback, (*callback.carried).own.set.clone(), callback::arguments(arguments, count))
    };
    let arguments: Vec<Owned> = arguments.iter().copied().map(Owned::of).collect();
    let Ok(result) = set.call(&arguments.iter().collect::<Vec<_>>()) else { return null_mut() };
    // SAFETY: as above.
    unsafe {
        if callback.thread.is_current() && !(*(*callback.carried).tracer).has_ended() {
            let function =
                callback.thread.trace_hook().map(|(function, object)| (function, Owned::of(object)));
            let before = std::mem::replace(&mut (*callback.carried).own.function, function);
            PyEval_SetTrace(Some(hook::<V>), callable);
            drop(before);
        }
    }
    result.into_ptr()
}

/// The program's `sys.gettrace`.
unsafe extern "C" fn get_trace<V: Version>(
    callable: *mut PyObject,
    _: *const *mut PyObject,
    _: usize,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as in `set_trace`.
    let (callback, shared) = unsafe {
        let callback = &*callable.cast::<Callback<V, Shared<V>>>();
        (callback, &*callback.carried)
    };
    if !callback.thread.is_current() {
        return shared.own.get.call(&[]).map_or(null_mut(), Owned::into_ptr);
    }
    let own = shared.own.function.as_ref();
    own.map_or_else(python::none, |(_, object)| object.clone()).into_ptr()
}

/// What happened, as the hook is told.
mod what {
    pub(super) const CALL: i32 = 0;
    pub(super) const EXCEPTION: i32 = 1;
    pub(super) const LINE: i32 = 2;
    pub(super) const RETURN: i32 = 3;
    pub(super) const INSTRUCTION: i32 = 7;
}

unsafe extern "C" fn hook<V: Version>(
    callback: *mut PyObject,
    object: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    // SAFETY: the interpreter passes the callback that the hook was set with; what it carries is used by nothing
    // else while the program runs.
    let shared = unsafe { &mut *(*callback.cast::<Callback<V, Shared<V>>>()).carried };
    let own = shared.own.function.clone();
    // SAFETY: as above; the interpreter passes the object of a running frame, and an object or null.
    unsafe {
        let tracer = &mut *shared.tracer;
        if tracer.has_ended() {
            // From here on the hook is the program's alone.
            let (function, object) = own.unzip();
            PyEval_SetTrace(function, object.map_or(null_mut(), |object| object.as_ptr()));
            return 0;
        }
        on_event(tracer, FrameObject::from_ptr(object), what, Obj::maybe(argument), own.is_none());
    }
    // The instructions were reported for the tracer's sake.
    let Some((function, own)) = own.filter(|_| what != what::INSTRUCTION) else { return 0 };
    // SAFETY: the interpreter would call it with the same.
    let status = unsafe { function(own.as_ptr(), object, what, argument) };
    if status < 0 {
        // It raised, and so was taken off by the interpreter, and the hook with it.
        let raised = shared.own.function.take();
        // SAFETY: as in `during`.
        unsafe { PyEval_SetTrace(Some(hook::<V>), callback) };
        drop(raised);
    }
    status
}

fn on_event<V: Version>(
    tracer: &mut Tracer<V>,
    object: FrameObject<V>,
    what: c_int,
    argument: Option<Obj>,
    is_alone: bool,
) {
    let frame = object.frame();
    match what {
        what::LINE => on_line(tracer, object, frame),
        what::CALL => on_call(tracer, object, frame, is_alone),
        what::RETURN => on_return(tracer, frame, argument),
        what::EXCEPTION => {
            // SAFETY: the argument is a tuple of type, exception and traceback.
            let triple = argument.map(|triple| unsafe { Tuple::from_obj(triple) });
            if let Some(&[_, Some(exception), Some(traceback)]) = triple.as_ref().map(Tuple::items) {
                on_exception(tracer, object, exception, traceback);
            }
        }
        what::INSTRUCTION => on_instruction(tracer, frame),
        _ => {}
    }
}

fn on_call<V: Version>(tracer: &mut Tracer<V>, object: FrameObject<V>, frame: Frame<V>, is_alone: bool) {
    let Some(number) = tracer.codes().of_frame(frame) else {
        if is_alone {
            object.ignore_lines();
        }
        return;
    };
    let code = tracer.codes().get(number);
    let can_raise_handled = code.can_raise_handled;
    let offset = frame.instruction_offset();
    // Where an exception is thrown in, the frame stands at its `yield`.
    let (is_start, resumes) = (code.is_start(offset), code.resumes(offset));
    if can_raise_handled || tracer.granularity() == Granularity::Instruction {
        object.report_instructions(true);
    }
    if tracer.granularity() == Granularity::Call && is_alone {
        object.ignore_lines();
    }
    if is_start {
        tracer.call(frame, number);
    } else {
        tracer.resume(frame, number);
    }
    if resumes {
        tracer.instruction(frame, offset);
    }
}

fn on_line<V: Version>(tracer: &mut Tracer<V>, object: FrameObject<V>, frame: Frame<V>) {
    // At the line of a handler whose first instruction has not run yet, the exception is still on its way out.
    let is_switched = tracer.granularity() != Granularity::Instruction;
    if is_switched && object.reports_instructions() && !tracer.is_leaving(frame) && !is_handling() {
        let code = tracer.codes().of_frame(frame);
        object.report_instructions(code.is_some_and(|code| tracer.codes().get(code).can_raise_handled));
    }
    if tracer.granularity() >= Granularity::Line {
        tracer.line(frame, object.line());
    }
}

/// The hook is not told which exception leaves a frame. Where it is not the one that appeared last, an
/// instruction has raised it again, so from here on instructions are looked at until nothing is handled.
fn on_exception<V: Version>(tracer: &mut Tracer<V>, object: FrameObject<V>, exception: Obj, traceback: Obj) {
    let frame = object.frame();
    if tracer.codes().of_frame(frame).is_some() {
        object.report_instructions(true);
        tracer.raise(frame, exception, Traceback::of(traceback), frame.instruction_offset());
        tracer.set_leaving(frame, Some(Owned::of(exception)));
    }
}

fn on_instruction<V: Version>(tracer: &mut Tracer<V>, frame: Frame<V>) {
    let Some(code) = tracer.codes().of_frame(frame) else { return };
    tracer.instruction(frame, frame.instruction_offset());
    tracer.handle(frame);
    let (code, offset) = (tracer.codes().get(code), frame.instruction_offset());
    let leaving = if code.raises_again(offset) {
        frame.top_of_stack().map(Owned::of)
    } else if code.raises_handled(offset) {
        handled()
    } else {
        None
    };
    tracer.set_leaving(frame, leaving);
}

fn on_return<V: Version>(tracer: &mut Tracer<V>, frame: Frame<V>, value: Option<Obj>) {
    let Some(value) = value else {
        return tracer.unwind_leaving(frame);
    };
    let Some(code) = tracer.codes().of_frame(frame) else { return };
    if tracer.codes().get(code).yields(frame.instruction_offset()) {
        tracer.yield_value(frame, value);
    } else {
        tracer.return_value(frame, value);
    }
}

/// The exception that is being handled.
fn handled() -> Option<Owned> {
    let (mut ty, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: the three places are valid; each reference is taken over.
    let [_, value, _] = unsafe {
        ffi::PyErr_GetExcInfo(&mut ty, &mut value, &mut traceback);
        [ty, value, traceback].map(|reference| Owned::new(reference).ok())
    };
    value.filter(|value| !value.is_none())
}

fn is_handling() -> bool {
    handled().is_some()
}
