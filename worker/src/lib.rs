//! A worker: takes shards from the coordinator, runs their programs, writes what happened.
//! Start at `worker`; `report` is the loop, and what its words mean is decided in `ledger`.

mod ahead;
mod asked;
mod backoff;
mod config;
pub mod execute;
mod filter;
mod labels;
mod ledger;
mod log;
mod outcome;
mod patience;
mod prefetch;
mod progress;
pub mod python;
mod render;
mod repeats;
mod report;
mod row;
mod scratch;
pub mod search;
mod shard;
mod slots;
mod spans;
mod steps;
mod verdict;
mod wire;
mod worker;

pub use config::Config;
pub use labels::{BadLabel, Contradiction, Label};
pub use report::ReportError;
pub use worker::{StartError, Worker};
