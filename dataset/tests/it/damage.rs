//! Whatever happens to a dataset, `verify` says what, and nothing panics.

use std::collections::BTreeSet;

use dataset::{Dataset, Finding, Range, verify};
use proptest::prelude::*;

use crate::support::{Place, TIMES, fill};

const PART: &str = "data/part-000001.parquet";
const PLAN: &str = "_et/plan/000000.jsonl";
const MANIFEST: &str = "_et/manifest.json";
const JOB: &str = "_et/job.json";

fn sealed() -> (Place, Dataset) {
    let place = Place::with_files(&["a.py", "b/c.py", "b/d.py", "e.py", "f.py"]);
    let dataset = place.dataset(2);
    fill(&place, &dataset);
    dataset.seal(TIMES).unwrap();
    (place, dataset)
}

fn findings(dataset: &Dataset) -> Vec<(Finding, u64)> {
    verify(dataset).unwrap().findings.iter().map(|(finding, found)| (finding, found.count)).collect()
}

/// What is done to an object.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Remove,
    Empty,
    Truncate,
    Flip,
}

impl Harm {
    const ALL: [Harm; 4] = [Harm::Remove, Harm::Empty, Harm::Truncate, Harm::Flip];

    fn apply(self, place: &Place, key: &str) {
        let path = place.path("out").join(key);
        let mut bytes = std::fs::read(&path).unwrap();
        // A part may be linked to its attempt; here each file is changed alone.
        std::fs::remove_file(&path).unwrap();
        match self {
            Harm::Remove => return,
            Harm::Empty => bytes.clear(),
            Harm::Truncate => bytes.truncate(bytes.len() / 2),
            Harm::Flip => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
        }
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn harm_to_a_part_is_told() {
    for harm in Harm::ALL {
        let (place, dataset) = sealed();
        harm.apply(&place, PART);
        let found = findings(&dataset);
        let expected: &[Finding] = match harm {
            Harm::Remove => &[Finding::MissingPart],
            Harm::Empty | Harm::Truncate => &[Finding::DamagedPart],
            // A single bit may make it unreadable or only change what it says.
            Harm::Flip => &[Finding::DamagedPart, Finding::ChangedPart],
        };
        assert!(expected.iter().any(|&expected| found.contains(&(expected, 1))), "{harm:?}: {found:?}");
    }
}

#[test]
fn harm_to_the_plan_is_told() {
    for harm in Harm::ALL {
        let (place, dataset) = sealed();
        harm.apply(&place, PLAN);
        assert_eq!(findings(&dataset), [(Finding::BrokenPlan, 1)], "{harm:?}");
    }
}

#[test]
fn harm_to_the_manifest_is_told() {
    for harm in Harm::ALL {
        let (place, dataset) = sealed();
        harm.apply(&place, MANIFEST);
        let found = findings(&dataset);
        match harm {
            // Without a manifest it is a dataset that is not finished, and whole as far as it goes.
            Harm::Remove => assert!(found.is_empty() && !verify(&dataset).unwrap().sealed, "{found:?}"),
            _ => assert!(!found.is_empty(), "{harm:?}"),
        }
    }
}

#[test]
fn harm_to_the_job_is_told() {
    for harm in Harm::ALL {
        let (place, dataset) = sealed();
        harm.apply(&place, JOB);
        let opened = Dataset::open(place.store());
        // A flipped bit may give another job, which is not the one that made the parts.
        let told = match opened {
            Err(error) => error.to_string(),
            Ok(other) => match verify(&other) {
                Err(error) => error.to_string(),
                Ok(report) => format!("{:?}", report.findings.iter().next().expect("something to be wrong")),
            },
        };
        assert!(!told.is_empty(), "{harm:?} {}", dataset.id());
    }
}

#[test]
fn every_flipped_bit_of_a_sealed_part_is_told() {
    let (place, dataset) = sealed();
    let path = place.path("out").join(PART);
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for at in (0..whole.len()).step_by(41) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, bytes).unwrap();
        assert!(!findings(&dataset).is_empty(), "byte {at}");
    }
}

#[test]
fn no_flipped_bit_of_a_part_makes_a_reader_panic() {
    let (place, dataset) = sealed();
    let path = place.path("out").join(PART);
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for at in (0..whole.len()).step_by(17) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, bytes).unwrap();
        let Ok(part) = dataset.part(1) else { continue };
        let Ok(rows) = part.rows_from(0) else { continue };
        for row in rows {
            let Ok(row) = row else { break };
            let _ = row.row();
        }
    }
}

#[test]
fn every_truncation_of_a_part_is_damage() {
    let (place, dataset) = sealed();
    let path = place.path("out").join(PART);
    let whole = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for len in (0..whole.len()).step_by(101) {
        std::fs::write(&path, &whole[..len]).unwrap();
        assert_eq!(findings(&dataset), [(Finding::DamagedPart, 1)], "{len} bytes");
    }
}

