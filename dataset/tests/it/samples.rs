//! Parts that were once written stay readable: one frozen sample of every version of the format.

use std::path::{Path, PathBuf};

use dataset::{FORMAT_VERSION, PartReader, Row};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Place, sample_header, sample_rows, store_at};

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
        for kind in ["parquet", "schema"] {
            let sample = folder().join(format!("v{version}.{kind}"));
            assert!(sample.exists(), "{} is missing", sample.display());
        }
    }
}

#[test]
fn the_sample_of_version_1_reads_as_it_was_written() {
    let reader = PartReader::open(&store_at(&folder()), "v1.parquet").unwrap();
    assert_eq!(*reader.header(), sample_header());
    assert_eq!(reader.tally().outcomes["raised"], 1);
    let stored: Vec<_> = reader.rows_from(0).unwrap().map(Result::unwrap).collect();
    let rows: Vec<Row<'_>> = stored.iter().map(|row| row.row().unwrap()).collect();
    assert_eq!(rows, sample_rows());
}

/// A failure here means a new version of the format, or a mistake.
#[test]
fn parts_have_the_shape_of_the_current_version() {
    let place = Place::new();
    let written = place.write_part("part", sample_header(), &sample_rows());
    let expected = folder().join(format!("v{FORMAT_VERSION}.schema"));
    let found = schema(&written);
    if std::fs::read_to_string(&expected).ok().as_ref() != Some(&found) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(kept.join("new.schema"), &found).unwrap();
        std::fs::copy(&written, kept.join("new.parquet")).unwrap();
        panic!(
            "the shape of a part has changed; to make it that of a version of the format:\n\
             cp {kept}/new.schema {expected}\ncp {kept}/new.parquet {sample}",
            kept = kept.display(),
            expected = expected.display(),
            sample = expected.with_extension("parquet").display(),
        );
    }
    assert_eq!(schema(&folder().join(format!("v{FORMAT_VERSION}.parquet"))), found);
}
