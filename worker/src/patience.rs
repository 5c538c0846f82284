//! How long a worker bears with a store that fails: what has been run is dearer than the wait.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::backoff::{Backoff, chance};

/// An outage that lasts longer is left to the coordinator, which tries the shard again elsewhere or later.
const LONGEST_OUTAGE: Duration = Duration::from_secs(120);

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Runs out over one outage.
pub(crate) struct Patience {
    longest_outage: Duration,
    backoff: Backoff,
    since: Option<Instant>,
}

impl Patience {
    pub(crate) fn new() -> Patience {
        let backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        Patience { longest_outage: LONGEST_OUTAGE, backoff, since: None }
    }

    /// For tests of those who use it.
    #[cfg(test)]
    pub(crate) fn short() -> Patience {
        let backoff = Backoff::new(Duration::from_micros(10), Duration::from_micros(100));
        Patience { longest_outage: Duration::from_millis(200), backoff, since: None }
    }

    /// Pauses after a failure. False, and at once, where the outage has lasted too long.
    pub(crate) fn wait(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.longest_outage {
            return false;
        }
        sleep(self.backoff.next(chance()));
        true
    }

    /// Something went well: the next failure begins another outage.
    pub(crate) fn renew(&mut self) {
        self.backoff.reset();
        self.since = None;
    }
}
