//! Plans jobs, hands their shards to workers and publishes what they write, until every shard is published.
//!
//! Start at `queue`, which decides; `service` does what it decides, `grpc` translates, `cli` talks to people.

pub mod cli;
#[cfg(test)]
mod cluster_tests;
mod grpc;
mod inspect;
mod local_workers;
mod paint;
mod progress;
pub mod queue;
mod service;
mod signals;
mod status;
