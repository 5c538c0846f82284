//! Columns back into a row.

use std::str::FromStr;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, LargeListArray, RecordBatch, StructArray};
use trace::{
    Change, ChangeKind, Effect, EffectKind, Event, EventKind, GapReason, Granularity, Instruction, Scope,
    StackItem, Stream, Value,
};

use super::PartError;
use crate::{Captured, InputOrigin, Outcome, Row, Verdict};

/// One row as read. It owns what [`StoredRow::row`] lends.
#[derive(Debug)]
pub struct StoredRow {
    key: String,
    batch: RecordBatch,
}

impl StoredRow {
    /// `batch` is one row of the schema, perhaps without the columns that were added to it.
    pub(super) fn new(key: &str, batch: RecordBatch) -> StoredRow {
        StoredRow { key: key.to_owned(), batch }
    }

    /// The row with its events.
    pub fn row(&self) -> Result<Row<'_>, PartError> {
        let column =
            |name: &str| self.batch.column_by_name(name).expect("a row has the columns of the schema");
        let text = |name: &str| column(name).as_string::<i64>().value(0).to_owned();
        let option = |name: &str| option_at(column(name), 0).map(str::to_owned);
        let name = |name: &str| name_at(column(name), 0);
        let number = |name: &str| column(name).as_primitive::<UInt64Type>().value(0);
        let flag = |name: &str| column(name).as_boolean().value(0);
        let known = |name: &str| column(name).is_valid(0).then(|| flag(name));
        let code =
            |name: &str| column(name).is_valid(0).then(|| column(name).as_primitive::<Int32Type>().value(0));
        // The first parts of this version lack it.
        let verdict = self.batch.column_by_name("verdict").filter(|column| column.is_valid(0));
        let verdict = verdict.map(|column| Verdict::from_str(name_at(column, 0))).transpose();
        let events = Events::new(column("events").as_list::<i64>());
        Ok(Row {
            trace_id: text("trace_id"),
            job_id: name("job_id"),
            shard: number("shard"),
            source_id: text("source_id"),
            source_path: text("source_path"),
            source_sha256: text("source_sha256"),
            source_meta: text("source_meta"),
            language: name("language"),
            interpreter: name("interpreter"),
            tracer_version: name("tracer_version"),
            entry: name("entry"),
            code: text("code"),
            input: option("input"),
            input_origin: InputOrigin::from_str(name("input_origin")).map_err(|error| self.damaged(error))?,
            granularity: Granularity::from_str(name("granularity")).map_err(|error| self.damaged(error))?,
            outcome: Outcome::from_str(name("outcome")).map_err(|error| self.damaged(error))?,
            exception_type: option("exception_type"),
            exception_message: option("exception_message"),
            exit_code: code("exit_code"),
            signal: code("signal"),
            output_type: option("output_type"),
            output: option("output"),
            stdout: Captured { text: text("stdout"), truncated: flag("stdout_truncated") },
            stderr: Captured { text: text("stderr"), truncated: flag("stderr_truncated") },
            confinement: name("confinement"),
            pure: known("pure"),
            deterministic: known("deterministic"),
            wall_us: number("wall_us"),
            cpu_us: number("cpu_us"),
            peak_memory_bytes: number("peak_memory_bytes"),
            trace_damaged: flag("trace_damaged"),
            trace_truncated: flag("trace_truncated"),
            verdict: verdict.map_err(|error| self.damaged(error))?,
            events: events.read().map_err(|error| self.damaged(error))?,
        })
    }

    fn damaged(&self, what: impl ToString) -> PartError {
        PartError::damaged(&self.key, what)
    }
}

/// A word that this version of the format does not know.
#[derive(Debug, thiserror::Error)]
#[error("it holds an event whose {what} is {word:?}")]
struct UnknownWord {
    what: &'static str,
    word: String,
}

impl UnknownWord {
    fn new(what: &'static str, word: &str) -> UnknownWord {
        UnknownWord { what, word: word.to_owned() }
    }
}

/// The events of one row.
struct Events<'a> {
    range: std::ops::Range<usize>,
    columns: &'a StructArray,
    changes: Changes<'a>,
    thread: Option<&'a ArrayRef>,
    offset: Option<&'a ArrayRef>,
    stacks: Option<Stacks<'a>>,
}

/// The changes of all events of a row.
struct Changes<'a> {
    lists: &'a LargeListArray,
    columns: &'a StructArray,
    element: Option<&'a ArrayRef>,
}

/// The operand stacks of all events of a row.
struct Stacks<'a> {
    lists: &'a LargeListArray,
    columns: &'a StructArray,
}

impl<'a> Events<'a> {
    fn new(lists: &'a LargeListArray) -> Events<'a> {
        let columns = lists.values().as_struct();
        let changes = columns.column(6).as_list::<i64>();
        let elements = changes.values().as_struct();
        let changes =
            Changes { lists: changes, columns: elements, element: elements.column_by_name("element") };
        let stacks = columns.column_by_name("stack").map(|stacks| stacks.as_list::<i64>());
        Events {
            range: list_at(lists, 0),
            columns,
            changes,
            thread: columns.column_by_name("thread"),
            offset: columns.column_by_name("offset"),
            stacks: stacks.map(|lists| Stacks { lists, columns: lists.values().as_struct() }),
        }
    }

    fn read(&self) -> Result<Vec<Event<'a>>, UnknownWord> {
        self.range.clone().map(|at| self.event(at)).collect()
    }

