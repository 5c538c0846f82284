//! Events as columns. They are most of a part by far, so their pages are written here rather than through Arrow: names
//! are looked up once per log, the levels of a list are put together once for all its columns, and nothing is copied
//! but the texts.

use std::borrow::Cow;

use parquet::errors::Result as ParquetResult;
use parquet::schema::types::ColumnDescPtr;
use trace::{Change, Event, EventKind, StackItem, Value};

use super::chunk::{Codec, Encoded};
use super::leaf::{Leaf, Names, Nullable, Numbers, Required, Seen, Texts};
use super::levels::{Level, List};

/// Bytes that an event, a change or a place of the stack takes beside its texts, roughly.
const STRUCT_BYTES: usize = 24;

/// How much of the way to a value is there: definition levels. One more than that of the member is that of a value
/// that could be null and is not.
const NO_EVENTS: u8 = 0;
const EVENT: u8 = 1;
const NO_CHANGES: u8 = EVENT;
const CHANGE: u8 = 2;
const NO_STACK: u8 = EVENT;
const EMPTY_STACK: u8 = 2;
const STACK_ITEM: u8 = 3;

/// The repetition level of a change or a place of the stack that is not the first of its event.
const GOES_ON: u8 = 2;

/// A row without events.
const NOTHING: Level = Level { repetition: 0, definition: NO_EVENTS };

/// The `events` of the rows that are being gathered.
pub(super) struct EventColumns {
    rows: usize,
    /// Of the names that the row group holds, as counted last.
    name_bytes: usize,
    list: List,
    kind: Required<Names>,
    frame: Required<Numbers>,
    parent: Nullable<Numbers>,
    depth: Required<Numbers>,
    function: Required<Names>,
    line: Required<Numbers>,
    changes: ChangeColumns,
    type_name: Nullable<Names>,
    text: Nullable<Texts>,
    thread: Required<Numbers>,
    offset: Nullable<Numbers>,
    stack: StackColumns,
}

struct ChangeColumns {
    list: List,
    scope: Required<Names>,
    name: Required<Names>,
    kind: Required<Names>,
    type_name: Nullable<Names>,
    text: Nullable<Texts>,
    element: Nullable<Texts>,
}

struct StackColumns {
    list: List,
    local: Nullable<Names>,
    type_name: Nullable<Names>,
    text: Nullable<Texts>,
}

/// Takes the events of the row that is being appended, in their order.
pub struct EventWriter<'c, 'a> {
    columns: &'c mut EventColumns,
    seen: SeenNames<'a>,
    count: u64,
    bytes: usize,
}

#[derive(Default)]
struct SeenNames<'a> {
    kind: Seen<'a>,
    function: Seen<'a>,
    type_name: Seen<'a>,
    scope: Seen<'a>,
    change_name: Seen<'a>,
    change_kind: Seen<'a>,
    change_type: Seen<'a>,
    local: Seen<'a>,
    stack_type: Seen<'a>,
}

impl<'a> EventWriter<'_, 'a> {
    pub fn push(&mut self, event: &Event<'a>) {
        let EventWriter { columns, seen, count, bytes } = self;
        let repetition = u8::from(*count > 0);
        *count += 1;
        *bytes += columns.push(event, repetition, seen);
    }

    /// How many there are so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Ends the row.
    pub(super) fn finish(self) -> Told {
        if self.count == 0 {
            self.columns.push_nothing();
        }
        self.columns.rows += 1;
        Told { events: self.count, bytes: self.bytes + self.columns.new_name_bytes() }
    }
}

/// What the events of a row come to.
pub(super) struct Told {
    pub(super) events: u64,
    /// What they take before they are compressed, roughly.
    pub(super) bytes: usize,
}

impl EventColumns {
    pub(super) fn new() -> EventColumns {
        EventColumns {
            rows: 0,
            name_bytes: 0,
            list: List::new(Level { repetition: 1, definition: EVENT }),
            kind: Required::default(),
            frame: Required::default(),
            parent: Nullable::default(),
            depth: Required::default(),
            function: Required::default(),
            line: Required::default(),
            changes: ChangeColumns::new(),
            type_name: Nullable::default(),
            text: Nullable::default(),
            thread: Required::default(),
            offset: Nullable::default(),
            stack: StackColumns::new(),
        }
    }

