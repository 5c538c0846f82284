//! How long to wait before asking again after a failure.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// Waits that double from one failure to the next and are spread at random, so that a fleet that lost its
/// coordinator does not come back in one stroke.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest, failures: 0 }
    }

    /// The wait after one more failure. `chance` lies in `0.0..1.0` and picks from the upper half.
    pub(crate) fn next(&mut self, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(2u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(0.5 + chance / 2.0)
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_waiting(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// 64 bits that no other process has, from the operating system.
pub(crate) fn random_bits() -> u64 {
    RandomState::new().hash_one(())
}

/// A number in `0.0..1.0`.
pub(crate) fn chance() -> f64 {
    // A double holds 53 bits exactly.
    (random_bits() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..6).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.next(1.0).as_millis(), 100);
    }

    #[test]
    fn luck_takes_off_at_most_half() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(backoff.next(0.0).as_millis(), 50);
        assert!((0..1000).map(|_| chance()).all(|chance| (0.0..1.0).contains(&chance)));
    }

    #[test]
    fn a_million_failures_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(1.0), Duration::from_secs(1));
    }
}
