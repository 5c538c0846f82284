//! The command line: `et-coord COMMAND`.

mod console;
mod inspect;
mod run;
mod session;
mod summary;
mod units;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use telemetry::{Destinations, LogFormat, Logs, Service};
use tracing_subscriber::EnvFilter;

use console::Console;

use crate::paint::Paint;

/// What a shell is told when the command line itself is wrong (`EX_USAGE`).
const USAGE: u8 = 64;

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
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Inspect(inspect::InspectArgs),
    Verify(verify::VerifyArgs),
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

    let result = match cli.command {
        Command::Run(args) => run::run(args, cli.log, cli.log_format, console),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Verify(args) => verify::verify(&args),
    };
    result.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

fn filter(asked: Option<&str>) -> anyhow::Result<EnvFilter> {
    match asked {
        Some(text) => {
            EnvFilter::try_new(text).map_err(|error| anyhow::anyhow!("`{text}` is no log filter: {error}"))
        }
        None => Ok(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"))),
    }
}

/// One sentence, with its causes behind colons.
fn complain(error: &anyhow::Error) {
    eprintln!("{} {error:#}", Paint::for_stderr().bold("error:"));
}
