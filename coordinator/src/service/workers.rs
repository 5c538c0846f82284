//! The workers that this coordinator has heard of.

use std::collections::BTreeMap;
use std::time::Duration;

use dataset::Tally;

use super::schedule::{Labels, fits};
use crate::queue::WorkerId;

/// What is known of each worker by its last report.
#[derive(Debug, Default)]
pub(super) struct Workers(BTreeMap<WorkerId, Known>);

#[derive(Debug)]
struct Known {
    labels: Labels,
    /// Set if it runs on this machine.
    local_pid: Option<u32>,
    heard_at: Duration,
    /// How far its shards are, by job and shard.
    at_work: BTreeMap<(String, u64), Tally>,
}

impl Workers {
    /// Takes down a report. True if the worker is new.
    pub(super) fn note(
        &mut self,
        worker: WorkerId,
        labels: Labels,
        local_pid: Option<u32>,
        at_work: BTreeMap<(String, u64), Tally>,
        now: Duration,
    ) -> bool {
        self.0.insert(worker, Known { labels, local_pid, heard_at: now, at_work }).is_none()
    }

    /// Forgets those that have been silent for longer than `silence`.
    pub(super) fn forget_silent(&mut self, silence: Duration, now: Duration) {
        self.0.retain(|_, known| known.heard_at + silence > now);
    }

    /// Forgets the worker that is this process of this machine, and says which it was.
    pub(super) fn take_local(&mut self, pid: u32) -> Option<WorkerId> {
        let worker = self.0.iter().find(|(_, known)| known.local_pid == Some(pid))?.0.clone();
        self.0.remove(&worker);
        Some(worker)
    }

    /// The shard is published, so nobody's copy of it counts any more.
    pub(super) fn shard_is_done(&mut self, job: &str, shard: u64) {
        let key = (job.to_owned(), shard);
        for known in self.0.values_mut() {
            known.at_work.remove(&key);
        }
    }

    /// What the shards of a job that somebody works on come to so far. Of two copies, the one that is further on counts.
    pub(super) fn at_work(&self, job: &str) -> Tally {
        let mut furthest: BTreeMap<u64, &Tally> = BTreeMap::new();
        for ((of_job, shard), tally) in self.0.values().flat_map(|known| &known.at_work) {
            if of_job == job {
                let best = furthest.entry(*shard).or_insert(tally);
                if tally.sources > best.sources {
                    *best = tally;
                }
            }
        }
        let mut sum = Tally::default();
        furthest.into_values().for_each(|tally| sum.merge(tally));
        sum
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether anybody here could run a job that asks for these labels.
    pub(super) fn any_fits(&self, asked: &Labels) -> bool {
        self.0.values().any(|known| fits(asked, &known.labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(sources: u64) -> Tally {
        Tally { sources, ..Tally::default() }
    }

    fn heard(workers: &mut Workers, name: &str, pid: u32, shards: &[(u64, u64)], at: u64) -> bool {
        let at_work = shards.iter().map(|&(shard, done)| (("j".to_owned(), shard), tally(done))).collect();
        workers.note(WorkerId::new(name), Labels::new(), Some(pid), at_work, Duration::from_secs(at))
    }

    #[test]
    fn of_two_copies_the_one_further_on_counts() {
        let mut workers = Workers::default();
        assert!(heard(&mut workers, "a", 1, &[(0, 5), (1, 7)], 0));
        assert!(heard(&mut workers, "b", 2, &[(1, 3)], 0));
        assert_eq!(workers.at_work("j").sources, 12);
        assert_eq!(workers.at_work("other").sources, 0);
        workers.shard_is_done("j", 1);
        assert_eq!(workers.at_work("j").sources, 5);
    }

    #[test]
    fn the_silent_and_the_dead_are_forgotten() {
        let mut workers = Workers::default();
        heard(&mut workers, "a", 1, &[(0, 5)], 0);
        heard(&mut workers, "b", 2, &[], 9);
        assert!(!heard(&mut workers, "b", 2, &[], 10));
        workers.forget_silent(Duration::from_secs(10), Duration::from_secs(10));
        assert_eq!((workers.count(), workers.at_work("j").sources), (1, 0));
        assert_eq!(workers.take_local(1), None);
        assert_eq!(workers.take_local(2), Some(WorkerId::new("b")));
        assert_eq!(workers.count(), 0);
    }
}
