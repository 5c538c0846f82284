//! Spreads requests over time, for all slots of a worker together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most so many requests in a minute, evenly.
pub(super) struct Pace {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn per_minute(requests: u32) -> Pace {
        Pace { interval: Duration::from_secs(60) / requests.max(1), next: Mutex::new(None) }
    }

    /// How long from `now` the next request has to wait. It counts as made.
    pub(super) fn take(&self, now: Instant) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        *next = Some(at + self.interval);
        at - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_their_distance_and_idle_time_is_not_saved_up() {
        let pace = Pace::per_minute(60);
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(pace.take(start), Duration::ZERO);
        assert_eq!(pace.take(start), second);
        assert_eq!(pace.take(start + second / 2), second + second / 2);
        assert_eq!(pace.take(start + 10 * second), Duration::ZERO);
        assert_eq!(pace.take(start + 10 * second), second);
    }
}
