//! What a finished dataset holds: the manifest, part by part, and the report in sum.

use std::io::{BufRead, BufWriter, Lines, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::layout::{FORMAT_VERSION, MANIFEST, REPORT};
use crate::store::ObjectWriter;
use crate::{JobId, PartError, PartReader, Store, StoreError, Tally};

/// One part, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    pub key: String,
    pub shard: u64,
    pub sources: u64,
    pub rows: u64,
    pub events: u64,
    pub bytes: u64,
    /// Of the file, as lower-case hex.
    pub sha256: String,
}

impl ManifestPart {
    /// Reads the part's footer and, for the hash, all its bytes.
    pub(crate) fn of(part: &PartReader) -> Result<ManifestPart, PartError> {
        let Tally { sources, rows, events, bytes, .. } = *part.tally();
        let (key, shard) = (part.key().to_owned(), part.header().shard.ordinal);
        Ok(ManifestPart { key, shard, sources, rows, events, bytes, sha256: part.sha256()? })
    }
}

/// What all parts hold, in sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Total {
    parts: u64,
    sources: u64,
    rows: u64,
    events: u64,
    bytes: u64,
}

impl Total {
    fn add(&mut self, part: &ManifestPart) {
        self.parts += 1;
        self.sources += part.sources;
        self.rows += part.rows;
        self.events += part.events;
        self.bytes += part.bytes;
    }
}

/// What a job did, in sum and in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub format_version: u32,
    pub job: JobId,
    pub parts: u64,
    /// Milliseconds since the epoch.
    pub started_unix_ms: u64,
    pub finished_unix_ms: u64,
    pub tally: Tally,
}

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} is damaged: {what}")]
    Damaged { key: &'static str, what: String },
}

impl Report {
    pub(crate) fn write(&self, store: &Store) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(self).expect("numbers and texts are JSON");
        store.put(REPORT, format!("{text}\n").as_bytes())
    }

    pub(crate) fn read(store: &Store) -> Result<Report, ManifestError> {
        parse(REPORT, &store.get(REPORT)?)
    }
}

/// Writes a manifest in memory that does not grow with it.
pub(crate) struct ManifestWriter {
    output: BufWriter<ObjectWriter>,
    total: Total,
}

impl ManifestWriter {
    pub(crate) fn create(store: &Store, job: &JobId) -> Result<ManifestWriter, StoreError> {
        let output = BufWriter::new(store.create(MANIFEST)?);
        let mut writer = ManifestWriter { output, total: Total::default() };
        writer.write(&format!(r#"{{"format_version":{FORMAT_VERSION},"job":"{job}","parts":["#))?;
        Ok(writer)
    }

    pub(crate) fn append(&mut self, part: &ManifestPart) -> Result<(), StoreError> {
        let comma = if self.total.parts == 0 { "" } else { "," };
        self.total.add(part);
        let json = serde_json::to_string(part).expect("numbers and texts are JSON");
        self.write(&format!("{comma}\n{json}"))
    }

    /// Makes the manifest appear.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        let total = serde_json::to_string(&self.total).expect("numbers are JSON");
        self.write(&format!("\n],\"total\":{total}}}\n"))?;
        let flushed = self.output.flush();
        flushed.map_err(|cause| self.output.get_ref().error(cause))?;
        let (object, _) = self.output.into_parts();
        object.finish()
    }

    fn write(&mut self, text: &str) -> Result<(), StoreError> {
        let written = self.output.write_all(text.as_bytes());
        written.map_err(|cause| self.output.get_ref().error(cause))
    }
}

/// Streams the parts of a manifest. Ends with an error if it is not whole.
pub struct Manifest {
    job: JobId,
    lines: Lines<Box<dyn BufRead + Send>>,
    found: Total,
    ended: bool,
}

impl Manifest {
    pub(crate) fn open(store: &Store) -> Result<Manifest, ManifestError> {
        #[derive(Deserialize)]
        struct Head {
            format_version: u32,
            job: JobId,
        }
        let input: Box<dyn BufRead + Send> = Box::new(store.read(MANIFEST)?.reader(0));
        let mut lines = input.lines();
        let first = lines.next().ok_or_else(|| damaged("it is empty"))?.map_err(damaged)?;
        let head: Head = parse(MANIFEST, format!("{first}]}}").as_bytes())?;
        if head.format_version > FORMAT_VERSION {
            return Err(damaged(format!("it is of format {}", head.format_version)));
        }
        Ok(Manifest { job: head.job, lines, found: Total::default(), ended: false })
    }

    pub fn job(&self) -> &JobId {
        &self.job
    }

    fn advance(&mut self) -> Result<Option<ManifestPart>, ManifestError> {
        #[derive(Deserialize)]
        struct Tail {
            total: Total,
        }
        let line = self.lines.next().ok_or_else(|| damaged("it ends too early"))?.map_err(damaged)?;
        if !line.starts_with(']') {
            let part = parse(MANIFEST, line.strip_suffix(',').unwrap_or(&line).as_bytes())?;
            self.found.add(&part);
            return Ok(Some(part));
        }
        let tail: Tail = parse(MANIFEST, format!(r#"{{"parts":[{line}"#).as_bytes())?;
        if tail.total != self.found {
            return Err(damaged("its total is not that of its parts"));
        }
        Ok(None)
    }
}

impl Iterator for Manifest {
    type Item = Result<ManifestPart, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.advance();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

fn damaged(what: impl ToString) -> ManifestError {
    ManifestError::Damaged { key: MANIFEST, what: what.to_string() }
}

fn parse<T: DeserializeOwned>(key: &'static str, json: &[u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(json).map_err(|error| ManifestError::Damaged { key, what: error.to_string() })
}
