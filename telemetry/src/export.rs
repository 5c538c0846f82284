//! Sends spans and metrics to collectors, from threads of its own.

use std::fmt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::{self, Runtime};

use crate::destinations::Destinations;
use crate::init::{Service, TelemetryError};
use crate::{job, metrics};

/// The name under which everything is measured.
const SCOPE: &str = "et";

/// The ways to the collectors.
pub(crate) struct Exporters {
    spans: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    /// Drives the connections. The program's own runtime may be busy, or over when the last spans are sent.
    runtime: Runtime,
}

impl Exporters {
    pub(crate) fn start(service: Service, destinations: &Destinations) -> Result<Exporters, TelemetryError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()
            .map_err(TelemetryError::Runtime)?;
        let entered = runtime.enter();
        let resource = resource(service);
        let spans =
            destinations.spans.as_deref().map(|address| spans_to(address, resource.clone())).transpose()?;
        let metrics =
            destinations.metrics.as_deref().map(|address| metrics_to(address, resource)).transpose()?;
        drop(entered);
        if let Some(provider) = &spans {
            job::record_with(provider.tracer(SCOPE));
        }
        if let Some(provider) = &metrics {
            metrics::record_with(&provider.meter(SCOPE));
        }
        Ok(Exporters { spans, metrics, runtime })
    }

    pub(crate) fn tracer(&self) -> Option<SdkTracer> {
        self.spans.as_ref().map(|provider| provider.tracer(SCOPE))
    }

    /// Sends what is left, or gives it up after `time`.
    pub(crate) fn end_within(self, time: Duration) {
        let Exporters { spans, metrics, runtime } = self;
        let (done, wait) = mpsc::channel();
        // The providers' own time limits do not cover an export that is under way.
        thread::spawn(move || {
            let spans = spans.map(|provider| provider.shutdown());
            let metrics = metrics.map(|provider| provider.shutdown());
            // Nobody listens any more if it took too long.
            let _ = done.send((spans, metrics));
        });
        match wait.recv_timeout(time) {
            Ok((spans, metrics)) => {
                for error in [spans, metrics].into_iter().flatten().filter_map(Result::err) {
                    tracing::debug!(%error, "the last telemetry was not sent");
                }
            }
            Err(_) => tracing::debug!("the collector did not take the last telemetry in time"),
        }
        runtime.shutdown_background();
    }
}

impl fmt::Debug for Exporters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The providers hold headers, which hold secrets.
        f.debug_struct("Exporters").finish_non_exhaustive()
    }
}

/// Must be called where a runtime is.
fn spans_to(address: &str, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    check(address)?;
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(address).build();
    let exporter = exporter.map_err(|error| TelemetryError::Settings(error.to_string()))?;
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_id_generator(job::Ids::default())
        // A job is one trace, written by many processes: to keep all of it or nothing is for the collector.
        .with_sampler(Sampler::AlwaysOn)
        .with_batch_exporter(exporter)
        .build())
}

/// Must be called where a runtime is.
fn metrics_to(address: &str, resource: Resource) -> Result<SdkMeterProvider, TelemetryError> {
    check(address)?;
    let exporter = MetricExporter::builder().with_tonic().with_endpoint(address).build();
    let exporter = exporter.map_err(|error| TelemetryError::Settings(error.to_string()))?;
    Ok(SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporter).build())
}

/// A collector stands in the same cluster or on the same node, so it is spoken to without TLS.
fn check(address: &str) -> Result<(), TelemetryError> {
    match address.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err(TelemetryError::Address(address.to_owned())),
    }
}

/// What is known of this process. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before it.
fn resource(service: Service) -> Resource {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let instance = format!("{host}-{}", std::process::id());
    let ours = [
        KeyValue::new("service.name", service.name),
        KeyValue::new("service.version", service.version),
        KeyValue::new("service.instance.id", instance),
        KeyValue::new("host.name", host),
    ];
    let theirs = Resource::builder().build();
    let named = theirs.iter().filter(|(key, value)| {
        // What the SDK says where nobody has named the service.
        key.as_str() != "service.name" || !value.as_str().starts_with("unknown_service")
    });
    let theirs: Vec<_> = named.map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    Resource::builder_empty().with_attributes(ours).with_attributes(theirs).build()
}
