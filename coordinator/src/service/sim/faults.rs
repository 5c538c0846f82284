//! What goes wrong in a simulation, in thousandths, whenever it could.

#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    /// A call to the store fails, before it has done anything or after.
    pub(super) store_fails: u64,
    /// It takes up to forty seconds.
    pub(super) store_slow: u64,
    /// A listing does not show yet what came within the last minute.
    pub(super) listings_old: u64,
    /// Every two seconds: the store is gone for up to two minutes.
    pub(super) outages: u64,
    /// A call to the queue fails, on its way there or back.
    pub(super) queue_fails: u64,
    /// It takes up to thirty seconds on either way.
    pub(super) queue_slow: u64,
    /// Every two seconds, for each coordinator.
    pub(super) coordinator_crashes: u64,
    /// At each report.
    pub(super) worker_crashes: u64,
    /// Every two seconds: the queue forgets all, or all since a snapshot.
    pub(super) flushes: u64,
    pub(super) restores: u64,
    /// How far the clocks of the coordinators may be ahead or behind.
    pub(super) skew_ms: u64,
}

pub(super) const NONE: Faults = Faults {
    store_fails: 0,
    store_slow: 0,
    listings_old: 0,
    outages: 0,
    queue_fails: 0,
    queue_slow: 0,
    coordinator_crashes: 0,
    worker_crashes: 0,
    flushes: 0,
    restores: 0,
    skew_ms: 0,
};

pub(super) const STORE: Faults =
    Faults { store_fails: 60, store_slow: 60, outages: 8, listings_old: 300, skew_ms: 5000, ..NONE };

pub(super) const COORDINATORS: Faults = Faults {
    coordinator_crashes: 50,
    store_slow: 100,
    queue_fails: 30,
    worker_crashes: 10,
    skew_ms: 5000,
    ..NONE
};

pub(super) const QUEUE: Faults = Faults {
    queue_fails: 80,
    queue_slow: 20,
    flushes: 20,
    restores: 30,
    worker_crashes: 20,
    coordinator_crashes: 10,
    skew_ms: 5000,
    ..NONE
};

pub(super) const EVERYTHING: Faults = Faults {
    store_fails: 30,
    store_slow: 40,
    listings_old: 200,
    outages: 4,
    queue_fails: 30,
    queue_slow: 5,
    coordinator_crashes: 25,
    worker_crashes: 10,
    flushes: 10,
    restores: 16,
    skew_ms: 5000,
};
