//! Events from the C trace hook, before 3.12.
//!
//! The interpreter has one hook for each thread, for the program's own trace function and for the tracer. So the
//! tracer keeps it, passes events on, and stands in for `sys.settrace` and `sys.gettrace`.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::{PyFrameObject, PyObject};
use trace::Granularity;

use crate::intercept::{Call, Function, intercepted};
use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::{Frame, FrameObject, Obj, Thread, TraceFunction, Traceback, Tuple, Version};
use crate::python::{self, Owned, Result};
use crate::tracer::Tracer;

unsafe extern "C" {
    fn PyEval_SetTrace(function: Option<TraceFunction>, object: *mut PyObject);
    fn PySys_AddAuditHook(hook: Listener, data: *mut c_void) -> c_int;
    fn Py_AddPendingCall(call: unsafe extern "C" fn(*mut c_void) -> c_int, data: *mut c_void) -> c_int;
}

type Listener = unsafe extern "C" fn(*const c_char, *mut PyObject, *mut c_void) -> c_int;

/// The hook, set in every thread.
pub(crate) struct Hook<V: Version> {
    tracer: *mut Tracer<V>,
    /// What the interpreter would call in each thread, and with what, by the address of the thread's state.
    own: HashMap<usize, (TraceFunction, Owned)>,
}

/// The hook that is set; else null.
static ACTIVE: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// The functions of Python that know of the hook or begin a thread.
static FUNCTIONS: [&Function<()>; 4] = [
    intercepted!(c"sys", "settrace", (): (), set_trace),
    intercepted!(c"sys", "gettrace", (): (), get_trace),
    intercepted!(c"_thread", "start_new_thread", (): (), start_thread),
    intercepted!(c"_thread", "start_new", (): (), start_thread),
];

/// Makes ready for programs.
pub(super) fn prepare() -> Result<()> {
    static LISTENS: Once = Once::new();
    let mut prepared = FUNCTIONS.into_iter().try_for_each(|function| function.install());
    LISTENS.call_once(|| {
        // SAFETY: the listener needs no data.
        let listens = python::check(unsafe { PySys_AddAuditHook(listen, null_mut()) });
        prepared = std::mem::replace(&mut prepared, Ok(())).and(listens);
    });
    prepared
}

impl<V: Version> Hook<V> {
    /// Sets it.
    ///
    /// # Safety
    /// The tracer must stay where it is, and nothing else use it, until this is taken off.
    pub(super) unsafe fn set(tracer: *mut Tracer<V>) -> Box<Hook<V>> {
        let mut this = Box::new(Hook { tracer, own: HashMap::new() });
        ACTIVE.store((&raw mut *this).cast(), Ordering::Relaxed);
        // SAFETY: the hook finds what it works on until it is taken off.
        unsafe { PyEval_SetTrace(Some(hook::<V>), null_mut()) };
        this
    }

    /// Takes it off, in the only thread that there is.
    pub(super) fn take_off(self) {
        ACTIVE.store(null_mut(), Ordering::Relaxed);
        // SAFETY: taking the hook off is always allowed.
        unsafe { PyEval_SetTrace(None, null_mut()) };
    }

    /// The one that is set.
    fn active<'a>() -> Option<&'a mut Hook<V>> {
        // SAFETY: what is active is the hook of this version. Nobody keeps it while code of the program's may run.
        unsafe { ACTIVE.load(Ordering::Relaxed).cast::<Hook<V>>().as_mut() }
    }

    fn has_ended(&self) -> bool {
        // SAFETY: the tracer is there for as long as the hook is.
        unsafe { &*self.tracer }.has_ended()
    }

    fn own(&self) -> Option<(TraceFunction, Owned)> {
        if self.own.is_empty() { None } else { self.own.get(&Thread::<V>::current().address()).cloned() }
    }
}

/// The program's `sys.settrace`.
fn set_trace(_: &'static Function<()>, call: &Call<'_>) -> *mut PyObject {
    let result = call.go_on();
    if !result.is_null() {
        for_this_version(TakeBack);
    }
    result
}

/// Takes the running thread's hook back from whoever set it, and passes events on to that one.
struct TakeBack;

impl ForVersion for TakeBack {
    type Output = ();

