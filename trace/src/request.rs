//! What the worker asks a traced process to run.

use crate::Granularity;
use crate::wire::put_varint;

/// One program to run, and how closely to watch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    pub entry: Entry<'a>,
    /// The file name that tracebacks show, without a folder.
    pub filename: &'a str,
    /// The source as it was found: its encoding is the interpreter's to decide (PEP 263).
    pub source: &'a [u8],
    pub granularity: Granularity,
    pub bounds: Bounds,
}

/// Where execution begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The source runs as `__main__`.
    Script,
    /// The source is imported untraced, then `function(input)` is called and traced, where `input` is an
    /// argument list as Python text.
    Call { function: &'a str, input: &'a str },
}

/// How much of a program is written down. Past a bound the program runs on and the trace says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub max_events: u64,
    /// Characters after which no further element of a value is begun; 600 where it is more.
    pub value_chars: u32,
    /// The same for the value that the entry returns, as far as half of the log can hold it.
    pub output_chars: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { max_events: 100_000, value_chars: 256, output_chars: 64 * 1024 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestError;

impl std::fmt::Display for RequestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request is damaged")
    }
}

impl std::error::Error for RequestError {}

impl<'a> Request<'a> {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.source.len() + 64);
        let (function, input) = match self.entry {
            Entry::Script => ("", ""),
            Entry::Call { function, input } => (function, input),
        };
        for field in [function.as_bytes(), input.as_bytes(), self.filename.as_bytes(), self.source] {
            put_varint(&mut out, field.len() as u64);
            out.extend_from_slice(field);
        }
        put_varint(&mut out, self.granularity as u64);
        put_varint(&mut out, self.bounds.max_events);
        put_varint(&mut out, self.bounds.value_chars.into());
        put_varint(&mut out, self.bounds.output_chars.into());
        out
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Request<'a>, RequestError> {
        let mut input = crate::decode::Input::new(bytes);
        let mut field = || {
            let len = input.varint().map_err(|_| RequestError)?;
            input.bytes(len).map_err(|_| RequestError)
        };
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| RequestError);
        let function = text(field()?)?;
        let arguments = text(field()?)?;
        let filename = text(field()?)?;
        let source = field()?;
        let mut number = || input.varint().map_err(|_| RequestError);
        let granularity = number();
        let granularity = Granularity::ALL.into_iter().find(|known| Ok(*known as u64) == granularity);
        let bounds = Bounds {
            max_events: number()?,
            value_chars: number()?.try_into().map_err(|_| RequestError)?,
            output_chars: number()?.try_into().map_err(|_| RequestError)?,
        };
        let entry =
            if function.is_empty() { Entry::Script } else { Entry::Call { function, input: arguments } };
        Ok(Request { entry, filename, source, granularity: granularity.ok_or(RequestError)?, bounds })
    }
}
