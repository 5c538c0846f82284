//! What a tracer told of a program, in one form for both tracers: the reference's JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use trace::{Decoded, EventKind, StackItem, Verdict};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub events: Vec<Event>,
    /// Absent where the process died first.
    pub end: Option<End>,
}

#[derive(Debug, Clone, Eq, Deserialize)]
pub struct Event {
    #[serde(default)]
    pub thread: u32,
    pub kind: String,
    pub frame: u32,
    pub parent: Option<u32>,
    pub depth: u32,
    pub function: String,
    pub line: u32,
    /// In order of scope and name.
    pub changes: Vec<Change>,
    /// With `text`: the value, the exception and its message, the instruction and its argument, the kind of an
    /// effect and its detail, the stream and what was written, or why there is a gap and how many events it holds.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    pub text: Option<String>,
    /// For an instruction, its offset and the operand stack before it, as far as the tracer can see it.
    #[serde(default)]
    pub offset: Option<u32>,
    #[serde(default)]
    pub stack: Option<Vec<Item>>,
    /// All that was looked at, where the reference was asked for it.
    pub state: Option<Looked>,
}

/// Scope, name (with the element behind it), kind of change, and the type and text of the value that it has now.
pub(super) type Change = (String, String, String, Option<String>, Option<String>);

/// Type and text.
pub(super) type Variable = (String, String);

/// The name of a local, the type and text of a value, or both; all absent for a place without an object.
pub(super) type Item = (Option<String>, Option<String>, Option<String>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Looked {
    pub local: BTreeMap<String, Variable>,
    /// `None` for a global that the code names but nothing is bound to.
    pub global: BTreeMap<String, Option<Variable>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct End {
    pub verdict: String,
    #[serde(rename = "type")]
    pub type_name: String,
    pub text: String,
}

/// Whether full states were asked for makes no difference.
impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        let fields = |event: &Event| (event.thread, event.frame, event.parent, event.depth, event.line);
        fields(self) == fields(other)
            && self.kind == other.kind
            && self.function == other.function
            && self.changes == other.changes
            && self.type_name == other.type_name
            && self.text == other.text
            && self.offset == other.offset
            && same_stack(self.stack.as_deref(), other.stack.as_deref())
    }
}