    fn with<V: Version>(self) {
        let Some(active) = Hook::<V>::active().filter(|active| !active.has_ended()) else { return };
        let thread = Thread::<V>::current();
        if thread.has_trace_hook() && thread.trace_hook().is_none() {
            // The tracer's is the one without an object.
            return;
        }
        let function = thread.trace_hook().map(|(function, object)| (function, Owned::of(object)));
        let before = match function {
            Some(function) => active.own.insert(thread.address(), function),
            None => active.own.remove(&thread.address()),
        };
        // SAFETY: as in `Hook::set`.
        unsafe { PyEval_SetTrace(Some(hook::<V>), null_mut()) };
        if before.is_none() {
            // The program may look at frames whose lines nobody has asked for so far.
            let frames = std::iter::successors(thread.frame(), |frame| frame.caller());
            frames.filter_map(FrameObject::of).for_each(|object| object.report_lines(true));
        }
        drop(before);
    }
}

/// Hears that a hook is about to be set, perhaps by a library that does so without `sys.settrace`. It is taken back as
/// soon as the call into that library is over.
unsafe extern "C" fn listen(event: *const c_char, _: *mut PyObject, _: *mut c_void) -> c_int {
    unsafe extern "C" fn take_back(_: *mut c_void) -> c_int {
        for_this_version(TakeBack);
        0
    }
    // SAFETY: the interpreter passes a C string; the call needs no data.
    unsafe {
        if CStr::from_ptr(event) == c"sys.settrace" {
            // Where too many wait already, so does one of these.
            Py_AddPendingCall(take_back, null_mut());
        }
    }
    0
}

/// The program's `sys.gettrace`.
fn get_trace(_: &'static Function<()>, call: &Call<'_>) -> *mut PyObject {
    struct Own;
    impl ForVersion for Own {
        type Output = Option<Owned>;
        fn with<V: Version>(self) -> Option<Owned> {
            let active = Hook::<V>::active().filter(|active| !active.has_ended())?;
            Some(active.own().map_or_else(python::none, |(_, object)| object))
        }
    }
    for_this_version(Own).map_or_else(|| call.go_on(), Owned::into_ptr)
}

/// The program's `_thread.start_new_thread`, which `threading` rests on.
fn start_thread(_: &'static Function<()>, call: &Call<'_>) -> *mut PyObject {
    struct Reach;
    impl ForVersion for Reach {
        type Output = ();
        fn with<V: Version>(self) {
            let Some(active) = Hook::<V>::active().filter(|active| !active.has_ended()) else { return };
            for thread in Thread::<V>::all().filter(|thread| !thread.has_trace_hook()) {
                // Another thread may have had a function of its own at this address.
                let before = active.own.remove(&thread.address());
                // SAFETY: as in `Hook::set`. The thread exists, and waits for the GIL.
                unsafe { thread.set_trace_hook(hook::<V>) };
                drop(before);
            }
        }
    }
    let result = call.go_on();
    if !result.is_null() {
        for_this_version(Reach);
    }
    result
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
    _: *mut PyObject,
    object: *mut PyFrameObject,
    what: c_int,
    argument: *mut PyObject,
) -> c_int {
    let Some(active) = Hook::<V>::active() else { return 0 };
    let own = active.own();
    // SAFETY: nothing else uses the tracer meanwhile; the interpreter passes the object of a running frame, and an
    // object or null.
    unsafe {
        let tracer = &mut *active.tracer;
        if tracer.has_ended() {
            // From here on the hook is the program's alone.
            let (function, object) = own.unzip();
            PyEval_SetTrace(function, object.map_or(null_mut(), |object| object.as_ptr()));
            return 0;
        }
        if tracer.is_on(Thread::current()) {
            on_event(tracer, FrameObject::from_ptr(object), what, Obj::maybe(argument), own.is_none());
            if own.is_some() {
                tracer.disturb();
            }
        }
    }
    let Some((function, own)) = own else { return 0 };
    // SAFETY: as above.
    let frame = unsafe { FrameObject::<V>::from_ptr(object) };
    if what == what::INSTRUCTION && !frame.reports_instructions_to_program() {
        return 0;
    }
    // SAFETY: the interpreter would call it with the same.
    let status = unsafe { function(own.as_ptr(), object, what, argument) };
    if status < 0 {
        // It raised, and so was taken off by the interpreter, and the hook with it.
        let raised =
            Hook::<V>::active().and_then(|active| active.own.remove(&Thread::<V>::current().address()));
        // SAFETY: as in `Hook::set`.
        unsafe { PyEval_SetTrace(Some(hook::<V>), null_mut()) };
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
            object.report_lines(false);
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
        object.report_lines(false);
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
    if !is_switched && tracer.codes().of_frame(frame).is_some() {
        // The program may have set `f_trace_opcodes` to false meanwhile.
        object.report_instructions(true);
    }
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
