//! Every training style over real traces, read back by parsers that are written from docs/styles.md and know
//! nothing of the code that renders.

mod cwm;
mod questions;
mod states;
mod steps;
mod traces;
mod whole;
