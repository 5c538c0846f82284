//! Events through a part and back. The reader is Parquet's own, so what it gives is what any reader gives.

use dataset::{PartReader, PartWriter, Row};
use proptest::prelude::*;
use proptest::sample::select;
use trace::{
    Change, ChangeKind, Effect, EffectKind, Event, EventKind, GapReason, Instruction, Scope, StackItem,
    Stream, Value,
};

use crate::support::{Place, event, sample_header, sample_rows, store_at};

/// Writes rows of these events, each partly told and partly given with its row, and reads them back.
fn check(rows: &[Vec<Event<'_>>]) {
    let place = Place::new();
    write(&place, rows);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    assert_eq!(reader.rows(), rows.len() as u64);
    let counts: Vec<u64> = reader.summaries().unwrap().map(|row| row.unwrap().event_count).collect();
    for ((row, events), count) in reader.rows_from(0).unwrap().zip(rows).zip(counts) {
        assert_eq!(count, events.len() as u64);
        assert!(row.unwrap().row().unwrap().events == *events);
    }
    let last = rows.len() as u64 - 1;
    assert!(reader.read(last).unwrap().row().unwrap().events == rows[last as usize]);
}

fn write(place: &Place, rows: &[Vec<Event<'_>>]) {
    let mut writer = PartWriter::create(&place.path("part"), sample_header()).unwrap();
    for (number, events) in rows.iter().enumerate() {
        let (told, given) = events.split_at(events.len() / 2);
        let row = |events| Row { events, trace_id: number.to_string(), ..sample_rows().remove(1) };
        writer
            .append_told(|writer| {
                told.iter().for_each(|event| writer.push(event));
                row(given.to_vec())
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

/// Few texts, so that most occur again.
fn text() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "1",
        "[1, 2, … 997 more]",
        "'é'",
        "x",
        "int",
        "a value that is somewhat longer than others",
    ])
}

fn value() -> impl Strategy<Value = Value<'static>> {
    (text(), text()).prop_map(|(type_name, text)| Value { type_name, text })
}

fn change() -> impl Strategy<Value = Change<'static>> {
    let scope = select(vec![Scope::Local, Scope::Global]);
    let kind = prop_oneof![
        value().prop_map(|value| (ChangeKind::New, Some(value))),
        value().prop_map(|value| (ChangeKind::Modified, Some(value))),
        Just((ChangeKind::Deleted, None)),
    ];
    (scope, text(), proptest::option::of(text()), kind)
        .prop_map(|(scope, name, element, (kind, value))| Change { scope, name, element, kind, value })
}

fn instruction() -> impl Strategy<Value = Instruction<'static>> {
    let item = prop_oneof![
        Just(StackItem::Null),
        value().prop_map(StackItem::Value),
        text().prop_map(StackItem::Local),
    ];
    (number(), text(), proptest::option::of(text()), proptest::collection::vec(item, 0..4))
        .prop_map(|(offset, name, argument, stack)| Instruction { offset, name, argument, stack })
}

fn kind() -> impl Strategy<Value = EventKind<'static>> {
    prop_oneof![
        Just(EventKind::Call),
        Just(EventKind::Line),
        Just(EventKind::Resume),
        value().prop_map(EventKind::Return),
        value().prop_map(EventKind::Yield),
        value().prop_map(EventKind::Raise),
        value().prop_map(EventKind::Unwind),
        instruction().prop_map(|instruction| EventKind::Instruction(Box::new(instruction))),
        (select(EffectKind::ALL.to_vec()), text())
            .prop_map(|(kind, detail)| EventKind::Effect(Effect { kind, detail })),
        text().prop_map(|text| EventKind::Output(Stream::Stdout, text.as_bytes().into())),
        any::<u64>().prop_map(|skipped| EventKind::Gap { reason: GapReason::Bytes, skipped }),
    ]
}

/// Steps of all sizes, and none at all.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1), 0u32..300, any::<u32>(), Just(u32::MAX)]
}

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let place = (number(), number(), proptest::option::of(number()), number(), text(), number());
    (place, kind(), proptest::collection::vec(change(), 0..4)).prop_map(
        |((thread, frame, parent, depth, function, line), kind, changes)| Event {
            thread,
            frame,
            parent,
            depth,
            function,
            line,
            kind,
            changes,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_are_read_as_they_were_written(
        rows in proptest::collection::vec(proptest::collection::vec(any_event(), 0..300), 1..5),
    ) {
        check(&rows);
    }
}

/// Lines of a loop that gives `x` a value of `bytes` bytes at each step.
fn steps(count: u32, text: &str) -> Vec<Event<'_>> {
    let value = Some(Value { type_name: "str", text });
    let changes =
        vec![Change { scope: Scope::Local, name: "x", element: None, kind: ChangeKind::Modified, value }];
    (0..count)
        .map(|number| Event { line: 1 + number % 3, changes: changes.clone(), ..event(EventKind::Line) })
        .collect()
}

#[test]
fn a_column_has_room_for_any_number_of_names() {
    for count in [1, 255, 256, 257, 65_535, 65_536, 65_537] {
        let names: Vec<String> = (0..count).map(|number| format!("f{number}")).collect();
        let events = names.iter().map(|name| Event { function: name, ..event(EventKind::Call) });
        check(&[events.collect(), Vec::new(), steps(3, "1")]);
    }
}

#[test]
fn rows_beyond_a_page_and_a_row_group_are_read_wherever_they_stand() {
    let text = "x".repeat(1000);
    // A row of 2 MB; two of them are a page, and seventeen a row group.
    let rows: Vec<Vec<Event<'_>>> = (0..20).map(|number| steps(2000 + number, &text)).collect();
    check(&rows);
}

#[test]
fn a_part_may_have_rows_without_any_event() {
    check(&[Vec::new()]);
    check(&[Vec::new(), steps(1, ""), Vec::new()]);
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let names: Vec<String> = (0..500).map(|number| format!("f{number}")).collect();
    let events: Vec<Event<'_>> =
        names.iter().map(|name| Event { function: name, ..event(EventKind::Call) }).collect();
    let bytes = || {
        let place = Place::new();
        write(&place, &[events.clone(), steps(100, "1")]);
        std::fs::read(place.path("part")).unwrap()
    };
    assert!(bytes() == bytes());
}
