//! Translates between the ledger's types and the generated ones, which go no further than this.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dataset::{Columns, Executions, Filters, Limits, Proposals, Range, Run, Search, Shard, Tally};
use plane::client::{self, CallError, Connection, Target};
use proto::v1;
use proto::v1::cluster_client::ClusterClient;
use telemetry::Parent;
use tokio::time::timeout;
use trace::Granularity;

use crate::ledger::{Assignment, Lease, Reply, Standing, Trace, Work};
use crate::report::Coordinator;

/// A reply that takes longer is given up: well within the time of a lease, so that the report can be sent again.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a worker says about itself, for people to read.
#[derive(Debug, Clone)]
pub(crate) struct Introduction {
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// For example `3.13.0`.
    pub(crate) interpreter: String,
    pub(crate) confinement: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// A coordinator at the other end of a connection, which is made when it is needed and again when it is lost.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    target: Target,
    client: ClusterClient<Connection>,
    /// Names this process and no other.
    worker: String,
    introduction: Introduction,
}

impl Remote {
    /// Must be called where a runtime is.
    pub(crate) fn new(target: Target, worker: String, introduction: Introduction) -> Remote {
        let client = ClusterClient::new(target.connect());
        Remote { target, client, worker, introduction }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl Coordinator for Remote {
    async fn report(mut self, standing: Standing) -> Result<(Reply, Duration), CallError> {
        let request = report_out(self.worker, self.introduction, standing);
        let answered = timeout(REPLY_TIMEOUT, self.client.report(request)).await;
        let answered = answered.map_err(|_| CallError::NoAnswer("it took too long".to_owned()))?;
        reply_in(client::answer(answered)?).map_err(|malformed| CallError::Refused(malformed.to_string()))
    }
}

/// A coordinator's reply that says too little.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("its reply lacks {0}, which is a bug")]
struct MalformedReply(&'static str);

fn report_out(worker: String, introduction: Introduction, standing: Standing) -> v1::ReportRequest {
    let running = standing
        .running
        .into_iter()
        .map(|(lease, tally)| v1::Running { lease: Some(lease_out(lease)), tally: Some(tally_out(tally)) });
    let finished = standing.finished.into_iter().map(|(lease, attempt, tally)| v1::Finished {
        lease: Some(lease_out(lease)),
        attempt,
        tally: Some(tally_out(tally)),
    });
    let failed = standing.failed.into_iter().map(|(lease, failure)| v1::Failed {
        lease: Some(lease_out(lease)),
        reason: failure.reason,
        source: failure.source,
    });
    let Introduction { host, pid, interpreter, confinement, labels } = introduction;
    let labels = labels.into_iter().collect();
    v1::ReportRequest {
        worker,
        free_slots: u32::try_from(standing.free_slots).unwrap_or(u32::MAX),
        running: running.collect(),
        finished: finished.collect(),
        failed: failed.collect(),
        info: Some(v1::WorkerInfo { host, pid, interpreter, confinement, labels }),
        released: standing.released.into_iter().map(lease_out).collect(),
    }
}

/// What the coordinator wants, and when it wants to hear again at the latest.
fn reply_in(reply: v1::ReportReply) -> Result<(Reply, Duration), MalformedReply> {
    let within = Duration::from_millis(reply.report_within_ms.into());
    let reply = Reply {
        start: reply.start.into_iter().map(assignment_in).collect::<Result<_, _>>()?,
        stop: reply.stop.into_iter().map(lease_in).collect(),
        acknowledged: reply.acknowledged.into_iter().map(lease_in).collect(),
        drain: reply.drain,
    };
    Ok((reply, within))
}

fn assignment_in(assignment: v1::Assignment) -> Result<Assignment, MalformedReply> {
    let v1::Assignment { lease, shard, job, set_aside, careful, traceparent } = assignment;
    let shard = shard.ok_or(MalformedReply("an assignment's shard"))?;
    let job = job.ok_or(MalformedReply("an assignment's job"))?;
    let output = job.output.clone();
    let work = match job.render {
        Some(v1::Render { order }) => {
            let order = serde_json::from_str(&order);
            let order = order.map_err(|_| MalformedReply("an order that this worker understands"))?;
            Work::Render { order: Box::new(order), executions: shard.sources }
        }
        None => Work::Trace(Box::new(trace_in(shard, job, set_aside, careful)?)),
    };
    Ok(Assignment {
        lease: lease_in(lease.ok_or(MalformedReply("an assignment's lease"))?),
        output,
        work,
        parent: Parent::from_traceparent(&traceparent),
    })
}

fn trace_in(
    shard: v1::Shard,
    job: v1::Job,
    set_aside: Vec<u64>,
    careful: bool,
) -> Result<Trace, MalformedReply> {
    Ok(Trace {
        shard: shard_in(shard)?,
        granularity: granularity_in(job.granularity()),
        identities: job.identities,
        executions: job.executions.map(executions_in).transpose()?.unwrap_or_default(),
        repeat: job.repeat.max(1),
        limits: limits_in(job.limits.ok_or(MalformedReply("a job's limits"))?),
        set_aside: set_aside.into_iter().collect(),
        careful,
    })
}

fn shard_in(shard: v1::Shard) -> Result<Shard, MalformedReply> {
    use v1::shard::Range as Wire;
    let range = match shard.range.ok_or(MalformedReply("a shard's range"))? {
        Wire::Tree(v1::TreeRange { root, first, last }) => Range::Tree { root, first, last },
        Wire::Lines(v1::LinesRange { path, from_byte, to_byte, first_line }) => {
            Range::Lines { path, from_byte, to_byte, first_line }
        }
        Wire::Listed(v1::LinesRange { path, from_byte, to_byte, first_line }) => {
            Range::Listed { path, from_byte, to_byte, first_line }
        }
        Wire::Rows(rows) => {
            let v1::RowsRange { root, key, from_row, to_row, code_column, .. } = rows;
            let columns = Columns {
                code: code_column,
                completion: rows.completion_column,
                input: rows.input_column,
                id: rows.id_column,
            };
            Range::Rows { root, key, from_row, to_row, columns }
        }
    };
    Ok(Shard { ordinal: shard.ordinal, sources: shard.sources, range })
}

/// A coordinator that says nothing of them is one that knows no others than the usual.
fn executions_in(executions: v1::Executions) -> Result<Executions, MalformedReply> {
    let modes = executions.modes.iter().map(|mode| mode.parse());
    let modes =
        modes.collect::<Result<_, _>>().map_err(|_| MalformedReply("a mode that this worker knows"))?;
    let v1::Search { seed, tried, kept, cpu_ms } =
        executions.search.ok_or(MalformedReply("the budget of a search"))?;
    let filters = executions.filters.map(filters_in).transpose()?.unwrap_or_default();
    let runs = executions.runs.into_iter().map(|v1::Run { argv, stdin }| Run::new(argv, stdin)).collect();
    let proposals = executions.proposals.map(|v1::Proposals { model, prompt }| Proposals { model, prompt });
    Ok(Executions { modes, search: Search { seed, tried, kept, cpu_ms }, runs, proposals, filters })
}

fn filters_in(filters: v1::Filters) -> Result<Filters, MalformedReply> {
    let unknown = || MalformedReply("filters that this worker knows");
    let outcomes = filters.outcomes.iter().map(|outcome| outcome.parse());
    let distinct = filters.distinct.iter().map(|distinct| distinct.parse());
    Ok(Filters {
        outcomes: outcomes.collect::<Result<_, _>>().map_err(|_| unknown())?,
        pure: filters.pure,
        deterministic: filters.deterministic,
        fewest_events: filters.fewest_events,
        most_events: filters.most_events,
        distinct: distinct.collect::<Result<_, _>>().map_err(|_| unknown())?,
    })
}

fn granularity_in(granularity: v1::Granularity) -> Granularity {
    match granularity {
        v1::Granularity::Program => Granularity::Program,
        v1::Granularity::Call => Granularity::Call,
        v1::Granularity::Line => Granularity::Line,
        v1::Granularity::Instruction => Granularity::Instruction,
    }
}

fn limits_in(limits: v1::Limits) -> Limits {
    Limits {
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

fn lease_in(lease: v1::Lease) -> Lease {
    Lease { job: lease.job, shard: lease.shard, token: lease.token }
}

fn lease_out(lease: Lease) -> v1::Lease {
    v1::Lease { job: lease.job, shard: lease.shard, token: lease.token }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_lacks_something_is_named_by_it() {
        let whole = v1::Assignment {
            lease: Some(v1::Lease { job: "job".to_owned(), shard: 3, token: 7 }),
            shard: Some(v1::Shard {
                ordinal: 3,
                sources: 1,
                range: Some(v1::shard::Range::Lines(v1::LinesRange::default())),
            }),
            job: Some(v1::Job { limits: Some(v1::Limits::default()), ..v1::Job::default() }),
            ..v1::Assignment::default()
        };
        assert_eq!(assignment_in(whole.clone()).unwrap().lease.token, 7);
        let lacks = |assignment| assignment_in(assignment).unwrap_err().to_string();
        let no_job = lacks(v1::Assignment { job: None, ..whole.clone() });
        assert!(no_job.starts_with("its reply lacks an assignment's job"), "{no_job}");
        let no_range = lacks(v1::Assignment { shard: Some(v1::Shard::default()), ..whole });
        assert!(no_range.starts_with("its reply lacks a shard's range"), "{no_range}");
    }
}
