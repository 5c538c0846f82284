//! Writes logs as the tracer does, from a plan of what happens in them.

use proptest::prelude::*;
use trace::wire::{change, effect, gap, place, put_varint, stream, tag, text, verdict, zigzag};
use trace::{
    Change, ChangeKind, Effect, EffectKind, End, Event, EventKind, GapReason, Instruction, Scope, StackItem,
    Stream, Value, Verdict,
};

/// One thing that happens. Steps that cannot happen where they stand are left out.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Call {
        function: String,
        line: u32,
        changes: Changes,
    },
    Line {
        line: u32,
        changes: Changes,
    },
    /// Picks one of the suspended frames.
    Resume {
        pick: usize,
        changes: Changes,
    },
    Return {
        value: Text,
        changes: Changes,
    },
    Yield {
        value: Text,
        changes: Changes,
    },
    Raise {
        value: Text,
        changes: Changes,
    },
    Unwind {
        value: Text,
        changes: Changes,
    },
    Instruction {
        offset: u32,
        name: String,
        argument: Option<String>,
        stack: Vec<Item>,
        changes: Changes,
    },
    /// Picks one of the threads that there are, or the next one.
    Thread {
        pick: usize,
    },
    Effect {
        detail: String,
    },
    Output {
        is_error: bool,
        bytes: Vec<u8>,
    },
    Gap {
        skipped: u64,
    },
}

/// Type and text.
pub(crate) type Text = (String, String);

/// What may lie on the operand stack.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Null,
    Value(Text),
    Local(String),
}

/// Whether it is global, the name, the element if it is one, and the value unless it is deleted, with whether it
/// is new.
pub(crate) type Changes = Vec<(bool, String, Option<String>, Option<(bool, Text)>)>;

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..60)
}

pub(crate) fn text() -> impl Strategy<Value = Text> {
    (name(), written())
}

/// Some occur again; some are too long for one byte of length.
fn written() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,20}",
        2 => "again and [ab]",
        1 => "[xy]".prop_map(|letter| letter.repeat(300)),
        1 => (250..258_usize).prop_map(|len| "z".repeat(len)),
    ]
}

/// Few names, so that most occur again.
fn name() -> impl Strategy<Value = String> {
    "[a-cé]{0,2}"
}

fn changes() -> impl Strategy<Value = Changes> {
    let value = proptest::option::of((any::<bool>(), text()));
    let element = proptest::option::weighted(0.3, "\\[[0-9]{1,9}\\]");
    proptest::collection::vec((any::<bool>(), name(), element, value), 0..4)
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![Just(Item::Null), text().prop_map(Item::Value), name().prop_map(Item::Local)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (name(), any::<u32>(), changes())
            .prop_map(|(function, line, changes)| Step::Call { function, line, changes }),
        6 => (any::<u32>(), changes()).prop_map(|(line, changes)| Step::Line { line, changes }),
        2 => (any::<usize>(), changes()).prop_map(|(pick, changes)| Step::Resume { pick, changes }),
        1 => (text(), changes()).prop_map(|(value, changes)| Step::Return { value, changes }),
        2 => (text(), changes()).prop_map(|(value, changes)| Step::Yield { value, changes }),
        1 => (text(), changes()).prop_map(|(value, changes)| Step::Raise { value, changes }),
        1 => (text(), changes()).prop_map(|(value, changes)| Step::Unwind { value, changes }),
        3 => (0..3_u32, name(), proptest::option::of(".{0,9}"), proptest::collection::vec(item(), 0..4), changes())
            .prop_map(|(offset, name, argument, stack, changes)| {
                Step::Instruction { offset, name, argument, stack, changes }
            }),
        1 => any::<usize>().prop_map(|pick| Step::Thread { pick }),
        1 => written().prop_map(|detail| Step::Effect { detail }),
        2 => (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..6))
            .prop_map(|(is_error, bytes)| Step::Output { is_error, bytes }),
        1 => any::<u64>().prop_map(|skipped| Step::Gap { skipped }),
    ]
}

