//! The crate from outside: what a coordinator, a worker and a reader do with a dataset.

mod damage;
mod events;
mod life;
mod parts;
mod plans;
mod remote;
mod samples;
mod sources;
mod stores;
mod support;
mod tables;
