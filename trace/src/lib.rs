//! The vocabulary of a trace: what an event is, how events lie in memory, and what they replay to.
//!
//! `event` is the model. `wire` is its byte form, written by the tracer inside the traced process and read
//! by `decode` outside it, which trusts nothing. `arena` is the memory both share, `request` what is asked
//! of the traced process in it, and how finely (`granularity`). `replay` turns changes back into full states;
//! `element` and `identity` know as much of the texts of values as that takes.

pub mod arena;
pub mod decode;
mod element;
mod event;
mod granularity;
mod identity;
mod input;
pub mod replay;
pub mod request;
pub mod wire;

pub use arena::Arena;
pub use decode::{Decoded, LogError, Reader};
pub use event::{
    Change, ChangeKind, Effect, EffectKind, End, Event, EventKind, GapReason, Instruction, Scope, StackItem,
    Stream, Value, Verdict,
};
pub use granularity::{Granularity, UnknownGranularity};
pub use identity::{behind_number, without_numbers};
pub use replay::State;
pub use request::{Bounds, Entry, Given, Patience, Request, RequestError};
