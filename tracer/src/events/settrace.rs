//! Events from the C trace hook, before 3.12.

use std::ffi::c_int;
use std::ptr::null_mut;

use pyo3_ffi as ffi;
use pyo3_ffi::{PyFrameObject, PyObject};

use super::callback::{self, Callback};
use crate::layout::{Frame, FrameObject, Obj, Traceback, Tuple, Version};
use crate::python::{Owned, Result};
use crate::tracer::Tracer;

type TraceFunction = unsafe extern "C" fn(*mut PyObject, *mut PyFrameObject, c_int, *mut PyObject) -> c_int;

unsafe extern "C" {
    fn PyEval_SetTrace(function: Option<TraceFunction>, object: *mut PyObject);
}

/// Runs `program` with its events switched on.
///
/// # Safety
/// Nothing else may use the tracer while the program runs.
pub(super) unsafe fn during<V: Version, R>(tracer: *mut Tracer<V>, program: impl FnOnce() -> R) -> Result<R> {
    let callback = callback::new(&callback::class::<V>()?, callback::never_called, tracer, None)?;
    // SAFETY: the hook is called with the callback, which carries the tracer, until it is taken off.
    unsafe { PyEval_SetTrace(Some(hook::<V>), callback.as_ptr()) };
    let result = program();
    // SAFETY: taking the hook off is always allowed.
    unsafe { PyEval_SetTrace(None, null_mut()) };
    Ok(result)
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
    // SAFETY: the interpreter passes the callback that the hook was set with, whose tracer is used by nothing
    // else while the program runs, the object of a running frame, and an object or null.
    let (tracer, object, argument) = unsafe {
        let tracer = &mut *(*callback.cast::<Callback<V>>()).tracer;
        (tracer, FrameObject::<V>::from_ptr(object), Obj::maybe(argument))
    };
    if tracer.has_ended() {
        // SAFETY: a hook may take itself off.
        unsafe { PyEval_SetTrace(None, null_mut()) };
        return 0;
    }
    let frame = object.frame();
    match what {
        what::LINE => on_line(tracer, object, frame),
        what::CALL => on_call(tracer, object, frame),
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
    0
}

fn on_call<V: Version>(tracer: &mut Tracer<V>, object: FrameObject<V>, frame: Frame<V>) {
    let Some(number) = tracer.codes().of_frame(frame) else {
        return object.ignore_lines();
    };
    let code = tracer.codes().get(number);
    if code.can_raise_handled {
        object.report_instructions(true);
    }
    if code.is_start(frame.instruction_offset()) {
        tracer.call(frame, number);
    } else {
        tracer.resume(frame, number);
    }
}

fn on_line<V: Version>(tracer: &mut Tracer<V>, object: FrameObject<V>, frame: Frame<V>) {
    if object.reports_instructions() && !is_handling() {
        let code = tracer.codes().of_frame(frame);
        object.report_instructions(code.is_some_and(|code| tracer.codes().get(code).can_raise_handled));
    }
    tracer.line(frame, object.line());
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
