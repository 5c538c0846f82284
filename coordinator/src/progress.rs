//! How far a job is, and how fast.

use std::collections::VecDeque;
use std::time::Duration;

use dataset::Tally;

/// A job at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Sources of the plan as far as it is known, and whether that is all of it.
    pub(crate) sources_planned: u64,
    pub(crate) all_planned: bool,
    /// Sources in parts that earlier runs have published.
    pub(crate) sources_done_before: u64,
    pub(crate) parts_planned: u64,
    pub(crate) parts_done: u64,
    /// What this run has published.
    pub(crate) published: Tally,
    /// What workers have done of the shards that they hold.
    pub(crate) at_work: Tally,
    pub(crate) workers: usize,
    /// How often we, not the programs, failed.
    pub(crate) failed_attempts: u64,
    /// Shards that did too often.
    pub(crate) set_aside: u64,
    /// Nothing new is begun.
    pub(crate) stopping: bool,
}

impl Progress {
    /// Sources dealt with, by this run and those before it.
    pub(crate) fn sources_done(&self) -> u64 {
        self.sources_done_before + self.sources_done_now()
    }

    pub(crate) fn sources_done_now(&self) -> u64 {
        self.published.sources + self.at_work.sources
    }

    /// Rows by outcome, most frequent first.
    pub(crate) fn outcomes(&self) -> Vec<(String, u64)> {
        let mut sum = self.published.clone();
        sum.merge(&self.at_work);
        let mut outcomes: Vec<_> = sum.outcomes.into_iter().collect();
        outcomes.sort_by(|(name, count), (other, than)| than.cmp(count).then(name.cmp(other)));
        outcomes
    }
}

/// How fast a count grows, over the last minute.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the count stood where; at most one entry for each second.
    samples: VecDeque<(Duration, u64)>,
}

const WINDOW: Duration = Duration::from_secs(60);

impl Pace {
    /// The count is `count` at `now`, which never goes back.
    pub(crate) fn note(&mut self, now: Duration, count: u64) {
        let same_second = |&(at, _): &(Duration, u64)| at.as_secs() == now.as_secs();
        if self.samples.len() > 1 && self.samples.back().is_some_and(same_second) {
            self.samples.pop_back();
        }
        self.samples.push_back((now, count));
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
    }

    /// Per second; `None` before there is anything to tell.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let (&(from, first), &(to, last)) = (self.samples.front()?, self.samples.back()?);
        let seconds = (to - from).as_secs_f64();
        // What was counted may be taken back, when a worker is lost with what it had begun.
        let grown = last.saturating_sub(first);
        if seconds > 0.0 && grown > 0 { Some(grown as f64 / seconds) } else { None }
    }

    /// How long `remaining` more will take at this pace.
    pub(crate) fn time_for(&self, remaining: u64) -> Option<Duration> {
        Duration::try_from_secs_f64(remaining as f64 / self.per_second()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(samples: &[(u64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for &(ms, count) in samples {
            pace.note(Duration::from_millis(ms), count);
        }
        pace
    }

    #[test]
    fn nothing_done_has_no_pace() {
        assert_eq!(pace(&[]).per_second(), None);
        assert_eq!(pace(&[(0, 5)]).per_second(), None);
        assert_eq!(pace(&[(0, 5), (2000, 5)]).time_for(1), None);
    }

    #[test]
    fn what_was_done_before_does_not_count() {
        assert_eq!(pace(&[(0, 1000), (2000, 1010)]).per_second(), Some(5.0));
        assert_eq!(pace(&[(0, 1000), (2000, 1010)]).time_for(50), Some(Duration::from_secs(10)));
    }

    #[test]
    fn only_the_last_minute_counts() {
        let minutes: Vec<(u64, u64)> =
            (0..=300).map(|s| (s * 1000, if s < 200 { s * 100 } else { 20_000 + s })).collect();
        let pace = pace(&minutes);
        assert!((0.9..1.1).contains(&pace.per_second().unwrap()), "{:?}", pace.per_second());
        assert!(pace.samples.len() < 65);
    }

    #[test]
    fn a_count_that_is_taken_back_does_not_make_a_negative_pace() {
        assert_eq!(pace(&[(0, 10), (2000, 4)]).per_second(), None);
    }
}
