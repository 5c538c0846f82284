//! Turns what the interpreter reports into the events of a trace.

mod probe;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use pyo3_ffi as ffi;
use trace::wire::tag;
use trace::{GapReason, Granularity, Request, Scope};

use crate::activation::Activation;
use crate::code::{AddressHasher, Body, CodeInfo, CodeNumber, Codes};
use crate::depth::DepthLimit;
use crate::identity;
use crate::layout::{Code, Dict, Exception, Frame, Obj, Thread, Traceback, Version, handed_out};
use crate::log::{Full, Purse, ThreadNumber};
use crate::namespace::Namespace;
use crate::operands::{self, Operands};
use crate::program::SharedLog;
use crate::python::{Owned, Raised};
use crate::watch::{Clock, Slot, set_namespace};

/// Traces one program. It is told of what happens in its frames, and of some things that happen elsewhere.
pub(crate) struct Tracer<V: Version> {
    log: SharedLog,
    granularity: Granularity,
    codes: Codes<V>,
    globals: Namespace<V>,
    /// The thread whose events are being told, and the address of its state. 0 stands for none.
    thread: ThreadNumber,
    thread_at: usize,
    /// Its frames that are entered and not left, innermost last.
    stack: Vec<Activation<V>>,
    /// What the fields of those names were for the other threads, when they were last told of.
    others: HashMap<ThreadNumber, (Vec<Activation<V>>, Option<Passing>)>,
    /// The main thread has nothing more to tell.
    main_is_over: bool,
    suspended: HashMap<usize, Activation<V>, BuildHasherDefault<AddressHasher>>,
    /// Number of the next frame that is entered.
    next_frame: u32,
    events_left: u64,
    clock: Clock,
    depth: DepthLimit,
    /// The last event but `output` and `effect` was a gap for calls that are not stepped into.
    in_gap: bool,
    /// The exception that left the last frame, if nothing has happened since.
    passing: Option<Passing>,
    /// For what is told once and not looked at again.
    argument: Slot<V>,
}

/// An exception that has left a frame. It is not held: it holds frames, and so would keep what they hold from
/// going when the program expects it to.
struct Passing {
    address: usize,
    has_traceback: bool,
}

/// The event cannot be written, for this reason.
struct Ended(GapReason);

impl From<Full> for Ended {
    fn from(_: Full) -> Ended {
        Ended(GapReason::Bytes)
    }
}

impl<V: Version> Tracer<V> {
    /// A tracer for the code of `module`, which will run in a namespace of its own.
    pub(crate) fn new(
        log: SharedLog,
        module: Code<V>,
        namespace: Dict,
        request: &Request<'_>,
    ) -> Result<Self, Raised> {
        set_namespace(namespace.obj());
        identity::begin(request.identities);
        let mut globals = Namespace::new(namespace, Scope::Global);
        Ok(Tracer {
            granularity: request.granularity,
            codes: Codes::of_module(module, &mut globals, request.granularity)?,
            globals,
            depth: DepthLimit::new(request.bounds.max_events, log.room_left()),
            in_gap: false,
            log,
            thread: 0,
            thread_at: 0,
            stack: Vec::new(),
            others: HashMap::new(),
            main_is_over: false,
            suspended: HashMap::default(),
            next_frame: 0,
            events_left: request.bounds.max_events,
            clock: Clock::new(),
            passing: None,
            argument: Slot::new(),
        })
    }

    pub(crate) fn granularity(&self) -> Granularity {
        self.granularity
    }

    pub(crate) fn codes(&mut self) -> &mut Codes<V> {
        &mut self.codes
    }

    /// Whether no event is written any more.
    #[inline(always)]
    pub(crate) fn has_ended(&self) -> bool {
        self.log.is_closed()
    }

    /// Goes on with the events of the running thread; `false` if it has none to tell.
    #[inline(always)]
    pub(crate) fn is_on(&mut self, thread: Thread<V>) -> bool {
        let at = thread.address();
        (self.thread_at == at && self.log.is_at(at)) || self.switch(at)
    }

