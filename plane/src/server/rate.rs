//! How often one connection may call.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Calls a second, over any longer time. A worker makes one a second, and some dozens when its shards are tiny.
pub(super) const CALLS_PER_SECOND: u32 = 500;

/// How much of its allowance a connection can save up.
const SAVED: Duration = Duration::from_secs(1);

/// Connections are forgotten when there are twice as many as the last time, but not before there are so many.
const FEW: usize = 1024;

/// An allowance for each connection that has called lately. It knows no clock.
#[derive(Debug)]
pub(super) struct Rates {
    /// When a connection that makes no more calls will have its full allowance again.
    full_at: HashMap<SocketAddr, Instant>,
    forget_at: usize,
}

impl Default for Rates {
    fn default() -> Rates {
        Rates { full_at: HashMap::new(), forget_at: FEW }
    }
}

impl Rates {
    /// Whether a connection may call once more.
    pub(super) fn take(&mut self, from: SocketAddr, now: Instant) -> bool {
        if self.full_at.len() >= self.forget_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.forget_at = FEW.max(2 * self.full_at.len());
        }
        let full_at = self.full_at.entry(from).or_insert(now);
        let next = (*full_at).max(now) + Duration::from_secs(1) / CALLS_PER_SECOND;
        let may = next <= now + SAVED;
        if may {
            *full_at = next;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn taken(rates: &mut Rates, port: u16, now: Instant) -> u32 {
        (0..10 * CALLS_PER_SECOND).map(|_| u32::from(rates.take(address(port), now))).sum()
    }

    #[test]
    fn a_burst_is_taken_and_then_the_rate_holds() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        assert_eq!(taken(&mut rates, 1, start), CALLS_PER_SECOND);
        let half_later = start + Duration::from_millis(500);
        assert_eq!(taken(&mut rates, 1, half_later), CALLS_PER_SECOND / 2);
        assert_eq!(taken(&mut rates, 1, half_later + Duration::from_secs(3600)), CALLS_PER_SECOND);
    }

    #[test]
    fn one_connection_does_not_use_up_what_is_anothers() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        assert_eq!(taken(&mut rates, 1, now), CALLS_PER_SECOND);
        assert_eq!(taken(&mut rates, 2, now), CALLS_PER_SECOND);
    }

    #[test]
    fn connections_that_rest_are_forgotten() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        for port in 0..u16::MAX {
            let now = start + Duration::from_millis(port.into());
            assert!(rates.take(address(port), now));
        }
        assert!(rates.full_at.len() <= 2 * FEW, "{}", rates.full_at.len());
    }
}
