//! What a cluster asks of a coordinator about itself: whether it serves, and how many workers it could use.
//!
//! Kubelets and KEDA bring no token, and a kubelet no TLS either, so this has a port of its own that tells nothing
//! but numbers.

use std::collections::BTreeMap;

use proto::keda::external_scaler_server::{ExternalScaler, ExternalScalerServer};
use proto::keda::{
    GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, MetricSpec, MetricValue,
    ScaledObjectRef,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The one thing that is measured.
const METRIC: &str = "et-shards";
/// How many shards are for one worker, which is how many slots it has.
const SHARDS_PER_WORKER: &str = "shardsPerWorker";
/// What the workers that are scaled have, like `python=3.13,pool=numpy`. Without it, every job counts.
const LABELS: &str = "labels";

/// How much work there is.
pub(crate) trait Backlog: Send + Sync + 'static {
    /// Shards that could start now or run already. If `labels` are given, only those of jobs that a worker which
    /// has just these can run.
    ///
    /// # Errors
    /// If the queue does not answer, with the reason in one sentence.
    fn shards(
        &self,
        labels: Option<&BTreeMap<String, String>>,
    ) -> impl Future<Output = Result<u64, String>> + Send;
}

/// Answers until the future is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    health: HealthReporter,
    backlog: impl Backlog,
) -> Result<(), tonic::transport::Error> {
    Server::builder()
        .add_service(HealthServer::new(HealthService::from_health_reporter(health)))
        .add_service(ExternalScalerServer::new(Scaler { backlog }))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
}

struct Scaler<B> {
    backlog: B,
}

impl<B: Backlog> Scaler<B> {
    async fn shards(&self, settings: &Settings) -> Result<u64, Status> {
        self.backlog.shards(settings.labels.as_ref()).await.map_err(Status::unavailable)
    }
}

