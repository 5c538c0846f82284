//! What the worker asks a traced process to run.

use crate::Granularity;
use crate::input::Input;
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
    /// Texts of values say which object they are of.
    pub identities: bool,
    pub bounds: Bounds,
}

/// Where execution begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The source runs as `__main__`.
    Script(Given<'a>),
    /// The source is run untraced as `__main__`, then `function(input)` is called and traced, where `input` is an
    /// argument list as Python text.
    Call { function: &'a str, input: &'a str },
    /// The source is imported as a module of its own, so that what stands under `if __name__ == "__main__"` does not
    /// run. That is traced.
    Import,
    /// The source is imported untraced, as for [`Entry::Import`], and the arguments are made; then the function is
    /// called with them and traced. `name` may be dotted, as in `Stack.push`, and `input` is an argument list as
    /// Python text.
    Function { name: &'a str, input: &'a str },
    /// The same with one input after another, in one process, only to learn what each call does. What one leaves behind
    /// is there for the next. The process ends where a call takes too long or is too long to be told.
    Probes { name: &'a str, inputs: Vec<&'a str>, patience: Patience },
    /// The source is run untraced as `__main__`, then these statements in its namespace; what they call of the source
    /// is traced.
    Test { statements: &'a str },
}

/// What a script finds where a person would have put it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given<'a> {
    /// `sys.argv` after its first item.
    pub arguments: Vec<&'a str>,
    /// Standard input.
    pub stdin: &'a [u8],
}

/// How long one call of several may take, with the making of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub wall_ms: u64,
    /// Of processor time.
    pub cpu_ms: u64,
}

mod entry {
    pub(super) const SCRIPT: u64 = 0;
    pub(super) const CALL: u64 = 1;
    pub(super) const IMPORT: u64 = 2;
    pub(super) const FUNCTION: u64 = 3;
    pub(super) const TEST: u64 = 4;
    pub(super) const PROBES: u64 = 5;
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
        let mut put = |field: &[u8]| {
            put_varint(&mut out, field.len() as u64);
            out.extend_from_slice(field);
        };
        put(self.filename.as_bytes());
        put(self.source);
        self.entry.encode(&mut out);
        put_varint(&mut out, self.granularity as u64);
        put_varint(&mut out, self.identities.into());
        put_varint(&mut out, self.bounds.max_events);
        put_varint(&mut out, self.bounds.value_chars.into());
        put_varint(&mut out, self.bounds.output_chars.into());
        out
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Request<'a>, RequestError> {
        let mut input = Input::new(bytes);
        let filename = text(field(&mut input)?)?;
        let source = field(&mut input)?;
        let entry = Entry::decode(&mut input)?;
        let mut number = || number(&mut input);
        let granularity = number();
        let granularity = Granularity::ALL.into_iter().find(|known| Ok(*known as u64) == granularity);
        let granularity = granularity.ok_or(RequestError)?;
        let identities = number()? != 0;
        let bounds = Bounds {
            max_events: number()?,
            value_chars: number()?.try_into().map_err(|_| RequestError)?,
            output_chars: number()?.try_into().map_err(|_| RequestError)?,
        };
        Ok(Request { entry, filename, source, granularity, identities, bounds })
    }
}

impl<'a> Entry<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u64, fields: &[&[u8]]| {
            put_varint(out, kind);
            for field in fields {
                put_varint(out, field.len() as u64);
                out.extend_from_slice(field);
            }
        };
        match self {
            Entry::Script(given) => {
                put(entry::SCRIPT, &[given.stdin]);
                put_texts(out, &given.arguments);
            }
            Entry::Call { function, input } => put(entry::CALL, &[function.as_bytes(), input.as_bytes()]),
            Entry::Import => put(entry::IMPORT, &[]),
            Entry::Function { name, input } => put(entry::FUNCTION, &[name.as_bytes(), input.as_bytes()]),
            Entry::Test { statements } => put(entry::TEST, &[statements.as_bytes()]),
            Entry::Probes { name, inputs, patience } => {
                put(entry::PROBES, &[name.as_bytes()]);
                put_texts(out, inputs);
                put_varint(out, patience.wall_ms);
                put_varint(out, patience.cpu_ms);
            }
        }
    }

    fn decode(input: &mut Input<'a>) -> Result<Entry<'a>, RequestError> {
        Ok(match number(input)? {
            entry::SCRIPT => {
                let stdin = field(input)?;
                Entry::Script(Given { arguments: texts(input)?, stdin })
            }
            entry::CALL => Entry::Call { function: text(field(input)?)?, input: text(field(input)?)? },
            entry::IMPORT => Entry::Import,
            entry::FUNCTION => Entry::Function { name: text(field(input)?)?, input: text(field(input)?)? },
            entry::TEST => Entry::Test { statements: text(field(input)?)? },
            entry::PROBES => Entry::Probes {
                name: text(field(input)?)?,
                inputs: texts(input)?,
                patience: Patience { wall_ms: number(input)?, cpu_ms: number(input)? },
            },
            _ => return Err(RequestError),
        })
    }
}

fn put_texts(out: &mut Vec<u8>, texts: &[&str]) {
    put_varint(out, texts.len() as u64);
    for text in texts {
        put_varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
}

fn texts<'a>(input: &mut Input<'a>) -> Result<Vec<&'a str>, RequestError> {
    let count = number(input)?;
    (0..count).map(|_| text(field(input)?)).collect()
}

fn number(input: &mut Input<'_>) -> Result<u64, RequestError> {
    input.varint().map_err(|_| RequestError)
}

fn field<'a>(input: &mut Input<'a>) -> Result<&'a [u8], RequestError> {
    let len = number(input)?;
    input.bytes(len).map_err(|_| RequestError)
}

fn text(bytes: &[u8]) -> Result<&str, RequestError> {
    std::str::from_utf8(bytes).map_err(|_| RequestError)
}
