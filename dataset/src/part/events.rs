//! Events as columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::builder::{LargeStringBuilder, StringDictionaryBuilder, UInt32Builder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, LargeListArray, StructArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{FieldRef, Fields};
use trace::{Change, Event, EventKind, Instruction, StackItem};

use super::schema::{CHANGE, CHANGE_FIELDS, EVENT, EVENT_FIELDS, STACK_ITEM, STACK_ITEM_FIELDS};

pub(super) type Text = LargeStringBuilder;
pub(super) type Name = StringDictionaryBuilder<Int32Type>;

/// No honest name is longer, and a name is repeated at every event.
const NAME_BYTES: usize = 512;

/// Bytes that an event or a change takes beside its texts, roughly.
const STRUCT_BYTES: usize = 24;

/// The `events` of the rows that are being gathered.
#[derive(Default)]
pub(super) struct EventColumns {
    ends: Ends,
    kind: Name,
    frame: UInt32Builder,
    parent: UInt32Builder,
    depth: UInt32Builder,
    function: Name,
    line: UInt32Builder,
    changes: ChangeColumns,
    type_name: Name,
    text: Text,
    thread: UInt32Builder,
    instructions: InstructionColumns,
}

#[derive(Default)]
struct ChangeColumns {
    ends: Ends,
    scope: Name,
    name: Name,
    kind: Name,
    type_name: Name,
    text: Text,
    element: Text,
}

/// What only instructions have, so that the events of other granularities cost next to nothing.
struct InstructionColumns {
    /// Events that are none, since the last one.
    others: usize,
    offset: UInt32Builder,
    ends: Ends,
    has_stack: NullBufferBuilder,
    local: Name,
    type_name: Name,
    text: Text,
}

impl Default for InstructionColumns {
    fn default() -> Self {
        InstructionColumns {
            others: 0,
            offset: UInt32Builder::default(),
            ends: Ends::default(),
            has_stack: NullBufferBuilder::new(0),
            local: Name::default(),
            type_name: Name::default(),
            text: Text::default(),
        }
    }
}

/// Where each list of a column ends, as a count of members so far.
#[derive(Default)]
struct Ends {
    members: i64,
    ends: Vec<i64>,
}

impl EventColumns {
    /// Appends one row's events; gives the bytes that they take.
    pub(super) fn append(&mut self, events: &[Event<'_>]) -> usize {
        let bytes = events.iter().map(|event| self.append_event(event)).sum();
        self.ends.close_list(events.len());
        bytes
    }

    fn append_event(&mut self, event: &Event<'_>) -> usize {
        self.kind.append_value(event.kind.name());
        self.frame.append_value(event.frame);
        self.parent.append_option(event.parent);
        self.depth.append_value(event.depth);
        self.function.append_value(bounded(event.function));
        self.line.append_value(event.line);
        let changes = self.changes.append(&event.changes);
        let (type_name, text) = type_and_text(&event.kind);
        self.type_name.append_option(type_name.map(bounded));
        self.text.append_option(text.as_deref());
        self.thread.append_value(event.thread);
        let stack = match &event.kind {
            EventKind::Instruction(instruction) => self.instructions.append(instruction),
            _ => self.instructions.pass(),
        };
        STRUCT_BYTES + changes + stack + text.map_or(0, |text| text.len())
    }

    pub(super) fn finish(&mut self) -> LargeListArray {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.kind.finish()),
            Arc::new(self.frame.finish()),
            Arc::new(self.parent.finish()),
            Arc::new(self.depth.finish()),
            Arc::new(self.function.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.changes.finish()),
            Arc::new(self.type_name.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.thread.finish()),
            self.instructions.finish_offset(),
            self.instructions.finish_stack(),
        ];
        self.ends.finish(&EVENT, &EVENT_FIELDS, columns, None)
    }
}

impl ChangeColumns {
    fn append(&mut self, changes: &[Change<'_>]) -> usize {
        let mut bytes = 0;
        for change in changes {
            self.scope.append_value(change.scope.name());
            self.name.append_value(bounded(change.name));
            self.kind.append_value(change.kind.name());
            self.type_name.append_option(change.value.map(|value| bounded(value.type_name)));
            self.text.append_option(change.value.map(|value| value.text));
            self.element.append_option(change.element);
            let element = change.element.map_or(0, str::len);
            bytes += STRUCT_BYTES + element + change.value.map_or(0, |value| value.text.len());
        }
        self.ends.close_list(changes.len());
        bytes
    }

    fn finish(&mut self) -> LargeListArray {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.scope.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.type_name.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.element.finish()),
        ];
        self.ends.finish(&CHANGE, &CHANGE_FIELDS, columns, None)
    }
}

