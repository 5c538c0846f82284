//! Examples as files that training loaders take.

mod jsonl;
mod object;
mod parquet;
mod record;

use std::collections::BTreeMap;

use dataset::{Store, StoreError};
use serde::{Deserialize, Serialize};

pub use record::{Content, Form, Message, Misfit, Record};

use self::parquet::ParquetFile;
use crate::layout;
use crate::select::Split;
use jsonl::JsonlFile;
pub(crate) use object::HashedObject;

/// What kind of file examples are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Parquet,
    /// JSON lines, compressed with zstd.
    Jsonl,
}

impl FileKind {
    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            FileKind::Parquet => "parquet",
            FileKind::Jsonl => "jsonl.zst",
        }
    }
}

/// A finished file, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub key: String,
    pub split: Split,
    pub examples: u64,
    /// Of the texts of all examples.
    pub characters: u64,
    pub bytes: u64,
    /// Of the file, as lower-case hex.
    pub sha256: String,
}

/// A file being written. Dropping it unfinished leaves nothing.
enum File {
    Parquet(Box<ParquetFile>),
    Jsonl(Box<JsonlFile>),
}

/// One numbered file for each split that has any examples.
pub(crate) struct Files<'a> {
    store: &'a Store,
    kind: FileKind,
    form: Form,
    number: u64,
    open: BTreeMap<Split, Open>,
}

struct Open {
    file: File,
    key: String,
    examples: u64,
    characters: u64,
}

impl<'a> Files<'a> {
    pub(crate) fn new(store: &'a Store, kind: FileKind, form: Form, number: u64) -> Files<'a> {
        Files { store, kind, form, number, open: BTreeMap::new() }
    }

    pub(crate) fn append(&mut self, split: Split, record: &Record) -> Result<(), StoreError> {
        if !self.open.contains_key(&split) {
            let key = layout::file_key(split, self.number, self.kind);
            let object = HashedObject::create(self.store, &key)?;
            let file = match self.kind {
                FileKind::Parquet => File::Parquet(Box::new(ParquetFile::create(object, self.form))),
                FileKind::Jsonl => File::Jsonl(Box::new(JsonlFile::create(object))),
            };
            self.open.insert(split, Open { file, key, examples: 0, characters: 0 });
        }
        let open = self.open.get_mut(&split).expect("it was opened");
        open.examples += 1;
        open.characters += record.content.characters();
        match &mut open.file {
            File::Parquet(file) => file.append(record),
            File::Jsonl(file) => file.append(record),
        }
    }

    /// Makes the files appear.
    pub(crate) fn finish(self) -> Result<Vec<FileEntry>, StoreError> {
        let finish = |(split, open): (Split, Open)| {
            let object = match open.file {
                File::Parquet(file) => file.finish()?,
                File::Jsonl(file) => file.finish()?,
            };
            let Open { key, examples, characters, .. } = open;
            let (bytes, sha256) = object.finish()?;
            Ok(FileEntry { key, split, examples, characters, bytes, sha256 })
        };
        self.open.into_iter().map(finish).collect()
    }
}
