//! Events from `sys.monitoring`, from 3.12 on.
//!
//! They are switched on for each code object of the source, so that all other code runs at full speed; those
//! that exist for all code only are told apart by their frame. The program's own use of `sys.settrace` and
//! `sys.setprofile` is another tool's, and does not disturb. Wherever the program reaches for the very tool that the
//! tracer is, the tracer becomes another one first, so that the program finds what it would find without it.

use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;
use pyo3_ffi::PyObject;
use trace::Granularity;

use super::callback::{self, Callback, Vectorcall};
use crate::code::CodeNumber;
use crate::intercept::{Call, Function, intercepted};
use crate::layout::{Exception, Frame, Int, Obj, Thread, Traceback, Version};
use crate::python::{self, Owned, Result};
use crate::reach;
use crate::tracer::Tracer;

/// The tools that the tracer can be, in the order of preference: first those that CPython does not give a name to.
const TOOLS: [i64; 6] = [4, 3, 5, 2, 1, 0];

/// `sys.monitoring`, as it is before any code of a program can change what its names stand for.
struct Monitoring {
    use_tool: Owned,
    free_tool: Owned,
    get_tool: Owned,
    register: Owned,
    set_events: Owned,
    set_local_events: Owned,
    /// The number of each kind of event, by its name.
    numbers: Owned,
    disable: Owned,
}

/// Null until it is needed; then it stays.
static MONITORING: AtomicPtr<Monitoring> = AtomicPtr::new(null_mut());

/// Makes ready for programs.
pub(super) fn prepare() -> Result<()> {
    if !MONITORING.load(Ordering::Relaxed).is_null() {
        return Ok(());
    }
    let module = python::import(c"sys")?.attribute(c"monitoring")?;
    let monitoring = Monitoring {
        use_tool: module.attribute(c"use_tool_id")?,
        free_tool: module.attribute(c"free_tool_id")?,
        get_tool: module.attribute(c"get_tool")?,
        register: module.attribute(c"register_callback")?,
        set_events: module.attribute(c"set_events")?,
        set_local_events: module.attribute(c"set_local_events")?,
        numbers: module.attribute(c"events")?.attribute(c"__dict__")?.call_method(c"copy", &[])?,
        disable: module.attribute(c"DISABLE")?,
    };
    MONITORING.store(Box::into_raw(Box::new(monitoring)), Ordering::Relaxed);
    FUNCTIONS.into_iter().try_for_each(|function| function.install())
}

impl Monitoring {
    fn get() -> &'static Monitoring {
        // SAFETY: what `prepare` has put there stays.
        unsafe { MONITORING.load(Ordering::Relaxed).as_ref() }.expect("`prepare` comes before any program")
    }

    fn number_of(&self, event: &CStr) -> Result<Owned> {
        let event = python::text(&event.to_string_lossy())?;
        self.numbers.item(&event).ok_or_else(|| python::raise_value_error("sys.monitoring lacks an event"))
    }
}

/// The tracer as a tool.
pub(crate) struct Tool {
    number: Owned,
    codes: Vec<Owned>,
    /// Each kind of event, by the interpreter's number for it, and what is called with it.
    callbacks: Vec<(Owned, Owned)>,
    local: Owned,
    global: Owned,
}

/// The tool that is switched on. Null while the tracer itself reaches for it.
static ACTIVE: AtomicPtr<Tool> = AtomicPtr::new(null_mut());

impl Tool {
    /// # Safety
    /// The tracer must stay where it is, and nothing else use it, until this is switched off.
    pub(super) unsafe fn switch_on<V: Version>(tracer: *mut Tracer<V>) -> Result<Box<Tool>> {
        let monitoring = Monitoring::get();
        // SAFETY: nothing else uses the tracer yet.
        let codes = unsafe { &mut *tracer }.codes().iter().map(|info| info.object.clone()).collect();
        let class = callback::class::<Tracer<V>>()?;
        let mut callbacks = Vec::new();
        let (mut local, mut global) = (0, 0);
        // SAFETY: as above.
        let granularity = unsafe { &*tracer }.granularity();
        for (name, is_local, receive) in events::<V>(granularity) {
            let number = monitoring.number_of(name)?;
            *(if is_local { &mut local } else { &mut global }) |= number.to_i64()?;
            let disable = Some(monitoring.disable.clone());
            callbacks.push((number, callback::new(&class, receive, tracer, disable)?));
        }
        let number = python::int(TOOLS[0])?;
        let (local, global) = (python::int(local)?, python::int(global)?);
        let mut tool = Box::new(Tool { number, codes, callbacks, local, global });
        tool.attach()?;
        tool.keep();
        Ok(tool)
    }

