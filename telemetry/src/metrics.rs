//! Everything that is counted and measured, in one place.
//!
//! Where nobody collects metrics, each of these functions is one load and one comparison.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();

/// Trivial programs take half a millisecond, long ones end at their limit of wall-clock time.
const EXECUTION_SECONDS: [f64; 15] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
const SHARD_SECONDS: [f64; 10] = [1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 10800.0];
const UPLOAD_SECONDS: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
const REPORT_SECONDS: [f64; 10] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// A source that became a row.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    /// The outcome's name in a dataset.
    pub outcome: &'static str,
    pub wall: Duration,
    pub events: u64,
}

/// Why a lease ended without a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// Nothing was heard of the worker for too long.
    Expired,
    /// The worker is known to be gone.
    Lost,
    /// The worker had to go and gave it back.
    Released,
    /// Never begun.
    Withdrawn,
    /// The worker could not do its part.
    Failed,
}

impl LeaseEnd {
    pub const ALL: [LeaseEnd; 5] =
        [LeaseEnd::Expired, LeaseEnd::Lost, LeaseEnd::Released, LeaseEnd::Withdrawn, LeaseEnd::Failed];

    fn name(self) -> &'static str {
        match self {
            LeaseEnd::Expired => "expired",
            LeaseEnd::Lost => "lost",
            LeaseEnd::Released => "released",
            LeaseEnd::Withdrawn => "withdrawn",
            LeaseEnd::Failed => "failed",
        }
    }
}

/// A worker turned a source into a row.
pub fn executed(execution: &Execution) {
    let Some(instruments) = INSTRUMENTS.get() else { return };
    let outcome = [KeyValue::new("et.outcome", execution.outcome)];
    instruments.executions.add(1, &outcome);
    instruments.execution_duration.record(execution.wall.as_secs_f64(), &outcome);
    instruments.events.add(execution.events, &[]);
}

/// A worker finished a source, whatever the number of rows that it gave.
pub fn source_finished() {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.sources.add(1, &[]);
    }
}

/// A worker finished a shard: its part is stored and waits to be published.
pub fn shard_finished(took: Duration) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.shard_duration.record(took.as_secs_f64(), &[]);
    }
}

/// A worker stored a part of so many bytes.
pub fn uploaded(bytes: u64, took: Duration) {
    let Some(instruments) = INSTRUMENTS.get() else { return };
    instruments.part_bytes.add(bytes, &[]);
    instruments.upload_duration.record(took.as_secs_f64(), &[]);
}

/// A worker has so many slots.
pub fn slots(count: usize) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.slots.record(count as u64, &[]);
    }
}

/// A slot of a worker takes up work, until what is returned is dropped.
pub fn slot_taken() -> BusySlot {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.slots_busy.add(1, &[]);
    }
    BusySlot(())
}

/// A slot at work.
#[derive(Debug)]
#[must_use = "the slot counts as busy until this is dropped"]
pub struct BusySlot(());

impl Drop for BusySlot {
    fn drop(&mut self) {
        if let Some(instruments) = INSTRUMENTS.get() {
            instruments.slots_busy.add(-1, &[]);
        }
    }
}

/// A coordinator answered a worker's report.
pub fn reported(took: Duration) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.report_duration.record(took.as_secs_f64(), &[]);
    }
}

/// A coordinator published a part.
pub fn published() {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.parts_published.add(1, &[]);
    }
}

/// A coordinator looked at its queue: so many shards of all jobs could start now, so many are leased.
///
/// All coordinators see the same queue, so take the greatest of their values, never the sum.
pub fn queue(ready: u64, leased: u64) {
    let Some(instruments) = INSTRUMENTS.get() else { return };
    instruments.queue_ready.record(ready, &[]);
    instruments.queue_leased.record(leased, &[]);
}

/// So many more leases of the queue ended without a part. All coordinators tell of all of them.
pub fn leases_ended(kind: LeaseEnd, count: u64) {
    if let Some(instruments) = INSTRUMENTS.get() {
        instruments.leases_ended.add(count, &[KeyValue::new("et.kind", kind.name())]);
    }
}

pub(crate) fn record_with(meter: &Meter) {
    assert!(INSTRUMENTS.set(Instruments::new(meter)).is_ok(), "telemetry is set up once");
}

struct Instruments {
    sources: Counter<u64>,
    executions: Counter<u64>,
    execution_duration: Histogram<f64>,
    events: Counter<u64>,
    shard_duration: Histogram<f64>,
    part_bytes: Counter<u64>,
    upload_duration: Histogram<f64>,
    slots: Gauge<u64>,
    slots_busy: UpDownCounter<i64>,
    report_duration: Histogram<f64>,
    parts_published: Counter<u64>,
    queue_ready: Gauge<u64>,
    queue_leased: Gauge<u64>,
    leases_ended: Counter<u64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Instruments {
        let counter =
            |name, unit, what| meter.u64_counter(name).with_unit(unit).with_description(what).build();
        let gauge = |name, unit, what| meter.u64_gauge(name).with_unit(unit).with_description(what).build();
        let seconds = |name, bounds: &[f64], what| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(what);
            histogram.with_boundaries(bounds.to_vec()).build()
        };
        Instruments {
            sources: counter("et.sources", "{source}", "sources finished"),
            executions: counter("et.executions", "{execution}", "rows written, by outcome"),
            execution_duration: seconds(
                "et.execution.duration",
                &EXECUTION_SECONDS,
                "wall-clock time of executions, by outcome",
            ),
            events: counter("et.events", "{event}", "events traced"),
            shard_duration: seconds(
                "et.shard.duration",
                &SHARD_SECONDS,
                "time from a shard's start to its part",
            ),
            part_bytes: counter("et.part.size", "By", "bytes of parts stored"),
            upload_duration: seconds("et.upload.duration", &UPLOAD_SECONDS, "time to store a part"),
            slots: gauge("et.slots", "{slot}", "slots of this worker"),
            slots_busy: meter
                .i64_up_down_counter("et.slots.busy")
                .with_unit("{slot}")
                .with_description("slots at work")
                .build(),
            report_duration: seconds(
                "et.report.duration",
                &REPORT_SECONDS,
                "time to answer a worker's report",
            ),
            parts_published: counter("et.parts.published", "{part}", "parts published"),
            queue_ready: gauge("et.queue.ready", "{shard}", "shards that could start now"),
            queue_leased: gauge("et.queue.leased", "{shard}", "shards that somebody works on"),
            leases_ended: counter("et.leases.ended", "{lease}", "leases ended without a part, by kind"),
        }
    }
}
