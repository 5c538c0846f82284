//! Thousands of jobs. A seed that fails is named; with `ET_SIM_SEED` set to it, the same test tells all that happens.

use std::ops::Range;

use super::super::Counts;
use super::faults::{COORDINATORS, EVERYTHING, Faults, NETWORK, NONE, WORKERS};
use super::mutant::Mutation;
use super::{SHARDS, Sim};

/// Runs a job for each seed, and checks that none violates anything. Gives the sum of what happened.
fn hold(name: &str, seeds: Range<u64>, faults: Faults) -> Happened {
    let replayed: Option<u64> =
        std::env::var("ET_SIM_SEED").ok().map(|seed| seed.parse().expect("ET_SIM_SEED is a number"));
    let seeds = replayed.map_or(seeds, |seed| seed..seed + 1);
    let mut happened = Happened::default();
    for seed in seeds {
        match Sim::new(seed, faults, Mutation::None).run(replayed.is_some()) {
            Ok(sim) => happened.add(&sim),
            Err(violation) => panic!("seed {seed} of {name}: {violation}; ET_SIM_SEED={seed} replays it"),
        }
    }
    happened
}

#[derive(Debug, Default)]
struct Happened {
    counts: Counts,
    set_aside: u64,
    executions: u64,
    forgot: u64,
}

impl Happened {
    fn add(&mut self, sim: &Sim) {
        let (sum, counts) = (&mut self.counts, sim.counts);
        sum.expired += counts.expired;
        sum.lost += counts.lost;
        sum.released += counts.released;
        sum.withdrawn += counts.withdrawn;
        sum.failed += counts.failed;
        sum.adopted += counts.adopted;
        sum.speculated += counts.speculated;
        sum.speculated_first += counts.speculated_first;
        self.set_aside += sim.queue.as_ref().expect("it rests").status().shards_set_aside;
        self.executions += sim.executions;
        self.forgot += u64::from(sim.queue_forgot);
    }
}

/// A simulation in which nothing happens would prove nothing.
fn often(happened: &Happened, counts: &[u64]) {
    assert!(counts.iter().all(|&count| count > 100), "{happened:?}");
}

#[test]
fn a_network_that_loses_doubles_and_delays_costs_time_and_nothing_else() {
    let happened = hold("network", 0..3000, NETWORK);
    let counts = happened.counts;
    often(&happened, &[counts.expired, counts.withdrawn, counts.speculated, counts.speculated_first]);
    assert_eq!(happened.set_aside, 0);
}

#[test]
fn workers_that_crash_leave_and_fail_cost_time_and_nothing_else() {
    let happened = hold("workers", 0..3000, WORKERS);
    let counts = happened.counts;
    often(&happened, &[counts.expired, counts.lost, counts.released, counts.failed]);
}

#[test]
fn coordinators_that_die_between_commit_and_publication_cost_time_and_nothing_else() {
    let happened = hold("coordinators", 0..3000, COORDINATORS);
    often(&happened, &[happened.counts.expired, happened.counts.failed]);
}

#[test]
fn whatever_happens_at_once_every_shard_is_published_once() {
    let happened = hold("everything", 0..3000, EVERYTHING);
    let counts = happened.counts;
    often(
        &happened,
        &[counts.expired, counts.lost, counts.released, counts.failed, counts.adopted, happened.forgot],
    );
}

#[test]
fn a_source_that_takes_workers_down_or_fails_is_found_and_its_shard_goes_on() {
    let faults = Faults { killers: 300, culprits: 300, ..NONE };
    for seed in 0..300 {
        let sim = Sim::new(seed, faults, Mutation::None).run(false).unwrap();
        let queue = sim.queue.as_ref().unwrap();
        assert_eq!(queue.status().shards_set_aside, 0, "seed {seed}");
    }
}

#[test]
fn without_faults_every_shard_runs_once() {
    let happened = hold("no faults", 0..100, NONE);
    let second_copies = happened.counts.speculated;
    assert_eq!(happened.executions, 100 * SHARDS + second_copies);
    assert_eq!(Counts { speculated: 0, speculated_first: 0, ..happened.counts }, Counts::default());
}

#[test]
fn doubled_and_late_messages_alone_lose_little_work() {
    let happened = hold("doubled", 0..100, Faults { message_doubled: 300, ..NONE });
    let first_copies = happened.executions - happened.counts.speculated;
    assert!(first_copies < 100 * (SHARDS + SHARDS / 4), "{happened:?}");
}

/// The first seed at which a broken rule is noticed.
fn caught(mutation: Mutation, faults: Faults) -> Option<(u64, String)> {
    (0..300).find_map(|seed| Some((seed, Sim::new(seed, faults, mutation).run(false).err()?)))
}

#[test]
fn a_broken_rule_is_noticed() {
    for (mutation, faults, words) in [
        (Mutation::CommitIgnoresToken, NETWORK, "was over, and is committed"),
        (Mutation::ExpiredIsForgotten, WORKERS, "stuck"),
        (Mutation::AbandonedIsForgotten, COORDINATORS, "stuck"),
        (Mutation::TallyCountsTwice, COORDINATORS, "sources are counted"),
    ] {
        let (seed, violation) =
            caught(mutation, faults).unwrap_or_else(|| panic!("{mutation:?} goes unnoticed"));
        assert!(violation.contains(words), "{mutation:?}, seed {seed}: {violation}");
    }
}

#[test]
fn a_source_that_is_never_blamed_costs_its_shard() {
    let faults = Faults { culprits: 300, ..NONE };
    let set_aside = |seed| {
        let sim = Sim::new(seed, faults, Mutation::NobodyIsBlamed).run(false).unwrap();
        sim.queue.unwrap().status().shards_set_aside
    };
    assert!((0..10).map(set_aside).sum::<u64>() > 0);
}
