//! What people and scripts ask.

use std::pin::Pin;

use proto::v1;
use proto::v1::submit_request::Work as Asks;
use tokio::sync::mpsc;
use tokio::time::{Duration, interval};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::status_out;
use crate::queue::JobState;
use crate::service::{Asked, Change, Service, Work};

/// How often those who watch a job are told of it.
const WATCH_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Control(pub(super) Service);

type Statuses = Pin<Box<dyn Stream<Item = Result<v1::JobStatus, Status>> + Send>>;

#[tonic::async_trait]
impl v1::control_server::Control for Control {
    type WatchStream = Statuses;

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::JobStatus>, Status> {
        let v1::SubmitRequest { work, output, standing } = request.into_inner();
        let malformed = |error| Status::invalid_argument(format!("that is no job: {error}"));
        let work = match work {
            Some(Asks::Job(job)) => Work::Trace(serde_json::from_str(&job).map_err(malformed)?),
            Some(Asks::Render(order)) => Work::Render(serde_json::from_str(&order).map_err(malformed)?),
            None => return Err(Status::invalid_argument("a request must say what is to be done")),
        };
        let v1::Standing { priority, share, labels } = standing.unwrap_or_default();
        let labels = labels.into_iter().collect();
        let view = self.0.submit(Asked { work, output, priority, share, labels }).await?;
        Ok(Response::new(status_out(view)))
    }

    async fn jobs(&self, _: Request<v1::JobsRequest>) -> Result<Response<v1::JobsReply>, Status> {
        let jobs = self.0.jobs().await?.into_iter().map(status_out).collect();
        Ok(Response::new(v1::JobsReply { jobs }))
    }

    async fn show(&self, request: Request<v1::JobName>) -> Result<Response<v1::JobStatus>, Status> {
        let view = self.0.show(&request.into_inner().job).await?;
        Ok(Response::new(status_out(view)))
    }

    async fn watch(&self, request: Request<v1::JobName>) -> Result<Response<Statuses>, Status> {
        let name = request.into_inner().job;
        // The name must mean one job now; later ones may begin as it does.
        let id = self.0.show(&name).await?.record.id;
        let (sender, receiver) = mpsc::channel(1);
        let service = self.0.clone();
        tokio::spawn(async move {
            let mut ticks = interval(WATCH_EVERY);
            loop {
                ticks.tick().await;
                let view = service.show(&id).await;
                let goes_on = view
                    .as_ref()
                    .is_ok_and(|view| matches!(view.record.state, JobState::Running | JobState::Paused));
                let told = view.map(status_out).map_err(Status::from);
                if sender.send(told).await.is_err() || !goes_on {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn change(&self, request: Request<v1::ChangeRequest>) -> Result<Response<v1::JobStatus>, Status> {
        let request = request.into_inner();
        let change = match request.change() {
            v1::change_request::Change::Nothing => {
                return Err(Status::invalid_argument("a request must say what is to change"));
            }
            v1::change_request::Change::Pause => Change::Pause,
            v1::change_request::Change::Resume => Change::Resume,
            v1::change_request::Change::Cancel => Change::Cancel,
        };
        let view = self.0.change(&request.job, change).await?;
        Ok(Response::new(status_out(view)))
    }

    async fn failures(&self, request: Request<v1::JobName>) -> Result<Response<v1::FailuresReply>, Status> {
        let failures = self.0.failures(&request.into_inner().job).await?;
        let failures = failures.into_iter().map(|failed| v1::Failure {
            shard: failed.shard,
            failures: failed.failures,
            losses: failed.losses,
            reason: failed.reason,
            set_aside: failed.set_aside,
            sources: failed.sources,
        });
        Ok(Response::new(v1::FailuresReply { failures: failures.collect() }))
    }
}
