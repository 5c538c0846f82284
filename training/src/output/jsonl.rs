//! JSON lines with zstd, as pretraining loaders take them.

use std::io::Write;

use dataset::StoreError;
use serde::Serialize;
use zstd::stream::write::Encoder;

use super::object::HashedObject;
use super::record::{Content, Message, Record};

pub(super) struct JsonlFile {
    encoder: Encoder<'static, HashedObject>,
}

/// A record as a line.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<&'a [Message]>,
    trace_id: &'a str,
    source_path: &'a str,
    source_meta: &'a str,
}

impl JsonlFile {
    pub(super) fn create(object: HashedObject) -> JsonlFile {
        let encoder = Encoder::new(object, zstd::DEFAULT_COMPRESSION_LEVEL);
        JsonlFile { encoder: encoder.expect("there is memory for zstd") }
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(&Line::of(record)).expect("texts are JSON");
        line.push(b'\n');
        let written = self.encoder.write_all(&line);
        written.map_err(|cause| self.encoder.get_ref().error(cause))
    }

    pub(super) fn finish(self) -> Result<HashedObject, StoreError> {
        self.encoder.try_finish().map_err(|(encoder, cause)| encoder.get_ref().error(cause))
    }
}

impl<'a> Line<'a> {
    fn of(record: &'a Record) -> Line<'a> {
        let Record { id, trace_id, source_path, source_meta, content } = record;
        let bare = Line {
            id,
            text: None,
            prompt: None,
            completion: None,
            messages: None,
            trace_id,
            source_path,
            source_meta,
        };
        match content {
            Content::Text(text) => Line { text: Some(text), ..bare },
            Content::Prompt { prompt, completion } => {
                Line { prompt: Some(prompt), completion: Some(completion), ..bare }
            }
            Content::Messages(messages) => Line { messages: Some(messages), ..bare },
        }
    }
}
