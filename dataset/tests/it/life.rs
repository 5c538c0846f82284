//! A dataset from its first object to its last.

use std::sync::Barrier;
use std::thread;

use dataset::{Dataset, Limits, OpenError, Operation, Published, SealError, verify};

use crate::support::{Place, TIMES, fill, fill_shard};

const FILES: [&str; 5] = ["a.py", "b/c.py", "b/d.py", "e.py", "f.py"];

fn keys(place: &Place) -> Vec<String> {
    place.store().list("").unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_sealed_dataset_holds_what_the_format_says() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(2);
    fill(&place, &dataset);
    assert!(!dataset.is_sealed().unwrap());
    let report = dataset.seal(TIMES).unwrap();
    assert!(dataset.is_sealed().unwrap());
    assert_eq!(
        keys(&place),
        [
            "README.md",
            "_et/job.json",
            "_et/manifest.json",
            "_et/plan/000000.jsonl",
            "_et/report.json",
            "data/part-000000.parquet",
            "data/part-000001.parquet",
            "data/part-000002.parquet",
        ]
    );
    assert_eq!((report.parts, report.tally.sources, report.tally.rows), (3, 5, 5));
    assert_eq!(dataset.report().unwrap(), report);
    let parts: Vec<_> = dataset.manifest().unwrap().map(Result::unwrap).collect();
    assert_eq!(parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(parts.iter().map(|part| part.bytes).sum::<u64>(), report.tally.bytes);
    let manifest: serde_json::Value =
        serde_json::from_slice(&place.store().get("_et/manifest.json").unwrap()).unwrap();
    assert_eq!(manifest["total"]["rows"], 5);
    assert_eq!(manifest["parts"][2]["key"], "data/part-000002.parquet");
    let verified = verify(&dataset).unwrap();
    assert!(verified.is_clean() && verified.sealed, "{verified:?}");
    assert_eq!((verified.shards, verified.parts, verified.rows), (3, 3, 5));
    assert_eq!((verified.sources_listed, verified.sources_in_parts), (5, 5));
}

#[test]
fn the_manifest_is_written_last() {
    let place = Place::with_files(&FILES);
    fill(&place, &place.dataset(2));
    let (store, calls) = place.store().recorded();
    Dataset::open(store).unwrap().seal(TIMES).unwrap();
    assert_eq!(calls.of(Operation::Put), ["README.md", "_et/report.json", "_et/manifest.json"]);
}

#[test]
fn the_card_tells_datasets_where_the_parts_are() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(2);
    fill(&place, &dataset);
    dataset.seal(TIMES).unwrap();
    let card = String::from_utf8(place.store().get("README.md").unwrap()).unwrap();
    assert!(card.starts_with("---\nconfigs:\n"), "{card}");
    assert!(card.contains("    path: data/*.parquet\n"), "{card}");
    assert!(card.contains("| `returned` | 5 |"), "{card}");
}

#[test]
fn the_same_job_goes_on_and_another_is_refused() {
    let place = Place::with_files(&FILES);
    let first = place.dataset(2);
    let again = Dataset::start(place.store(), first.job().clone()).unwrap();
    assert_eq!(again.id(), first.id());

    let mut other = first.job().clone();
    other.limits = Limits { wall_ms: 1, ..other.limits };
    other.shard_sources = 3;
    let error = Dataset::start(place.store(), other.clone()).unwrap_err().to_string();
    assert!(error.contains(&first.id().0) && error.contains(&other.id().0), "{error}");
    assert!(error.contains("with other sources per shard and limits:"), "{error}");
}

#[test]
fn many_may_begin_the_same_job_at_once() {
    for _ in 0..300 {
        let place = Place::with_files(&FILES);
        let job = place.job(&["corpus"], 2);
        let together = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    Dataset::start(place.store(), job.clone()).unwrap();
                });
            }
        });
        assert_eq!(Dataset::open(place.store()).unwrap().job(), &job);
    }
}

#[test]
fn a_folder_with_something_else_in_it_is_refused() {
    let place = Place::with_files(&FILES);
    place.write("out/thesis.tex", b"");
    let error = Dataset::start(place.store(), place.job(&["corpus"], 1)).unwrap_err();
    assert!(matches!(error, OpenError::NotEmpty { .. }), "{error}");
    assert_eq!(keys(&place), ["thesis.tex"]);
}

#[test]
fn opening_what_is_no_dataset_says_so() {
    let place = Place::new();
    assert!(matches!(Dataset::open(place.store()), Err(OpenError::NoDataset { .. })));
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let place = Place::new();
    place.write("out/_et/job.json", br#"{"format_version": 2, "planet": "Mars"}"#);
    let error = Dataset::open(place.store()).unwrap_err().to_string();
    assert!(error.contains("is of format 2, and this program knows formats up to 1"), "{error}");
}

#[test]
fn a_dataset_is_not_sealed_before_it_is_whole() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(2);
    assert!(matches!(dataset.seal(TIMES), Err(SealError::Unplanned)));
    let shards = dataset.plan().next_segment().unwrap().unwrap();
    fill_shard(&place, &dataset, &shards[0]);
    fill_shard(&place, &dataset, &shards[2]);
    assert_eq!(dataset.published().unwrap().map(Result::unwrap).collect::<Vec<_>>(), [0, 2]);
    assert!(matches!(dataset.seal(TIMES), Err(SealError::MissingPart(1))));
    assert!(!dataset.is_sealed().unwrap());
    fill_shard(&place, &dataset, &shards[1]);
    dataset.seal(TIMES).unwrap();
}

#[test]
fn a_late_attempt_changes_nothing_and_is_removed() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(10);
    fill(&place, &dataset);
    let published = dataset.store().get("data/part-000000.parquet").unwrap();
    let late = dataset::attempt_key(0, 2);
    dataset.store().put(&late, b"of a twin").unwrap();
    assert_eq!(dataset.publish(0, &late).unwrap(), Published::Before);
    assert_eq!(dataset.store().get("data/part-000000.parquet").unwrap(), published);

    dataset.store().put(&dataset::attempt_key(0, 3), b"of a triplet").unwrap();
    dataset.seal(TIMES).unwrap();
    assert_eq!(dataset.store().list("_et/attempts/").unwrap().count(), 0);
}

#[test]
fn a_part_of_another_shard_is_not_sealed() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(3);
    fill(&place, &dataset);
    let other = place.path("out/data/part-000001.parquet");
    std::fs::copy(other, place.path("out/data/part-000000.parquet")).unwrap();
    assert!(matches!(dataset.seal(TIMES), Err(SealError::ForeignPart(_))));
}

#[test]
fn a_job_that_could_not_begin_leaves_nothing_behind() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(2);
    dataset.plan().next_segment().unwrap();
    dataset.abandon_if_empty().unwrap();
    assert!(!place.path("out").exists());
}

#[test]
fn a_dataset_with_a_part_is_not_abandoned() {
    let place = Place::with_files(&FILES);
    let dataset = place.dataset(2);
    fill(&place, &dataset);
    let before = keys(&place);
    dataset.abandon_if_empty().unwrap();
    assert_eq!(keys(&place), before);
}
