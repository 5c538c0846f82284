//! The control plane's walls: who may call whom, over what, and how often.
//!
//! Coordinators open a [`server::Plane`], workers and people call one through a [`client::Target`]. Both sides say
//! their version in every message and refuse another one.

pub mod client;
mod connection;
mod files;
mod fresh;
pub mod server;
mod token;
mod version;

pub use version::{OtherVersion, VERSION};
