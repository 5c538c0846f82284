//! Reads a log that a traced process left behind. Its bytes are untrusted: any of them may be forged.
//!
//! A damaged log is read up to the damage. Memory stays proportional to the log, whatever it claims.

use std::borrow::Cow;
use std::fmt;
use std::mem::{replace, take};

use crate::event::{
    Change, ChangeKind, Effect, EffectKind, End, Event, EventKind, GapReason, Instruction, Scope, StackItem,
    Stream, Value, Verdict,
};
use crate::input::Input;
use crate::wire::{change, effect, gap, place, stream, tag, text, unzigzag, verdict};

/// Why a log ends before its bytes do, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogError {
    pub at: usize,
    pub what: &'static str,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log is damaged at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for LogError {}

/// A whole log in memory.
#[derive(Debug, Default)]
pub struct Decoded<'a> {
    pub events: Vec<Event<'a>>,
    pub end: Option<End<'a>>,
    /// Set when the bytes after the last event could not be read.
    pub damage: Option<LogError>,
}

impl<'a> Decoded<'a> {
    pub fn read(log: &'a [u8]) -> Decoded<'a> {
        let mut reader = Reader::new(log);
        let mut decoded = Decoded::default();
        loop {
            match reader.next() {
                Some(Ok(event)) => decoded.events.push(event),
                Some(Err(damage)) => decoded.damage = Some(damage),
                None => break,
            }
        }
        decoded.end = reader.end();
        decoded
    }
}

/// Yields the events of a log in order; stops after the first error.
pub struct Reader<'a> {
    input: Input<'a>,
    names: Vec<&'a str>,
    /// Texts that may be repeated.
    texts: Vec<&'a str>,
    instructions: Vec<(u32, &'a str, Option<&'a str>)>,
    frames: Vec<Frame<'a>>,
    /// For each thread, the frames that are entered and not left, innermost last.
    stacks: Vec<Vec<u32>>,
    /// The thread whose items are being read.
    thread: usize,
    end: Option<End<'a>>,
    broken: bool,
    /// It stands before the next of several calls.
    before_probe: bool,
}

struct Frame<'a> {
    function: &'a str,
    line: u32,
    entered: bool,
    /// The operand stack at its last instruction.
    operands: Vec<StackItem<'a>>,
}

impl<'a> Reader<'a> {
    pub fn new(log: &'a [u8]) -> Reader<'a> {
        Reader {
            input: Input::new(log),
            names: Vec::new(),
            texts: Vec::new(),
            instructions: Vec::new(),
            frames: Vec::new(),
            stacks: vec![Vec::new()],
            thread: 0,
            end: None,
            broken: false,
            before_probe: false,
        }
    }

    /// The program's verdict, known once the iterator has passed it.
    pub fn end(&self) -> Option<End<'a>> {
        self.end
    }

    /// Goes on to the next of several calls, whose events and end are then read as if they were all that there is;
    /// `false` if there is none. What was before is to be read to its end.
    pub fn next_probe(&mut self) -> bool {
        self.end = None;
        self.stacks.iter_mut().for_each(Vec::clear);
        take(&mut self.before_probe)
    }

