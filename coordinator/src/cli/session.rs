//! One job on this machine: a coordinator, its workers, and the wish to stop.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use dataset::{Dataset, Report, Times};
use telemetry::job::Job;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tracing::info;

use super::console::Console;
use super::watch::watch_job;
use crate::driver::{Driver, Ending, Event, Inbox};
use crate::grpc::{self, JobOnWire};
use crate::local_workers::{LocalWorkers, WorkerCommand};
use crate::planner;
use crate::progress::Progress;
use crate::queue::{Counts, IntervalSet, Rules, SetAside};
use crate::signals::{Interrupt, Interrupts};

/// Reports that may wait for the driver, which answers thousands a second.
const EVENTS_WAITING: usize = 256;

pub(super) struct Session {
    pub(super) dataset: Dataset,
    /// The shards of which it holds the parts already.
    pub(super) published: IntervalSet,
    pub(super) listen: SocketAddr,
    /// What to start, but for the coordinator's address.
    pub(super) worker: WorkerCommand,
    pub(super) workers: usize,
}

/// How a session ended.
pub(super) enum Conclusion {
    /// The dataset is sealed.
    Complete(Report),
    /// Every shard is published but these.
    Incomplete {
        set_aside: u64,
        explained: Vec<SetAside>,
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

impl Conclusion {
    /// How the job's span calls it.
    fn name(&self) -> &'static str {
        match self {
            Conclusion::Complete(_) => "complete",
            Conclusion::Incomplete { .. } => "incomplete",
            Conclusion::GaveUp(_) => "failed",
            Conclusion::Stopped { .. } | Conclusion::StoppedAtOnce { .. } => "stopped",
        }
    }
}

impl Session {
    pub(super) async fn run(mut self, console: Console) -> anyhow::Result<Conclusion> {
        let started = SystemTime::now();
        let started_unix_ms = unix_ms();
        let mut interrupts = Interrupts::listen()?;
        let listener = self.listen(&console).await?;
        let address = listener.local_addr()?;
        let job = JobOnWire::new(&self.dataset);

        let (events, inbox) = mpsc::channel(EVENTS_WAITING);
        let inbox = Inbox { events: inbox, plan: planner::start(self.dataset.clone()) };
        let published = mem::take(&mut self.published);
        let mut driver = Driver::new(self.dataset.clone(), published, Rules::default(), self.workers, inbox);
        let progress = driver.progress();
        let watching = tokio::spawn(watch_job(progress.clone(), console.clone()));
        let server = tokio::spawn(grpc::serve(listener, job, events.clone()));
        let command = self.worker.clone().with_coordinator(callable(address));
        let mut workers = LocalWorkers::start(command, self.workers, events.clone(), console.clone());

        let finished = async {
            let ending = drive(&mut driver, &workers, &mut interrupts, events, &console).await?;
            let concluding = async {
                // Sealing sweeps attempts away, so nobody may be writing any.
                workers.gone().await;
                conclude(ending, &self.dataset, started_unix_ms, &progress).await
            };
            tokio::select! {
                conclusion = driver.dismiss(concluding) => Ok(conclusion),
                by = interrupts.next() => Err(by),
            }
        };
        let finished = finished.await;
        if finished.is_err() {
            workers.end().await;
        }
        server.abort();
        let counts = driver.counts();
        info!(?counts, "the job is over");
        {
            let progress = progress.borrow();
            telemetry::job::record(&Job {
                id: &self.dataset.id().0,
                submitted: started,
                ended: SystemTime::now(),
                state: finished
                    .as_ref()
                    .map_or("stopped", |ended| ended.as_ref().map_or("failed", Conclusion::name)),
                sources: progress.sources_planned,
                shards: progress.parts_planned,
            });
        }
        // The bar goes when the driver does.
        drop(driver);
        watching.await.context("the progress display failed")?;
        if let Some(retries) = retries(counts) {
            console.say(&retries);
        }
        finished.unwrap_or_else(|by| Ok(Conclusion::StoppedAtOnce { by }))
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

/// Lets the driver work to the end of the job, or to that of what runs. The second interrupt ends it before.
async fn drive(
    driver: &mut Driver,
    workers: &LocalWorkers,
    interrupts: &mut Interrupts,
    events: mpsc::Sender<Event>,
    console: &Console,
) -> Result<Ending, Interrupt> {
    let driving = driver.run();
    tokio::pin!(driving);
    let interrupt = tokio::select! {
        ending = &mut driving => return Ok(ending),
        interrupt = interrupts.next() => interrupt,
    };
    console.say("stopping as soon as what runs is finished; once more stops at once");
    workers.let_go();
    let asking_and_second = async {
        // The driver outlives this, and it alone receives.
        let _ = events.send(Event::StopAsked(interrupt)).await;
        interrupts.next().await
    };
    tokio::select! {
        ending = &mut driving => Ok(ending),
        interrupt = asking_and_second => Err(interrupt),
    }
}

async fn conclude(
    ending: Ending,
    dataset: &Dataset,
    started_unix_ms: u64,
    progress: &watch::Receiver<Progress>,
) -> anyhow::Result<Conclusion> {
    Ok(match ending {
        Ending::Complete => {
            let dataset = dataset.clone();
            let times = Times { started_unix_ms, finished_unix_ms: unix_ms() };
            Conclusion::Complete(spawn_blocking(move || dataset.seal(times)).await??)
        }
        Ending::Incomplete { set_aside, explained } => Conclusion::Incomplete { set_aside, explained },
        Ending::GaveUp(reason) => Conclusion::GaveUp(reason),
        Ending::Stopped(by) => {
            let progress = progress.borrow();
            let programs = progress.sources_done_before + progress.published.sources;
            Conclusion::Stopped { by, programs, parts: progress.parts_done }
        }
    })
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
    ];
    let told: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    if told.is_empty() { None } else { Some(format!("attempts that did not count: {}", told.join(", "))) }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
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
