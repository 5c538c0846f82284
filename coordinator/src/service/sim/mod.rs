//! Whole coordinators on virtual time: they share a queue and a store that fail, are slow and forget, and are killed
//! wherever they are, between any two calls to either. A run is decided by its seed, so a failing one can be run again.
//!
//! The queue's own simulation is about its rules; this one is about those who follow them: who claims, plans,
//! publishes and seals.

mod cast;
mod executor;
mod faults;
mod machine;
mod scene;
mod seeds;
mod threads;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use dataset::{Dataset, Memory, Store, part_key};

use super::{Pace, Service, lock};
use crate::queue::far::{Far, Mutation};
use crate::queue::{Here, Home, JobState, Rules};
use crate::service::Machine;
use executor::{Executor, Group};
use faults::Faults;
use machine::{Calm, LineOf};
use scene::Scene;

pub(crate) use machine::Simulated;

const COORDINATORS: usize = 2;
const WORKERS: usize = 2;
const SLOTS: usize = 2;
/// Slower than a fleet, as there is less to see in between.
const PACE: Pace = Pace {
    tick: Duration::from_secs(2),
    report_within: Duration::from_secs(2),
    idle_report_within: Duration::from_secs(2),
};
/// From then on nothing goes wrong any more, so that the job must come to its end.
const FAULTS_END: Duration = Duration::from_secs(150);
const DEADLINE: Duration = Duration::from_secs(3600);
/// When a job is over, those who were slow may still do harm.
const AFTERMATH: Duration = Duration::from_secs(45);
/// The group of all that is no coordinator's.
const WORLD: Group = Group(0);

/// What must never happen, and did.
type Violation = String;

/// Cheap to clone: all clones are one.
#[derive(Clone)]
struct World(Arc<Inner>);

struct Inner {
    scene: Arc<Scene>,
    faults: Faults,
    mutation: Mutation,
    executor: Executor,
    memory: Memory,
    here: Here,
    state: Mutex<State>,
}

struct State {
    seed: u64,
    groups: u64,
    coordinators: Vec<Coordinator>,
    /// The store is out of reach until then.
    store_gone_until: Duration,
    /// When each object came.
    born: BTreeMap<String, Duration>,
    /// The parts as they were when they came.
    parts: BTreeMap<String, Bytes>,
    snapshot: Option<Here>,
    queue_forgot: bool,
    is_over: bool,
    violation: Option<Violation>,
    happened: Happened,
}

#[derive(Default)]
struct Coordinator {
    /// What its clock is ahead of the true time by, plus a constant.
    ahead: Duration,
    /// None while it is down.
    up: Option<(Group, Service)>,
}

/// How often things happened, to show that they do.
#[derive(Debug, Clone, Copy, Default)]
struct Happened {
    crashes: u64,
    store_failures: u64,
    forgotten: u64,
    executions: u64,
    /// Publications that found the part where it belongs.
    republished: u64,
    sealed: u64,
}

impl World {
    fn new(scene: &Arc<Scene>, seed: u64, faults: Faults, mutation: Mutation) -> World {
        let state = State {
            seed,
            groups: WORLD.0,
            coordinators: Vec::new(),
            store_gone_until: Duration::ZERO,
            born: BTreeMap::new(),
            parts: BTreeMap::new(),
            snapshot: None,
            queue_forgot: false,
            is_over: false,
            violation: None,
            happened: Happened::default(),
        };
        World(Arc::new(Inner {
            scene: Arc::clone(scene),
            faults,
            mutation,
            executor: Executor::default(),
            memory: Memory::default(),
            here: Here::default(),
            state: Mutex::new(state),
        }))
    }