impl InstructionColumns {
    /// An event that is no instruction; gives the bytes that it takes.
    fn pass(&mut self) -> usize {
        self.others += 1;
        0
    }

    fn append(&mut self, instruction: &Instruction<'_>) -> usize {
        self.catch_up();
        self.offset.append_value(instruction.offset);
        let mut bytes = 0;
        for item in &instruction.stack {
            let (local, value) = match item {
                StackItem::Null => (None, None),
                StackItem::Local(name) => (Some(bounded(name)), None),
                StackItem::Value(value) => (None, Some(value)),
            };
            self.local.append_option(local);
            self.type_name.append_option(value.map(|value| bounded(value.type_name)));
            self.text.append_option(value.map(|value| value.text));
            bytes += STRUCT_BYTES + value.map_or(0, |value| value.text.len());
        }
        self.ends.close_list(instruction.stack.len());
        self.has_stack.append_non_null();
        bytes
    }

    /// Writes down the events that were passed.
    fn catch_up(&mut self) {
        let others = std::mem::take(&mut self.others);
        self.offset.append_nulls(others);
        self.ends.close_empty_lists(others);
        self.has_stack.append_n_nulls(others);
    }

    fn finish_offset(&mut self) -> ArrayRef {
        self.catch_up();
        Arc::new(self.offset.finish())
    }

    fn finish_stack(&mut self) -> ArrayRef {
        self.catch_up();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.local.finish()),
            Arc::new(self.type_name.finish()),
            Arc::new(self.text.finish()),
        ];
        let has_stack = self.has_stack.finish();
        Arc::new(self.ends.finish(&STACK_ITEM, &STACK_ITEM_FIELDS, columns, has_stack))
    }
}

impl Ends {
    fn close_list(&mut self, members: usize) {
        self.members += members as i64;
        self.ends.push(self.members);
    }

    fn close_empty_lists(&mut self, lists: usize) {
        self.ends.resize(self.ends.len() + lists, self.members);
    }

    fn finish(
        &mut self,
        member: &FieldRef,
        fields: &Fields,
        columns: Vec<ArrayRef>,
        lists_present: Option<NullBuffer>,
    ) -> LargeListArray {
        let offsets: Vec<i64> = std::iter::once(0).chain(self.ends.drain(..)).collect();
        self.members = 0;
        let members = StructArray::new(fields.clone(), columns, None);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        LargeListArray::new(member.clone(), offsets, Arc::new(members), lists_present)
    }
}

/// The two columns that hold what an event carries beside its changes.
fn type_and_text<'a>(kind: &'a EventKind<'_>) -> (Option<&'a str>, Option<Cow<'a, str>>) {
    match kind {
        EventKind::Call | EventKind::Line | EventKind::Resume => (None, None),
        EventKind::Return(value)
        | EventKind::Yield(value)
        | EventKind::Raise(value)
        | EventKind::Unwind(value) => (Some(value.type_name), Some(value.text.into())),
        EventKind::Instruction(instruction) => {
            (Some(instruction.name), instruction.argument.map(Cow::Borrowed))
        }
        EventKind::Effect(effect) => (Some(effect.kind.name()), Some(effect.detail.into())),
        EventKind::Output(stream, bytes) => (Some(stream.name()), Some(String::from_utf8_lossy(bytes))),
        EventKind::Gap { reason, skipped } => (Some(reason.name()), Some(skipped.to_string().into())),
    }
}

fn bounded(name: &str) -> Cow<'_, str> {
    const MARK: &str = "…";
    if name.len() <= NAME_BYTES {
        return name.into();
    }
    let end = name.floor_char_boundary(NAME_BYTES - MARK.len());
    format!("{}{MARK}", &name[..end]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(bounded("short"), "short");
        let cut = bounded(&"é".repeat(400)).into_owned();
        assert!(cut.len() <= NAME_BYTES && cut.ends_with("é…"), "{cut}");
    }
}
