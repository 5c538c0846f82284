//! The trace of a job.
//!
//! A job is worked on by many processes, of which any may die, and none of them is there from its beginning to its
//! end for certain. So the ids of its trace and of its first span follow from the job's own id: whoever hands out a
//! shard knows what the shard's span belongs to, and whoever sees the job end writes the job's span.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::SystemTime;

use opentelemetry::trace::{Span, SpanBuilder, SpanId, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer};
use sha2::{Digest, Sha256};

use crate::parent::Parent;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

thread_local! {
    /// The ids that the next span of this thread is to have.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// A job that is over.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub id: &'a str,
    pub submitted: SystemTime,
    pub ended: SystemTime,
    /// How it ended, for example `complete`.
    pub state: &'static str,
    pub sources: u64,
    pub shards: u64,
}

/// What the spans of a job's shards belong to. Nothing where this process sends no spans.
pub fn parent(job: &str) -> Parent {
    match TRACER.get() {
        Some(_) => {
            let (trace, span) = ids(job);
            Parent::of(trace, span)
        }
        None => Parent::nothing(),
    }
}

/// Writes the span of a job that is over.
pub fn record(job: &Job<'_>) {
    let Some(tracer) = TRACER.get() else { return };
    let builder = SpanBuilder::from_name("job").with_start_time(job.submitted).with_attributes([
        KeyValue::new("et.job", job.id.to_owned()),
        KeyValue::new("et.state", job.state),
        KeyValue::new("et.sources", job.sources as i64),
        KeyValue::new("et.shards", job.shards as i64),
    ]);
    NEXT.set(Some(ids(job.id)));
    let mut span = tracer.build_with_context(builder, &Context::new());
    NEXT.set(None);
    span.end_with_timestamp(job.ended);
}

pub(crate) fn record_with(tracer: SdkTracer) {
    TRACER.set(tracer).expect("telemetry is set up once");
}

fn ids(job: &str) -> (TraceId, SpanId) {
    let digest = Sha256::digest(job.as_bytes());
    let (trace, rest) = digest.split_first_chunk().expect("a digest has 32 bytes");
    let (span, _) = rest.split_first_chunk().expect("a digest has 32 bytes");
    (TraceId::from_bytes(*trace), SpanId::from_bytes(*span))
}

/// Random ids, but for the spans of jobs.
#[derive(Debug, Default)]
pub(crate) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_the_same_ids_wherever_it_is_worked_on() {
        assert_eq!(ids("0123"), ids("0123"));
        assert_ne!(ids("0123").0, ids("0124").0);
        assert_ne!(ids("0123").1, ids("0124").1);
    }

    #[test]
    fn only_the_spans_of_jobs_have_ids_that_follow_from_something() {
        let generator = Ids::default();
        assert_ne!(generator.new_span_id(), generator.new_span_id());
        NEXT.set(Some(ids("0123")));
        let made = (generator.new_trace_id(), generator.new_span_id());
        NEXT.set(None);
        assert_eq!(made, ids("0123"));
        assert_ne!(generator.new_trace_id(), ids("0123").0);
    }

    #[test]
    fn without_a_collector_a_job_has_no_parent_to_give() {
        assert_eq!(parent("0123"), Parent::nothing());
    }
}
