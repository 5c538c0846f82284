//! One job on this machine: a coordinator, its workers, and the wish to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use dataset::Report;
use plane::server::Plane;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::console::Console;
use super::watch::watch_job;
use crate::grpc;
use crate::local_workers::{Exit, LocalWorkers, Patience, WorkerCommand};
use crate::queue::{Counts, FailedShard, Home};
use crate::service::{Asked, Machine, Open, Over, Pace, Service, Snapshot};
use crate::signals::{Interrupt, Interrupts};

/// Exits of workers that may wait to be dealt with.
const EXITS_WAITING: usize = 64;

pub(super) struct Session {
    pub(super) asked: Asked,
    pub(super) listen: SocketAddr,
    /// What to start, but for the coordinator's address.
    pub(super) worker: WorkerCommand,
    pub(super) workers: usize,
}

/// How a session ended.
pub(super) enum Conclusion {
    /// The dataset is sealed.
    Complete(Arc<Report>),
    /// Every shard is published but these.
    Incomplete {
        set_aside: u64,
        failures: Vec<FailedShard>,
    },
    GaveUp(String),
    /// What ran was finished. So many programs and parts are published.
    Stopped {
        by: Interrupt,
        programs: u64,
        parts: u64,
    },
    /// What ran was lost.
    StoppedAtOnce {
        by: Interrupt,
    },
}

impl Session {
    pub(super) async fn run(self, console: Console) -> anyhow::Result<Conclusion> {
        let mut interrupts = Interrupts::listen()?;
        let listener = self.listen(&console).await?;
        let address = listener.local_addr()?;
        let service = Service::start(Home::here(), Pace::ALONE, Machine::this());
        let open = service.begin(self.asked).await?;

        let watching = tokio::spawn(watch_job(open.watch(), console.clone()));
        // Whoever can reach the address may take part: --listen says so.
        let serving = grpc::serve(listener, service.clone(), Plane::open(), std::future::pending());
        let server = tokio::spawn(serving);
        let (exits, inbox) = mpsc::channel(EXITS_WAITING);
        let command = self.worker.with_coordinator(callable(address));
        let mut workers = LocalWorkers::start(command, self.workers, exits, console.clone());

        let mut course = Course {
            service: &service,
            open: &open,
            exits: inbox,
            patience: Patience::new(self.workers),
            gave_up: None,
            interrupted: None,
        };
        let finished = course.take(&workers, &mut interrupts, &console).await;
        service.dismiss_workers();
        match &finished {
            Ok(_) => workers.gone().await,
            Err(_) => workers.end().await,
        }
        server.abort();
        let counts = open.queue.status().await.map(|status| status.leases).unwrap_or_default();
        service.close().await;
        // The bar goes when nobody tells of the job any more.
        drop(open);
        watching.await.context("the progress display failed")?;
        if let Some(retries) = retries(counts) {
            console.say(&retries);
        }
        Ok(finished.unwrap_or_else(|by| Conclusion::StoppedAtOnce { by }))
    }

    async fn listen(&self, console: &Console) -> anyhow::Result<TcpListener> {
        let asked = self.listen;
        let listener = TcpListener::bind(asked)
            .await
            .with_context(|| format!("cannot listen at {asked}, choose another address with --listen"))?;
        if self.workers == 0 || !asked.ip().is_loopback() {
            let address = listener.local_addr()?;
            console.say(&format!("workers can join with: et-worker --coordinator http://{address}"));
        }
        Ok(listener)
    }
}

/// What happens between the first worker's start and the end of the job.
struct Course<'a> {
    service: &'a Service,
    open: &'a Open,
    exits: mpsc::Receiver<Exit>,
    patience: Patience,
    /// Why no more work is handed out.
    gave_up: Option<String>,
    interrupted: Option<Interrupt>,
}