    #[cold]
    fn switch(&mut self, at: usize) -> bool {
        let Ok(number) = self.log.on_this_thread() else {
            self.log.close(GapReason::Bytes);
            return false;
        };
        if self.main_is_over && number == 0 {
            self.thread_at = 0;
            return false;
        }
        self.thread_at = at;
        if number != self.thread {
            let (stack, passing) = self.others.remove(&number).unwrap_or_default();
            let stack = std::mem::replace(&mut self.stack, stack);
            let passing = std::mem::replace(&mut self.passing, passing);
            self.others.insert(std::mem::replace(&mut self.thread, number), (stack, passing));
        }
        true
    }

    /// The program's main code has come to its end. What other threads do is still told.
    pub(crate) fn end_main(&mut self) {
        self.main_is_over = true;
        self.thread_at = 0;
    }

    /// Begins an event.
    #[inline(always)]
    fn count(&mut self) -> Result<(), Ended> {
        self.passing = None;
        self.in_gap = false;
        self.events_left = self.events_left.checked_sub(1).ok_or(Ended(GapReason::Events))?;
        Ok(())
    }

    #[inline(always)]
    fn finish(&mut self, event: Result<(), Ended>) {
        if let Err(Ended(reason)) = event {
            self.log.close(reason);
        }
    }

    /// The innermost frame, if it is this one.
    #[inline(always)]
    fn top(&mut self, frame: Frame<V>) -> Option<&mut Activation<V>> {
        self.stack.last_mut().filter(|top| top.frame.address() == frame.address())
    }

    /// A frame begins, or one that was suspended before it could be known of goes on.
    pub(crate) fn call(&mut self, frame: Frame<V>, code: CodeNumber) {
        let event = self.write_call(frame, code);
        self.finish(event);
    }

    fn write_call(&mut self, frame: Frame<V>, code: CodeNumber) -> Result<(), Ended> {
        // A thread begins with a call, and may have got the address of one that is gone.
        if self.stack.is_empty() && !self.switch(self.thread_at) {
            return Ok(());
        }
        // A generator that was dropped in suspension can leave its address to another one.
        if !self.suspended.is_empty()
            && let Some(gone) = self.suspended.remove(&frame.address())
        {
            self.reclaim(gone);
        }
        if !self.steps_in() {
            return self.leave_out();
        }
        self.count()?;
        let info = self.codes.get(code);
        let line = info.first_line;
        let has_names = self.granularity >= Granularity::Line && info.body == Body::Class;
        let names = if has_names { frame.namespace().and_then(Dict::of) } else { None };
        self.stack.push(Activation {
            frame,
            number: self.next_frame,
            code,
            line,
            slots: if self.granularity >= Granularity::Line { info.slots() } else { Box::default() },
            names: names.map(|dict| Box::new(Namespace::new(dict, Scope::Local))),
            leaving: None,
            operands: Operands::new(),
        });
        self.next_frame += 1;
        self.log.call::<V>(&mut info.function, line)?;
        let has_arguments = info.body == Body::Function;
        match self.granularity {
            Granularity::Call => self.arguments(),
            _ => self.changes(if has_arguments { Purse::Arguments } else { Purse::Others }),
        }
    }

    /// Whether a frame that is entered now is told of.
    fn steps_in(&mut self) -> bool {
        self.depth.admits(self.stack.len(), self.events_left, self.log.room_left())
    }

    /// Tells that calls are left out here, unless that was the last thing told.
    fn leave_out(&mut self) -> Result<(), Ended> {
        self.disturb();
        if !self.in_gap {
            self.passing = None;
            self.log.gap(GapReason::Depth)?;
            self.in_gap = true;
        }
        Ok(())
    }

    /// A line is about to run.
    #[inline(always)]
    pub(crate) fn line(&mut self, frame: Frame<V>, line: u32) {
        if self.top(frame).is_some() {
            let event = self.write_line(line);
            self.finish(event);
        } else {
            self.disturb();
        }
    }

    #[inline(always)]
    fn write_line(&mut self, line: u32) -> Result<(), Ended> {
        self.count()?;
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let delta = i64::from(line) - i64::from(top.line);
        top.line = line;
        top.operands.pass_line(self.events_left);
        self.log.line(delta)?;
        self.changes(Purse::Others)?;
        if self.clock.is_asked() {
            self.look_ahead();
        }
        Ok(())
    }

    /// Finds out what the innermost frame changes in place next, on the line that was just told.
    fn look_ahead(&mut self) {
        let Some(top) = self.stack.last() else { return };
        let (code, globals) = (self.codes.get(top.code), &mut self.globals);
        // SAFETY: the frame is of this code, and its variables have just been looked at.
        self.clock
            .foresee(|touched| unsafe { code.is_calm(top.frame, top.line, &top.slots, globals, touched) });
    }

