//! Training text from stored traces.
//!
//! A style is a pure function of one execution, its settings and a seed: no I/O, no clock. Start at `style`;
//! each style is one file below `styles/`, and `docs/styles.md` has its grammar.

mod depth;
mod example;
mod execution;
mod json;
mod level;
mod line_runs;
mod machine;
pub mod notation;
mod random;
mod sample;
mod scopes;
mod settings;
mod source;
mod step;
mod style;
mod styles;
mod text;
mod variables;

pub use depth::within_depth;
pub use example::{Example, Message, Role, Text};
pub use execution::Execution;
pub use sample::sample;
pub use settings::{SettingError, Settings};
pub use style::{Parameter, Shape, Skipped, Style, StyleError, StyleKind, find, kinds};
