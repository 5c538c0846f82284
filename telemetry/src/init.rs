//! Sets up logs, and spans and metrics where somebody wants them, for the whole process.

use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::destinations::Destinations;
use crate::export::Exporters;
use crate::logs::{Logs, names_work};

/// How long the end of a process may wait for a collector to take the last spans and metrics.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What runs here.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The program's name, for example `et-worker`.
    pub name: &'static str,
    pub version: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("'{0}' is no address of a collector: give OTLP over gRPC, such as http://collector:4317")]
    Address(String),
    #[error("the settings for OpenTelemetry are wrong: {0}")]
    Settings(String),
    #[error("telemetry could not be started: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Sends what is still waiting when it is dropped, within three seconds. Keep it until the process ends.
#[must_use = "what is still waiting is sent when this is dropped"]
#[derive(Debug)]
pub struct Guard {
    exporters: Option<Exporters>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(exporters) = self.exporters.take() {
            exporters.end_within(LAST_WORDS);
        }
    }
}

/// Sets up telemetry for the process: logs as asked, and spans and metrics to `destinations`, which are usually
/// [`Destinations::from_env`].
///
/// No collector is contacted yet. One that cannot be reached delays nothing: what does not fit into the bounded
/// queues meanwhile is dropped, and the log says so.
///
/// # Errors
/// If a destination or another `OTEL_…` variable cannot be right.
///
/// # Panics
/// If called twice in a process.
pub fn init<W>(service: Service, logs: Logs<W>, destinations: &Destinations) -> Result<Guard, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let exporters = match destinations.are_none() {
        true => None,
        false => Some(Exporters::start(service, destinations)?),
    };
    let spans = exporters.as_ref().and_then(Exporters::tracer).map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(names_work).with_max_level_hint(LevelFilter::INFO))
    });
    // The layer of the log comes last because its type does not say what it is layered upon.
    Registry::default().with(spans).with(logs.layer()).init();
    Ok(Guard { exporters })
}
