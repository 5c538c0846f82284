//! What the fleet says about itself: logs always, spans and metrics where a collector is named.
//!
//! Start at [`init`]. Without `OTEL_EXPORTER_OTLP_ENDPOINT`, or the variable of one signal, nothing is built: a
//! metric then costs one load and a span one comparison.

mod destinations;
mod export;
mod init;
pub mod job;
mod logs;
pub mod metrics;
mod parent;

pub use destinations::Destinations;
pub use init::{Guard, Service, TelemetryError, init};
pub use logs::{LogFormat, Logs};
pub use parent::Parent;
