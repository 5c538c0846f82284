//! Rows that go into a part come out of it.

use std::borrow::Cow;
use std::path::Path;

use dataset::{Operation, PartReader, PartWriter, Row};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use trace::{
    Change, ChangeKind, Effect, EffectKind, Event, EventKind, GapReason, Instruction, Scope, StackItem,
    Stream, Value,
};

use crate::support::{Place, added_row, event, sample_header, sample_rows, store_at};

/// Reads everything back and compares.
fn check_round_trip(rows: &[Row<'_>]) {
    let place = Place::new();
    place.write_part("part", sample_header(), rows);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    assert_eq!(reader.rows(), rows.len() as u64);
    let stored: Vec<_> = reader.rows_from(0).unwrap().map(Result::unwrap).collect();
    let read: Vec<Row<'_>> = stored.iter().map(|stored| stored.row().unwrap()).collect();
    assert_eq!(read, rows);
}

fn row_groups(path: &Path) -> Vec<i64> {
    let file = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    file.metadata().row_groups().iter().map(|group| group.num_rows()).collect()
}

#[test]
fn every_kind_of_event_and_every_column_comes_back() {
    check_round_trip(&sample_rows());
    check_round_trip(&[sample_rows(), vec![added_row()], sample_rows()].concat());
}

#[test]
fn a_part_without_rows_is_one() {
    check_round_trip(&[]);
}

#[test]
fn the_footer_tells_what_the_rows_say() {
    let place = Place::new();
    let path = place.write_part("part", sample_header(), &sample_rows());
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    assert_eq!(*reader.header(), sample_header());
    let tally = reader.tally();
    assert_eq!((tally.sources, tally.rows, tally.events), (2, 2, 13));
    assert_eq!(tally.bytes, path.metadata().unwrap().len());
    assert_eq!(tally.outcomes.keys().collect::<Vec<_>>(), ["raised", "unreadable"]);
    assert_eq!(tally.reasons.keys().collect::<Vec<_>>(), ["ValueError: no"]);
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let place = Place::new();
    let one = place.write_part("one", sample_header(), &sample_rows());
    let other = place.write_part("other", sample_header(), &sample_rows());
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
}

#[test]
fn rows_of_one_source_count_as_one() {
    let place = Place::new();
    let [first, second] = sample_rows().try_into().unwrap();
    place.write_part("part", sample_header(), &[first.clone(), first, second]);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    assert_eq!((reader.tally().sources, reader.tally().rows), (2, 3));
}

#[test]
fn a_row_group_ends_with_the_row_that_fills_it() {
    let text = "x".repeat(1 << 20);
    let value = Value { type_name: "str", text: &text };
    let [_, small] = <[Row<'_>; 2]>::try_from(sample_rows()).unwrap();
    let large = Row { events: vec![event(EventKind::Return(value)); 40], ..small.clone() };
    let rows = [small.clone(), large, small];
    check_round_trip(&rows);

    let place = Place::new();
    let path = place.write_part("part", sample_header(), &rows);
    assert_eq!(row_groups(&path), [2, 1]);
}

#[test]
fn names_count_where_a_row_group_ends_since_it_holds_them_all() {
    // Five megabytes to a row, of which its events without their names are a twentieth.
    let names: Vec<Vec<String>> =
        (0..9).map(|row| (0..9600).map(|name| format!("{row}.{name:0498}")).collect()).collect();
    let [_, small] = <[Row<'_>; 2]>::try_from(sample_rows()).unwrap();
    let call = |name| Event { function: name, ..event(EventKind::Call) };
    let rows: Vec<Row<'_>> = names
        .iter()
        .map(|names| Row { events: names.iter().map(|name| call(name)).collect(), ..small.clone() })
        .collect();
    let place = Place::new();
    let path = place.write_part("part", sample_header(), &rows);
    assert_eq!(row_groups(&path), [7, 2]);
}

#[test]
fn reading_the_last_row_passes_over_those_before() {
    let noise: String =
        (0_u32..400_000).map(|i| char::from(b' ' + (i.wrapping_mul(2_654_435_761) >> 26) as u8)).collect();
    let [row, _] = <[Row<'_>; 2]>::try_from(sample_rows()).unwrap();
    let large = Row { code: noise.repeat(20), ..row.clone() };
    let rows: Vec<Row<'_>> = (0..10).map(|_| large.clone()).chain([row]).collect();
    let place = Place::new();
    let path = place.write_part("part", sample_header(), &rows);
    assert!(row_groups(&path).len() > 2);

    let (store, calls) = store_at(place.folder.path()).recorded();
    let reader = PartReader::open(&store, "part").unwrap();
    calls.clear();
    reader.read(10).unwrap();
    let one = calls.of(Operation::ReadStretch).len();
    calls.clear();
    assert_eq!(reader.rows_from(0).unwrap().count(), 11);
    let all = calls.of(Operation::ReadStretch).len();
    assert!(one * 2 < all, "{one} reads for the last row, {all} for all");
}

#[test]
fn bytes_that_are_no_text_show_as_replacement_characters() {
    let place = Place::new();
    let mut rows = sample_rows();
    rows[0].events = vec![event(EventKind::Output(Stream::Stdout, b"a\xffb".into()))];
    place.write_part("part", sample_header(), &rows);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    let stored = reader.read(0).unwrap();
    let shown = EventKind::Output(Stream::Stdout, Cow::Owned("a\u{fffd}b".into()));
    assert_eq!(stored.row().unwrap().events[0].kind, shown);
}

#[test]
fn a_huge_name_that_every_event_repeats_is_cut() {
    let name = "n".repeat(1 << 20);
    let [_, bare] = <[Row<'_>; 2]>::try_from(sample_rows()).unwrap();
    let events = vec![Event { function: &name, ..event(EventKind::Line) }; 5_000];
    let place = Place::new();
    let path = place.write_part("part", sample_header(), &[Row { events, ..bare }]);
    assert!(path.metadata().unwrap().len() < 100_000);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    let stored = reader.read(0).unwrap();
    assert!(stored.row().unwrap().events.iter().all(|event| event.function.len() == 512));
}

#[test]
fn rows_are_found_by_their_id() {
    let place = Place::new();
    let rows = sample_rows();
    place.write_part("part", sample_header(), &rows);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    assert_eq!(reader.find(&rows[1].trace_id).unwrap(), Some(1));
    assert_eq!(reader.find("0").unwrap(), None);
    assert!(reader.read(2).is_err());
}

#[test]
fn summaries_are_the_light_columns() {
    let place = Place::new();
    let rows = sample_rows();
    place.write_part("part", sample_header(), &rows);
    let reader = PartReader::open(&store_at(place.folder.path()), "part").unwrap();
    let summaries: Vec<_> = reader.summaries().unwrap().map(Result::unwrap).collect();
    for (summary, row) in summaries.iter().zip(&rows) {
        assert_eq!(summary.trace_id, row.trace_id);
        assert_eq!((summary.shard, summary.event_count), (row.shard, row.events.len() as u64));
        assert_eq!((&summary.source_path, &*summary.entry), (&row.source_path, row.entry));
        assert_eq!(summary.outcome, row.outcome);
        assert_eq!(summary.exception_type, row.exception_type);
        assert_eq!(summary.exception_message, row.exception_message);
        assert_eq!(summary.wall_us, row.wall_us);
    }
    assert_eq!(summaries.len(), 2);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let path = place.path("part");
    let mut writer = PartWriter::create(&path, sample_header()).unwrap();
    writer.append(sample_rows().remove(0)).unwrap();
    assert!(path.exists());
    drop(writer);
    assert!(!path.exists());
}

#[test]
fn a_writer_does_not_write_over_a_file() {
    let place = Place::new();
    place.write("part", b"mine");
    assert!(PartWriter::create(&place.path("part"), sample_header()).is_err());
    assert_eq!(std::fs::read(place.path("part")).unwrap(), b"mine");
}

/// An event with texts of its own, from which one that borrows is made.
#[derive(Debug, Clone)]
struct OwnedEvent {
    kind: u8,
    numbers: (u32, (u32, Option<u32>, u32, u32)),
    words: [String; 3],
    changes: Vec<(bool, u8, Option<String>, [String; 3])>,
}

impl OwnedEvent {
    fn borrow(&self) -> Event<'_> {
        let [function, type_name, text] = &self.words;
        let value = Value { type_name, text };
        let (thread, (frame, parent, depth, line)) = self.numbers;
        let kind = match self.kind {
            0 => EventKind::Call,
            1 => EventKind::Line,
            2 => EventKind::Resume,
            3 => EventKind::Return(value),
            4 => EventKind::Yield(value),
            5 => EventKind::Raise(value),
            6 => EventKind::Unwind(value),
            7 => EventKind::Output(Stream::Stderr, text.as_bytes().into()),
            8 => EventKind::Effect(Effect { kind: EffectKind::Network, detail: text }),
            9 => {
                let items = [StackItem::Null, StackItem::Value(value), StackItem::Local(function)];
                let stack = items.into_iter().cycle().take(line as usize % 7).collect();
                let argument = parent.map(|_| text.as_str());
                EventKind::Instruction(Box::new(Instruction {
                    offset: line,
                    name: type_name,
                    argument,
                    stack,
                }))
            }
            _ => EventKind::Gap { reason: GapReason::Bytes, skipped: frame.into() },
        };
        let changes = self.changes.iter().map(|(global, kind, element, [name, type_name, text])| {
            let value = Value { type_name, text };
            let (kind, value) = match kind {
                0 => (ChangeKind::New, Some(value)),
                1 => (ChangeKind::Modified, Some(value)),
                _ => (ChangeKind::Deleted, None),
            };
            let scope = if *global { Scope::Global } else { Scope::Local };
            Change { scope, name, element: element.as_deref(), kind, value }
        });
        Event { thread, frame, parent, depth, function, line, kind, changes: changes.collect() }
    }
}

fn events() -> impl Strategy<Value = Vec<OwnedEvent>> {
    let words = || [".{0,4}", "[a-z]{0,2}", ".{0,9}"];
    let changes = prop::collection::vec((any::<bool>(), 0..3_u8, prop::option::of(".{0,5}"), words()), 0..4);
    let event = (0..11_u8, any::<(u32, (u32, Option<u32>, u32, u32))>(), words(), changes);
    let event =
        event.prop_map(|(kind, numbers, words, changes)| OwnedEvent { kind, numbers, words, changes });
    prop::collection::vec(event, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_events_come_back(rows in prop::collection::vec(events(), 0..5)) {
        let [_, bare] = <[Row<'_>; 2]>::try_from(sample_rows()).unwrap();
        let rows: Vec<Row<'_>> = rows
            .iter()
            .map(|events| Row { events: events.iter().map(OwnedEvent::borrow).collect(), ..bare.clone() })
            .collect();
        check_round_trip(&rows);
    }
}
