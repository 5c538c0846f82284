//! Programs as rows of a JSONL file.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::lines::{Line, Lines};
use super::location::base_name;
use super::{Body, Source, SourceError};

/// What tracebacks call a program that has no file.
const FILENAME: &str = "main.py";

/// What a row calls a line of the file at `path`.
pub(super) fn source_path(path: &str, line: u64) -> String {
    format!("{}:{line}", base_name(path))
}

/// Yields the sources of a stretch of lines.
pub(super) struct Cases {
    path: String,
    lines: Lines,
    byte: u64,
    to_byte: u64,
    source_bytes: u64,
    failed: bool,
}

impl Cases {
    pub(super) fn open(
        path: &str,
        bytes: Range<u64>,
        first_line: u64,
        source_bytes: u64,
    ) -> Result<Cases, SourceError> {
        let lines = Lines::open(path, bytes.start, first_line, source_bytes)?;
        let path = path.to_owned();
        Ok(Cases { path, lines, byte: bytes.start, to_byte: bytes.end, source_bytes, failed: false })
    }

    fn advance(&mut self) -> Result<Option<Source>, SourceError> {
        while self.byte < self.to_byte {
            let line = self.lines.next().transpose()?;
            match line {
                Some(line) if line.to <= self.to_byte => {
                    self.byte = line.to;
                    if !line.blank {
                        return Ok(Some(source(&self.path, &line, self.source_bytes)));
                    }
                }
                _ => return Err(SourceError::Changed { path: self.path.clone() }),
            }
        }
        Ok(None)
    }
}

impl Iterator for Cases {
    type Item = Result<Source, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.advance();
        self.failed = step.is_err();
        step.transpose()
    }
}

fn source(path: &str, line: &Line, source_bytes: u64) -> Source {
    let path = source_path(path, line.number);
    let mut source = Source {
        id: path.clone(),
        path,
        meta: "{}".to_owned(),
        filename: FILENAME.to_owned(),
        body: Body::Unreadable { reason: String::new() },
    };
    source.body = if line.is_cut {
        Body::Unreadable { reason: format!("line {} has more than {source_bytes} bytes", line.number) }
    } else {
        fill(&mut source, line).unwrap_or_else(|reason| Body::Unreadable { reason })
    };
    source
}

/// Sets id and meta as the row has them. Gives the body, or what is wrong with the row.
fn fill(source: &mut Source, line: &Line) -> Result<Body, String> {
    let number = line.number;
    let text = str::from_utf8(&line.text).map_err(|_| format!("line {number} is not UTF-8"))?;
    let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            format!("line {number} is not a JSON object")
        } else {
            format!("line {number} is not JSON: error at its column {}", error.column())
        }
    })?;
    fields.retain(|_, value| value.get() != "null");
    let (id, code, input) = (fields.remove("id"), fields.remove("code"), fields.remove("input"));
    if let Some(id) = id {
        source.id = serde_json::from_str(id.get()).unwrap_or_else(|_| id.get().to_owned());
    }
    source.meta = serde_json::to_string(&fields).expect("texts and JSON are JSON");
    let string = |name: &str, value: &RawValue| {
        serde_json::from_str::<String>(value.get())
            .map_err(|_| format!("`{name}` of line {number} is not a string"))
    };
    let code = code.ok_or_else(|| format!("line {number} has no `code`"))?;
    let code = string("code", code)?;
    Ok(match input {
        Some(input) => Body::Call { code, input: string("input", input)? },
        None => Body::Script(code.into_bytes()),
    })
}
