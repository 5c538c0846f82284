//! What a finished set says of itself: card, report and, last of all, the manifest.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use dataset::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::card::card;
use crate::done::{self, Done};
use crate::error::RenderError;
use crate::layout::{CARD, FORMAT_VERSION, MANIFEST, REPORT, SCATTERED, SURVEY, done_key};
use crate::output::FileEntry;
use crate::request::Request;
use crate::select::Split;
use crate::tally::Tally;

/// What a set holds, in sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub format_version: u32,
    pub tally: Tally,
    pub splits: BTreeMap<Split, Total>,
}

/// The files of one split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    pub files: u64,
    pub examples: u64,
    pub characters: u64,
    pub bytes: u64,
}

impl Total {
    fn add(&mut self, file: &FileEntry) {
        self.files += 1;
        self.examples += file.examples;
        self.characters += file.characters;
        self.bytes += file.bytes;
    }
}

/// Writes card, report and manifest once the files of all numbers are done. What they say of their executions is
/// added to `tally`.
pub(crate) fn seal(
    store: &Store,
    request: &Request,
    numbers: u64,
    tally: &mut Tally,
) -> Result<Report, RenderError> {
    store.remove_leftovers()?;
    let mut manifest = BufWriter::new(store.create(MANIFEST)?);
    let mut splits: BTreeMap<Split, Total> = BTreeMap::new();
    let mut text = format!("{{\"format_version\":{FORMAT_VERSION},\"files\":[");
    let mut separator = "\n";
    for number in 0..numbers {
        let key = done_key(number);
        let Done { tally: own, files } = done::get(store, &key)?
            .ok_or_else(|| RenderError::Damaged { key: key.clone(), what: "it is gone".to_owned() })?;
        tally.merge(&own);
        for file in files {
            splits.entry(file.split).or_default().add(&file);
            text += separator;
            text += &serde_json::to_string(&file).expect("numbers and texts are JSON");
            separator = ",\n";
        }
        let written = manifest.write_all(text.as_bytes());
        written.map_err(|cause| manifest.get_ref().error(cause))?;
        text.clear();
    }
    let total = serde_json::to_string(&splits).expect("numbers are JSON");
    let written = write!(manifest, "{text}\n],\"total\":{total}}}\n").and_then(|()| manifest.flush());
    written.map_err(|cause| manifest.get_ref().error(cause))?;
    let report = Report { format_version: FORMAT_VERSION, tally: tally.clone(), splits };
    store.put(CARD, card(request, &report).as_bytes())?;
    done::put(store, REPORT, &report)?;
    let (manifest, _) = manifest.into_parts();
    manifest.finish()?;
    Ok(report)
}

/// The report of a complete set.
pub(crate) fn report(store: &Store) -> Result<Report, RenderError> {
    let gone = || RenderError::Damaged { key: REPORT.to_owned(), what: "it is gone".to_owned() };
    done::get(store, REPORT)?.ok_or_else(gone)
}

/// Deletes what was only needed until the set was complete.
pub(crate) fn clean(store: &Store) -> Result<(), StoreError> {
    for folder in [SURVEY, SCATTERED] {
        for key in store.list(folder)? {
            store.delete(&key?)?;
        }
    }
    store.remove_leftovers()
}
