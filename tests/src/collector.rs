//! An OpenTelemetry collector in this process: it takes spans and metrics over OTLP and keeps them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A collector that listens until it is dropped.
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Kept>,
    _runtime: Runtime,
}

/// A span, with the attributes of what sent it.
#[derive(Debug, Clone)]
pub struct Told {
    pub span: Span,
    pub attributes: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
}

/// What a counter or gauge of one process says, by name, the process's instance and the point's attributes.
type Numbers = HashMap<(String, String, BTreeMap<String, String>), f64>;

#[derive(Default)]
struct Kept {
    spans: Mutex<Vec<Told>>,
    numbers: Mutex<Numbers>,
}

impl Collector {
    /// A collector at a free port.
    pub fn start() -> io::Result<Collector> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept::default());
        let server = Server::builder()
            .add_service(TraceServiceServer::new(Service(Arc::clone(&kept))))
            .add_service(MetricsServiceServer::new(Service(Arc::clone(&kept))));
        runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Ok(Collector { address, kept, _runtime: runtime })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to say.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of a name, in the order in which they came.
    pub fn spans(&self, name: &str) -> Vec<Told> {
        let spans = self.kept.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|told| told.span.name == name).cloned().collect()
    }

    /// The last values of a counter or gauge, summed over all processes, by the value of one attribute (the empty
    /// text where points do not have it).
    pub fn numbers(&self, name: &str, attribute: &str) -> BTreeMap<String, f64> {
        let numbers = self.kept.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = BTreeMap::new();
        for ((_, _, attributes), value) in numbers.iter().filter(|((of, ..), _)| of == name) {
            *sums.entry(attributes.get(attribute).cloned().unwrap_or_default()).or_default() += value;
        }
        sums
    }
}

struct Service(Arc<Kept>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut kept = self.0.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for of_resource in request.into_inner().resource_spans {
            let resource = described(of_resource.resource);
            for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
                let attributes = texts(&span.attributes);
                kept.push(Told { span, attributes, resource: resource.clone() });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut kept = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        for of_resource in request.into_inner().resource_metrics {
            let resource = described(of_resource.resource);
            let instance = resource.get("service.instance.id").cloned().unwrap_or_default();
            for metric in of_resource.scope_metrics.into_iter().flat_map(|of_scope| of_scope.metrics) {
                for (attributes, value) in values(metric.data) {
                    kept.insert((metric.name.clone(), instance.clone(), attributes), value);
                }
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// The points of a metric; of a histogram, how many values it has seen.
fn values(data: Option<Data>) -> Vec<(BTreeMap<String, String>, f64)> {
    let number = |point: NumberDataPoint| {
        let value = match point.value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            None => 0.0,
        };
        (texts(&point.attributes), value)
    };
    match data {
        Some(Data::Sum(sum)) => sum.data_points.into_iter().map(number).collect(),
        Some(Data::Gauge(gauge)) => gauge.data_points.into_iter().map(number).collect(),
        Some(Data::Histogram(histogram)) => {
            let counted = |point: opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint| {
                (texts(&point.attributes), point.count as f64)
            };
            histogram.data_points.into_iter().map(counted).collect()
        }
        _ => Vec::new(),
    }
}

fn described(resource: Option<Resource>) -> BTreeMap<String, String> {
    texts(&resource.unwrap_or_default().attributes)
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}
