//! A program to trace, and how.

use trace::{Bounds, Entry, Given, Granularity, Request};

#[derive(Debug, Clone)]
pub struct Program {
    pub source: Vec<u8>,
    /// The function to call and the argument list to call it with; none for a script.
    pub call: Option<(String, String)>,
    pub granularity: Granularity,
    pub identities: bool,
    pub bounds: Bounds,
    /// It is somebody else's: it runs without a network and can write to nothing but its own folder.
    pub foreign: bool,
}

impl Program {
    /// The file name that the program sees.
    pub const FILENAME: &str = "main.py";

    pub fn script(source: impl Into<Vec<u8>>) -> Program {
        let bounds = Bounds { max_events: 20_000, ..Bounds::default() };
        let granularity = Granularity::default();
        Program { source: source.into(), call: None, granularity, identities: false, bounds, foreign: false }
    }

    pub fn call(source: impl Into<Vec<u8>>, function: &str, input: &str) -> Program {
        Program { call: Some((function.to_owned(), input.to_owned())), ..Program::script(source) }
    }

    pub fn request(&self) -> Request<'_> {
        let entry = match &self.call {
            Some((function, input)) => Entry::Call { function, input },
            None => Entry::Script(Given::default()),
        };
        Request {
            entry,
            filename: Program::FILENAME,
            source: &self.source,
            granularity: self.granularity,
            identities: self.identities,
            bounds: self.bounds,
        }
    }
}
