//! How deep calls are stepped into, which is less and less when a trace comes to the end of what it may hold.

/// The part of a budget, as a divisor, that is kept for what is told after tracing has narrowed.
const RESERVED: u64 = 8;

/// The depth from which on calls are not stepped into.
pub(crate) struct DepthLimit {
    /// The most traced frames that may lie below one that is entered.
    limit: usize,
    /// The most that lay below one so far.
    deepest: usize,
    events: Reserve,
    bytes: Reserve,
}

impl DepthLimit {
    /// For a trace of so many events in a log of so many bytes.
    pub(crate) fn new(max_events: u64, capacity: usize) -> DepthLimit {
        let (events, bytes) = (Reserve::of(max_events), Reserve::of(capacity as u64));
        DepthLimit { limit: usize::MAX, deepest: 0, events, bytes }
    }

    /// Whether a frame is entered that would have `depth` traced ones below it, with so many events and bytes left.
    pub(crate) fn admits(&mut self, depth: usize, events_left: u64, bytes_left: usize) -> bool {
        while self.events.falls_short(events_left) || self.bytes.falls_short(bytes_left as u64) {
            self.limit = self.limit.min(self.deepest) / 2;
        }
        let admitted = depth <= self.limit;
        if admitted {
            self.deepest = self.deepest.max(depth);
        }
        admitted
    }
}

/// What should be left of a budget.
struct Reserve(u64);

impl Reserve {
    fn of(total: u64) -> Reserve {
        Reserve(total / RESERVED)
    }

    /// Whether there is less left than that. Then half as much should be from here on.
    fn falls_short(&mut self, left: u64) -> bool {
        let falls_short = left < self.0;
        if falls_short {
            self.0 /= 2;
        }
        falls_short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_any_depth_are_stepped_into_while_more_than_an_eighth_is_left() {
        let mut depth = DepthLimit::new(800, 8_000);
        assert!(depth.admits(0, 800, 8_000));
        assert!(depth.admits(1_000, 100, 1_000));
    }

    #[test]
    fn the_depth_halves_each_time_that_half_of_what_was_left_is_spent() {
        let mut depth = DepthLimit::new(800, 8_000);
        assert!(depth.admits(8, 800, 8_000));
        assert_eq!([4, 5].map(|frames| depth.admits(frames, 99, 8_000)), [true, false]);
        assert_eq!([2, 3].map(|frames| depth.admits(frames, 49, 8_000)), [true, false]);
        assert_eq!([0, 1].map(|frames| depth.admits(frames, 1, 8_000)), [true, false]);
    }

    #[test]
    fn bytes_count_like_events() {
        let mut depth = DepthLimit::new(800, 8_000);
        assert!(depth.admits(8, 800, 8_000));
        assert_eq!([4, 5].map(|frames| depth.admits(frames, 800, 999)), [true, false]);
    }

    #[test]
    fn the_outermost_frame_is_always_stepped_into() {
        let mut depth = DepthLimit::new(800, 8_000);
        assert!(depth.admits(0, 0, 0));
    }
}