    fn event(&self, at: usize) -> Result<Event<'a>, UnknownWord> {
        let columns = self.columns;
        let number = |column: usize| columns.column(column).as_primitive::<UInt32Type>().value(at);
        Ok(Event {
            thread: self.thread.map_or(0, |thread| thread.as_primitive::<UInt32Type>().value(at)),
            frame: number(1),
            parent: columns.column(2).is_valid(at).then(|| number(2)),
            depth: number(3),
            function: name_at(columns.column(4), at),
            line: number(5),
            kind: self.kind(at)?,
            changes: self.changes.read(at)?,
        })
    }

    fn kind(&self, at: usize) -> Result<EventKind<'a>, UnknownWord> {
        let type_name = name_at(self.columns.column(7), at);
        let argument = option_at(self.columns.column(8), at);
        let text = argument.unwrap_or_default();
        let value = Value { type_name, text };
        Ok(match name_at(self.columns.column(0), at) {
            "call" => EventKind::Call,
            "line" => EventKind::Line,
            "resume" => EventKind::Resume,
            "return" => EventKind::Return(value),
            "yield" => EventKind::Yield(value),
            "raise" => EventKind::Raise(value),
            "unwind" => EventKind::Unwind(value),
            "instruction" => EventKind::Instruction(Box::new(Instruction {
                offset: self.offset.map_or(0, |offset| offset.as_primitive::<UInt32Type>().value(at)),
                name: type_name,
                argument,
                stack: self.stacks.as_ref().map(|stacks| stacks.read(at)).unwrap_or_default(),
            })),
            "effect" => EventKind::Effect(Effect { kind: effect_kind(type_name)?, detail: text }),
            "output" => EventKind::Output(stream(type_name)?, text.as_bytes().into()),
            "gap" => EventKind::Gap {
                reason: gap_reason(type_name)?,
                skipped: text.parse().map_err(|_| UnknownWord::new("count of skipped events", text))?,
            },
            word => return Err(UnknownWord::new("kind", word)),
        })
    }
}

impl<'a> Stacks<'a> {
    fn read(&self, event: usize) -> Vec<StackItem<'a>> {
        list_at(self.lists, event).map(|at| self.item(at)).collect()
    }

    fn item(&self, at: usize) -> StackItem<'a> {
        let column = |index: usize| self.columns.column(index);
        let name = |index: usize| column(index).is_valid(at).then(|| name_at(column(index), at));
        match (name(0), name(1)) {
            (Some(local), _) => StackItem::Local(local),
            (None, Some(type_name)) => {
                StackItem::Value(Value { type_name, text: option_at(column(2), at).unwrap_or_default() })
            }
            (None, None) => StackItem::Null,
        }
    }
}

impl<'a> Changes<'a> {
    fn read(&self, event: usize) -> Result<Vec<Change<'a>>, UnknownWord> {
        list_at(self.lists, event).map(|at| self.change(at)).collect()
    }

    fn change(&self, at: usize) -> Result<Change<'a>, UnknownWord> {
        let column = |index: usize| self.columns.column(index);
        let value =
            Value { type_name: name_at(column(3), at), text: option_at(column(4), at).unwrap_or_default() };
        let (kind, value) = match name_at(column(2), at) {
            "new" => (ChangeKind::New, Some(value)),
            "modified" => (ChangeKind::Modified, Some(value)),
            "deleted" => (ChangeKind::Deleted, None),
            word => return Err(UnknownWord::new("kind of change", word)),
        };
        let scope = match name_at(column(0), at) {
            "local" => Scope::Local,
            "global" => Scope::Global,
            word => return Err(UnknownWord::new("scope", word)),
        };
        let element = self.element.and_then(|element| option_at(element, at));
        Ok(Change { scope, name: name_at(column(1), at), element, kind, value })
    }
}

fn stream(word: &str) -> Result<Stream, UnknownWord> {
    match word {
        "stdout" => Ok(Stream::Stdout),
        "stderr" => Ok(Stream::Stderr),
        word => Err(UnknownWord::new("stream", word)),
    }
}

fn effect_kind(word: &str) -> Result<EffectKind, UnknownWord> {
    let known = EffectKind::ALL.into_iter().find(|kind| kind.name() == word);
    known.ok_or_else(|| UnknownWord::new("effect", word))
}

fn gap_reason(word: &str) -> Result<GapReason, UnknownWord> {
    match word {
        "events" => Ok(GapReason::Events),
        "bytes" => Ok(GapReason::Bytes),
        "depth" => Ok(GapReason::Depth),
        word => Err(UnknownWord::new("gap", word)),
    }
}

fn list_at(lists: &LargeListArray, at: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    offsets[at] as usize..offsets[at + 1] as usize
}

/// The text of a dictionary column; empty where it is null.
pub(super) fn name_at(column: &dyn Array, at: usize) -> &str {
    let names = column.as_dictionary::<Int32Type>();
    match names.key(at) {
        Some(key) => names.values().as_string::<i32>().value(key),
        None => "",
    }
}

/// The text of a nullable column.
pub(super) fn option_at(column: &dyn Array, at: usize) -> Option<&str> {
    column.is_valid(at).then(|| column.as_string::<i64>().value(at))
}