    /// Begins the next row.
    pub(super) fn row<'a>(&mut self) -> EventWriter<'_, 'a> {
        EventWriter { columns: self, seen: SeenNames::default(), count: 0, bytes: 0 }
    }

    /// Ends a page of each column.
    pub(super) fn end_page(&mut self, codec: &mut Codec) -> ParquetResult<()> {
        let rows = std::mem::take(&mut self.rows);
        for list in self.lists() {
            list.complete(rows);
        }
        for (leaf, list) in self.leaves() {
            leaf.end_page(codec, list)?;
        }
        for list in self.lists() {
            list.clear();
        }
        Ok(())
    }

    /// All pages since the last row group, for these columns of the schema.
    pub(super) fn end_row_group(
        &mut self,
        codec: &mut Codec,
        columns: &[ColumnDescPtr],
    ) -> ParquetResult<Vec<Encoded>> {
        self.name_bytes = 0;
        let leaves = self.leaves();
        debug_assert_eq!(leaves.len(), columns.len());
        let encoded = leaves.into_iter().zip(columns);
        encoded.map(|((leaf, _), column)| leaf.end_row_group(codec, column.clone())).collect()
    }

    /// Bytes of names that were not counted yet. They are held until the row group ends.
    fn new_name_bytes(&mut self) -> usize {
        let bytes = self.leaves().into_iter().map(|(leaf, _)| leaf.name_bytes()).sum();
        let before = std::mem::replace(&mut self.name_bytes, bytes);
        bytes - before
    }

    fn lists(&mut self) -> [&mut List; 3] {
        [&mut self.list, &mut self.changes.list, &mut self.stack.list]
    }

    /// The columns in the order of the schema, each with the list that its values are members of.
    fn leaves(&mut self) -> [(&mut dyn Leaf, &List); 19] {
        let EventColumns { list, changes, stack, .. } = self;
        [
            (&mut self.kind, list),
            (&mut self.frame, list),
            (&mut self.parent, list),
            (&mut self.depth, list),
            (&mut self.function, list),
            (&mut self.line, list),
            (&mut changes.scope, &changes.list),
            (&mut changes.name, &changes.list),
            (&mut changes.kind, &changes.list),
            (&mut changes.type_name, &changes.list),
            (&mut changes.text, &changes.list),
            (&mut changes.element, &changes.list),
            (&mut self.type_name, list),
            (&mut self.text, list),
            (&mut self.thread, list),
            (&mut self.offset, list),
            (&mut stack.local, &stack.list),
            (&mut stack.type_name, &stack.list),
            (&mut stack.text, &stack.list),
        ]
    }

    /// Adds an event; gives the bytes that it takes.
    fn push<'a>(&mut self, event: &Event<'a>, repetition: u8, seen: &mut SeenNames<'a>) -> usize {
        let list = &mut self.list;
        list.push(Level { repetition, definition: EVENT });
        self.kind.values.push(event.kind.name(), &mut seen.kind);
        self.frame.values.push(event.frame);
        self.depth.values.push(event.depth);
        self.function.values.push(event.function, &mut seen.function);
        self.line.values.push(event.line);
        self.thread.values.push(event.thread);
        if let Some(parent) = event.parent {
            self.parent.of_last(list).push(parent);
        }
        let (type_name, text) = type_and_text(&event.kind);
        if let Some(name) = type_name {
            self.type_name.of_last(list).push(name, &mut seen.type_name);
        }
        let mut bytes = STRUCT_BYTES;
        if let Some(text) = &text {
            self.text.of_last(list).push(text);
            bytes += text.len();
        }
        let mut stack = None;
        if let EventKind::Instruction(instruction) = &event.kind {
            self.offset.of_last(list).push(instruction.offset);
            stack = Some(instruction.stack.as_slice());
        }
        bytes += self.changes.push(&event.changes, repetition, seen);
        bytes += self.stack.push(stack, repetition, seen);
        bytes
    }

    /// Adds a row without events.
    fn push_nothing(&mut self) {
        for list in self.lists() {
            list.push(NOTHING);
        }
    }
}

impl ChangeColumns {
    fn new() -> ChangeColumns {
        ChangeColumns {
            list: List::new(Level { repetition: GOES_ON, definition: CHANGE }),
            scope: Required::default(),
            name: Required::default(),
            kind: Required::default(),
            type_name: Nullable::default(),
            text: Nullable::default(),
            element: Nullable::default(),
        }
    }

    /// Adds the changes of an event; gives the bytes that they take.
    fn push<'a>(&mut self, changes: &[Change<'a>], repetition: u8, seen: &mut SeenNames<'a>) -> usize {
        let ChangeColumns { list, .. } = self;
        if changes.is_empty() {
            list.push(Level { repetition, definition: NO_CHANGES });
        }
        let mut bytes = 0;
        let mut repetition = repetition;
        for change in changes {
            list.push(Level { repetition, definition: CHANGE });
            repetition = GOES_ON;
            self.scope.values.push(change.scope.name(), &mut seen.scope);
            self.name.values.push(change.name, &mut seen.change_name);
            self.kind.values.push(change.kind.name(), &mut seen.change_kind);
            if let Some(Value { type_name, text }) = change.value {
                self.type_name.of_last(list).push(type_name, &mut seen.change_type);
                self.text.of_last(list).push(text);
                bytes += text.len();
            }
            if let Some(element) = change.element {
                self.element.of_last(list).push(element);
                bytes += element.len();
            }
            bytes += STRUCT_BYTES;
        }
        bytes
    }
}

impl StackColumns {
    fn new() -> StackColumns {
        StackColumns {
            list: List::new(Level { repetition: GOES_ON, definition: STACK_ITEM }),
            local: Nullable::default(),
            type_name: Nullable::default(),
            text: Nullable::default(),
        }
    }

    /// Adds the stack of an event, if it has one; gives the bytes that it takes.
    fn push<'a>(
        &mut self,
        stack: Option<&[StackItem<'a>]>,
        repetition: u8,
        seen: &mut SeenNames<'a>,
    ) -> usize {
        let StackColumns { list, .. } = self;
        match stack {
            None => list.push(Level { repetition, definition: NO_STACK }),
            Some([]) => list.push(Level { repetition, definition: EMPTY_STACK }),
            Some(_) => {}
        }
        let mut bytes = 0;
        let mut repetition = repetition;
        for item in stack.unwrap_or_default() {
            list.push(Level { repetition, definition: STACK_ITEM });
            repetition = GOES_ON;
            match *item {
                StackItem::Null => {}
                StackItem::Local(name) => self.local.of_last(list).push(name, &mut seen.local),
                StackItem::Value(Value { type_name, text }) => {
                    self.type_name.of_last(list).push(type_name, &mut seen.stack_type);
                    self.text.of_last(list).push(text);
                    bytes += text.len();
                }
            }
            bytes += STRUCT_BYTES;
        }
        bytes
    }
}

/// The two columns that hold what an event carries beside its changes.
fn type_and_text<'e, 'a>(kind: &'e EventKind<'a>) -> (Option<&'a str>, Option<Cow<'e, str>>) {
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
