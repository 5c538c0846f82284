//! Bounds that are not a matter of taste. Both homes of a queue keep to them.

/// No plan has as many shards: a lease beyond is nobody's. It bounds what a worker's word can make the queue
/// remember.
pub(crate) const MAX_SHARDS: u64 = 1 << 24;

/// No queue gives out a higher token; as microseconds since 1970 it is reached in 2112. Above it there is room to
/// count on without leaving the integers that a double, and so a script in Redis, holds exactly.
pub(in crate::queue) const MAX_TOKEN: u64 = 1 << 52;

/// How many durations of finished shards are kept to tell what is slow, and how many it takes at least.
pub(in crate::queue) const LATELY: usize = 31;
pub(in crate::queue) const ENOUGH: usize = 3;

/// How many of the slowest shards are looked at for one that a worker could have a second copy of.
pub(in crate::queue) const CONSIDERED: usize = 16;

/// How many leases, and how many commits, one sweep deals with. The next one goes on.
pub(in crate::queue) const MAX_SWEPT: usize = 1000;

/// How many set-aside shards are kept with their reasons; further ones are only counted.
pub(in crate::queue) const MAX_EXPLAINED: usize = 100;

/// How many failed shards are told of at once.
pub(in crate::queue) const MAX_TOLD: usize = 1000;

/// The reason of a failure of which nobody could tell.
pub(in crate::queue) const LOST: &str = "its worker was lost";

/// A position that a source of a shard can have: none has four billion of them.
pub(in crate::queue) fn plausible(position: Option<u64>) -> Option<u64> {
    position.filter(|&position| position < 1 << 32)
}
