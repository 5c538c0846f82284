//! A plan covers every source once, wherever it is interrupted.

use std::collections::BTreeSet;
use std::io::Write;

use dataset::source::{self, Body, SourceError};
use dataset::{Dataset, Job, Operation, Range, Shard};
use proptest::prelude::*;

use crate::support::Place;

fn planned(job: &Job, after: Option<&Shard>) -> Vec<Shard> {
    source::plan(job, after).unwrap().map(Result::unwrap).collect()
}

fn paths(shard: &Shard) -> Vec<String> {
    source::read(&shard.range, 1000).unwrap().map(|source| source.unwrap().path).collect()
}

/// The shards hold exactly these sources in this order, and planning can go on after any of them.
fn check_plan(job: &Job, expect: &[String]) -> Vec<Shard> {
    let shards = planned(job, None);
    let found: Vec<Vec<String>> = shards.iter().map(paths).collect();
    assert_eq!(found.concat(), expect);
    for (index, shard) in shards.iter().enumerate() {
        assert_eq!(shard.ordinal, index as u64);
        assert_eq!(shard.sources, found[index].len() as u64);
        assert_eq!(planned(job, Some(shard)), shards[index + 1..]);
    }
    shards
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_file_of_any_tree_is_in_one_shard(
        folders in prop::collection::vec("[ab.-]{0,2}(/[ab0]{1,2}){0,2}", 1..12),
        names in prop::collection::vec("[ab.0-]{0,2}\\.py", 1..4),
        shard_sources in 1..5_u64,
    ) {
        let place = Place::new();
        let mut expect = BTreeSet::new();
        for folder in folders.iter().filter(|folder| !folder.split('/').any(|part| matches!(part, "." | ".."))) {
            for name in &names {
                let key = format!("x{folder}/{name}");
                place.write(&format!("corpus/{key}"), b"");
                // Not every file is a source.
                place.write(&format!("corpus/{key}c"), b"");
                expect.insert(key);
            }
        }
        place.write("corpus/z.py", b"");
        expect.insert("z.py".to_owned());
        let expect: Vec<String> = expect.iter().map(|key| format!("corpus/{key}")).collect();
        let shards = check_plan(&place.job(&["corpus"], shard_sources), &expect);
        let full = shards.len() - 1;
        prop_assert!(shards[..full].iter().all(|shard| shard.sources == shard_sources));
    }

    #[test]
    fn every_line_of_any_file_is_in_one_shard(
        lines in prop::collection::vec(r#"| *|\{"code":"[a-z]{0,9}"\}|[a-z]{1,9}"#, 0..40),
        last_ends in any::<bool>(),
        packing in 0..3,
        shard_sources in 1..9_u64,
    ) {
        let mut text = lines.join("\n") + "\n{}";
        if last_ends {
            text.push('\n');
        }
        let (name, bytes) = match packing {
            0 => ("cases.jsonl", text.clone().into_bytes()),
            1 => ("cases.jsonl.gz", gzip(&text)),
            _ => ("cases.jsonl.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        };
        let place = Place::new();
        place.write(name, &bytes);
        let expect: Vec<String> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, _)| format!("{name}:{number}"))
            .collect();
        check_plan(&place.job(&[name], shard_sources), &expect);
    }
}

fn gzip(text: &str) -> Vec<u8> {
    // Two members, as appending to a compressed file gives them.
    let (one, two) = text.split_at(text.len() / 2);
    let members = [one, two].map(|part| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        encoder.finish().unwrap()
    });
    members.concat()
}

#[test]
fn sources_are_planned_in_the_order_in_which_they_were_named() {
    let place = Place::with_files(&["a.py", "b/c.py"]);
    place.write("cases.jsonl", b"{}\n\n{}\n{}");
    place.write("one.py", b"");
    let job = place.job(&["one.py", "cases.jsonl", "corpus"], 2);
    let root = place.folder.path().file_name().unwrap().to_str().unwrap();
    let expect = [
        format!("{root}/one.py"),
        "cases.jsonl:1".to_owned(),
        "cases.jsonl:3".to_owned(),
        "cases.jsonl:4".to_owned(),
        "corpus/a.py".to_owned(),
        "corpus/b/c.py".to_owned(),
    ];
    let shards = check_plan(&job, &expect);
    assert_eq!(shards.iter().map(|shard| shard.sources).collect::<Vec<_>>(), [1, 2, 1, 2]);
}

#[test]
fn shards_of_a_compressed_file_grow_with_the_bytes_before_them() {
    let text = "{\"code\":\"x = 1\"}\n".repeat(5000);
    let place = Place::new();
    place.write("cases.jsonl.zst", &zstd::encode_all(text.as_bytes(), 1).unwrap());
    let shards = planned(&place.job(&["cases.jsonl.zst"], 1), None);
    let mut skipped = 0;
    for shard in &shards[..shards.len() - 1] {
        let Range::Lines { from_byte, to_byte, .. } = shard.range else { panic!("{shard:?}") };
        assert!(to_byte - from_byte >= from_byte / 32, "{shard:?}");
        skipped += from_byte;
    }
    assert!(skipped <= 33 * text.len() as u64);
    assert!(shards.len() < 250, "{} shards", shards.len());
    assert_eq!(shards.iter().map(|shard| shard.sources).sum::<u64>(), 5000);
}

