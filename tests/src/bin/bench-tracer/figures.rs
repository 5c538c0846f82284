//! What is told: a line for each program, and means and ratios over all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tests::bench::geometric_mean;
use tests::tracers::native::Timed;

use crate::runs::Baseline;

/// Processor seconds to compile and run one program, without and with something.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) without: f64,
    pub(crate) with: f64,
}

impl Pair {
    /// What that adds. Where it drowns in noise, a thousandth of the run stands for it.
    fn added(self) -> f64 {
        (self.with - self.without).max(self.without / 1e3)
    }
}

/// What one program costs under each tracer.
pub(crate) struct Cost {
    /// Processor seconds under the naive tracer.
    pub(crate) naive: f64,
    /// An empty C callback for each line.
    pub(crate) floor: Pair,
    /// The same through the dispatch that the native tracer uses.
    pub(crate) dispatch: Pair,
    /// An empty C callback for each instruction beside those for lines.
    pub(crate) instruction_floor: Pair,
    /// The native tracer, at the granularities `program` and `line`.
    pub(crate) native: Pair,
    /// The same at the granularities `program` and `instruction`.
    pub(crate) instructions: Pair,
    /// Of the run at granularity `line`.
    pub(crate) log: Timed,
    /// Number of instructions that ran.
    pub(crate) instruction_count: u64,
}

impl Cost {
    /// How many times less time the native tracer takes than the naive one. What a process takes to be set up and to
    /// come to its end, traced or not, is not counted for either.
    fn settrace_ratio(&self) -> f64 {
        self.naive / (self.floor.without + self.native.added())
    }

    /// What the native tracer adds, in units of what the empty callback adds.
    fn floor_ratio(&self) -> f64 {
        self.native.added() / self.floor.added()
    }

    fn instruction_floor_ratio(&self) -> f64 {
        self.instructions.added() / self.instruction_floor.added()
    }

    fn per_event_ns(&self, pair: Pair) -> f64 {
        pair.added() * 1e9 / self.log.events as f64
    }

    fn per_instruction_ns(&self) -> f64 {
        self.instructions.added() * 1e9 / self.instruction_count as f64
    }

    fn bytes_per_event(&self) -> f64 {
        self.log.bytes as f64 / self.log.events as f64
    }
}

/// Programs of our own and of others that do nothing but integer loops.
const INTEGER_LOOPS: [&str; 4] = ["bits", "collatz", "divisors", "p13_collatz"];

pub(crate) fn heading() {
    println!(
        "{:<16} {:>6} {:>7} {:>8} {:>9} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7} {:>6} {:>7}",
        "program",
        "python",
        "events",
        "naive ms",
        "native ms",
        "none ms",
        "ns/ev",
        "floor",
        "disp.",
        "×floor",
        "ns/ins",
        "×floor",
        "B/ev",
        "ratio"
    );
}

pub(crate) fn line(name: &str, minor: u32, cost: &Cost) {
    println!(
        "{name:<16} {:>6} {:>7} {:>8.1} {:>9.2} {:>7.2} {:>7.0} {:>7.1} {:>7.1} {:>6.1} {:>7.0} {:>7.1} {:>6.1} {:>7.0}",
        format!("3.{minor}"),
        cost.log.events,
        cost.naive * 1e3,
        cost.native.with * 1e3,
        cost.native.without * 1e3,
        cost.per_event_ns(cost.native),
        cost.per_event_ns(cost.floor),
        cost.per_event_ns(cost.dispatch),
        cost.floor_ratio(),
        cost.per_instruction_ns(),
        cost.instruction_floor_ratio(),
        cost.bytes_per_event(),
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
    costs: Vec<Cost>,
    integer_loops: Vec<f64>,
    library_slowdowns: Vec<f64>,
    start_ms: f64,
}

impl Version {
    /// The geometric mean of a figure over the programs.
    fn mean(&self, figure: impl Fn(&Cost) -> f64) -> f64 {
        geometric_mean(&self.costs.iter().map(figure).collect::<Vec<_>>())
    }

    fn total(&self, figure: impl Fn(&Cost) -> u64) -> f64 {
        self.costs.iter().map(figure).sum::<u64>() as f64
    }
}

impl Figures {
    pub(crate) fn add(&mut self, minor: u32, program: &str, cost: Cost) {
        let version = self.versions.entry(minor).or_default();
        if INTEGER_LOOPS.contains(&program) {
            version.integer_loops.push(cost.floor_ratio());
        }
        version.costs.push(cost);
    }

    /// The cost of a program that spends its time in library code.
    pub(crate) fn library(&mut self, minor: u32, native: Pair) {
        let slowdowns = &mut self.versions.entry(minor).or_default().library_slowdowns;
        slowdowns.push(native.with / native.without);
    }

    /// The cost of a program that does nothing.
    pub(crate) fn start(&mut self, minor: u32, native: Pair) {
        self.versions.entry(minor).or_default().start_ms = native.added() * 1e3;
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
                ("settrace_ratio", version.mean(Cost::settrace_ratio)),
                ("floor_ratio", version.mean(Cost::floor_ratio)),
                ("int_loop_floor_ratio", geometric_mean(&version.integer_loops)),
                ("instruction_floor_ratio", version.mean(Cost::instruction_floor_ratio)),
                ("added_ns_per_event", version.mean(|cost| cost.per_event_ns(cost.native))),
                ("floor_ns_per_event", version.mean(|cost| cost.per_event_ns(cost.floor))),
                ("dispatch_ns_per_event", version.mean(|cost| cost.per_event_ns(cost.dispatch))),
                ("added_ns_per_instruction", version.mean(Cost::per_instruction_ns)),
                ("library_slowdown", geometric_mean(&version.library_slowdowns)),
                ("start_ms", version.start_ms),
                (
                    "bytes_per_event",
                    version.total(|cost| cost.log.bytes) / version.total(|cost| cost.log.events),
                ),
                ("bytes_per_event_mean", version.mean(Cost::bytes_per_event)),
            ];
            metrics.extend(figures.map(|(name, value)| (format!("{name}{suffix}"), value.into())));
        }
        for (peer, ratios) in &self.peers {
            metrics.insert(format!("{}_ratio", peer.name()), geometric_mean(ratios).into());
        }
        metrics
    }
}
