//! The sources of shards that are granted and not begun: their first bytes are read while the shards before them end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::debug;

use crate::ahead::ReadAhead;
use crate::ledger::{Assignment, Lease, Work};

/// Shared by the loop, which begins, and the slots, which take what was begun.
#[derive(Clone, Default)]
pub(crate) struct Prefetched(Arc<Mutex<HashMap<Lease, ReadAhead>>>);

impl Prefetched {
    pub(crate) fn begin(&self, assignment: &Assignment) {
        let Work::Trace(trace) = &assignment.work else { return };
        match ReadAhead::begin(trace.shard.range.clone(), trace.limits.source_bytes) {
            Ok(sources) => drop(self.lock().insert(assignment.lease.clone(), sources)),
            // The slot reads them when it comes to them, and says what is wrong if that fails too.
            Err(error) => debug!(shard = assignment.lease.shard, %error, "could not read sources early"),
        }
    }

    /// What was begun, if anything was. Dropping it is to give it up.
    pub(crate) fn take(&self, lease: &Lease) -> Option<ReadAhead> {
        self.lock().remove(lease)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, ReadAhead>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
