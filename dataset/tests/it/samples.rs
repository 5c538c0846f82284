//! Parts that were once written stay readable: one frozen sample of every version of the format, and of every
//! shape that a version has grown to, since columns may be added within one.

use std::path::{Path, PathBuf};

use dataset::{FORMAT_VERSION, PartReader, Row};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Place, added_row, judged_row, sample_header, sample_rows, store_at};

/// The samples, oldest first: `v1.2` is the second shape of version 1.
const SAMPLES: [&str; 3] = ["v1", "v1.2", "v1.3"];

/// What the second sample holds.
fn second_rows() -> Vec<Row<'static>> {
    [sample_rows(), vec![added_row()]].concat()
}

/// What the newest sample holds.
fn newest_rows() -> Vec<Row<'static>> {
    [second_rows(), vec![judged_row()]].concat()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

/// The shape of a part, as Parquet describes it.
fn schema(path: &Path) -> String {
    let file = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, file.metadata().file_metadata().schema());
    String::from_utf8(text).unwrap()
}

#[test]
fn every_version_has_a_sample() {
    for version in 1..=FORMAT_VERSION {
        let first = format!("v{version}");
        assert!(SAMPLES.contains(&first.as_str()), "{first} is missing");
    }
}

fn check_reads_as(sample: &str, rows: &[Row<'_>]) {
    let reader = PartReader::open(&store_at(&folder()), &format!("{sample}.parquet")).unwrap();
    assert_eq!(*reader.header(), sample_header());
    assert_eq!(reader.tally().outcomes["raised"], 1);
    let stored: Vec<_> = reader.rows_from(0).unwrap().map(Result::unwrap).collect();
    let read: Vec<Row<'_>> = stored.iter().map(|row| row.row().unwrap()).collect();
    assert_eq!(read, rows);
    let ids = reader.summaries().unwrap().map(|summary| summary.unwrap().trace_id);
    assert!(ids.eq(rows.iter().map(|row| row.trace_id.clone())));
}

#[test]
fn the_first_sample_of_version_1_reads_as_it_was_written() {
    check_reads_as("v1", &sample_rows());
}

#[test]
fn the_second_sample_of_version_1_reads_as_it_was_written() {
    check_reads_as("v1.2", &second_rows());
}

#[test]
fn the_newest_sample_reads_as_it_was_written() {
    check_reads_as("v1.3", &newest_rows());
}

/// A failure here means new columns, a new version of the format, or a mistake.
#[test]
fn parts_have_the_shape_of_the_current_version() {
    let place = Place::new();
    let written = place.write_part("part", sample_header(), &newest_rows());
    let newest = SAMPLES[SAMPLES.len() - 1];
    let expected = folder().join(format!("{newest}.schema"));
    let found = schema(&written);
    if std::fs::read_to_string(&expected).ok().as_ref() != Some(&found) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(kept.join("new.schema"), &found).unwrap();
        std::fs::copy(&written, kept.join("new.parquet")).unwrap();
        panic!(
            "the shape of a part has changed; to make it the newest of the format:\n\
             cp {kept}/new.schema {expected}\ncp {kept}/new.parquet {sample}",
            kept = kept.display(),
            expected = expected.display(),
            sample = folder().join(format!("{newest}.parquet")).display(),
        );
    }
    assert_eq!(schema(&folder().join(format!("{newest}.parquet"))), found);
}
