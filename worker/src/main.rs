//! The program `et-worker`. `worker::Config` says what it is told.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;
use worker::{Config, Worker};

fn main() -> ExitCode {
    if let Some(code) = worker::execute::run_if_asked() {
        return code;
    }
    let config = Config::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,aws_config=error"));
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(ansi).init();
    match work(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever starts workers looks for this word, which is also clap's.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(config: &Config) -> Result<(), Box<dyn Error>> {
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
