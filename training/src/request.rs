//! What is asked for, and whether an output already holds it.

use dataset::{JobId, Store};
use serde::{Deserialize, Serialize};

use crate::done;
use crate::error::RenderError;
use crate::layout::{FORMAT_VERSION, REQUEST};
use crate::limit::{LengthLimit, Limit};
use crate::output::{FileKind, Form};
use crate::select::Selection;

/// What a user asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    pub style: String,
    /// Settings of the style, each `key=value`.
    pub settings: Vec<String>,
    pub seed: u64,
    /// `None` for that of the style's own examples.
    pub form: Option<Form>,
    pub files: FileKind,
    pub limit: Option<LengthLimit>,
    pub selection: Selection,
    /// Files of benchmarks by path or URI, and how many tokens in a row a program may not share with them.
    pub benchmarks: Vec<String>,
    pub benchmark_run: usize,
    pub shuffle: bool,
}

/// A rendering that others are to do. Each of them must be able to read the traces and the files that options name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Folder or URI of the dataset of traces.
    pub traces: String,
    pub options: Options,
}

/// A request as it stands in `_et/render.json`. The same request over the same traces gives the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub format_version: u32,
    /// The release that renders: another may word things differently.
    pub program: String,
    /// Whose traces.
    pub job: JobId,
    pub style: String,
    /// In order of their keys.
    pub settings: Vec<String>,
    pub seed: u64,
    pub form: Form,
    pub files: FileKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    pub selection: Selection,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<Examined>,
    pub shuffle: bool,
}

/// Benchmarks that no program may overlap with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examined {
    /// Tokens in a row.
    pub run: usize,
    /// SHA-256 of each file, in lower-case hex and in order.
    pub files_sha256: Vec<String>,
}

impl Request {
    /// Whether anything has to be known of all executions before one can be rendered.
    pub(crate) fn needs_survey(&self) -> bool {
        self.examined.is_some() || self.selection != Selection::default()
    }

    /// Makes the store this request's, unless it is another's.
    pub(crate) fn claim(&self, store: &Store) -> Result<(), RenderError> {
        if self.is_of(store)? {
            return Ok(());
        }
        // Another machine with the same request may have come first, just now.
        if store.list("")?.next().transpose()?.is_some() && !self.is_of(store)? {
            return Err(RenderError::NotEmpty { location: store.location().to_owned() });
        }
        let text = serde_json::to_string_pretty(self).expect("numbers and texts are JSON");
        Ok(store.put(REQUEST, format!("{text}\n").as_bytes())?)
    }

    /// Whether the store is this request's already; an error if it is another's.
    fn is_of(&self, store: &Store) -> Result<bool, RenderError> {
        let Some(found) = done::get::<Request>(store, REQUEST)? else { return Ok(false) };
        let what = self.differences(&found);
        if what.is_empty() {
            Ok(true)
        } else {
            Err(RenderError::Other { location: store.location().to_owned(), what })
        }
    }

    /// What two requests ask differently, in words; empty if nothing.
    fn differences(&self, other: &Request) -> String {
        let parts = [
            ("format", self.format_version != other.format_version),
            ("release of this program", self.program != other.program),
            ("dataset", self.job != other.job),
            ("style", self.style != other.style),
            ("setting of the style", self.settings != other.settings),
            ("seed", self.seed != other.seed),
            ("form", self.form != other.form),
            ("format of files", self.files != other.files),
            ("limit", self.limit != other.limit),
            ("selection", self.selection != other.selection),
            ("set of benchmarks", self.examined != other.examined),
            ("shuffling", self.shuffle != other.shuffle),
        ];
        let differing: Vec<&str> = parts.into_iter().filter(|part| part.1).map(|part| part.0).collect();
        differing.join(" and ")
    }
}

/// The version that this crate writes, and this release.
pub(crate) fn versions() -> (u32, String) {
    (FORMAT_VERSION, env!("CARGO_PKG_VERSION").to_owned())
}
