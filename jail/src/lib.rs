//! Confinement on Linux: what one untrusted program may see, use and do.
//!
//! `launch` turns a fresh process into a zygote, once; `zygote` forks one confined program after another from
//! it, each through the steps of `program`, under the eyes of `watch`. `profile` says which layers hold.
//! docs/sandbox.md describes the layers from outside in.

mod landlock;
mod launch;
mod limits;
mod namespaces;
mod probe;
mod profile;
mod program;
mod remains;
mod report;
mod root;
mod scratch;
mod seccomp;
mod step;
mod watch;
mod wire;
mod zygote;

pub use launch::Launch;
pub use limits::Limits;
pub use probe::{Probe, probe};
pub use profile::{Profile, UnknownLayer};
pub use step::StepError;
pub use wire::{Answer, Cause, End, Files, Line, Order};
pub use zygote::{Forker, Shared, Zygote};
