//! Who holds what.

use std::fmt;
use std::sync::Arc;

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

/// No plan has as many shards: a lease beyond is nobody's. It bounds what a worker's word can make the queue
/// remember.
pub(in crate::queue) const MAX_SHARDS: u64 = 1 << 24;

/// No queue gives out a higher token; as microseconds since 1970 it is reached in 2112. Above it there is room to
/// count on without leaving the integers that a double, and so a script in Redis, holds exactly.
pub(in crate::queue) const MAX_TOKEN: Token = Token(1 << 52);

impl Lease {
    /// Whether any queue can have given it out.
    pub(in crate::queue) fn is_possible(self) -> bool {
        self.shard < MAX_SHARDS && self.token <= MAX_TOKEN
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
