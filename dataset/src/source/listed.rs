//! Manifests: files whose lines each name a `.py` file, by its URI or path.

use std::ops::Range;

use super::lines::{Line, Stretch};
use super::location::base_name;
use super::{Body, Source, SourceError, cases, objects};
use crate::store::is_s3;

/// What tells a manifest from other files.
pub(super) fn is_manifest(path: &str) -> bool {
    path.ends_with(".manifest") || path.ends_with(".txt")
}

/// Longer than any URI.
const MAX_URI_BYTES: u64 = 16 << 10;

/// Yields the files that a stretch of lines names.
pub(super) struct ListedFiles {
    path: String,
    lines: Stretch,
    source_bytes: u64,
}

impl ListedFiles {
    pub(super) fn open(
        path: &str,
        bytes: Range<u64>,
        first_line: u64,
        source_bytes: u64,
    ) -> Result<ListedFiles, SourceError> {
        let lines = Stretch::open(path, bytes, first_line, MAX_URI_BYTES)?;
        Ok(ListedFiles { path: path.to_owned(), lines, source_bytes })
    }

    fn source(&self, line: &Line) -> Result<Source, SourceError> {
        let path = cases::source_path(&self.path, line.number);
        let (id, filename, read) = match named(&self.path, line) {
            Ok(uri) => {
                let read = objects::read_whole(&uri, self.source_bytes)?;
                let filename = base_name(&uri).to_owned();
                (uri, filename, read)
            }
            Err(reason) => (path.clone(), "main.py".to_owned(), Err(reason)),
        };
        let body = match read {
            Ok(bytes) => Body::Script(bytes),
            Err(reason) => Body::Unreadable { reason },
        };
        Ok(Source { path, id, meta: "{}".to_owned(), filename, body })
    }
}

impl Iterator for ListedFiles {
    type Item = Result<Source, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let source = self.lines.next()?.and_then(|line| self.source(&line));
        if source.is_err() {
            self.lines.end();
        }
        Some(source)
    }
}

/// The file that a line names, or what is wrong with the line. A relative path begins where the manifest lies.
fn named(manifest: &str, line: &Line) -> Result<String, String> {
    let number = line.number;
    let text = str::from_utf8(&line.text).map_err(|_| format!("line {number} is not UTF-8"))?.trim();
    if line.is_cut || !text.ends_with(".py") {
        return Err(format!("line {number} does not name a .py file"));
    }
    if text.starts_with('/') || is_s3(text) {
        return Ok(text.to_owned());
    }
    if text.contains("://") {
        return Err(format!("line {number} is neither a path nor an s3:// URI"));
    }
    let (folder, _) = objects::split(manifest);
    Ok(format!("{}/{text}", folder.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(manifest: &str, text: &str, expect: &str) {
        let text = text.as_bytes().to_vec();
        let line = Line { from: 0, to: 0, number: 3, text, is_cut: false, blank: false };
        assert_eq!(named(manifest, &line).unwrap_or_else(|reason| reason), expect);
    }

    #[test]
    fn a_line_names_a_file() {
        check("/data/list.txt", "s3://bucket/a.py\r", "s3://bucket/a.py");
        check("/data/list.txt", "/elsewhere/a.py", "/elsewhere/a.py");
        check("/data/list.txt", "sub/a.py", "/data/sub/a.py");
        check("/list.txt", "a.py", "/a.py");
        check("s3://bucket/x/list.txt", "sub/a.py", "s3://bucket/x/sub/a.py");
    }

    #[test]
    fn what_a_line_should_not_say_is_told() {
        check("/data/list.txt", "a.jsonl", "line 3 does not name a .py file");
        check("/data/list.txt", "http://host/a.py", "line 3 is neither a path nor an s3:// URI");
    }
}
