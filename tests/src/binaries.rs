//! Where the programs under test were built: in the folder of the one that is running.

use std::env;
use std::path::PathBuf;

pub fn et_coord() -> PathBuf {
    built("et-coord")
}

pub fn et_worker() -> PathBuf {
    built("et-worker")
}

/// The S3 service for tests.
pub fn s3_server() -> PathBuf {
    built("s3-server")
}

/// The tracer that goes with them.
pub fn tracer() -> PathBuf {
    built("libet_tracer.so")
}

/// # Panics
/// If it was not built: `make test` and `make bench-…` build the whole workspace first.
fn built(name: &str) -> PathBuf {
    let mut folder = env::current_exe().expect("a running program has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let path = folder.join(name);
    assert!(path.exists(), "{name} is not built; run `cargo build --workspace` first");
    path
}
