//! The command line: `et-coord COMMAND`.

mod client;
mod console;
mod filter_options;
mod inspect;
mod job_file;
mod job_options;
mod jobs;
mod render;
mod run;
mod run_list;
mod serve;
mod session;
mod status;
mod submit;
mod summary;
mod units;
mod verify;
mod watch;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dataset::{S3Settings, Store, StoreError};
use proto::v1::change_request::Change;
use telemetry::{Destinations, LogFormat, Logs, Service};
use tracing_subscriber::EnvFilter;

use console::Console;
use run::ForWorkers;

use crate::paint::Paint;

/// What a shell is told when the command line itself is wrong (`EX_USAGE`).
const USAGE: u8 = 64;

/// That no credentials lie in one of the places where they might is said in one sentence, when they lie in none.
const DEFAULT_FILTER: &str = "warn,aws_config=error";

/// Runs Python programs under a tracer and keeps what they did as a dataset.
#[derive(Debug, Parser)]
#[command(name = "et-coord", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What to log to standard error, for example `info` or `coordinator=debug` [default: RUST_LOG, else warn].
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,

    /// How log records are written to standard error.
    #[arg(long, global = true, value_name = "FORMAT", env = "ET_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,

    /// S3 service for locations like s3://bucket/prefix [default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else
    /// Amazon's].
    #[arg(long, global = true, value_name = "URL", env = "ET_S3_ENDPOINT")]
    s3_endpoint: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
    Render(render::RenderArgs),
    Serve(serve::ServeArgs),
    Submit(submit::SubmitArgs),
    Jobs(jobs::JobsArgs),
    /// Shows one job at length.
    Show(jobs::JobArgs),
    /// Shows how a job goes, to its end.
    Watch(jobs::JobArgs),
    /// Hands out nothing more of a job; what runs is finished.
    Pause(jobs::JobArgs),
    /// Goes on with a job that was paused or cancelled, or that failed.
    Resume(jobs::JobArgs),
    /// Drops a job. What is published of it stays.
    Cancel(jobs::JobArgs),
    /// Lists the shards of a job with which something went wrong.
    Failures(jobs::JobArgs),
}

/// Does what the command line asks.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // There is nowhere to complain about a terminal that takes nothing.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let console = Console::new();
    let filter = match filter(cli.log.as_deref()) {
        Ok(filter) => filter,
        Err(error) => {
            complain(&error);
            return ExitCode::from(USAGE);
        }
    };
    let service = Service { name: "et-coord", version: env!("CARGO_PKG_VERSION") };
    let logs = Logs { format: cli.log_format, filter, writer: console.clone(), colours: false };
    let _telemetry = match telemetry::init(service, logs, &Destinations::from_env()) {
        Ok(guard) => guard,
        Err(error) => {
            complain(&error.into());
            return ExitCode::from(USAGE);
        }
    };

    let s3 = S3Settings { endpoint: cli.s3_endpoint.clone(), ..S3Settings::default() };
    if let Err(error) = s3.install() {
        complain(&error.into());
        return ExitCode::from(USAGE);
    }

    let workers = ForWorkers { log: cli.log, log_format: cli.log_format, s3_endpoint: cli.s3_endpoint };
    let result = match cli.command {
        Command::Run(args) => run::run(args, workers, console),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Render(args) => render::render(args, console),
        Command::Serve(args) => serve::serve(&args),
        Command::Submit(args) => submit::submit(&args, console),
        Command::Jobs(args) => jobs::jobs(&args),
        Command::Show(args) => jobs::show(&args),
        Command::Watch(args) => jobs::watch(&args, console),
        Command::Pause(args) => jobs::change(&args, Change::Pause),
        Command::Resume(args) => jobs::change(&args, Change::Resume),
        Command::Cancel(args) => jobs::change(&args, Change::Cancel),
        Command::Failures(args) => jobs::failures(&args),
    };
    result.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

/// The store that a dataset is in. The name of a folder need not be UTF-8, unlike a URI.
fn store_of(dataset: &Path) -> Result<Store, StoreError> {
    dataset.to_str().map_or_else(|| Ok(Store::local(dataset)), Store::open)
}

fn filter(asked: Option<&str>) -> anyhow::Result<EnvFilter> {
    match asked {
        Some(text) => {
            EnvFilter::try_new(text).map_err(|error| anyhow::anyhow!("`{text}` is no log filter: {error}"))
        }
        None => Ok(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER))),
    }
}

/// One sentence, with its causes behind colons.
fn complain(error: &anyhow::Error) {
    eprintln!("{} {error:#}", Paint::for_stderr().bold("error:"));
}