    pub(super) fn switch_off(self) -> Result<()> {
        ACTIVE.store(null_mut(), Ordering::Relaxed);
        self.detach()
    }

    /// From here on the program is kept from reaching it.
    fn keep(&mut self) {
        ACTIVE.store(self, Ordering::Relaxed);
    }

    /// Becomes the tool of the number that is set.
    fn attach(&self) -> Result<()> {
        let monitoring = Monitoring::get();
        monitoring.use_tool.call(&[&self.number, &python::text("et")?])?;
        for (event, callback) in &self.callbacks {
            monitoring.register.call(&[&self.number, event, callback])?;
        }
        self.set_events(&self.local, &self.global)
    }

    /// Leaves that tool as if it had never been used.
    fn detach(&self) -> Result<()> {
        let monitoring = Monitoring::get();
        let (no_events, no_callback) = (python::int(0)?, python::none());
        self.set_events(&no_events, &no_events)?;
        for (event, _) in &self.callbacks {
            monitoring.register.call(&[&self.number, event, &no_callback])?;
        }
        monitoring.free_tool.call(&[&self.number])?;
        Ok(())
    }

    fn set_events(&self, local: &Owned, global: &Owned) -> Result<()> {
        let monitoring = Monitoring::get();
        for code in &self.codes {
            monitoring.set_local_events.call(&[&self.number, code, local])?;
        }
        monitoring.set_events.call(&[&self.number, global])?;
        Ok(())
    }

    /// Makes way for a program that reaches for the tool of this number. Where the program uses all others, too,
    /// it is refused.
    fn make_way(&mut self, number: i64) -> Result<()> {
        if self.number.to_i64()? != number {
            return Ok(());
        }
        ACTIVE.store(null_mut(), Ordering::Relaxed);
        let made = self.become_another(number);
        self.keep();
        made
    }

    fn become_another(&mut self, number: i64) -> Result<()> {
        for other in TOOLS.into_iter().filter(|other| *other != number) {
            let other = python::int(other)?;
            if Monitoring::get().get_tool.call(&[&other])?.is_none() {
                self.detach()?;
                self.number = other;
                return self.attach();
            }
        }
        Err(python::raise_value_error(&format!("tool {number} is already in use")))
    }
}

/// The functions of `sys.monitoring` that take a tool.
static FUNCTIONS: [&Function<()>; 8] = [
    intercepted!(c"sys", "monitoring.use_tool_id", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.free_tool_id", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.get_tool", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.register_callback", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.get_events", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.set_events", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.get_local_events", (): (), reach_for_tool),
    intercepted!(c"sys", "monitoring.set_local_events", (): (), reach_for_tool),
];

fn reach_for_tool(_: &'static Function<()>, call: &Call<'_>) -> *mut PyObject {
    // SAFETY: the program calls a built-in function, so nothing else uses the tool.
    let active = unsafe { ACTIVE.load(Ordering::Relaxed).as_mut() };
    // A number too large for a tool is refused by the interpreter.
    let number = call.arguments.first().filter(|number| Int::plain(**number).is_some());
    let number = number.and_then(|number| Owned::of(*number).to_i64().inspect_err(|_| python::clear()).ok());
    if active.is_some() {
        // Its callbacks run between instructions.
        reach::disturb();
    }
    if let (Some(tool), Some(number)) = (active, number)
        && tool.make_way(number).is_err()
    {
        return null_mut();
    }
    call.go_on()
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
        let callback = &*callable.cast::<Callback<Tracer<V>>>();
        (callback, &mut *callback.carried, callback::arguments(arguments, count))
    };
    let answer = if tracer.has_ended() {
        if E::IS_LOCAL { Answer::Disable } else { Answer::GoOn }
    } else {
        let thread = Thread::current();
        match thread.frame() {
            Some(frame) if tracer.is_on(thread) => E::report(tracer, frame, arguments),
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
