//! An S3 service for tests, which speaks the protocol over loopback, keeps objects in a folder and fails when it is
//! told to.
//!
//! What it promises is what S3 promises: objects appear whole, also when the server is killed, and an upload is
//! not seen before it is complete.

mod faults;
mod folder;
mod server;

pub use faults::{Asked, Fault, Faults};
pub use server::S3Server;

/// The one key that is accepted.
pub const ACCESS_KEY_ID: &str = "test-key";
pub const SECRET_ACCESS_KEY: &str = "test-secret";
