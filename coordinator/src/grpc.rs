//! Translates between the wire and the driver's events, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use dataset::{Dataset, Range, Shard, Tally};
use proto::v1;
use proto::v1::cluster_server::{Cluster, ClusterServer};
use telemetry::metrics;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::driver::{Answer, Event, Heard};
use crate::queue::{Lease, Report, Token, WorkerId};

/// A worker of hundreds of slots, each with its reasons for failure, stays well below this.
const MAX_REPORT_BYTES: usize = 64 << 20;

/// What workers need to know of the job, beside their shards.
#[derive(Debug, Clone)]
pub(crate) struct JobOnWire(v1::Job);

impl JobOnWire {
    /// The dataset must lie where any process would look for it.
    pub(crate) fn new(dataset: &Dataset) -> JobOnWire {
        let limits = dataset.job().limits;
        let limits = v1::Limits {
            wall_ms: limits.wall_ms,
            cpu_ms: limits.cpu_ms,
            memory_bytes: limits.memory_bytes,
            file_bytes: limits.file_bytes,
            processes: limits.processes,
            output_bytes: limits.output_bytes,
            max_events: limits.max_events,
            log_bytes: limits.log_bytes,
            source_bytes: limits.source_bytes,
        };
        let output = dataset.store().location().to_owned();
        JobOnWire(v1::Job { id: dataset.id().0.clone(), output, limits: Some(limits) })
    }
}

/// Answers workers until the future is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    job: JobOnWire,
    events: mpsc::Sender<Event>,
) -> Result<(), tonic::transport::Error> {
    // A report is smaller than a packet and somebody waits for the answer.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = ClusterServer::new(Service { job, events }).max_decoding_message_size(MAX_REPORT_BYTES);
    tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await
}

struct Service {
    job: JobOnWire,
    events: mpsc::Sender<Event>,
}

#[tonic::async_trait]
impl Cluster for Service {
    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportReply>, Status> {
        let begun = Instant::now();
        let from = request.remote_addr();
        let Incoming { heard, foreign } = incoming(request.into_inner(), &self.job.0.id, from)?;
        let (answer, answered) = oneshot::channel();
        let over = || Status::unavailable("the coordinator is shutting down");
        self.events.send(Event::Reported { heard, answer }).await.map_err(|_| over())?;
        let answer = answered.await.map_err(|_| over())?;
        metrics::reported(begun.elapsed());
        Ok(Response::new(outgoing(answer, foreign, &self.job.0)))
    }
}

/// A report, taken apart.
#[derive(Debug)]
struct Incoming {
    heard: Heard,
    /// Leases of another job, given by whoever listened at this address before.
    foreign: Foreign,
}

#[derive(Debug, Default)]
struct Foreign {
    running: Vec<v1::Lease>,
    ended: Vec<v1::Lease>,
}

fn incoming(request: v1::ReportRequest, job: &str, from: Option<SocketAddr>) -> Result<Incoming, Status> {
    if request.worker.is_empty() {
        return Err(Status::invalid_argument("a report must name its worker"));
    }
    let info = request.info.unwrap_or_default();
    let is_local = from.is_some_and(|address| address.ip().to_canonical().is_loopback());
    let mut foreign = Foreign::default();

    let mut running = BTreeMap::new();
    for item in request.running {
        let lease = required(item.lease)?;
        match lease.job == job {
            true => drop(running.insert(lease_in(&lease)?, tally_in(item.tally))),
            false => foreign.running.push(lease),
        }
    }
    let mut finished = BTreeMap::new();
    for item in request.finished {
        let lease = required(item.lease)?;
        match lease.job == job {
            true => drop(finished.insert(lease_in(&lease)?, (item.attempt, tally_in(item.tally)))),
            false => foreign.ended.push(lease),
        }
    }
    let mut failed = Vec::new();
    for item in request.failed {
        let lease = required(item.lease)?;
        match lease.job == job {
            true => failed.push((lease_in(&lease)?, item.reason)),
            false => foreign.ended.push(lease),
        }
    }

    let report = Report {
        worker: WorkerId::new(&request.worker),
        free_slots: request.free_slots as usize,
        running: running.keys().copied().collect(),
        finished: finished.keys().copied().collect(),
        failed,
    };
    let local_pid = is_local.then_some(info.pid);
    Ok(Incoming { heard: Heard { report, running, finished, local_pid }, foreign })
}

fn outgoing(answer: Answer, foreign: Foreign, job: &v1::Job) -> v1::ReportReply {
    let lease_out =
        |lease: Lease| v1::Lease { job: job.id.clone(), shard: lease.shard, token: lease.token.0 };
    let start = answer.start.into_iter().map(|(lease, shard)| v1::Assignment {
        lease: Some(lease_out(lease)),
        shard: Some(shard_out(shard)),
        job: Some(job.clone()),
        traceparent: telemetry::job::parent(&job.id).to_traceparent(),
        ..v1::Assignment::default()
    });
    v1::ReportReply {
        start: start.collect(),
        stop: answer.stop.into_iter().map(lease_out).chain(foreign.running).collect(),
        acknowledged: answer.acknowledged.into_iter().map(lease_out).chain(foreign.ended).collect(),
        report_within_ms: answer.report_within.as_millis() as u32,
        drain: answer.drain,
    }
}

fn required(lease: Option<v1::Lease>) -> Result<v1::Lease, Status> {
    lease.ok_or_else(|| Status::invalid_argument("a report names work without its lease"))
}

fn lease_in(lease: &v1::Lease) -> Result<Lease, Status> {
    // Tokens must be able to grow, whatever a worker says.
    if lease.token > i64::MAX as u64 {
        return Err(Status::invalid_argument("no lease has such a token"));
    }
    Ok(Lease { shard: lease.shard, token: Token(lease.token) })
}

fn tally_in(tally: Option<v1::Tally>) -> Tally {
    let tally = tally.unwrap_or_default();
    Tally {
        sources: tally.sources,
        rows: tally.rows,
        events: tally.events,
        bytes: tally.bytes,
        outcomes: tally.outcomes.into_iter().collect(),
        reasons: tally.reasons.into_iter().collect(),
    }
}

fn shard_out(shard: Shard) -> v1::Shard {
    let range = match shard.range {
        Range::Tree { root, first, last } => v1::shard::Range::Tree(v1::TreeRange { root, first, last }),
        Range::Lines { path, from_byte, to_byte, first_line } => {
            v1::shard::Range::Lines(v1::LinesRange { path, from_byte, to_byte, first_line })
        }
    };
    v1::Shard { ordinal: shard.ordinal, sources: shard.sources, range: Some(range) }
}