/// A log, and what it must read as.
pub(crate) struct Log<'a> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<Event<'a>>,
    /// Where each item ends.
    pub(crate) boundaries: Vec<usize>,
    names: Vec<&'a str>,
    texts: Vec<&'a str>,
    instructions: Vec<(u32, &'a str, Option<&'a str>)>,
    frames: Vec<(&'a str, u32)>,
    /// For each frame, the operand stack at its last instruction.
    operands: Vec<Vec<StackItem<'a>>>,
    stacks: Vec<Vec<u32>>,
    thread: usize,
    suspended: Vec<u32>,
    /// The stream of the last item, if that was an output.
    output_before: Option<Stream>,
}

impl<'a> Log<'a> {
    pub(crate) fn of(steps: &'a [Step]) -> Log<'a> {
        let mut log = Log {
            bytes: Vec::new(),
            events: Vec::new(),
            boundaries: Vec::new(),
            names: Vec::new(),
            texts: Vec::new(),
            instructions: Vec::new(),
            frames: Vec::new(),
            operands: Vec::new(),
            stacks: vec![Vec::new()],
            thread: 0,
            suspended: Vec::new(),
            output_before: None,
        };
        for step in steps {
            if log.step(step) {
                log.boundaries.push(log.bytes.len());
                log.output_before = match log.events.last() {
                    Some(Event { kind: EventKind::Output(stream, _), .. })
                        if matches!(step, Step::Output { .. }) =>
                    {
                        Some(*stream)
                    }
                    _ => None,
                };
            }
        }
        log
    }

    pub(crate) fn end(&mut self, (type_name, text): &'a Text) -> End<'a> {
        self.bytes.extend([tag::END, verdict::RAISED]);
        self.name(type_name);
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
        End { verdict: Verdict::Raised, value: Value { type_name, text } }
    }

    /// Whether it can happen.
    fn step(&mut self, step: &'a Step) -> bool {
        match step {
            Step::Call { function, line, changes } => {
                self.tag(tag::CALL, changes);
                self.name(function);
                put_varint(&mut self.bytes, u64::from(*line));
                let frame = self.frames.len() as u32;
                self.stack().push(frame);
                self.frames.push((function, *line));
                self.operands.push(Vec::new());
                self.event(EventKind::Call, changes);
            }
            Step::Resume { pick, changes } => {
                if self.suspended.is_empty() {
                    return false;
                }
                let frame = self.suspended.remove(pick % self.suspended.len());
                self.tag(tag::RESUME, changes);
                put_varint(&mut self.bytes, u64::from(frame));
                self.stack().push(frame);
                self.event(EventKind::Resume, changes);
            }
            Step::Thread { pick } => {
                self.thread = pick % (self.stacks.len() + 1);
                if self.thread == self.stacks.len() {
                    self.stacks.push(Vec::new());
                }
                self.bytes.push(tag::THREAD);
                put_varint(&mut self.bytes, self.thread as u64);
            }
            Step::Effect { detail } => {
                self.bytes.extend([tag::EFFECT, effect::TIME]);
                self.text(detail);
                self.push(EventKind::Effect(Effect { kind: EffectKind::Time, detail }), Vec::new());
            }
            Step::Output { is_error, bytes } => self.output(*is_error, bytes),
            Step::Gap { skipped } => {
                self.bytes.extend([tag::GAP, gap::BYTES]);
                put_varint(&mut self.bytes, *skipped);
                self.push(EventKind::Gap { reason: GapReason::Bytes, skipped: *skipped }, Vec::new());
            }
            _ => return self.step_of_a_frame(step),
        }
        true
    }

    fn step_of_a_frame(&mut self, step: &'a Step) -> bool {
        let Some(&frame) = self.stack().last() else { return false };
        if let Step::Instruction { offset, name, argument, stack, changes } = step {
            self.instruction(frame, (*offset, name, argument.as_deref()), stack, changes);
            return true;
        }
        let mut valued = |tag, value, changes, kind: fn(Value<'a>) -> EventKind<'a>| {
            self.tag(tag, changes);
            let value = self.value(value);
            self.event(kind(value), changes);
        };
        match step {
            Step::Line { line, changes } => {
                let known = &mut self.frames[frame as usize].1;
                let delta = i64::from(*line) - i64::from(*known);
                *known = *line;
                let delta = zigzag(delta);
                let near = u8::try_from(delta).ok().filter(|near| *near < tag::FAR);
                self.tag(tag::LINE | near.unwrap_or(tag::FAR), changes);
                if near.is_none() {
                    put_varint(&mut self.bytes, delta);
                }
                self.event(EventKind::Line, changes);
                return true;
            }
            Step::Raise { value, changes } => {
                valued(tag::RAISE, value, changes, EventKind::Raise);
                return true;
            }
            Step::Yield { value, changes } => {
                valued(tag::YIELD, value, changes, EventKind::Yield);
                self.suspended.push(frame);
            }
            Step::Return { value, changes } => valued(tag::RETURN, value, changes, EventKind::Return),
            Step::Unwind { value, changes } => valued(tag::UNWIND, value, changes, EventKind::Unwind),
            _ => return false,
        }
        self.stack().pop();
        true
    }

    fn stack(&mut self) -> &mut Vec<u32> {
        &mut self.stacks[self.thread]
    }

    /// The first byte of an item with these changes.
    fn tag(&mut self, tag: u8, changes: &Changes) {
        let count = changes.len().min(tag::MANY.into()) as u8;
        self.bytes.push(tag | count << tag::COUNT_SHIFT);
    }

    fn instruction(
        &mut self,
        frame: u32,
        described: (u32, &'a str, Option<&'a str>),
        stack: &'a [Item],
        changes: &'a Changes,
    ) {
        self.tag(tag::INSTRUCTION, changes);
        let (offset, name, argument) = described;
        let number = self.instructions.iter().position(|known| *known == described);
        put_varint(&mut self.bytes, number.map_or(0, |index| index as u64 + 1));
        if number.is_none() {
            self.instructions.push(described);
            put_varint(&mut self.bytes, offset.into());
            self.name(name);
            put_varint(&mut self.bytes, argument.map_or(0, |argument| argument.len() as u64 + 1));
            self.bytes.extend(argument.unwrap_or_default().as_bytes());
        }
        put_varint(&mut self.bytes, stack.len() as u64);
        let before = std::mem::take(&mut self.operands[frame as usize]);
        let stack: Vec<_> =
            stack.iter().enumerate().map(|(at, item)| self.place(item, before.get(at))).collect();
        self.operands[frame as usize].clone_from(&stack);
        self.event(EventKind::Instruction(Box::new(Instruction { offset, name, argument, stack })), changes);
    }

    fn place(&mut self, item: &'a Item, before: Option<&StackItem<'a>>) -> StackItem<'a> {
        let operand = match item {
            Item::Null => StackItem::Null,
            Item::Value((type_name, text)) => StackItem::Value(Value { type_name, text }),
            Item::Local(name) => StackItem::Local(name),
        };
        match item {
            _ if before == Some(&operand) => put_varint(&mut self.bytes, place::SAME),
            Item::Null => put_varint(&mut self.bytes, place::NULL),
            Item::Value(value) => {
                put_varint(&mut self.bytes, place::VALUE);
                self.value(value);
            }
            Item::Local(name) => {
                let number = self.number(name);
                put_varint(&mut self.bytes, number + place::LOCAL);
                if number == 0 {
                    self.fresh(name);
                }
            }
        }
        operand
    }

    fn output(&mut self, is_error: bool, bytes: &'a [u8]) {
        let (mark, stream) =
            if is_error { (stream::STDERR, Stream::Stderr) } else { (stream::STDOUT, Stream::Stdout) };
        self.bytes.extend([tag::OUTPUT, mark]);
        put_varint(&mut self.bytes, bytes.len() as u64);
        self.bytes.extend(bytes);
        if let Some(Event { kind: EventKind::Output(last, before), .. }) = self.events.last_mut()
            && self.output_before == Some(*last)
            && *last == stream
        {
            before.to_mut().extend(bytes);
        } else {
            self.push(EventKind::Output(stream, bytes.into()), Vec::new());
        }
    }

    fn event(&mut self, kind: EventKind<'a>, changes: &'a Changes) {
        let changes: Vec<_> = changes.iter().map(|change| self.change(change)).collect();
        if changes.len() >= tag::MANY.into() {
            self.bytes.push(0);
        }
        self.push(kind, changes);
    }

    fn push(&mut self, kind: EventKind<'a>, changes: Vec<Change<'a>>) {
        let stack = &self.stacks[self.thread];
        let frame = stack.last().copied();
        let (function, line) = frame.map_or(("", 0), |frame| self.frames[frame as usize]);
        self.events.push(Event {
            thread: self.thread as u32,
            frame: frame.unwrap_or(0),
            parent: stack.len().checked_sub(2).map(|below| stack[below]),
            depth: stack.len().saturating_sub(1) as u32,
            function,
            line,
            kind,
            changes,
        });
    }

    fn change(
        &mut self,
        (is_global, name, element, value): &'a (bool, String, Option<String>, Option<(bool, Text)>),
    ) -> Change<'a> {
        let (kind, mark) = match value {
            None => (ChangeKind::Deleted, change::DELETED),
            Some((true, _)) => (ChangeKind::New, change::NEW),
            Some((false, _)) => (ChangeKind::Modified, change::MODIFIED),
        };
        let (scope, global) = if *is_global { (Scope::Global, change::GLOBAL) } else { (Scope::Local, 0) };
        let number = self.number(name);
        let head_mark = if element.is_some() { change::ELEMENT } else { mark };
        put_varint(&mut self.bytes, ((number + 1) << change::NAME_SHIFT) | global | head_mark);
        if number == 0 {
            self.fresh(name);
        }
        if let Some(element) = element {
            self.bytes.push(mark as u8);
            self.text(element);
        }
        let value = value.as_ref().map(|(_, value)| self.value(value));
        Change { scope, name, element: element.as_deref(), kind, value }
    }

    fn value(&mut self, (type_name, text): &'a Text) -> Value<'a> {
        self.name(type_name);
        self.text(text);
        Value { type_name, text }
    }

    fn text(&mut self, text: &'a str) {
        if let Some(number) = self.texts.iter().position(|known| *known == text) {
            self.bytes.push(text::REPEATED);
            return put_varint(&mut self.bytes, number as u64);
        }
        if text.len() < text::LONG.into() {
            self.bytes.push(text.len() as u8);
        } else {
            self.bytes.push(text::LONG);
            self.bytes.extend((text.len() as u16).to_le_bytes());
        }
        self.bytes.extend(text.as_bytes());
        if text.len() >= text::NUMBERED_LEN {
            self.texts.push(text);
        }
    }

    fn name(&mut self, name: &'a str) {
        let number = self.number(name);
        put_varint(&mut self.bytes, number);
        if number == 0 {
            self.fresh(name);
        }
    }

    /// 0 for a name that did not occur yet.
    fn number(&self, name: &str) -> u64 {
        self.names.iter().position(|known| *known == name).map_or(0, |index| index as u64 + 1)
    }

    fn fresh(&mut self, name: &'a str) {
        put_varint(&mut self.bytes, name.len() as u64);
        self.bytes.extend(name.as_bytes());
        self.names.push(name);
    }
}
