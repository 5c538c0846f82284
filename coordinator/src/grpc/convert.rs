//! One type of the wire at a time.

use dataset::{Executions, Filters, Limits, Range, Run, Search, Tally};
use proto::v1;
use tonic::Status;
use trace::Granularity;

use crate::queue::{Counts, JobKind, JobState, Lease, Piece, Token};
use crate::service::JobView;

pub(super) fn lease_in(lease: &v1::Lease) -> Result<Lease, Status> {
    // Tokens must be able to grow, whatever a worker says.
    if lease.token > i64::MAX as u64 {
        return Err(Status::invalid_argument("no lease has such a token"));
    }
    Ok(Lease { shard: lease.shard, token: Token(lease.token) })
}

pub(super) fn lease_out(job: &str, lease: Lease) -> v1::Lease {
    v1::Lease { job: job.to_owned(), shard: lease.shard, token: lease.token.0 }
}

pub(super) fn tally_in(tally: Option<v1::Tally>) -> Tally {
    let tally = tally.unwrap_or_default();
    Tally {
        sources: tally.sources,
        rows: tally.rows,
        events: tally.events,
        bytes: tally.bytes,
        outcomes: tally.outcomes.into_iter().collect(),
        reasons: tally.reasons.into_iter().collect(),
        dropped: tally.dropped.into_iter().collect(),
    }
}

fn tally_out(tally: Tally) -> v1::Tally {
    v1::Tally {
        sources: tally.sources,
        rows: tally.rows,
        events: tally.events,
        bytes: tally.bytes,
        outcomes: tally.outcomes.into_iter().collect(),
        reasons: tally.reasons.into_iter().collect(),
        dropped: tally.dropped.into_iter().collect(),
    }
}

pub(super) fn shard_out(shard: Piece) -> v1::Shard {
    v1::Shard { ordinal: shard.ordinal, sources: shard.sources, range: shard.range.map(range_out) }
}

fn range_out(range: Range) -> v1::shard::Range {
    use v1::shard::Range as Wire;
    match range {
        Range::Tree { root, first, last } => Wire::Tree(v1::TreeRange { root, first, last }),
        Range::Lines { path, from_byte, to_byte, first_line } => {
            Wire::Lines(v1::LinesRange { path, from_byte, to_byte, first_line })
        }
        Range::Listed { path, from_byte, to_byte, first_line } => {
            Wire::Listed(v1::LinesRange { path, from_byte, to_byte, first_line })
        }
        Range::Rows { root, key, from_row, to_row, columns } => Wire::Rows(v1::RowsRange {
            root,
            key,
            from_row,
            to_row,
            code_column: columns.code,
            completion_column: columns.completion,
            input_column: columns.input,
            id_column: columns.id,
        }),
    }
}

pub(super) fn executions_out(executions: &Executions) -> v1::Executions {
    let Search { seed, tried, kept, cpu_ms } = executions.search;
    v1::Executions {
        modes: executions.modes.iter().map(|mode| mode.name().to_owned()).collect(),
        search: Some(v1::Search { seed, tried, kept, cpu_ms }),
        filters: Some(filters_out(&executions.filters)),
        runs: executions.runs.iter().map(run_out).collect(),
    }
}

fn run_out(run: &Run) -> v1::Run {
    v1::Run { argv: run.argv().to_vec(), stdin: run.stdin().to_owned() }
}

fn filters_out(filters: &Filters) -> v1::Filters {
    v1::Filters {
        outcomes: filters.outcomes.iter().map(|outcome| outcome.name().to_owned()).collect(),
        pure: filters.pure,
        deterministic: filters.deterministic,
        fewest_events: filters.fewest_events,
        most_events: filters.most_events,
        distinct: filters.distinct.iter().map(|distinct| distinct.name().to_owned()).collect(),
    }
}

pub(super) fn granularity_out(granularity: Granularity) -> v1::Granularity {
    match granularity {
        Granularity::Program => v1::Granularity::Program,
        Granularity::Call => v1::Granularity::Call,
        Granularity::Line => v1::Granularity::Line,
        Granularity::Instruction => v1::Granularity::Instruction,
    }
}

pub(super) fn limits_out(limits: Limits) -> v1::Limits {
    v1::Limits {
        wall_ms: limits.wall_ms,
        cpu_ms: limits.cpu_ms,
        memory_bytes: limits.memory_bytes,
        file_bytes: limits.file_bytes,
        processes: limits.processes,
        output_bytes: limits.output_bytes,
        max_events: limits.max_events,
        log_bytes: limits.log_bytes,
        source_bytes: limits.source_bytes,
    }
}

pub(super) fn status_out(view: JobView) -> v1::JobStatus {
    let JobView { record, status } = view;
    let state = match record.state {
        JobState::Running => v1::job_status::State::Running,
        JobState::Paused => v1::job_status::State::Paused,
        JobState::Cancelled => v1::job_status::State::Cancelled,
        JobState::Complete => v1::job_status::State::Complete,
        JobState::Failed => v1::job_status::State::Failed,
    };
    let kind = match record.kind {
        JobKind::Trace => v1::job_status::Kind::Trace,
        JobKind::Render => v1::job_status::Kind::Render,
    };
    let (priority, share) = (record.priority, record.share);
    let labels = record.labels.into_iter().collect();
    v1::JobStatus {
        job: record.id,
        output: record.output,
        standing: Some(v1::Standing { priority, share, labels }),
        state: state.into(),
        message: record.message,
        sources_planned: status.sources_planned,
        sources_done: status.sources_done,
        shards_planned: status.shards_planned,
        shards_done: status.shards_done,
        all_planned: status.all_planned,
        shards_running: status.shards_running,
        shards_set_aside: status.shards_set_aside,
        tally: Some(tally_out(status.tally)),
        submitted_unix_ms: record.submitted_unix_ms,
        ended_unix_ms: record.ended_unix_ms,
        leases: Some(counts_out(status.leases)),
        kind: kind.into(),
    }
}

fn counts_out(counts: Counts) -> v1::LeaseCounts {
    let Counts { expired, lost, released, withdrawn, failed, adopted, speculated, speculated_first } = counts;
    v1::LeaseCounts { expired, lost, released, withdrawn, failed, adopted, speculated, speculated_first }
}
