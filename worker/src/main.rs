//! The program `et-worker`. `worker::Config` says what it is told.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use telemetry::{Destinations, Guard, Logs, Service, TelemetryError};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;
use worker::{Config, Worker};

fn main() -> ExitCode {
    if let Some(code) = worker::execute::run_if_asked() {
        return code;
    }
    if let Some(code) = tell_python_if_asked() {
        return code;
    }
    let config = Config::parse();
    match work(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever starts workers looks for this word, which is also clap's.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `et-worker python [VERSION|PATH]` tells the minor version of the interpreter that `--python` would choose.
fn tell_python_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "python" {
        return None;
    }
    Some(match worker::python::minor_version(arguments.next().as_deref()) {
        Ok(minor) => {
            println!("{minor}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    })
}

fn set_up_telemetry(config: &Config) -> Result<Guard, TelemetryError> {
    let service = Service { name: env!("CARGO_BIN_NAME"), version: env!("CARGO_PKG_VERSION") };
    let logs = Logs {
        format: config.log_format,
        filter: EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,aws_config=error")),
        writer: io::stderr,
        colours: io::stderr().is_terminal(),
    };
    telemetry::init(service, logs, &Destinations::from_env())
}

fn work(config: &Config) -> Result<(), Box<dyn Error>> {
    let _telemetry = set_up_telemetry(config)?;
    let worker = Worker::prepare(config, &std::env::current_exe()?)?;
    println!("et-worker: {worker}");
    // The slots have threads of their own; what is left is one conversation.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(worker.run(stop_signals()?).await?) })
}

/// One message for each SIGTERM, Ctrl-C and SIGQUIT. Three kinds, because signals of one kind that come together
/// can become one.
fn stop_signals() -> io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let (wish, wishes) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = quit.recv() => {}
            }
            if wish.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(wishes)
}