    /// Hands over the events one after another, each in the memory of the one before.
    pub fn lend(&mut self, mut hand_over: impl FnMut(&Event<'a>)) -> Result<(), LogError> {
        let mut event = blank();
        while self.read_into(&mut event)? {
            hand_over(&event);
        }
        Ok(())
    }

    /// False at the end of the log.
    fn read_into(&mut self, event: &mut Event<'a>) -> Result<bool, LogError> {
        if self.broken || self.before_probe {
            return Ok(false);
        }
        let read = self.read_event(event);
        self.broken = read.is_err();
        read
    }

    fn read_event(&mut self, event: &mut Event<'a>) -> Result<bool, LogError> {
        event.changes.clear();
        while !self.input.is_empty() {
            match self.input.byte()? {
                tag::END => {
                    let end = self.read_end()?;
                    if self.end.is_none() {
                        self.end = Some(end);
                    }
                    continue;
                }
                tag::THREAD => {
                    self.read_thread()?;
                    continue;
                }
                tag::PROBE => {
                    self.before_probe = true;
                    return Ok(false);
                }
                tag::EFFECT => event.kind = self.read_effect()?,
                tag::OUTPUT => event.kind = self.read_output()?,
                tag::GAP => event.kind = self.read_gap()?,
                first => {
                    self.read_frame_event(first, event)?;
                    return Ok(true);
                }
            }
            self.place(self.stack().last().copied(), event);
            return Ok(true);
        }
        Ok(false)
    }

    fn read_frame_event(&mut self, first: u8, event: &mut Event<'a>) -> Result<(), LogError> {
        let (low, count) = (first & tag::LOW, first >> tag::COUNT_SHIFT & tag::MANY);
        event.kind = if first & tag::LINE == 0 { self.read_kind(low, event)? } else { self.read_line(low)? };
        self.read_changes(count, &mut event.changes)?;
        let frame = self.top()?;
        self.place(Some(frame), event);
        if matches!(event.kind, EventKind::Return(_) | EventKind::Yield(_) | EventKind::Unwind(_)) {
            self.frames[frame as usize].entered = false;
            self.stack_mut().pop();
        }
        Ok(())
    }

    fn read_line(&mut self, delta: u8) -> Result<EventKind<'a>, LogError> {
        let delta = unzigzag(if delta == tag::FAR { self.input.varint()? } else { delta.into() });
        let frame = self.top()?;
        let line = i64::from(self.frames[frame as usize].line).checked_add(delta);
        self.frames[frame as usize].line = line
            .and_then(|line| u32::try_from(line).ok())
            .ok_or_else(|| self.input.error("a line number out of range"))?;
        Ok(EventKind::Line)
    }

