//! The native tracer against the reference, event by event, on programs that nobody wrote for it.

mod agreement;
mod foreign;
mod generated;
mod granularities;
mod identities;
mod replay;
mod settrace;
