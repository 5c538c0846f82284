//! `et-coord serve`: a coordinator for a fleet.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::info;

use crate::grpc;
use crate::queue::Home;
use crate::service::{Machine, Pace, Service};
use crate::signals::Interrupts;
use crate::status;

/// How long calls and publications that are under way may take once the coordinator is to end. Whoever stops it
/// gives it at least as long, usually 30 s.
const GRACE: Duration = Duration::from_secs(20);

/// Serves jobs to workers, and answers those who submit and watch them, until it is stopped.
///
/// Several coordinators on one Redis serve the same jobs at once, and any of them may come and go. SIGTERM ends
/// this one when what is under way is finished.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    /// Address to listen at.
    #[arg(long, value_name = "ADDRESS", env = "ET_LISTEN", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,

    /// Where the queue lives: `memory`, or a Redis that several coordinators share (redis://, rediss://,
    /// redis-sentinel://, redis-cluster://, redis+unix://).
    #[arg(
        long,
        value_name = "memory|URL",
        env = "ET_QUEUE",
        hide_env_values = true,
        default_value = "memory"
    )]
    queue: String,

    /// Address at which to tell kubelets and autoscalers, without TLS and tokens, whether this coordinator serves and
    /// how many shards there are to do [default: nowhere].
    #[arg(long, value_name = "ADDRESS", env = "ET_STATUS_LISTEN")]
    status_listen: Option<SocketAddr>,

    #[command(flatten)]
    security: plane::server::Options,
}

const EXAMPLES: &str = "\
Examples:
  et-coord serve
  et-coord serve --listen 0.0.0.0:7070 --queue redis://redis:6379 --tokens tokens --tls-cert tls.crt --tls-key tls.key
  ET_QUEUE=rediss://et:PASSWORD@redis.example.org et-coord serve --listen 0.0.0.0:7070 --tokens tokens";

pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let plane = args.security.load(args.listen.ip())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let listener = listen(args.listen, "--listen").await?;
        let status_listener = match args.status_listen {
            Some(address) => Some(listen(address, "--status-listen").await?),
            None => None,
        };
        let home = match args.queue.as_str() {
            "memory" => Home::here(),
            url => Home::redis(url).await?,
        };
        // A second one at the same address takes over when certificates are replaced.
        let listener = listener.into_std()?;
        let scheme = if plane.has_tls() { "https" } else { "http" };
        println!("et-coord: serving at {scheme}://{}", listener.local_addr()?);

        let service = Service::start(home, Pace::FLEET, Machine::this());
        let health = HealthReporter::new();
        if let Some(listener) = status_listener {
            println!("et-coord: status at http://{}", listener.local_addr()?);
            tokio::spawn(status::serve(listener, health.clone(), service.clone()));
        }
        let mut plane = plane;
        let (by, end, server) = loop {
            let (end, ending) = tokio::sync::oneshot::channel::<()>();
            let ended = async {
                // An error means that nobody will ask any more, which comes to the same.
                let _ = ending.await;
            };
            let listener = TcpListener::from_std(listener.try_clone()?)?;
            let server = tokio::spawn(grpc::serve(listener, service.clone(), plane.clone(), ended));
            tokio::select! {
                by = interrupts.next() => break (by, end, server),
                renewed = plane.renewed() => {
                    info!("the certificates have been replaced: connections are made anew");
                    plane = renewed;
                    // It finishes what is under way.
                    let _ = end.send(());
                }
            }
        };
        info!(?by, "ending when what is under way is finished");
        health.set_service_status("", ServingStatus::NotServing).await;
        let _ = end.send(());
        let finishing = async {
            service.close().await;
            // Those who watch a job would go on for as long as it does: they are cut off by the grace period.
            let _ = server.await;
        };
        tokio::select! {
            _ = timeout(GRACE, finishing) => {}
            _ = interrupts.next() => info!("ending at once"),
        }
        Ok(ExitCode::SUCCESS)
    });
    // Whatever still blocks has lost its purpose.
    runtime.shutdown_background();
    served
}

async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address}, choose another address with {option}"))
}
