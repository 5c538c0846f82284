//! Sources in Parquet files.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray,
};
use dataset::source::{self, Body, Case, Source, SourceError};
use dataset::{ColumnMap, Dataset, Job, Limits, Range, Shard, Store, verify};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::support::{Place, fill, s3_prefix};

/// Writes a file with `rows_in_group` rows to a row group.
fn write_table(path: &Path, columns: Vec<(&str, ArrayRef)>, rows_in_group: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_in_group)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn strings(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

/// Rows whose code is `NAME-0`, `NAME-1`, …
fn write_numbered(path: &Path, name: &str, rows: usize) {
    let code = strings((0..rows).map(|row| format!("{name}-{row}")));
    write_table(path, vec![("content", code)], 4);
}

fn planned(job: &Job, after: Option<&Shard>) -> Vec<Shard> {
    source::plan(job, after).unwrap().map(Result::unwrap).collect()
}

fn read(shard: &Shard) -> Vec<Source> {
    source::read(&shard.range, 1000).unwrap().map(Result::unwrap).collect()
}

fn refusal(job: &Job) -> SourceError {
    source::plan(job, None).err().expect("it is refused")
}

fn map(mappings: &[&str]) -> ColumnMap {
    ColumnMap::new(mappings.iter().map(|mapping| mapping.parse().unwrap())).unwrap()
}

#[test]
fn every_row_of_a_folder_of_tables_is_in_one_shard() {
    let place = Place::new();
    for (name, rows) in [("a.parquet", 10), ("b/c.parquet", 0), ("b/d.parquet", 1), ("b.parquet", 5)] {
        write_numbered(&place.path(&format!("corpus/{name}")), name, rows);
    }
    place.write("corpus/README.md", b"not a table");
    for shard_sources in 1..8 {
        let job = place.job(&["corpus"], shard_sources);
        let shards = planned(&job, None);
        let mut found = Vec::new();
        for (index, shard) in shards.iter().enumerate() {
            let sources = read(shard);
            assert_eq!(sources.len() as u64, shard.sources);
            assert_eq!(planned(&job, Some(shard)), shards[index + 1..]);
            found.extend(sources.into_iter().map(|source| (source.path.clone(), source.code())));
        }
        let expect: Vec<(String, String)> = [("a.parquet", 10), ("b.parquet", 5), ("b/d.parquet", 1)]
            .into_iter()
            .flat_map(|(name, rows)| {
                (0..rows).map(move |row| (format!("corpus/{name}:{}", row + 1), format!("{name}-{row}")))
            })
            .collect();
        assert_eq!(found, expect);
    }
}

#[test]
fn reading_a_range_reads_only_its_row_groups() {
    let place = Place::new();
    let bulk =
        (0..64).map(|row| (row..row + 40_000).map(|n: u32| char::from(b'a' + (n * n % 23) as u8)).collect());
    write_table(&place.path("corpus/big.parquet"), vec![("content", strings(bulk))], 4);
    let bytes = std::fs::read(place.path("corpus/big.parquet")).unwrap();
    let job = place.job(&["corpus/big.parquet"], 4);
    let shard = planned(&job, None).swap_remove(9);
    // All but the footer and what lies in the middle is gone.
    let start = bytes.len() * 8 / 16;
    let end = bytes.len() * 11 / 16;
    let footer = bytes.len() - 20_000;
    let mut holed = vec![0; bytes.len()];
    for kept in [0..4, start..end, footer..bytes.len()] {
        holed[kept.clone()].copy_from_slice(&bytes[kept]);
    }
    place.write("corpus/big.parquet", &holed);
    let sources: Vec<_> = source::read(&shard.range, 100_000).unwrap().map(Result::unwrap).collect();
    assert_eq!(sources.iter().map(|source| source.code().len()).collect::<Vec<_>>(), [40_000; 4]);
    let lost = planned(&job, None).swap_remove(0);
    let error = source::read(&lost.range, 100_000).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    assert!(matches!(error, Err(SourceError::Damaged { .. })), "{error:?}");
}

#[test]
fn shards_of_a_long_row_group_without_an_index_grow_with_the_rows_before_them() {
    let place = Place::new();
    let rows = 5000;
    let code: ArrayRef = strings((0..rows).map(|row| row.to_string()));
    let batch = RecordBatch::try_from_iter([("code", code)]).unwrap();
    for (name, properties) in [
        ("indexed.parquet", WriterProperties::builder()),
        (
            "bare.parquet",
            WriterProperties::builder()
                .set_offset_index_disabled(true)
                .set_statistics_enabled(EnabledStatistics::Chunk),
        ),
    ] {
        let file = std::fs::File::create(place.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
    assert_eq!(planned(&place.job(&["indexed.parquet"], 1), None).len(), rows);
    let job = place.job(&["bare.parquet"], 1);
    let shards = planned(&job, None);
    assert!(shards.len() < 250, "{} shards", shards.len());
    assert_eq!(shards.iter().map(|shard| shard.sources).sum::<u64>(), rows as u64);
    let [.., before_last, _] = &shards[..] else { panic!("{shards:?}") };
    let Range::Rows { from_row, .. } = before_last.range else { panic!("{before_last:?}") };
    assert_eq!(read(before_last)[0].code(), from_row.to_string());
    assert_eq!(planned(&job, Some(&shards[99])), shards[100..]);
}

#[test]
fn all_other_columns_pass_through() {
    let place = Place::new();
    let licences =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
    let repository = StructArray::from(vec![(
        Arc::new(arrow_schema::Field::new("name", arrow_schema::DataType::Utf8, true)),
        Arc::new(StringArray::from(vec![Some("r"), None, Some("s")])) as ArrayRef,
    )]);
    write_table(
        &place.path("x.parquet"),
        vec![
            ("max_stars_repo_path", Arc::new(StringArray::from(vec![Some("a.py"), None, Some("c.py")]))),
            ("content", Arc::new(StringArray::from(vec![Some("x = 1"), None, Some("")]))),
            ("stars", Arc::new(Int64Array::from(vec![Some(7), None, Some(-1)]))),
            ("score", Arc::new(Float64Array::from(vec![0.5, f64::NAN, 1.0]))),
            ("fork", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("licences", Arc::new(licences)),
            ("repository", Arc::new(repository)),
        ],
        10,
    );
    let [first, second, third] = read(&planned(&place.job(&["x.parquet"], 9), None)[0]).try_into().unwrap();
    assert_eq!((first.id.as_str(), first.body), ("a.py", Body::Script(b"x = 1".to_vec())));
    assert_eq!(
        first.meta,
        r#"{"fork":true,"licences":[1,null],"repository":{"name":"r"},"score":0.5,"stars":7}"#
    );
    let reason = "row 2 has no `content`".to_owned();
    assert_eq!((second.id == second.path, second.body), (true, Body::Unreadable { reason }));
    assert_eq!(second.meta, r#"{"fork":false,"repository":{"name":null},"score":null}"#);
    assert_eq!(third.body, Body::Script(Vec::new()));
}

#[test]
fn rows_with_an_input_are_calls_and_odd_ones_say_what_is_wrong() {
    let place = Place::new();
    let code =
        BinaryArray::from_opt_vec(vec![Some(b"\xff"), Some(b"def f(x): ..."), Some(&[b'x'; 1001]), None]);
    let input = StringArray::from(vec![None, Some("1"), Some("2"), Some("3")]);
    let ids = Int64Array::from(vec![1, 2, 3, 4]);
    let columns: Vec<(&str, ArrayRef)> =
        vec![("body", Arc::new(code)), ("args", Arc::new(input)), ("key", Arc::new(ids))];
    write_table(&place.path("x.parquet"), columns, 10);
    let job = place.job(&["x.parquet"], 9).with_columns(map(&["code=body", "input=args", "id=key"]));
    let sources = read(&planned(&job, None)[0]);
    assert_eq!(sources.iter().map(|source| source.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    assert_eq!(sources[0].body, Body::Script(b"\xff".to_vec()));
    let call = Body::Call { code: "def f(x): ...".to_owned(), input: "1".to_owned(), expected: None };
    assert_eq!(sources[1].body, call);
    let reasons = ["`body` of row 3 has more than 1000 bytes", "row 4 has no `body`"];
    for (source, reason) in sources[2..].iter().zip(reasons) {
        assert_eq!(source.body, Body::Unreadable { reason: reason.to_owned() });
    }
}

#[test]
fn a_program_may_lie_in_two_columns_and_bring_its_test() {
    let place = Place::new();
    let columns: Vec<(&str, ArrayRef)> = [
        ("task_id", "HumanEval/0"),
        ("prompt", "def one():\n"),
        ("canonical_solution", "    return 1\n"),
        ("test", "def check(f):\n    assert f() == 1\n"),
        ("entry_point", "one"),
    ]
    .map(|(name, text)| (name, strings([text.to_owned()])))
    .into();
    write_table(&place.path("x.parquet"), columns, 10);
    let [source] = read(&planned(&place.job(&["x.parquet"], 9), None)[0]).try_into().unwrap();
    let test = Case::Test("def check(f):\n    assert f() == 1\n\ncheck(one)".to_owned());
    let code = "def one():\n    return 1\n".to_owned();
    assert_eq!(source.body, Body::Cases { code, cases: vec![test] });
    assert!(source.meta.contains(r#""task_id":"HumanEval/0""#), "{}", source.meta);
}

#[test]
fn a_contest_problem_is_its_first_solution() {
    let place = Place::new();
    let texts = |rows: &[&str]| strings(rows.iter().map(|&text| text.to_owned()));
    let columns = vec![
        ("problem_id", texts(&["1", "2"])),
        ("solutions", texts(&[r#"["print(input())", "print(0)"]"#, ""])),
        ("input_output", texts(&[r#"{"inputs": ["1\n"], "outputs": ["1\n"]}"#, ""])),
    ];
    write_table(&place.path("x.parquet"), columns, 10);
    let [first, second] = read(&planned(&place.job(&["x.parquet"], 9), None)[0]).try_into().unwrap();
    let case = Case::Run { arguments: Vec::new(), stdin: "1\n".to_owned(), expected: Some("1\n".to_owned()) };
    assert_eq!(first.body, Body::Cases { code: "print(input())".to_owned(), cases: vec![case] });
    assert!(first.meta.starts_with(r#"{"input_output":"#), "{}", first.meta);
    assert_eq!(second.body, Body::Unreadable { reason: "row 2 has no `solutions`".to_owned() });
}

#[test]
fn a_table_without_code_is_told_before_anything_runs() {
    let place = Place::new();
    write_table(&place.path("x.parquet"), vec![("source", strings(["x".to_owned()]))], 10);
    let error = refusal(&place.job(&["x.parquet"], 1)).to_string();
    assert!(
        error.contains("x.parquet has no column with code (none of code, content, text, solutions)"),
        "{error}"
    );
    assert!(error.ends_with("only source: name the right one by --map code=COLUMN"), "{error}");
    let mapped = place.job(&["x.parquet"], 1).with_columns(map(&["code=source"]));
    assert_eq!(planned(&mapped, None).len(), 1);

    place.write("y.jsonl", b"{}");
    let unmapped = place.job(&["y.jsonl"], 1).with_columns(map(&["code=source"]));
    assert!(matches!(refusal(&unmapped), SourceError::NothingToMap));
    place.write("z.parquet", b"PAR1 no, not at all PAR1");
    assert!(matches!(refusal(&place.job(&["z.parquet"], 1)), SourceError::Damaged { .. }));
}

#[test]
fn a_table_that_has_become_shorter_is_told() {
    let place = Place::new();
    write_numbered(&place.path("x.parquet"), "x", 10);
    let shards = planned(&place.job(&["x.parquet"], 5), None);
    write_numbered(&place.path("x.parquet"), "x", 9);
    assert!(matches!(source::read(&shards[1].range, 1000).err(), Some(SourceError::Changed { .. })));
}

#[test]
fn tables_in_s3_make_a_dataset() {
    let place = Place::new();
    let prefix = s3_prefix();
    let store = Store::open(&prefix).unwrap();
    for name in ["a.parquet", "b.parquet"] {
        write_numbered(&place.path(name), name, 6);
        store.put_file(&format!("corpus/{name}"), &place.path(name)).unwrap();
    }
    let job = Job::new(&[format!("{prefix}/corpus")], 4, Limits::default()).unwrap();
    let dataset = Dataset::start(Store::open(&format!("{prefix}/out")).unwrap(), job).unwrap();
    fill(&place, &dataset);
    let ranges: Vec<Range> = dataset.shards().map(|shard| shard.unwrap().range).collect();
    let rows = |range: &Range| match range {
        Range::Rows { key, from_row, to_row, .. } => (key.clone(), *from_row, *to_row),
        other => panic!("{other:?}"),
    };
    let expect = [("a", 0, 4), ("a", 4, 6), ("b", 0, 4), ("b", 4, 6)];
    assert_eq!(
        ranges.iter().map(rows).collect::<Vec<_>>(),
        expect.map(|(name, from, to)| (format!("{name}.parquet"), from, to))
    );
    let report = verify(&dataset).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.rows, report.sources_listed), (12, 12));
}