#[tonic::async_trait]
impl<B: Backlog> ExternalScaler for Scaler<B> {
    async fn is_active(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<IsActiveResponse>, Status> {
        let settings = Settings::of(&request.into_inner())?;
        Ok(Response::new(IsActiveResponse { result: self.shards(&settings).await? > 0 }))
    }

    async fn get_metric_spec(
        &self,
        request: Request<ScaledObjectRef>,
    ) -> Result<Response<GetMetricSpecResponse>, Status> {
        let settings = Settings::of(&request.into_inner())?;
        let spec = MetricSpec { metric_name: METRIC.to_owned(), target_size: settings.shards_per_worker };
        Ok(Response::new(GetMetricSpecResponse { metric_specs: vec![spec] }))
    }

    async fn get_metrics(
        &self,
        request: Request<GetMetricsRequest>,
    ) -> Result<Response<GetMetricsResponse>, Status> {
        let settings = Settings::of(&request.into_inner().scaled_object_ref.unwrap_or_default())?;
        let shards = self.shards(&settings).await?;
        let value = MetricValue {
            metric_name: METRIC.to_owned(),
            metric_value: i64::try_from(shards).unwrap_or(i64::MAX),
        };
        Ok(Response::new(GetMetricsResponse { metric_values: vec![value] }))
    }
}

/// What stands in the manifest of who asks.
#[derive(Debug, PartialEq, Eq)]
struct Settings {
    shards_per_worker: i64,
    labels: Option<BTreeMap<String, String>>,
}

impl Settings {
    fn of(asker: &ScaledObjectRef) -> Result<Settings, Status> {
        let settings = &asker.scaler_metadata;
        let wrong = |name: &str, text: &str, right: &str| {
            Status::invalid_argument(format!("{name} is '{text}', but must be {right}"))
        };
        let shards_per_worker = match settings.get(SHARDS_PER_WORKER) {
            None => 1,
            Some(text) => match text.parse() {
                Ok(number @ 1..) => number,
                _ => return Err(wrong(SHARDS_PER_WORKER, text, "a number from 1 on")),
            },
        };
        let pair = |text: &str| {
            let (name, value) = text.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let labels = match settings.get(LABELS) {
            None => None,
            Some(text) => {
                let labels: Option<_> = text.split(',').map(pair).collect();
                Some(labels.ok_or_else(|| wrong(LABELS, text, "pairs like python=3.13,pool=numpy"))?)
            }
        };
        Ok(Settings { shards_per_worker, labels })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use proto::keda::external_scaler_client::ExternalScalerClient;
    use tonic::Code;
    use tonic::transport::Endpoint;
    use tonic_health::ServingStatus;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus as Answer;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;

    /// Work for workers with numpy, and none for others.
    #[derive(Clone, Default)]
    struct Numpy(Arc<AtomicU64>);

    impl Backlog for Numpy {
        async fn shards(&self, labels: Option<&BTreeMap<String, String>>) -> Result<u64, String> {
            let fits = labels.is_none_or(|labels| labels.get("pool").is_some_and(|pool| pool == "numpy"));
            Ok(if fits { self.0.load(Ordering::Relaxed) } else { 0 })
        }
    }

    struct Unreachable;

    impl Backlog for Unreachable {
        async fn shards(&self, _: Option<&BTreeMap<String, String>>) -> Result<u64, String> {
            Err("the queue does not answer".to_owned())
        }
    }

    async fn started(backlog: impl Backlog) -> (String, HealthReporter) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let health = HealthReporter::new();
        tokio::spawn(serve(listener, health.clone(), backlog));
        (address, health)
    }

    fn asker(settings: &[(&str, &str)]) -> ScaledObjectRef {
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        ScaledObjectRef { scaler_metadata: settings.collect(), ..ScaledObjectRef::default() }
    }

    #[tokio::test]
    async fn workers_are_wanted_exactly_while_there_is_work_for_them() {
        let work = Numpy::default();
        let (address, _health) = started(work.clone()).await;
        let mut keda = ExternalScalerClient::connect(address).await.unwrap();
        for shards in [0, 7, 0] {
            work.0.store(shards, Ordering::Relaxed);
            for (labels, expected) in
                [(None, shards), (Some("python=3.13,pool=numpy"), shards), (Some("pool=bare"), 0)]
            {
                let settings: Vec<_> = labels.into_iter().map(|labels| (LABELS, labels)).collect();
                let asker = asker(&settings);
                assert_eq!(keda.is_active(asker.clone()).await.unwrap().into_inner().result, expected > 0);
                let request =
                    GetMetricsRequest { scaled_object_ref: Some(asker), metric_name: METRIC.to_owned() };
                let values = keda.get_metrics(request).await.unwrap().into_inner().metric_values;
                let value = MetricValue { metric_name: METRIC.to_owned(), metric_value: expected as i64 };
                assert_eq!(values, [value]);
            }
        }
    }

    #[tokio::test]
    async fn one_worker_is_for_as_many_shards_as_the_manifest_says() {
        let (address, _health) = started(Numpy::default()).await;
        let mut keda = ExternalScalerClient::connect(address).await.unwrap();
        for (settings, size) in [(asker(&[]), 1), (asker(&[(SHARDS_PER_WORKER, "16")]), 16)] {
            let specs = keda.get_metric_spec(settings).await.unwrap().into_inner().metric_specs;
            assert_eq!(specs, [MetricSpec { metric_name: METRIC.to_owned(), target_size: size }]);
        }
        for wrong in [[(SHARDS_PER_WORKER, "0")], [(SHARDS_PER_WORKER, "many")], [(LABELS, "numpy")]] {
            assert_eq!(keda.is_active(asker(&wrong)).await.unwrap_err().code(), Code::InvalidArgument);
        }
    }

    #[tokio::test]
    async fn queue_that_does_not_answer_is_not_an_empty_one() {
        let (address, _health) = started(Unreachable).await;
        let mut keda = ExternalScalerClient::connect(address).await.unwrap();
        assert_eq!(keda.is_active(asker(&[])).await.unwrap_err().code(), Code::Unavailable);
    }

    #[tokio::test]
    async fn probe_sees_what_the_coordinator_says_of_itself() {
        let (address, health) = started(Numpy::default()).await;
        let channel = Endpoint::from_shared(address).unwrap().connect().await.unwrap();
        let mut kubelet = HealthClient::new(channel);
        for (said, seen) in
            [(ServingStatus::Serving, Answer::Serving), (ServingStatus::NotServing, Answer::NotServing)]
        {
            health.set_service_status("", said).await;
            let answer = kubelet.check(HealthCheckRequest::default()).await.unwrap().into_inner();
            assert_eq!(answer.status(), seen);
        }
    }
}