    /// Something has happened, or may have, that no event looks at.
    pub(crate) fn disturb(&mut self) {
        self.clock.disturb();
    }

    /// The instruction at this byte offset is about to run, or has just entered the frame.
    #[inline(always)]
    pub(crate) fn instruction(&mut self, frame: Frame<V>, offset: isize) {
        if self.granularity == Granularity::Instruction && !self.has_ended() && self.top(frame).is_some() {
            let event = self.write_instruction(offset as usize);
            self.finish(event);
        }
    }

    fn write_instruction(&mut self, offset: usize) -> Result<(), Ended> {
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let info = self.codes.get(top.code);
        let Some((&flow, known)) = info.instruction(offset) else { return Ok(()) };
        self.count()?;
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let info = self.codes.get(top.code);
        let values = self.log.values();
        let number = self.log.instruction(known, || info.describe(offset, values), flow.height)?;
        if known == 0 {
            info.set_instruction_number(offset, number);
        }
        let state = operands::State {
            frame: top.frame,
            local_count: info.local_count(),
            locals: &mut info.locals,
            slots: &top.slots,
        };
        top.operands.tell(&mut self.log, &flow, self.events_left, state)?;
        self.log.end_event()?;
        Ok(())
    }

    /// A suspended frame goes on.
    pub(crate) fn resume(&mut self, frame: Frame<V>, code: CodeNumber) {
        match self.suspended.remove(&frame.address()) {
            Some(activation) if activation.code == code && !self.steps_in() => {
                self.suspended.insert(frame.address(), activation);
                let gap = self.leave_out();
                self.finish(gap);
            }
            Some(activation) if activation.code == code => {
                let event = self.write_resume(activation);
                self.finish(event);
            }
            other => {
                if let Some(gone) = other {
                    self.reclaim(gone);
                }
                self.call(frame, code);
            }
        }
    }

    fn write_resume(&mut self, mut activation: Activation<V>) -> Result<(), Ended> {
        self.count()?;
        activation.operands.forget();
        let number = activation.number;
        self.stack.push(activation);
        self.log.resume(number)?;
        self.changes(Purse::Others)
    }

    /// The frame returns a value.
    pub(crate) fn return_value(&mut self, frame: Frame<V>, value: Obj) {
        if self.top(frame).is_some() {
            let event = self.write_value(tag::RETURN, value);
            self.finish(event);
            self.leave();
        }
    }

    /// The frame is suspended and hands out a value.
    pub(crate) fn yield_value(&mut self, frame: Frame<V>, value: Obj) {
        if self.top(frame).is_some() {
            let event = self.write_value(tag::YIELD, handed_out(value));
            self.finish(event);
            if let Some(activation) = self.stack.pop() {
                self.suspended.insert(frame.address(), activation);
            }
        }
    }

    fn write_value(&mut self, tag: u8, value: Obj) -> Result<(), Ended> {
        self.count()?;
        self.log.value::<V>(tag, value)?;
        self.changes(Purse::Others)
    }

    /// An exception appears in a frame; `offset` is that of the instruction.
    pub(crate) fn raise(
        &mut self,
        frame: Frame<V>,
        exception: Obj,
        traceback: Option<Traceback<V>>,
        offset: isize,
    ) {
        self.disturb();
        let Some(top) = self.top(frame) else { return };
        let code = top.code;
        if self.is_passing(exception, traceback) || self.ends_iteration(code, exception, offset) {
            return;
        }
        let event = self.write_exception(tag::RAISE, exception);
        self.finish(event);
    }

    /// Whether this is the exception that left the last frame. Another one can have got its address, but not
    /// a traceback that leads on into the source, behind the frame that it is in now.
    fn is_passing(&self, exception: Obj, traceback: Option<Traceback<V>>) -> bool {
        let is_of_source = |code: Code<V>| self.codes.number_of(code.obj()).is_some();
        let comes_from_source =
            || traceback.is_some_and(|traceback| traceback.codes().skip(1).any(is_of_source));
        self.passing.as_ref().is_some_and(|passing| {
            passing.address == exception.address() && (!passing.has_traceback || comes_from_source())
        })
    }

