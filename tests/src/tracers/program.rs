//! A program to trace, and how.

use trace::{Bounds, Entry, Given, Granularity, Request};

#[derive(Debug, Clone)]
pub struct Program {
    pub source: Vec<u8>,
    pub begins: Begins,
    pub granularity: Granularity,
    pub identities: bool,
    pub bounds: Bounds,
    /// It is somebody else's: it runs without a network and can write to nothing but its own folder.
    pub foreign: bool,
}

/// What is run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begins {
    Script,
    Import,
    /// A function of the program's main module, called with an argument list.
    Call {
        function: String,
        input: String,
    },
    /// A function or method of an imported module, with arguments that are made before it is traced.
    Function {
        name: String,
        input: String,
    },
    Test {
        statements: String,
    },
}

impl Program {
    /// The file name that the program sees.
    pub const FILENAME: &str = "main.py";

    pub fn script(source: impl Into<Vec<u8>>) -> Program {
        let bounds = Bounds { max_events: 20_000, ..Bounds::default() };
        let granularity = Granularity::default();
        Program {
            source: source.into(),
            begins: Begins::Script,
            granularity,
            identities: false,
            bounds,
            foreign: false,
        }
    }

    pub fn call(source: impl Into<Vec<u8>>, function: &str, input: &str) -> Program {
        let (function, input) = (function.to_owned(), input.to_owned());
        Program { begins: Begins::Call { function, input }, ..Program::script(source) }
    }

    pub fn function(source: impl Into<Vec<u8>>, name: &str, input: &str) -> Program {
        let (name, input) = (name.to_owned(), input.to_owned());
        Program { begins: Begins::Function { name, input }, ..Program::script(source) }
    }

    pub fn request(&self) -> Request<'_> {
        let entry = match &self.begins {
            Begins::Script => Entry::Script(Given::default()),
            Begins::Import => Entry::Import,
            Begins::Call { function, input } => Entry::Call { function, input },
            Begins::Function { name, input } => Entry::Function { name, input },
            Begins::Test { statements } => Entry::Test { statements },
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