impl Course<'_> {
    /// Waits for the end of the job, or of what runs. The second interrupt ends it before.
    async fn take(
        &mut self,
        workers: &LocalWorkers,
        interrupts: &mut Interrupts,
        console: &Console,
    ) -> Result<Conclusion, Interrupt> {
        let mut snapshots = self.open.watch();
        loop {
            tokio::select! {
                over = ending(&mut snapshots) => return Ok(self.conclude(over)),
                Some(exit) = self.exits.recv() => self.exited(exit).await,
                interrupt = interrupts.next() => {
                    if self.interrupted.is_some() {
                        return Err(interrupt);
                    }
                    self.interrupted = Some(interrupt);
                    console.say("stopping as soon as what runs is finished; once more stops at once");
                    workers.let_go();
                    self.drain().await;
                }
            }
        }
    }

    async fn exited(&mut self, Exit { pid, cause }: Exit) {
        let was_at_work = match pid {
            Some(pid) => self.service.local_process_gone(pid).await,
            None => false,
        };
        let parts_done = self.open.watch().borrow().progress.parts_done;
        if let Some(reason) = self.patience.note(cause, was_at_work, parts_done)
            && self.interrupted.is_none()
            && self.gave_up.is_none()
        {
            self.gave_up = Some(reason);
            self.drain().await;
        }
    }

    async fn drain(&self) {
        // The queue is in this process: there is nothing that could fail.
        self.open.queue.drain().await.expect("a queue in this process answers");
    }

    fn conclude(&mut self, over: Over) -> Conclusion {
        match (over, self.gave_up.take(), self.interrupted) {
            // The wish to stop may come when the last shard is on its way.
            (Over::Complete(report), ..) => Conclusion::Complete(report),
            (Over::Rendered, ..) => unreachable!("this job traces"),
            (Over::GaveUp(reason), ..) | (_, Some(reason), _) => Conclusion::GaveUp(reason),
            (Over::Incomplete { set_aside, failures }, ..) => Conclusion::Incomplete { set_aside, failures },
            (Over::Drained | Over::Cancelled, None, by) => {
                let snapshot = self.open.watch();
                let progress = &snapshot.borrow().progress;
                let programs = progress.sources_done_before + progress.published.sources;
                Conclusion::Stopped {
                    by: by.unwrap_or(Interrupt::Terminate),
                    programs,
                    parts: progress.parts_done,
                }
            }
        }
    }
}

/// Waits until the job is over.
async fn ending(snapshots: &mut watch::Receiver<Snapshot>) -> Over {
    let over = snapshots.wait_for(|snapshot| snapshot.over.is_some()).await;
    over.ok().and_then(|snapshot| snapshot.over.clone()).unwrap_or(Over::Drained)
}

/// Where a listener can be called. The address that it was asked for may stand for all of this machine's.
fn callable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Why shards ran more than once, if any did.
fn retries(counts: Counts) -> Option<String> {
    let kinds = [
        (counts.failed, "failed"),
        (counts.lost, "lost with their worker"),
        (counts.expired, "not heard of for too long"),
        (counts.released, "given back by a worker that had to go"),
    ];
    let told: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    if told.is_empty() { None } else { Some(format!("attempts that did not count: {}", told.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_did_not_count_are_told_by_kind() {
        assert_eq!(retries(Counts::default()), None);
        let counts = Counts { failed: 2, expired: 1, adopted: 7, ..Counts::default() };
        let told = "attempts that did not count: 2 failed, 1 not heard of for too long";
        assert_eq!(retries(counts).as_deref(), Some(told));
    }

    #[test]
    fn an_address_that_stands_for_all_is_called_on_this_machine() {
        for (address, called) in
            [("0.0.0.0:7", "127.0.0.1:7"), ("[::]:7", "[::1]:7"), ("10.1.2.3:7", "10.1.2.3:7")]
        {
            assert_eq!(callable(address.parse().unwrap()).to_string(), called);
        }
    }
}