    fn ends_iteration(&mut self, code: CodeNumber, exception: Obj, offset: isize) -> bool {
        // SAFETY: this names a static class.
        let stop_iteration = unsafe { ffi::PyExc_StopIteration };
        Exception::of(exception).is_some_and(|exception| exception.is_a(stop_iteration))
            && self.codes.get(code).ends_iteration(offset)
    }

    /// An exception leaves a frame.
    pub(crate) fn unwind(&mut self, frame: Frame<V>, exception: Obj, has_traceback: bool) {
        if self.top(frame).is_some() {
            let event = self.write_exception(tag::UNWIND, exception);
            self.finish(event);
            self.leave();
            self.passing = Some(Passing { address: exception.address(), has_traceback });
        }
    }

    /// A handler in a frame takes an exception, which passes through no more. Only where lines do not say so.
    pub(crate) fn handle(&mut self, frame: Frame<V>) {
        if self.granularity == Granularity::Call && self.top(frame).is_some() {
            self.passing = None;
        }
    }

    /// An exception is on its way out of a frame, or none is any more.
    pub(crate) fn set_leaving(&mut self, frame: Frame<V>, exception: Option<Owned>) {
        if let Some(top) = self.top(frame) {
            top.leaving = exception;
        }
    }

    pub(crate) fn is_leaving(&mut self, frame: Frame<V>) -> bool {
        self.top(frame).is_some_and(|top| top.leaving.is_some())
    }

    /// The exception on its way out leaves the frame.
    pub(crate) fn unwind_leaving(&mut self, frame: Frame<V>) {
        if let Some(exception) = self.top(frame).and_then(|top| top.leaving.take()) {
            self.unwind(frame, exception.obj(), true);
        }
    }

    fn write_exception(&mut self, tag: u8, exception: Obj) -> Result<(), Ended> {
        self.count()?;
        self.log.exception::<V>(tag, exception)?;
        self.changes(Purse::Others)
    }

    fn leave(&mut self) {
        if let Some(activation) = self.stack.pop() {
            self.reclaim(activation);
        }
    }

    fn reclaim(&mut self, activation: Activation<V>) {
        // Where variables are not looked at there are none to keep.
        if !activation.slots.is_empty() {
            self.codes.get(activation.code).reclaim(activation.slots);
        }
    }

    /// Ends the call of the innermost frame with its arguments as bound.
    fn arguments(&mut self) -> Result<(), Ended> {
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        let CodeInfo { locals, body, .. } = self.codes.get(top.code);
        if *body == Body::Function {
            self.log.open(Purse::Arguments);
            for local in locals {
                // SAFETY: the locals are those of the frame's code.
                if let Some(value) = unsafe { local.value_in(top.frame) } {
                    let (log, clock) = (&mut self.log, &mut self.clock);
                    self.argument.look(log, clock, &mut local.name, Scope::Local, Some(value))?;
                    self.argument.clear();
                }
            }
        }
        self.log.end_event()?;
        Ok(())
    }

    /// Ends the event of the innermost frame with what has changed. What its locals cost is drawn upon `purse`.
    #[inline(always)]
    fn changes(&mut self, purse: Purse) -> Result<(), Ended> {
        let Some(top) = self.stack.last_mut() else { return Ok(()) };
        if self.granularity == Granularity::Call {
            self.log.end_event()?;
            return Ok(());
        }
        let CodeInfo { locals, globals, body, .. } = self.codes.get(top.code);
        self.clock.begin();
        self.log.open(purse);
        let (log, clock) = (&mut *self.log, &mut self.clock);
        for (slot, local) in top.slots.iter_mut().zip(locals) {
            // SAFETY: the locals are those of the frame's code.
            let value = unsafe { local.value_in(top.frame) };
            slot.look(log, clock, &mut local.name, Scope::Local, value)?;
        }
        if let Purse::Arguments = purse {
            log.open(Purse::Others);
        }
        match body {
            Body::Function => self.globals.look_at(log, clock, globals)?,
            Body::Class => {
                if let Some(names) = &mut top.names {
                    names.look_at_all(log, clock)?;
                }
                self.globals.look_at(log, clock, globals)?;
            }
            Body::Module => self.globals.look_at_all(log, clock)?,
        }
        self.log.end_event()?;
        Ok(())
    }
}
