//! Programs as rows of a JSONL file.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;

use super::lines::{Line, Stretch};
use super::location::base_name;
use super::{Body, Source, SourceError, given};

/// What tracebacks call a program that has no file.
const FILENAME: &str = "main.py";

/// What a row calls a line of the file at `path`.
pub(super) fn source_path(path: &str, line: u64) -> String {
    format!("{}:{line}", base_name(path))
}

/// Yields the sources of a stretch of lines.
pub(super) struct Cases {
    path: String,
    lines: Stretch,
    source_bytes: u64,
}

impl Cases {
    pub(super) fn open(
        path: &str,
        bytes: Range<u64>,
        first_line: u64,
        source_bytes: u64,
    ) -> Result<Cases, SourceError> {
        let lines = Stretch::open(path, bytes, first_line, source_bytes)?;
        Ok(Cases { path: path.to_owned(), lines, source_bytes })
    }
}

impl Iterator for Cases {
    type Item = Result<Source, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        Some(line.map(|line| source(&self.path, &line, self.source_bytes)))
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
    let field = |name: &str| serde_json::from_str(fields.get(name)?.get()).ok();
    let code = match code {
        Some(code) => string("code", code)?,
        None => given::completed(field)
            .or_else(|| given::first_solution(field(given::SOLUTIONS)?))
            .ok_or_else(|| format!("line {number} has no `code`"))?,
    };
    if let Some(input) = input {
        let expected = given::text(field("output"));
        return Ok(Body::Call { code, input: string("input", input)?, expected });
    }
    let cases = given::cases(field);
    Ok(if cases.is_empty() { Body::Script(code.into_bytes()) } else { Body::Cases { code, cases } })
}
