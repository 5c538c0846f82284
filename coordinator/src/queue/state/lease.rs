//! Who holds what.

use std::fmt;
use std::sync::Arc;

use super::limits::{MAX_SHARDS, MAX_TOKEN};

/// Names one worker process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub Arc<str>);

/// Tells the leases of one shard apart: a later one is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The right to run one shard, until the queue says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub shard: u64,
    pub token: Token,
}

impl Lease {
    /// Whether any queue can have given it out.
    pub(super) fn is_possible(self) -> bool {
        self.shard < MAX_SHARDS && self.token.0 <= MAX_TOKEN
    }
}

impl Token {
    pub(super) fn next(self) -> Token {
        Token(self.0 + 1)
    }
}

impl WorkerId {
    pub fn new(name: &str) -> WorkerId {
        WorkerId(name.into())
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
