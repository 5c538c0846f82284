//! Divides a worker's free slots among the jobs that it may run.

use std::collections::BTreeMap;

/// What a worker has and a job asks for, by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// A job that has shards to give, as the scheduler sees it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<J> {
    pub(crate) job: J,
    /// Jobs of a higher one go first.
    pub(crate) priority: i32,
    /// Its part of the workers, in proportion to those of the others of its priority. At least 1.
    pub(crate) share: u32,
    /// Shards that are leased now, by all coordinators as far as is known.
    pub(crate) leased: u64,
    /// Shards that could start now, as far as is known.
    pub(crate) ready: u64,
}

/// Whether a worker has all that a job asks for.
pub(crate) fn fits(asked: &Labels, worker: &Labels) -> bool {
    asked.iter().all(|(name, value)| worker.get(name) == Some(value))
}

/// How many of `slots` each job gets, jobs with none left out. Slot by slot, the job goes first that has the
/// least for its share, so that a job of a hundred shards beside one of a million is done soon.
pub(crate) fn divide<J: Clone>(slots: usize, mut candidates: Vec<Candidate<J>>) -> Vec<(J, usize)> {
    let mut given = vec![0; candidates.len()];
    for _ in 0..slots {
        let open = (0..candidates.len()).filter(|&index| candidates[index].ready > 0);
        // Of several that stand alike the first wins, so the caller's order decides.
        let next = open.min_by(|&one, &other| {
            let (one, other) = (&candidates[one], &candidates[other]);
            let load =
                |of: &Candidate<J>, by: &Candidate<J>| (u128::from(of.leased) + 1) * u128::from(by.share);
            other.priority.cmp(&one.priority).then(load(one, other).cmp(&load(other, one)))
        });
        let Some(next) = next else { break };
        given[next] += 1;
        candidates[next].leased += 1;
        candidates[next].ready -= 1;
    }
    let jobs = candidates.into_iter().map(|candidate| candidate.job);
    jobs.zip(given).filter(|(_, slots)| *slots > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(job: char, priority: i32, share: u32, leased: u64, ready: u64) -> Candidate<char> {
        Candidate { job, priority, share, leased, ready }
    }

    #[test]
    fn a_small_job_is_not_starved_by_a_huge_one() {
        let huge = candidate('h', 0, 1, 1000, 1_000_000);
        let small = candidate('s', 0, 1, 0, 3);
        assert_eq!(divide(8, vec![huge, small]), [('h', 5), ('s', 3)]);
    }

    #[test]
    fn shares_divide_the_slots() {
        let jobs = vec![candidate('a', 0, 3, 0, 100), candidate('b', 0, 1, 0, 100)];
        assert_eq!(divide(8, jobs), [('a', 6), ('b', 2)]);
    }

    #[test]
    fn a_higher_priority_goes_first_and_leaves_what_it_cannot_use() {
        let jobs = vec![candidate('a', 0, 100, 0, 100), candidate('b', 1, 1, 50, 2)];
        assert_eq!(divide(4, jobs), [('a', 2), ('b', 2)]);
    }

    #[test]
    fn nobody_gets_more_than_there_is() {
        assert_eq!(divide(4, vec![candidate('a', 0, 1, 0, 0)]), []);
        assert_eq!(divide(4, Vec::<Candidate<char>>::new()), []);
        assert_eq!(divide(0, vec![candidate('a', 0, 1, 0, 5)]), []);
    }

    #[test]
    fn a_worker_fits_if_it_has_what_is_asked() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let worker = labels(&[("python", "3.13"), ("pool", "numpy")]);
        assert!(fits(&labels(&[]), &worker));
        assert!(fits(&labels(&[("pool", "numpy")]), &worker));
        assert!(!fits(&labels(&[("pool", "bare")]), &worker));
        assert!(!fits(&labels(&[("gpu", "yes")]), &worker));
    }
}
