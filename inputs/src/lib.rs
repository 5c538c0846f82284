//! Finds functions that can be called in a Python file, and inputs to call them with.
//!
//! Pure: it reads source text and is told what executions did, runs nothing itself, knows no clock and draws all chance
//! from a seed. `module` reads a file, `search` proposes inputs and learns from what came of them.

mod assertions;
mod branches;
mod docs;
mod docstring;
mod edges;
mod equal;
mod examples;
mod formula;
mod generate;
mod guess;
mod imported;
mod literal;
mod mined;
mod module;
mod mutate;
mod random;
mod relate;
mod search;
mod shape;
mod stack;
mod uses;
mod value;

pub use assertions::apart;
pub use equal::are_equal;
pub use module::{Module, ReadError};
pub use search::{Budget, Call, Decision, Ending, Guidance, Observation, Origin, Proposal, Search};