/// A tracer may write an object out although a local holds it; the reference says both.
fn same_stack(one: Option<&[Item]>, other: Option<&[Item]>) -> bool {
    let same = |one: &Item, other: &Item| {
        one == other
            || (one.0.is_some() && one.0 == other.0)
            || (one.1.is_some() && (&one.1, &one.2) == (&other.1, &other.2))
    };
    match (one, other) {
        (Some(one), Some(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (one, other) => one == other,
    }
}

impl Account {
    /// Says what is wrong with how the events hang together: with their frames' numbers, parents, depths and
    /// functions, which follow from the order in which frames are entered and left.
    pub fn disorder(&self) -> Option<String> {
        let mut stacks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut functions: Vec<&str> = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let stack = stacks.entry(event.thread).or_default();
            match event.kind.as_str() {
                "call" => {
                    stack.push(functions.len() as u32);
                    functions.push(&event.function);
                }
                "resume" => stack.push(event.frame),
                _ => {}
            }
            let frame = stack.last().copied();
            let expected = (
                frame.unwrap_or(0),
                stack.len().checked_sub(2).map(|below| stack[below]),
                stack.len().saturating_sub(1) as u32,
                frame.map_or(Some(""), |frame| functions.get(frame as usize).copied()),
            );
            if expected != (event.frame, event.parent, event.depth, Some(&event.function)) {
                return Some(format!("event {index} does not follow from those before it: {event:?}"));
            }
            if matches!(event.kind.as_str(), "return" | "yield" | "unwind") {
                stack.pop();
            }
        }
        None
    }

    /// The account as the reference gives it, which does not see effects.
    pub fn without_effects(mut self) -> Account {
        self.events.retain(|event| event.kind != "effect");
        // Output that neighbours but for an effect is one event.
        self.events.dedup_by(|next, event| {
            let place = |event: &Event| (event.thread, event.type_name.clone());
            let is_one = next.kind == "output" && event.kind == "output" && place(next) == place(event);
            if let (true, Some(text), Some(more)) = (is_one, &mut event.text, &next.text) {
                text.push_str(more);
            }
            is_one
        });
        self
    }

    /// How many events two accounts begin with in common.
    pub fn shared(&self, other: &Account) -> usize {
        self.events.iter().zip(&other.events).take_while(|(one, other)| one == other).count()
    }

    /// The first difference between two accounts, with the source line that it belongs to.
    pub fn difference(&self, other: &Account, source: &[u8]) -> Option<String> {
        let index = self.shared(other);
        if index < self.events.len().max(other.events.len()) {
            let side = |account: &Account| account.events.get(index).map_or("nothing".to_owned(), shown);
            let line = self.events.get(index).or(other.events.get(index)).map_or(0, |event| event.line);
            let text = source.split(|&byte| byte == b'\n').nth((line as usize).wrapping_sub(1));
            let text = text.map(String::from_utf8_lossy).unwrap_or_default();
            return Some(format!(
                "event {index}, at line {line}: {}\n  left:  {}\n  right: {}",
                text.trim(),
                side(self),
                side(other)
            ));
        }
        (self.end != other.end).then(|| format!("the end\n  left:  {:?}\n  right: {:?}", self.end, other.end))
    }
}

fn shown(event: &Event) -> String {
    format!(
        "{} of frame {} ({}), parent {:?}, line {}: {:?} {:?} {:?}",
        event.kind,
        event.frame,
        event.function,
        event.parent,
        event.line,
        event.type_name.as_deref().unwrap_or(""),
        event.text.as_deref().unwrap_or(""),
        event.changes
    )
}

impl From<&trace::Event<'_>> for Event {
    fn from(event: &trace::Event<'_>) -> Event {
        let (type_name, text) = match &event.kind {
            EventKind::Call | EventKind::Line | EventKind::Resume => (None, None),
            EventKind::Return(value)
            | EventKind::Yield(value)
            | EventKind::Raise(value)
            | EventKind::Unwind(value) => (Some(value.type_name.to_owned()), Some(value.text.to_owned())),
            EventKind::Instruction(instruction) => {
                (Some(instruction.name.to_owned()), instruction.argument.map(str::to_owned))
            }
            EventKind::Effect(effect) => {
                (Some(effect.kind.name().to_owned()), Some(effect.detail.to_owned()))
            }
            EventKind::Output(stream, bytes) => {
                (Some(stream.name().to_owned()), Some(String::from_utf8_lossy(bytes).into_owned()))
            }
            EventKind::Gap { reason, skipped } => (Some(reason.name().to_owned()), Some(skipped.to_string())),
        };
        let (offset, stack) = match &event.kind {
            EventKind::Instruction(instruction) => {
                (Some(instruction.offset), Some(instruction.stack.iter().map(item).collect()))
            }
            _ => (None, None),
        };
        let mut changes: Vec<Change> = event.changes.iter().map(change).collect();
        changes.sort();
        Event {
            thread: event.thread,
            kind: event.kind.name().to_owned(),
            frame: event.frame,
            parent: event.parent,
            depth: event.depth,
            function: event.function.to_owned(),
            line: event.line,
            changes,
            type_name,
            text,
            offset,
            stack,
            state: None,
        }
    }
}

impl From<&Decoded<'_>> for Account {
    fn from(decoded: &Decoded<'_>) -> Account {
        let events = decoded.events.iter().map(Event::from).collect();
        Account { events, end: decoded.end.as_ref().map(End::from) }
    }
}

fn item(item: &StackItem<'_>) -> Item {
    match item {
        StackItem::Null => (None, None, None),
        StackItem::Local(name) => (Some((*name).to_owned()), None, None),
        StackItem::Value(value) => (None, Some(value.type_name.to_owned()), Some(value.text.to_owned())),
    }
}

fn change(change: &trace::Change<'_>) -> Change {
    let value = change.value.map(|value| (value.type_name.to_owned(), value.text.to_owned()));
    let (type_name, text) = value.unzip();
    let scope = change.scope.name().to_owned();
    let name = format!("{}{}", change.name, change.element.unwrap_or_default());
    (scope, name, change.kind.name().to_owned(), type_name, text)
}

impl From<&trace::End<'_>> for End {
    fn from(end: &trace::End<'_>) -> End {
        let verdict = match end.verdict {
            Verdict::Returned => "returned",
            Verdict::Raised => "raised",
            Verdict::Exited => "exited",
            Verdict::SyntaxError => "syntax_error",
            Verdict::NoEntry => "no_entry",
            Verdict::BadInput => "bad_input",
            Verdict::OutputLimit => "output_limit",
        };
        End {
            verdict: verdict.to_owned(),
            type_name: end.value.type_name.to_owned(),
            text: end.value.text.to_owned(),
        }
    }
}