#[test]
fn a_source_that_is_gone_or_empty_is_told_before_anything_is_planned() {
    let place = Place::with_files(&["a.py"]);
    place.write("none/readme.md", b"");
    place.write("none.jsonl", b"\n  \n");
    let error = |job: &Job| source::plan(job, None).err().unwrap().to_string();
    let mut job = place.job(&["corpus", "none"], 1);
    assert!(error(&job).ends_with("/none holds no .py or .parquet files"), "{}", error(&job));
    job = place.job(&["corpus", "none.jsonl"], 1);
    assert!(error(&job).ends_with("/none.jsonl holds no rows"), "{}", error(&job));
    std::fs::remove_file(place.path("none.jsonl")).unwrap();
    assert!(error(&job).starts_with("there is no "), "{}", error(&job));
}

#[test]
fn a_plan_is_stored_before_it_is_handed_out_and_never_again() {
    let files: Vec<String> = (0..30).map(|i| format!("{i:02}.py")).collect();
    let place = Place::with_files(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let first = place.dataset(1);
    let mut plan = first.plan();
    assert_eq!(plan.next_segment().unwrap().unwrap().len(), 16);
    drop(plan);

    let (store, calls) = place.store().recorded();
    let again = Dataset::start(store, first.job().clone()).unwrap();
    assert_eq!(again.shards().count(), 16);
    calls.clear();
    let mut plan = again.plan();
    let segments: Vec<_> = std::iter::from_fn(|| plan.next_segment().unwrap()).collect();
    assert_eq!(segments.iter().map(Vec::len).collect::<Vec<_>>(), [16, 14]);
    assert_eq!(calls.of(Operation::Put), ["_et/plan/000001.jsonl"]);

    calls.clear();
    let mut stored = again.shards();
    assert_eq!(stored.by_ref().map(Result::unwrap).collect::<Vec<_>>(), segments.concat());
    assert!(stored.is_complete());
    assert!(calls.of(Operation::Put).is_empty());
}

#[test]
fn a_job_whose_remaining_sources_are_gone_ends_its_plan() {
    let files: Vec<String> = (0..17).map(|i| format!("{i:02}.py")).collect();
    let place = Place::with_files(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let dataset = place.dataset(1);
    dataset.plan().next_segment().unwrap();
    std::fs::remove_file(place.path("corpus/16.py")).unwrap();
    let mut plan = dataset.plan();
    assert_eq!(plan.next_segment().unwrap().unwrap().len(), 16);
    assert_eq!(plan.next_segment().unwrap().unwrap(), []);
    assert_eq!(plan.next_segment().unwrap(), None);
}

#[test]
fn planning_goes_on_when_what_was_planned_is_gone() {
    let place = Place::with_files(&["a.py"]);
    place.write("cases.jsonl", b"{}\n{}\n");
    let job = place.job(&["corpus", "cases.jsonl"], 1);
    let shards = planned(&job, None);
    std::fs::remove_dir_all(place.path("corpus")).unwrap();
    assert_eq!(planned(&job, Some(&shards[1])), shards[2..]);
}

#[test]
fn long_plans_have_segments_of_a_thousand_shards() {
    let place = Place::new();
    place.write("cases.jsonl", "{}\n".repeat(2400).as_bytes());
    let dataset = Dataset::start(place.store(), place.job(&["cases.jsonl"], 1)).unwrap();
    let mut plan = dataset.plan();
    let segments: Vec<_> = std::iter::from_fn(|| plan.next_segment().unwrap()).collect();
    assert_eq!(segments.iter().map(Vec::len).collect::<Vec<_>>(), [16, 64, 256, 1000, 1000, 64]);
    assert_eq!(dataset.shards().map(Result::unwrap).collect::<Vec<_>>(), segments.concat());
}

#[test]
fn files_that_appear_within_a_range_are_read_with_it() {
    let place = Place::with_files(&["a.py", "c.py"]);
    let shards = planned(&place.job(&["corpus"], 2), None);
    place.write("corpus/b.py", b"");
    place.write("corpus/d.py", b"");
    assert_eq!(paths(&shards[0]), ["corpus/a.py", "corpus/b.py", "corpus/c.py"]);
}

#[test]
fn a_changed_jsonl_file_is_told() {
    let place = Place::new();
    place.write("cases.jsonl", b"{}\n{}\n{}\n");
    let shards = planned(&place.job(&["cases.jsonl"], 1), None);
    place.write("cases.jsonl", b"{\"code\":1}\n");
    for shard in &shards {
        let read = source::read(&shard.range, 1000).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        assert!(matches!(read, Err(SourceError::Changed { .. })), "{read:?}");
    }
}

#[test]
fn a_damaged_compressed_file_cannot_be_planned_beyond_the_damage() {
    let place = Place::new();
    let text = (0..20_000).map(|i| format!("{{\"code\":\"x = {i}\"}}\n")).collect::<String>();
    let packed = gzip(&text);
    place.write("cases.jsonl.gz", &packed[..packed.len() / 2]);
    let job = place.job(&["cases.jsonl.gz"], 1000);
    let last = source::plan(&job, None).unwrap().last().unwrap();
    assert!(matches!(last, Err(SourceError::Read { .. })), "{last:?}");
}

#[test]
fn links_that_loop_do_not_hang_the_plan() {
    let place = Place::with_files(&["a/b.py"]);
    std::os::unix::fs::symlink(place.path("corpus"), place.path("corpus/a/up")).unwrap();
    std::os::unix::fs::symlink("loop.py", place.path("corpus/loop.py")).unwrap();
    let shards = planned(&place.job(&["corpus"], 10), None);
    let sources: Vec<_> = source::read(&shards[0].range, 1000).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        sources.iter().map(|source| &*source.path).collect::<Vec<_>>(),
        ["corpus/a/b.py", "corpus/loop.py"]
    );
    assert!(matches!(sources[1].body, Body::Unreadable { .. }));
}
