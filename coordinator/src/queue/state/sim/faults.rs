//! What goes wrong in a simulation.

/// How likely each thing is to go wrong, in thousandths, whenever it could.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    pub(super) message_lost: u64,
    pub(super) message_doubled: u64,
    /// By up to forty seconds, so that messages overtake each other.
    pub(super) message_delayed: u64,
    /// A coordinator cannot reach the queue.
    pub(super) partitions: u64,
    pub(super) worker_crashes: u64,
    pub(super) worker_releases: u64,
    pub(super) worker_fails: u64,
    /// Of the shards: with a source that takes every worker down, and with one at which every worker fails.
    pub(super) killers: u64,
    pub(super) culprits: u64,
    pub(super) publication_fails: u64,
    /// It takes so long that another coordinator takes over.
    pub(super) publication_slow: u64,
    pub(super) coordinator_crashes: u64,
    /// The queue forgets all, or all since a snapshot.
    pub(super) flushes: u64,
    pub(super) restores: u64,
    /// How far the clocks of the coordinators may be ahead or behind.
    pub(super) skew_ms: u64,
}

pub(super) const NONE: Faults = Faults {
    message_lost: 0,
    message_doubled: 0,
    message_delayed: 0,
    partitions: 0,
    worker_crashes: 0,
    worker_releases: 0,
    worker_fails: 0,
    killers: 0,
    culprits: 0,
    publication_fails: 0,
    publication_slow: 0,
    coordinator_crashes: 0,
    flushes: 0,
    restores: 0,
    skew_ms: 0,
};

pub(super) const NETWORK: Faults = Faults {
    message_lost: 100,
    message_doubled: 200,
    message_delayed: 100,
    partitions: 50,
    skew_ms: 5000,
    ..NONE
};

pub(super) const WORKERS: Faults = Faults {
    worker_crashes: 40,
    worker_releases: 20,
    worker_fails: 30,
    killers: 100,
    culprits: 100,
    message_lost: 30,
    message_doubled: 50,
    ..NONE
};

pub(super) const COORDINATORS: Faults = Faults {
    coordinator_crashes: 60,
    publication_fails: 80,
    publication_slow: 100,
    partitions: 100,
    message_delayed: 50,
    worker_crashes: 10,
    skew_ms: 5000,
    ..NONE
};

pub(super) const EVERYTHING: Faults = Faults {
    message_lost: 50,
    message_doubled: 100,
    message_delayed: 50,
    partitions: 50,
    worker_crashes: 20,
    worker_releases: 10,
    worker_fails: 20,
    killers: 50,
    culprits: 50,
    publication_fails: 50,
    publication_slow: 50,
    coordinator_crashes: 30,
    flushes: 20,
    restores: 40,
    skew_ms: 5000,
};