    fn read_kind(&mut self, tag: u8, event: &mut Event<'a>) -> Result<EventKind<'a>, LogError> {
        Ok(match tag {
            tag::CALL => {
                let function = self.name()?;
                let line = self.line_number()?;
                let frame =
                    u32::try_from(self.frames.len()).map_err(|_| self.input.error("too many frames"))?;
                self.frames.push(Frame { function, line, entered: true, operands: Vec::new() });
                self.stack_mut().push(frame);
                EventKind::Call
            }
            tag::RESUME => {
                let frame = self.input.varint()?;
                let known = usize::try_from(frame).ok().and_then(|index| self.frames.get_mut(index));
                match known {
                    Some(known) if !known.entered => known.entered = true,
                    _ => return Err(self.input.error("resumes a frame that is not suspended")),
                }
                self.stack_mut().push(frame as u32);
                EventKind::Resume
            }
            tag::RETURN => EventKind::Return(self.value()?),
            tag::YIELD => EventKind::Yield(self.value()?),
            tag::RAISE => EventKind::Raise(self.value()?),
            tag::UNWIND => EventKind::Unwind(self.value()?),
            tag::INSTRUCTION => self.read_instruction(event)?,
            _ => return Err(self.input.error("an unknown item")),
        })
    }

    fn read_thread(&mut self) -> Result<(), LogError> {
        let thread = usize::try_from(self.input.varint()?).ok().filter(|&thread| thread <= self.stacks.len());
        self.thread = thread.ok_or_else(|| self.input.error("a thread out of turn"))?;
        if self.thread == self.stacks.len() {
            self.stacks.push(Vec::new());
        }
        Ok(())
    }

    /// An instruction, in the memory of the last event if that is one too.
    fn read_instruction(&mut self, last: &mut Event<'a>) -> Result<EventKind<'a>, LogError> {
        let index = self.input.varint()?.checked_sub(1);
        let (offset, name, argument) = match index {
            None => {
                let fresh = self.fresh_instruction()?;
                self.instructions.push(fresh);
                fresh
            }
            Some(index) => {
                let known = usize::try_from(index).ok().and_then(|index| self.instructions.get(index));
                *known.ok_or_else(|| self.input.error("an instruction that was not given"))?
            }
        };
        let frame = self.top()? as usize;
        let mut operands = replace(&mut self.frames[frame].operands, Vec::new());
        let read = self.read_places(&mut operands);
        let mut instruction = match replace(&mut last.kind, EventKind::Line) {
            EventKind::Instruction(last) => last,
            _ => Box::new(Instruction { offset, name, argument, stack: Vec::new() }),
        };
        (instruction.offset, instruction.name, instruction.argument) = (offset, name, argument);
        instruction.stack.clone_from(&operands);
        self.frames[frame].operands = operands;
        read?;
        Ok(EventKind::Instruction(instruction))
    }

    /// The operand stack; `operands` is what it was at the frame's last instruction.
    fn read_places(&mut self, operands: &mut Vec<StackItem<'a>>) -> Result<(), LogError> {
        let depth = usize::try_from(self.input.varint()?).unwrap_or(usize::MAX);
        operands.truncate(depth);
        for at in 0..depth {
            let operand = match self.input.varint()? {
                place::SAME if at < operands.len() => continue,
                place::SAME => return Err(self.input.error("repeats a place that was not there")),
                place::NULL => StackItem::Null,
                place::VALUE => StackItem::Value(self.value()?),
                local => StackItem::Local(self.named(local - place::LOCAL)?),
            };
            match operands.get_mut(at) {
                Some(before) => *before = operand,
                None => operands.push(operand),
            }
        }
        Ok(())
    }

    fn fresh_instruction(&mut self) -> Result<(u32, &'a str, Option<&'a str>), LogError> {
        let offset = u32::try_from(self.input.varint()?);
        let offset = offset.map_err(|_| self.input.error("an instruction out of range"))?;
        let name = self.name()?;
        let argument = match self.input.varint()?.checked_sub(1) {
            Some(len) => Some(self.input.text(len)?),
            None => None,
        };
        Ok((offset, name, argument))
    }

    fn read_effect(&mut self) -> Result<EventKind<'a>, LogError> {
        let kind = match self.input.byte()? {
            effect::READ => EffectKind::Read,
            effect::WRITE => EffectKind::Write,
            effect::NETWORK => EffectKind::Network,
            effect::PROCESS => EffectKind::Process,
            effect::ENVIRONMENT => EffectKind::Environment,
            effect::TIME => EffectKind::Time,
            effect::RANDOMNESS => EffectKind::Randomness,
            effect::CODE => EffectKind::Code,
            _ => return Err(self.input.error("an unknown effect")),
        };
        let detail = self.text()?;
        Ok(EventKind::Effect(Effect { kind, detail }))
    }

    fn read_output(&mut self) -> Result<EventKind<'a>, LogError> {
        let first = self.input.byte()?;
        let stream = match first {
            stream::STDOUT => Stream::Stdout,
            stream::STDERR => Stream::Stderr,
            _ => return Err(self.input.error("an unknown stream")),
        };
        let mut bytes = Cow::Borrowed(self.input.varint_bytes()?);
        while self.input.rest().starts_with(&[tag::OUTPUT, first]) {
            self.input.bytes(2)?;
            bytes.to_mut().extend_from_slice(self.input.varint_bytes()?);
        }
        Ok(EventKind::Output(stream, bytes))
    }

