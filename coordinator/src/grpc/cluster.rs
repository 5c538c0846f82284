//! What workers ask.

use std::net::SocketAddr;
use std::time::Instant;

use proto::v1;
use telemetry::metrics;
use tonic::{Request, Response, Status};

use super::convert::{executions_out, granularity_out, lease_in, lease_out, limits_out, shard_out, tally_in};
use crate::queue::{Failure, Finished, Lease, WorkerId};
use crate::service::{Answer, Heard, Open, Product, Said, Service};

pub(super) struct Cluster(pub(super) Service);

#[tonic::async_trait]
impl v1::cluster_server::Cluster for Cluster {
    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportReply>, Status> {
        let begun = Instant::now();
        let from = request.remote_addr();
        let heard = heard(request.into_inner(), from)?;
        let reply = reply(self.0.report(heard).await?);
        metrics::reported(begun.elapsed());
        Ok(Response::new(reply))
    }
}

/// A report, taken apart by jobs.
fn heard(request: v1::ReportRequest, from: Option<SocketAddr>) -> Result<Heard, Status> {
    if request.worker.is_empty() {
        return Err(Status::invalid_argument("a report must name its worker"));
    }
    let info = request.info.unwrap_or_default();
    let is_local = from.is_some_and(|address| address.ip().to_canonical().is_loopback());
    let mut heard = Heard {
        worker: WorkerId::new(&request.worker),
        labels: info.labels.into_iter().collect(),
        local_pid: is_local.then_some(info.pid),
        free_slots: request.free_slots as usize,
        jobs: Default::default(),
    };
    for v1::Running { lease, tally } in request.running {
        let (said, lease) = of_job(&mut heard, lease)?;
        said.running.push((lease, tally_in(tally)));
    }
    for v1::Finished { lease, attempt, tally } in request.finished {
        let (said, lease) = of_job(&mut heard, lease)?;
        said.finished.push(Finished { lease, attempt, tally: tally_in(tally) });
    }
    for v1::Failed { lease, reason, source } in request.failed {
        let (said, lease) = of_job(&mut heard, lease)?;
        said.failed.push(Failure { lease, reason, source });
    }
    for lease in request.released {
        let (said, lease) = of_job(&mut heard, Some(lease))?;
        said.released.push(lease);
    }
    Ok(heard)
}

fn of_job(heard: &mut Heard, lease: Option<v1::Lease>) -> Result<(&mut Said, Lease), Status> {
    let lease = lease.ok_or_else(|| Status::invalid_argument("a report names work without its lease"))?;
    let of_queue = lease_in(&lease)?;
    Ok((heard.jobs.entry(lease.job).or_default(), of_queue))
}

/// What a worker must know of a job to do one of its shards.
fn job_out(open: &Open) -> v1::Job {
    let named =
        v1::Job { id: open.id().to_owned(), output: open.record.output.clone(), ..v1::Job::default() };
    match &open.product {
        Product::Traces(dataset) => v1::Job {
            limits: Some(limits_out(dataset.job().limits)),
            granularity: granularity_out(dataset.job().granularity).into(),
            identities: dataset.job().identities,
            executions: Some(executions_out(&dataset.job().executions)),
            repeat: dataset.job().repeat,
            ..named
        },
        Product::Text(_) => {
            v1::Job { render: Some(v1::Render { order: open.record.job_json.clone() }), ..named }
        }
    }
}

fn reply(answer: Answer) -> v1::ReportReply {
    let start = answer.start.into_iter().map(|(open, start)| v1::Assignment {
        lease: Some(lease_out(open.id(), start.lease)),
        shard: Some(shard_out(start.shard)),
        job: Some(job_out(&open)),
        set_aside: start.set_aside,
        careful: start.careful,
        traceparent: telemetry::job::parent(open.id()).to_traceparent(),
    });
    let leases =
        |leases: Vec<(String, Lease)>| leases.iter().map(|(job, lease)| lease_out(job, *lease)).collect();
    v1::ReportReply {
        start: start.collect(),
        stop: leases(answer.stop),
        acknowledged: leases(answer.acknowledged),
        report_within_ms: answer.report_within.as_millis() as u32,
        drain: answer.drain,
    }
}