#[test]
fn sources_that_came_and_went_since_are_told() {
    let (place, dataset) = sealed();
    // Within a planned range and already run without it; before and after all ranges; gone.
    place.write("corpus/b/a.py", b"");
    place.write("corpus/_.py", b"");
    place.write("corpus/z.py", b"");
    std::fs::remove_file(place.path("corpus/e.py")).unwrap();
    assert_eq!(
        findings(&dataset),
        [(Finding::MissingSource, 1), (Finding::UnknownSource, 1), (Finding::UnplannedSource, 2)]
    );
}

#[test]
fn a_source_that_is_gone_cannot_be_compared_with() {
    let (place, dataset) = sealed();
    std::fs::remove_dir_all(place.path("corpus")).unwrap();
    let error = verify(&dataset).unwrap_err().to_string();
    assert!(error.starts_with("there is no ") && error.contains("/corpus"), "{error}");
}

#[test]
fn files_that_are_no_parts_are_told() {
    let (place, dataset) = sealed();
    place.write("out/data/part-000003.parquet", b"");
    place.write("out/data/notes.txt", b"");
    place.write("out/data/part-1.parquet", b"");
    assert_eq!(findings(&dataset), [(Finding::StrayFile, 3)]);
}

#[test]
fn findings_read_as_sentences_with_the_first_ten() {
    let (place, dataset) = sealed();
    for i in 10..22 {
        place.write(&format!("corpus/z{i}.py"), b"");
    }
    let sentences: Vec<String> = verify(&dataset).unwrap().findings.sentences().collect();
    let expect = "sources that appeared after planning: corpus/z10.py, corpus/z11.py, corpus/z12.py, \
                  corpus/z13.py, corpus/z14.py, corpus/z15.py, corpus/z16.py, corpus/z17.py, corpus/z18.py, \
                  corpus/z19.py, and 2 more";
    assert_eq!(sentences, [expect]);
}

#[test]
fn a_missing_segment_in_the_middle_is_damage_and_not_the_end() {
    let files: Vec<String> = (0..100).map(|i| format!("{i:03}.py")).collect();
    let place = Place::with_files(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let dataset = place.dataset(1);
    let mut plan = dataset.plan();
    while plan.next_segment().unwrap().is_some() {}
    std::fs::remove_file(place.path("out/_et/plan/000001.jsonl")).unwrap();
    let error = dataset.shards().find_map(Result::err).unwrap().to_string();
    assert_eq!(error, "_et/plan/000001.jsonl is damaged: it is missing");
    let mut plan = dataset.plan();
    plan.next_segment().unwrap();
    assert_eq!(plan.next_segment().unwrap_err().to_string(), error);
}

#[test]
fn a_part_of_later_format_is_refused_by_its_number() {
    let (place, dataset) = sealed();
    let path = place.path("out").join(PART);
    let mut bytes = std::fs::read(&path).unwrap();
    let key = b"et.format_version";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    let digit = bytes[at..].iter().position(|&byte| byte == b'1').unwrap();
    bytes[at + digit] = b'2';
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let error = dataset.part(1).err().unwrap().to_string();
    assert!(error.contains("is of format 2, and this program knows formats up to 1"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_came_and_went_is_counted(
        names in prop::collection::btree_set("[a-d]{1,2}(-[a-d])?", 1..12),
        added in prop::collection::btree_set("[a-d]{1,2}(-[a-d])?", 0..6),
        removed in any::<u16>(),
        shard_sources in 1..4_u64,
    ) {
        let file = |name: &String| format!("{}.py", name.replace('-', "/"));
        let planned: BTreeSet<String> = names.iter().map(file).collect();
        let place = Place::with_files(&planned.iter().map(String::as_str).collect::<Vec<_>>());
        let dataset = place.dataset(shard_sources);
        fill(&place, &dataset);

        let gone: BTreeSet<String> =
            (0..16).zip(&planned).filter(|(bit, _)| removed >> bit & 1 == 1).map(|(_, key)| key.clone()).collect();
        for key in &gone {
            std::fs::remove_file(place.path("corpus").join(key)).unwrap();
        }
        let fresh: BTreeSet<String> = added.iter().map(file).filter(|key| !planned.contains(key)).collect();
        for key in &fresh {
            place.write(&format!("corpus/{key}"), b"");
        }

        let ranges: Vec<Range> = dataset.shards().map(|shard| shard.unwrap().range).collect();
        let in_a_range = |key: &&String| ranges.iter().any(|range| match range {
            Range::Tree { first, last, .. } => (first..=last).contains(&&key.as_bytes().to_vec()),
            _ => false,
        });
        let missing = fresh.iter().filter(in_a_range).count();
        let expect = [
            (Finding::MissingSource, missing as u64),
            (Finding::UnknownSource, gone.len() as u64),
            (Finding::UnplannedSource, (fresh.len() - missing) as u64),
        ];
        let expect: Vec<_> = expect.into_iter().filter(|(_, count)| *count > 0).collect();
        prop_assert_eq!(findings(&dataset), expect);
    }
}