    fn read_gap(&mut self) -> Result<EventKind<'a>, LogError> {
        let reason = match self.input.byte()? {
            gap::EVENTS => GapReason::Events,
            gap::BYTES => GapReason::Bytes,
            gap::DEPTH => GapReason::Depth,
            _ => return Err(self.input.error("an unknown gap")),
        };
        let skipped = self.input.varint()?;
        Ok(EventKind::Gap { reason, skipped })
    }

    fn read_end(&mut self) -> Result<End<'a>, LogError> {
        let verdict = match self.input.byte()? {
            verdict::RETURNED => Verdict::Returned,
            verdict::RAISED => Verdict::Raised,
            verdict::EXITED => Verdict::Exited,
            verdict::SYNTAX_ERROR => Verdict::SyntaxError,
            verdict::NO_ENTRY => Verdict::NoEntry,
            verdict::BAD_INPUT => Verdict::BadInput,
            verdict::OUTPUT_LIMIT => Verdict::OutputLimit,
            _ => return Err(self.input.error("an unknown verdict")),
        };
        let type_name = self.name()?;
        let len = self.input.array::<4>().map(u32::from_le_bytes)?;
        let text = self.input.text(len.into())?;
        Ok(End { verdict, value: Value { type_name, text } })
    }

    /// Says where the event stands: in this frame, which is the innermost one of the thread, if there is one.
    fn place(&self, frame: Option<u32>, event: &mut Event<'a>) {
        event.thread = self.thread as u32;
        event.frame = frame.unwrap_or(0);
        let (function, line) = match frame.map(|frame| &self.frames[frame as usize]) {
            Some(&Frame { function, line, .. }) => (function, line),
            None => ("", 0),
        };
        event.function = function;
        event.line = line;
        let stack = self.stack();
        let below = stack.len().saturating_sub(1);
        event.depth = below as u32;
        event.parent = below.checked_sub(1).map(|caller| stack[caller]);
    }

    /// As many changes as the first byte of the item says.
    fn read_changes(&mut self, count: u8, changes: &mut Vec<Change<'a>>) -> Result<(), LogError> {
        while count == tag::MANY || changes.len() < count.into() {
            let head = self.input.varint()?;
            if head == 0 && count == tag::MANY {
                return Ok(());
            }
            let name = (head >> change::NAME_SHIFT)
                .checked_sub(1)
                .ok_or_else(|| self.input.error("a change without a name"))?;
            let name = self.named(name)?;
            let scope = if head & change::GLOBAL == 0 { Scope::Local } else { Scope::Global };
            let (kind, element) = match head & change::KIND {
                change::ELEMENT => {
                    let kind = self.input.byte()?;
                    (self.change_kind(kind.into())?, Some(self.text()?))
                }
                kind => (self.change_kind(kind)?, None),
            };
            let value = if kind == ChangeKind::Deleted { None } else { Some(self.value()?) };
            changes.push(Change { scope, name, element, kind, value });
        }
        Ok(())
    }

    fn change_kind(&self, kind: u64) -> Result<ChangeKind, LogError> {
        match kind {
            change::NEW => Ok(ChangeKind::New),
            change::MODIFIED => Ok(ChangeKind::Modified),
            change::DELETED => Ok(ChangeKind::Deleted),
            _ => Err(self.input.error("an unknown kind of change")),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, LogError> {
        let type_name = self.name()?;
        let text = self.text()?;
        Ok(Value { type_name, text })
    }

    fn text(&mut self) -> Result<&'a str, LogError> {
        let len = match self.input.byte()? {
            text::REPEATED => {
                let number = usize::try_from(self.input.varint()?).ok();
                let text = number.and_then(|number| self.texts.get(number));
                return text.copied().ok_or_else(|| self.input.error("a text that was not given"));
            }
            text::LONG => self.input.array::<2>().map(u16::from_le_bytes)?,
            len => len.into(),
        };
        let text = self.input.text(len.into())?;
        if text.len() >= text::NUMBERED_LEN {
            self.texts.push(text);
        }
        Ok(text)
    }

    fn name(&mut self) -> Result<&'a str, LogError> {
        let number = self.input.varint()?;
        self.named(number)
    }

    /// The name of this number; 0 says that a fresh one follows.
    fn named(&mut self, number: u64) -> Result<&'a str, LogError> {
        let Some(index) = number.checked_sub(1) else {
            let name = self.input.varint_text()?;
            self.names.push(name);
            return Ok(name);
        };
        let name = usize::try_from(index).ok().and_then(|index| self.names.get(index));
        name.copied().ok_or_else(|| self.input.error("a name that was not given"))
    }

    fn line_number(&mut self) -> Result<u32, LogError> {
        let line = self.input.varint()?;
        u32::try_from(line).map_err(|_| self.input.error("a line number out of range"))
    }

    fn stack(&self) -> &[u32] {
        &self.stacks[self.thread]
    }

    fn stack_mut(&mut self) -> &mut Vec<u32> {
        &mut self.stacks[self.thread]
    }

    fn top(&self) -> Result<u32, LogError> {
        self.stack().last().copied().ok_or_else(|| self.input.error("an event outside any frame"))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Event<'a>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut event = blank();
        match self.read_into(&mut event) {
            Ok(true) => Some(Ok(event)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Memory for an event.
fn blank<'a>() -> Event<'a> {
    Event {
        thread: 0,
        frame: 0,
        parent: None,
        depth: 0,
        function: "",
        line: 0,
        kind: EventKind::Line,
        changes: Vec::new(),
    }
}
