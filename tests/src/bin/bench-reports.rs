//! Reports per second of a whole coordinator: gRPC, the service and a real Redis, with workers that only report. What
//! the coordinator and Redis spend on one is told beside it, because the callers take their part of the processors.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use plane::client::{Connection, Options};
use proto::v1;
use proto::v1::cluster_client::ClusterClient;
use serde_json::{Map, Value};
use tests::binaries;
use tests::process::processor_seconds;
use tests::redis::RedisServer;
use tokio::task::JoinSet;

/// What the workers say that their interpreter is, and the job asks for. None is ever started.
const PYTHON: &str = "3.13";
/// Workers, each with a connection of its own, as fleets have them.
const WORKERS: usize = 256;
/// Shards that each of them holds and renews with every report.
const SHARDS_EACH: usize = 4;
const MEASURED: Duration = Duration::from_secs(10);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-reports: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends with whoever started it.
struct Coordinator(Child);

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It is gone already, or will be: there is nobody to tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn run() -> Result<(), Failure> {
    let redis = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "everysec"])?;
    let folder = tempfile::tempdir()?;
    let code = folder.path().join("code");
    fs::create_dir(&code)?;
    for number in 0..WORKERS * SHARDS_EACH {
        fs::write(code.join(format!("{number:05}.py")), "")?;
    }
    let mut child = Command::new(binaries::et_coord())
        .args(["serve", "--listen", "127.0.0.1:0", "--queue", &redis.url()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("et-coord says nothing")?).read_line(&mut line)?;
    let coordinator = Coordinator(child);
    let address = line.trim().rsplit(' ').next().ok_or("et-coord does not say where it serves")?.to_owned();
    let submitted = Command::new(binaries::et_coord())
        .args(["submit", "--shard-sources", "1", "--python", PYTHON, "--coordinator", &address, "--output"])
        .arg(folder.path().join("out"))
        .arg(&code)
        .output()?;
    if !submitted.status.success() {
        return Err(String::from_utf8_lossy(&submitted.stderr).into());
    }

    let mut workers = Vec::new();
    for number in 0..WORKERS {
        workers.push(Worker::ready(number, &address).await?);
    }
    let (reports, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    let (coordinator_before, redis_before) = (spent(coordinator.0.id())?, spent(redis.id())?);
    let begun = Instant::now();
    for mut worker in workers {
        let (reports, is_over) = (Arc::clone(&reports), Arc::clone(&is_over));
        tasks.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                worker.report().await?;
                reports.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(())
        });
    }
    tokio::time::sleep(MEASURED).await;
    let (count, seconds) = (reports.load(Ordering::Relaxed) as f64, begun.elapsed().as_secs_f64());
    let coordinator_spent = spent(coordinator.0.id())? - coordinator_before;
    let redis_spent = spent(redis.id())? - redis_before;
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }

    let mut metrics = Map::new();
    let mut tell = |name: &str, unit: &str, value: f64| {
        println!("{name:<40} {value:>14.0} {unit}");
        metrics.insert(name.to_owned(), Value::from(value));
    };
    tell("reports_per_second", "1/s", count / seconds);
    tell("coordinator_us_per_report", "µs of a processor", coordinator_spent / count * 1e6);
    tell("redis_us_per_report", "µs of a processor", redis_spent / count * 1e6);
    tests::bench::write("reports", &metrics)?;
    Ok(())
}

fn spent(process: u32) -> Result<f64, Failure> {
    processor_seconds(process).ok_or_else(|| format!("process {process} is gone").into())
}

/// A worker that holds shards and works on none of them.
struct Worker {
    client: ClusterClient<Connection>,
    request: v1::ReportRequest,
}

impl Worker {
    /// A worker that has got its shards.
    async fn ready(number: usize, address: &str) -> Result<Worker, Failure> {
        let client = ClusterClient::new(Options::default().target(address)?.connect());
        let labels = [("python".to_owned(), PYTHON.to_owned())].into();
        let info = Some(v1::WorkerInfo { labels, ..v1::WorkerInfo::default() });
        let request =
            v1::ReportRequest { worker: format!("worker-{number}"), info, ..v1::ReportRequest::default() };
        let mut worker = Worker { client, request };
        while worker.request.running.len() < SHARDS_EACH {
            worker.request.free_slots = (SHARDS_EACH - worker.request.running.len()) as u32;
            let reply = worker.report().await?;
            let tally = v1::Tally { sources: 1, rows: 1, events: 1000, ..v1::Tally::default() };
            let running = reply
                .start
                .into_iter()
                .map(|assignment| v1::Running { lease: assignment.lease, tally: Some(tally.clone()) });
            worker.request.running.extend(running);
        }
        worker.request.free_slots = 0;
        Ok(worker)
    }

    async fn report(&mut self) -> Result<v1::ReportReply, Failure> {
        Ok(self.client.report(self.request.clone()).await?.into_inner())
    }
}
