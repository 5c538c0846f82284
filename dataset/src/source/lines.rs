//! The lines of a file, plain or compressed, from any of them on.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;

use flate2::bufread::MultiGzDecoder;

use super::{SourceError, objects};
use crate::store::Object;

const BUFFER_BYTES: usize = 256 << 10;

/// How a JSONL file is compressed, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// `None` for a file that is no JSONL file.
    pub(crate) fn of(path: &str) -> Option<Packing> {
        let (name, packing) = match path {
            _ if path.ends_with(".gz") => (path.strip_suffix(".gz")?, Packing::Gzip),
            _ if path.ends_with(".zst") => (path.strip_suffix(".zst")?, Packing::Zstd),
            _ => (path, Packing::Plain),
        };
        name.ends_with(".jsonl").then_some(packing)
    }
}

/// Yields lines without their ends. Never holds more of a line than it was asked to keep.
pub(crate) struct Lines {
    path: String,
    object: Object,
    input: Box<dyn BufRead + Send>,
    byte: u64,
    number: u64,
    keep: u64,
    failed: bool,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Byte of its start, after decompression.
    pub(crate) from: u64,
    /// Byte after its end, so the start of the next line.
    pub(crate) to: u64,
    /// Counted from 1.
    pub(crate) number: u64,
    /// Its beginning, as much as is kept.
    pub(crate) text: Vec<u8>,
    /// There is more than what is kept.
    pub(crate) is_cut: bool,
    /// It is only white space.
    pub(crate) blank: bool,
}

impl Lines {
    /// Starts at byte `from`, which begins line `number`. Keeps up to `keep` bytes of each line.
    pub(crate) fn open(path: &str, from: u64, number: u64, keep: u64) -> Result<Lines, SourceError> {
        let object = objects::open(path)?;
        let input = open_at(&object, Packing::of(path), from).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Changed { path: path.to_owned() },
            _ => SourceError::reading(path, &object, cause),
        })?;
        Ok(Lines { path: path.to_owned(), object, input, byte: from, number, keep, failed: false })
    }

    /// Goes on to the first line that starts at byte `to` or later.
    pub(crate) fn after(mut self, to: u64) -> Result<Lines, SourceError> {
        while self.byte < to {
            if self.next().transpose()?.is_none() {
                return Err(SourceError::Changed { path: self.path });
            }
        }
        Ok(self)
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line {
            from: self.byte,
            to: self.byte,
            number: self.number,
            text: Vec::new(),
            is_cut: false,
            blank: true,
        };
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = self.keep.saturating_sub(line.text.len() as u64);
            let kept = room.min(piece.len() as u64) as usize;
            line.text.extend_from_slice(&piece[..kept]);
            line.is_cut |= kept < piece.len();
            line.blank &= piece.iter().all(u8::is_ascii_whitespace);
            let is_over = end.is_some() || buffer.is_empty();
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            line.to += used as u64;
            if is_over {
                break;
            }
        }
        self.byte = line.to;
        self.number += 1;
        Ok((line.to > line.from).then_some(line))
    }
}

impl Iterator for Lines {
    type Item = Result<Line, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = self.read_line();
        self.failed = line.is_err();
        line.map_err(|cause| SourceError::reading(&self.path, &self.object, cause)).transpose()
    }
}

/// Yields the lines of a planned stretch of a file, but for blank ones. All of it must still be there.
pub(super) struct Stretch {
    lines: Lines,
    to_byte: u64,
    is_over: bool,
}

impl Stretch {
    /// The stretch begins with line `first_line`. Keeps up to `keep` bytes of each line.
    pub(super) fn open(
        path: &str,
        bytes: Range<u64>,
        first_line: u64,
        keep: u64,
    ) -> Result<Stretch, SourceError> {
        let lines = Lines::open(path, bytes.start, first_line, keep)?;
        Ok(Stretch { lines, to_byte: bytes.end, is_over: false })
    }

    /// Yields nothing more.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    fn advance(&mut self) -> Result<Option<Line>, SourceError> {
        while self.lines.byte < self.to_byte {
            match self.lines.next().transpose()? {
                Some(line) if line.to <= self.to_byte && line.blank => {}
                Some(line) if line.to <= self.to_byte => return Ok(Some(line)),
                _ => return Err(SourceError::Changed { path: self.lines.path.clone() }),
            }
        }
        Ok(None)
    }
}

impl Iterator for Stretch {
    type Item = Result<Line, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.advance();
        self.is_over = step.is_err();
        step.transpose()
    }
}

/// Reads a file from a byte on that begins a line. One that does not have it there gives `UnexpectedEof`.
fn open_at(object: &Object, packing: Option<Packing>, from: u64) -> io::Result<Box<dyn BufRead + Send>> {
    // One byte earlier, to see that a line ends there.
    let before = from.saturating_sub(1);
    let mut input: Box<dyn BufRead + Send> = match packing {
        Some(Packing::Gzip) => buffered(MultiGzDecoder::new(object.reader(0))),
        Some(Packing::Zstd) => buffered(zstd::Decoder::with_buffer(object.reader(0))?),
        Some(Packing::Plain) | None if before > object.size() => {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Some(Packing::Plain) | None => return starting_a_line(Box::new(object.reader(before)), from),
    };
    let skipped = io::copy(&mut (&mut input).take(before), &mut io::sink())?;
    if skipped < before {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    starting_a_line(input, from)
}

fn buffered(input: impl Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, input))
}

/// Takes the byte before `from`, which must end a line.
fn starting_a_line(mut input: Box<dyn BufRead + Send>, from: u64) -> io::Result<Box<dyn BufRead + Send>> {
    if from > 0 {
        let mut end = [0];
        input.read_exact(&mut end)?;
        if end != *b"\n" {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(input)
}
