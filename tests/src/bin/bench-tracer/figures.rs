//! What is told: a line for each program, and means and ratios over all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tests::bench::geometric_mean;

use crate::runs::Baseline;

/// Processor seconds to compile and run one program under each tracer.
pub(crate) struct Cost {
    pub(crate) untraced: f64,
    pub(crate) naive: f64,
    /// Under an empty C callback.
    pub(crate) floor: f64,
    pub(crate) native: f64,
    pub(crate) events: u64,
    /// Size of the native tracer's log.
    pub(crate) bytes: u64,
}

impl Cost {
    pub(crate) fn unknown() -> Cost {
        let never = f64::INFINITY;
        Cost { untraced: never, naive: never, floor: never, native: never, events: 0, bytes: 0 }
    }

    /// How many times less time the native tracer takes than the naive one.
    fn settrace_ratio(&self) -> f64 {
        self.naive / self.native
    }

    /// What the native tracer adds, in units of what the empty callback adds.
    fn floor_ratio(&self) -> f64 {
        // Where the callback's own cost drowns in noise, a thousandth of the run stands for it.
        let floor = (self.floor - self.untraced).max(self.untraced / 1e3);
        (self.native - self.untraced).max(0.0) / floor
    }

    fn added_ns_per_event(&self) -> f64 {
        (self.native - self.untraced) * 1e9 / self.events as f64
    }
}

/// Programs of our own and of others that do nothing but integer loops.
const INTEGER_LOOPS: [&str; 3] = ["bits", "collatz", "p13_collatz"];

pub(crate) fn heading() {
    println!(
        "{:<16} {:>6} {:>8} {:>9} {:>9} {:>8} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "program",
        "python",
        "events",
        "naive ms",
        "native ms",
        "floor ms",
        "untraced",
        "+ns/ev",
        "floor×",
        "B/ev",
        "ratio"
    );
}

pub(crate) fn line(name: &str, minor: u32, cost: &Cost) {
    println!(
        "{name:<16} {:>6} {:>8} {:>9.1} {:>9.2} {:>8.2} {:>9.2} {:>7.0} {:>7.1} {:>7.1} {:>7.0}",
        format!("3.{minor}"),
        cost.events,
        cost.naive * 1e3,
        cost.native * 1e3,
        cost.floor * 1e3,
        cost.untraced * 1e3,
        cost.added_ns_per_event(),
        cost.floor_ratio(),
        cost.bytes as f64 / cost.events as f64,
        cost.settrace_ratio(),
    );
}

/// Everything that was measured, by minor version of the interpreter.
#[derive(Default)]
pub(crate) struct Figures {
    versions: BTreeMap<u32, Version>,
    peers: BTreeMap<Baseline, Vec<f64>>,
}

#[derive(Default)]
struct Version {
    settrace_ratios: Vec<f64>,
    floor_ratios: Vec<f64>,
    integer_loops: Vec<f64>,
    added_ns: Vec<f64>,
    events: u64,
    bytes: u64,
    library_slowdown: f64,
}

impl Figures {
    pub(crate) fn add(&mut self, minor: u32, program: &str, cost: &Cost) {
        let version = self.versions.entry(minor).or_default();
        version.settrace_ratios.push(cost.settrace_ratio());
        version.floor_ratios.push(cost.floor_ratio());
        version.added_ns.push(cost.added_ns_per_event());
        version.events += cost.events;
        version.bytes += cost.bytes;
        if INTEGER_LOOPS.contains(&program) {
            version.integer_loops.push(cost.floor_ratio());
        }
    }

    /// The cost of a program that spends its time in library code.
    pub(crate) fn library(&mut self, minor: u32, cost: &Cost) {
        self.versions.entry(minor).or_default().library_slowdown = cost.native / cost.untraced;
    }

    /// How many times longer than the native tracer a published one took for one program.
    pub(crate) fn peer(&mut self, peer: Baseline, ratio: f64) {
        self.peers.entry(peer).or_default().push(ratio);
    }

    pub(crate) fn tell(&self) {
        for (name, value) in self.metrics() {
            println!("{name:<28} {:>9.2}", value.as_f64().unwrap_or_default());
        }
    }

    /// The newest interpreter's figures have the plain names, the others' end in their version.
    pub(crate) fn metrics(&self) -> Map<String, Value> {
        let newest = self.versions.keys().max();
        let mut metrics = Map::new();
        for (minor, version) in &self.versions {
            let suffix = if Some(minor) == newest { String::new() } else { format!("_3{minor}") };
            let figures = [
                ("settrace_ratio", geometric_mean(&version.settrace_ratios)),
                ("floor_ratio", geometric_mean(&version.floor_ratios)),
                ("int_loop_floor_ratio", geometric_mean(&version.integer_loops)),
                ("added_ns_per_event", geometric_mean(&version.added_ns)),
                ("library_slowdown", version.library_slowdown),
                ("bytes_per_event", version.bytes as f64 / version.events as f64),
            ];
            metrics.extend(figures.map(|(name, value)| (format!("{name}{suffix}"), value.into())));
        }
        for (peer, ratios) in &self.peers {
            metrics.insert(format!("{}_ratio", peer.name()), geometric_mean(ratios).into());
        }
        metrics
    }
}
