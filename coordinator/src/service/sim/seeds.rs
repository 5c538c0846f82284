//! Thousands of jobs. A seed that fails is named; with `ET_SIM_SEED` set to it, the same test runs it alone.

use std::ops::Range;
use std::sync::Arc;

use super::faults::{COORDINATORS, EVERYTHING, Faults, NONE, QUEUE, STORE};
use super::scene::Scene;
use super::{Happened, World};
use crate::queue::far::Mutation;

/// Runs a job for each seed, and checks that none violates anything. Gives the sum of what happened.
fn hold(name: &str, scene: &Arc<Scene>, seeds: Range<u64>, faults: Faults, mutation: Mutation) -> Happened {
    let replayed: Option<u64> =
        std::env::var("ET_SIM_SEED").ok().map(|seed| seed.parse().expect("ET_SIM_SEED is a number"));
    let seeds = replayed.map_or(seeds, |seed| seed..seed + 1);
    let mut sum = Happened::default();
    for seed in seeds {
        match World::new(scene, seed, faults, mutation).run() {
            Ok(happened) => sum.add(happened),
            Err(violation) => panic!("seed {seed} of {name}: {violation}; ET_SIM_SEED={seed} replays it"),
        }
    }
    sum
}

impl Happened {
    fn add(&mut self, other: Happened) {
        self.crashes += other.crashes;
        self.store_failures += other.store_failures;
        self.forgotten += other.forgotten;
        self.executions += other.executions;
        self.republished += other.republished;
        self.sealed += other.sealed;
    }
}

/// A simulation in which nothing happens would prove nothing.
fn often(happened: &Happened, counts: &[u64]) {
    assert!(counts.iter().all(|&count| count > 50), "{happened:?}");
}

#[test]
fn a_store_that_fails_and_is_slow_costs_time_and_nothing_else() {
    let happened = hold("store", &Scene::small(), 0..300, STORE, Mutation::None);
    often(&happened, &[happened.store_failures, happened.republished]);
}

#[test]
fn coordinators_killed_between_any_two_calls_cost_time_and_nothing_else() {
    let happened = hold("coordinators", &Scene::small(), 0..300, COORDINATORS, Mutation::None);
    often(&happened, &[happened.crashes, happened.republished]);
}

#[test]
fn a_queue_that_forgets_costs_time_and_nothing_else() {
    let happened = hold("queue", &Scene::small(), 0..300, QUEUE, Mutation::None);
    often(&happened, &[happened.crashes, happened.forgotten]);
}

#[test]
fn whatever_happens_at_once_every_source_is_in_one_part_of_a_sealed_dataset() {
    let happened = hold("everything", &Scene::small(), 0..300, EVERYTHING, Mutation::None);
    often(&happened, &[happened.crashes, happened.store_failures, happened.forgotten, happened.republished]);
}

#[test]
fn a_plan_of_several_segments_is_told_whole() {
    let happened = hold("large", &Scene::large(), 0..40, EVERYTHING, Mutation::None);
    often(&happened, &[happened.crashes, happened.store_failures]);
}

#[test]
fn two_who_plan_and_seal_at_once_cost_time_and_nothing_else() {
    let happened = hold("no claims", &Scene::small(), 0..200, COORDINATORS, Mutation::ClaimsAreIgnored);
    assert!(happened.sealed > 200, "some are sealed more than once: {happened:?}");
}

#[test]
fn without_faults_every_shard_runs_once_and_is_sealed_once() {
    let happened = hold("no faults", &Scene::small(), 0..50, NONE, Mutation::None);
    assert_eq!((happened.executions, happened.sealed), (50 * Scene::small().shards(), 50));
}

#[test]
fn one_seed_is_one_course_of_events() {
    let course = || {
        let world = World::new(&Scene::small(), 7, EVERYTHING, Mutation::None);
        world.run().unwrap();
        (world.0.executor.now(), world.state().seed)
    };
    assert_eq!(course(), course());
}

#[test]
fn a_broken_rule_is_noticed() {
    let scene = Scene::small();
    for (mutation, faults, words) in [
        (Mutation::AbandonedIsForgotten, COORDINATORS, "stuck"),
        (Mutation::ToldBeforePublished, COORDINATORS, "has no part yet"),
        (Mutation::FailedOfferIsForgotten, QUEUE, "has no part yet"),
        (Mutation::GapsAreOverlooked, QUEUE, "has no part yet"),
        (Mutation::SealedTooSoon, NONE, "has no part yet"),
    ] {
        let caught = (0..300).find_map(|seed| World::new(&scene, seed, faults, mutation).run().err());
        let violation = caught.unwrap_or_else(|| panic!("{mutation:?} goes unnoticed"));
        assert!(violation.contains(words), "{mutation:?}: {violation}");
    }
}
