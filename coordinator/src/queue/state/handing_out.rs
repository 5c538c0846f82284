//! Which shard goes to whom.

use std::time::Duration;

use super::limits::{CONSIDERED, ENOUGH};
use super::{Copy, Lease, Mode, Queue, State, WorkerId};

impl Queue {
    /// Gives up to `most` shards to a worker: those that wait, and when none does any more, second copies of the
    /// slowest.
    pub fn lease(&mut self, worker: &WorkerId, most: usize, now: Duration) -> Vec<Lease> {
        let mut leases = Vec::new();
        while leases.len() < most && self.mode == Mode::Running {
            let (shard, is_second) = match self.ready.pop_first() {
                Some((_, shard)) => (shard, false),
                None => match self.slow_shard(worker, now) {
                    Some(shard) => (shard, true),
                    None => break,
                },
            };
            let token = self.take_token(now);
            self.give(worker, Lease { shard, token }, is_second, now);
            leases.push(Lease { shard, token });
        }
        leases
    }

    fn give(&mut self, worker: &WorkerId, lease: Lease, is_second: bool, now: Duration) {
        let rules = self.rules;
        self.counts.speculated += u64::from(is_second);
        let open = self.open_mut(lease.shard);
        let copy = Copy {
            token: lease.token,
            worker: worker.clone(),
            since: now,
            deadline: now + rules.lease,
            careful: open.trouble.losses >= rules.careful_after,
            position: None,
            is_second,
        };
        open.token = lease.token;
        match &mut open.state {
            State::Leased(copies) => copies.push(copy),
            state => *state = State::Leased(vec![copy]),
        }
    }

    /// The shard that has run longest of those that run in one copy, with another worker, and for too long. Careful
    /// ones are slow because they are careful.
    fn slow_shard(&self, worker: &WorkerId, now: Duration) -> Option<u64> {
        if !self.all_offered {
            return None;
        }
        let begun_before = now.checked_sub(self.slow_after()?)?;
        let mut slow: Vec<(Duration, u64, &Copy)> = Vec::new();
        for (&shard, open) in &self.open {
            if let [copy] = open.copies()
                && copy.since <= begun_before
            {
                slow.push((copy.since, shard, copy));
            }
        }
        slow.sort_by_key(|&(since, shard, _)| (since, shard));
        let mut considered = slow.into_iter().take(CONSIDERED);
        considered.find(|(_, _, copy)| copy.worker != *worker && !copy.careful).map(|(_, shard, _)| shard)
    }

    /// How long a shard runs before it is slow; `None` while too few are finished to tell. The median is used because
    /// one shard that hangs for an hour must not hide the next.
    fn slow_after(&self) -> Option<Duration> {
        if self.lately.len() < ENOUGH {
            return None;
        }
        let mut durations: Vec<Duration> = self.lately.iter().copied().collect();
        durations.sort();
        let median = durations[durations.len() / 2];
        Some((median * self.rules.slow_factor).max(self.rules.slow_at_least))
    }
}
