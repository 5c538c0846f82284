//! What docs/trace.md says, as small programs with the events that they must give, written by hand. Each is
//! held against both tracers on every interpreter that is present.

mod bounds;
mod calm;
mod check;
mod cut_off;
mod effects;
mod elements;
mod endings;
mod exceptions;
mod flow;
mod generators;
mod granularities;
mod hostile;
mod identities;
mod iterators;
mod numpy;
mod pandas;
mod references;
mod self_tracing;
mod structured;
mod threads;
mod tools;
mod touched;
mod undisturbed;
mod values;
mod variables;