    /// Runs the job to its end.
    fn run(&self) -> Result<Happened, Violation> {
        for number in 0..COORDINATORS {
            let ahead = self.between(0, self.0.faults.skew_ms * 2);
            self.state().coordinators.push(Coordinator { ahead, up: None });
            self.start_coordinator(number);
            self.0.executor.spawn(WORLD, cast::submit(self.clone(), number));
        }
        for number in 0..WORKERS {
            self.0.executor.spawn(WORLD, cast::work(self.clone(), number));
        }
        self.0.executor.spawn(WORLD, cast::disturb(self.clone()));
        let is_over = || {
            let state = self.state();
            state.is_over || state.violation.is_some()
        };
        let ended = self.0.executor.run(DEADLINE, is_over);
        let aftermath = self.0.executor.now() + AFTERMATH;
        self.0.executor.run(aftermath, || self.state().violation.is_some());
        let violation = self.state().violation.take();
        let verdict = match violation {
            Some(violation) => Err(violation),
            None if !ended => Err(format!("the job is stuck: {:?}", self.queue_status())),
            None => self.check_end(),
        };
        self.state().coordinators.clear();
        self.0.executor.end();
        verdict.map(|()| self.state().happened)
    }

    /// Whether the job is over and every coordinator has seen that.
    fn is_over(&self) -> bool {
        let record = self.0.here.registry().get(self.0.scene.id());
        let is_recorded = record.is_some_and(|record| super::is_over(record.state));
        let state = self.state();
        let has_seen = |coordinator: &Coordinator| {
            coordinator.up.as_ref().is_some_and(|(_, service)| service.open_jobs().is_empty())
        };
        is_recorded && state.coordinators.iter().all(has_seen)
    }

    fn check_end(&self) -> Result<(), Violation> {
        let record = self.0.here.registry().get(self.0.scene.id()).ok_or("the job is gone")?;
        if record.state != JobState::Complete {
            return Err(format!("the job has {:?}: {}", record.state, record.message));
        }
        let store = Store::simulated(&self.0.memory, Arc::new(Calm));
        let dataset = Dataset::open(store).map_err(|error| error.to_string())?;
        let manifest = dataset.manifest().map_err(|error| error.to_string())?;
        let mut listed = Vec::new();
        for part in manifest {
            let part = part.map_err(|error| error.to_string())?;
            let bytes = self.0.memory.get(&part.key).ok_or(format!("{} is missing", part.key))?;
            // Attempts at one shard differ in length.
            if part.bytes != bytes.len() as u64 {
                return Err(format!("{} is not what the manifest says", part.key));
            }
            listed.push(part.key);
        }
        let wanted: Vec<String> = (0..self.0.scene.shards()).map(part_key).collect();
        if listed != wanted || self.0.memory.keys("data/") != wanted {
            return Err(format!("the manifest lists {listed:?}"));
        }
        let status = self.queue_status();
        let is_known = !self.state().queue_forgot;
        match status {
            Some(status) if is_known && status.tally.sources != self.0.scene.shards() => {
                Err(format!("{} sources are counted", status.tally.sources))
            }
            _ => Ok(()),
        }
    }

    fn queue_status(&self) -> Option<crate::queue::Status> {
        self.0.here.queue(self.0.scene.id(), Rules::default()).status().ok()
    }

    fn start_coordinator(&self, number: usize) {
        let (group, ahead) = {
            let mut state = self.state();
            state.groups += 1;
            (Group(state.groups), state.coordinators[number].ahead)
        };
        let home = Home::Far(Far::new(self.0.here.clone(), Arc::new(LineOf(self.clone()))));
        let machine = Machine::Simulated(Simulated::new(self.clone(), group, ahead));
        let service = Service::start(home, PACE, machine);
        self.state().coordinators[number].up = Some((group, service));
    }

    fn kill_coordinator(&self, number: usize) {
        let down = self.state().coordinators[number].up.take();
        if let Some((group, service)) = down {
            self.state().happened.crashes += 1;
            self.0.executor.kill(group);
            drop(service);
        }
    }

    fn violated(&self, violation: Violation) {
        self.state().violation.get_or_insert(violation);
    }

    fn goes_wrong(&self, per_mille: u64) -> bool {
        let may = per_mille > 0 && self.0.executor.now() < FAULTS_END && !self.state().is_over;
        may && self.below(1000) < per_mille
    }

    fn between(&self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.below(most_ms - least_ms + 1))
    }

    /// SplitMix64.
    fn below(&self, bound: u64) -> u64 {
        let mut state = self.state();
        state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % bound
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}
