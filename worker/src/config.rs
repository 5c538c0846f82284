//! What a worker is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use telemetry::LogFormat;

/// Runs shards of a job for a coordinator.
#[derive(Debug, Clone, Parser)]
#[command(name = "et-worker", version)]
pub struct Config {
    /// Where the coordinator listens, for example http://127.0.0.1:7070.
    #[arg(long, value_name = "URL", env = "ET_COORDINATOR")]
    pub coordinator: String,

    /// Programs to run side by side [default: one for each core].
    #[arg(long, value_name = "N", value_parser = parse_slots)]
    pub slots: Option<usize>,

    /// Interpreter to run them with, such as 3.12 or a path [default: the best one there is].
    #[arg(long, value_name = "VERSION|PATH")]
    pub python: Option<String>,

    /// The tracer [default: libet_tracer.so beside this program].
    #[arg(long, value_name = "PATH")]
    pub tracer: Option<PathBuf>,

    /// Folder for what programs write, and for parts until they are whole [default: the system's one].
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,

    /// Run programs even where this machine cannot confine them.
    #[arg(long)]
    pub allow_unconfined: bool,

    /// Seconds after which a coordinator that does not answer is given up.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    pub patience: Duration,

    /// How log records are written to standard error.
    #[arg(long, value_name = "FORMAT", env = "ET_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

fn parse_slots(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(slots @ 1..=1024) => Ok(slots),
        _ => Err("slots are a number from 1 to 1024".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds, at least 1".to_owned()),
    }
}
