//! Reads the files of benchmarks that a user names.

use std::io::{self, BufRead, BufReader, Read};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use dataset::{Object, StoreError};
use flate2::bufread::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use zstd::stream::read::Decoder;

use crate::file;
use crate::limit::sha256;
use crate::request::Examined;
use crate::select::Benchmarks;

#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the benchmark {location} cannot be read: {what}")]
    Unreadable { location: String, what: String },
}

/// Every text of the files: each string of a JSONL row, each text column of a Parquet row, any other file as a whole.
/// A file is a path or `s3://bucket/key`.
pub(crate) fn read(locations: &[String], run: usize) -> Result<(Benchmarks, Examined), BenchmarkError> {
    let mut benchmarks = Benchmarks::new(run);
    let mut files_sha256 = Vec::new();
    for location in locations {
        let (store, name) = file::find(location)?;
        let object = store.read(name)?;
        let unreadable = |what: String| BenchmarkError::Unreadable { location: location.clone(), what };
        texts(name, &object, &mut |text| benchmarks.add(text)).map_err(unreadable)?;
        let mut bytes = Vec::new();
        object.reader(0).read_to_end(&mut bytes).map_err(|cause| unreadable(cause.to_string()))?;
        files_sha256.push(sha256(&bytes));
    }
    Ok((benchmarks, Examined { run, files_sha256 }))
}

fn texts(name: &str, object: &Object, each: &mut dyn FnMut(&str)) -> Result<(), String> {
    let told = |cause: io::Error| cause.to_string();
    let plain = object.reader(0);
    if name.ends_with(".parquet") {
        tables(object, each)
    } else if name.ends_with(".jsonl") {
        lines(plain, each)
    } else if name.ends_with(".jsonl.zst") {
        lines(BufReader::new(Decoder::with_buffer(plain).map_err(told)?), each)
    } else if name.ends_with(".jsonl.gz") {
        lines(BufReader::new(MultiGzDecoder::new(plain)), each)
    } else {
        let mut bytes = Vec::new();
        object.reader(0).read_to_end(&mut bytes).map_err(told)?;
        each(&String::from_utf8_lossy(&bytes));
        Ok(())
    }
}

fn lines(input: impl BufRead, each: &mut dyn FnMut(&str)) -> Result<(), String> {
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|cause| cause.to_string())?;
        if !line.trim().is_empty() {
            let value = serde_json::from_str(&line).map_err(|error| format!("line {number}: {error}"))?;
            strings(&value, each);
        }
    }
    Ok(())
}

/// Every string in a value, however deep: benchmarks put their programs in all sorts of places.
fn strings(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(members) => members.iter().for_each(|member| strings(member, each)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn tables(object: &Object, each: &mut dyn FnMut(&str)) -> Result<(), String> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(object.clone()).map_err(|error| error.to_string())?;
    let batches = builder.build().map_err(|error| error.to_string())?;
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        batch.columns().iter().for_each(|column| cells(column, each));
    }
    Ok(())
}

/// Every text in a column, however deep.
fn cells(column: &dyn Array, each: &mut dyn FnMut(&str)) {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().iter().flatten().for_each(each),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().flatten().for_each(each),
        DataType::List(_) => cells(column.as_list::<i32>().values(), each),
        DataType::LargeList(_) => cells(column.as_list::<i64>().values(), each),
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|field| cells(field, each)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use dataset::Store;

    use super::*;

    fn collected(name: &str, bytes: &[u8]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let object = Store::local(folder.path()).read(name).unwrap();
        let mut found = Vec::new();
        texts(name, &object, &mut |text| found.push(text.to_owned())).map(|()| found)
    }

    const ROWS: &[u8] = b"{\"id\": 1, \"code\": \"x = 1\"}\n\n{\"tests\": [\"assert x\", {\"a\": \"b\"}]}\n";

    #[test]
    fn every_string_of_a_row_counts_also_compressed() {
        let expect = ["x = 1", "assert x", "b"];
        assert_eq!(collected("a.jsonl", ROWS).unwrap(), expect);
        assert_eq!(collected("a.jsonl.zst", &zstd::encode_all(ROWS, 1).unwrap()).unwrap(), expect);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(ROWS).unwrap();
        assert_eq!(collected("a.jsonl.gz", &gz.finish().unwrap()).unwrap(), expect);
    }

    #[test]
    fn any_other_file_is_one_text() {
        assert_eq!(collected("a.py", b"x = 1\ny = 2\n").unwrap(), ["x = 1\ny = 2\n"]);
    }

    #[test]
    fn a_line_that_is_no_json_is_named() {
        assert!(collected("a.jsonl", b"1\n{").unwrap_err().starts_with("line 2: "));
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let error = read(&["/no/such/file.jsonl".to_owned()], 5).unwrap_err().to_string();
        assert!(error.contains("file.jsonl"), "{error}");
    }
}
