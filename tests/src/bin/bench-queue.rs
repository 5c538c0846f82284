//! The queue in a real Redis: reports per second, bytes for each shard, and a job of 100 million sources, whose memory
//! must stay flat. Nothing is traced: workers finish their shards at once.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coordinator::queue::{Finished, Home, IntervalSet, JobQueue, Piece, Report, Rules, Running, WorkerId};
use dataset::{Range, Tally};
use serde_json::{Map, Value};
use tests::process::peak_memory_kib;
use tests::redis::RedisServer;
use tokio::task::JoinSet;

const SOURCES_IN_SHARD: u64 = 1000;
/// A hundred million sources.
const SHARDS: u64 = 100_000;
/// As the planner stores them, and offers them.
const SEGMENT: u64 = 1000;
const CYCLES_ALONE: u64 = 5_000;
const RENEWALS: u64 = 50_000;
/// How often the planner asks again whether shards are wanted.
const PLANNER_PAUSE: Duration = Duration::from_millis(20);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-queue: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "everysec"])?;
    let home = Home::redis(&server.url()).await?;
    let mut metrics = Map::new();
    let mut tell = |name: &str, unit: &str, value: f64| {
        println!("{name:<40} {value:>14.0} {unit}");
        metrics.insert(name.to_owned(), Value::from(value));
    };

    let queue = home.queue("bytes", Rules::default());
    queue.begin(&IntervalSet::new()).await?;
    let before = redis_bytes(&server)?;
    let open = Rules::default().max_open as u64;
    offer(&queue, 0..open).await?;
    tell("bytes_per_open_shard", "bytes", (redis_bytes(&server)? - before) as f64 / open as f64);
    queue.forget().await?;

    tell(
        "reports_per_second_at_1",
        "1/s",
        CYCLES_ALONE as f64 / whole_job(&home, "alone", CYCLES_ALONE, 1).await?.seconds,
    );
    forget_times(&server)?;
    tell("renewals_per_second_at_64", "1/s", renewals(&home, 64).await?);
    tell("redis_micros_per_renewal", "µs", redis_micros(&server)? / RENEWALS as f64);

    let before = redis_bytes(&server)?;
    forget_times(&server)?;
    let job = whole_job(&home, "hundred million", SHARDS, 64).await?;
    tell("reports_per_second_at_64", "1/s", SHARDS as f64 / job.seconds);
    tell("redis_micros_per_shard", "µs", redis_micros(&server)? / SHARDS as f64);
    tell("sources_per_second", "1/s", (SHARDS * SOURCES_IN_SHARD) as f64 / job.seconds);
    tell("coordinator_peak_kib_at_a_tenth", "KiB", job.peak_kib_at_a_tenth as f64);
    tell("coordinator_peak_kib_at_the_end", "KiB", job.peak_kib_at_the_end as f64);
    let kept = redis_bytes(&server)?.saturating_sub(before);
    tell("bytes_per_done_shard", "bytes", kept as f64 / SHARDS as f64);
    tests::bench::write("queue", &metrics)?;
    Ok(())
}

struct Ran {
    seconds: f64,
    peak_kib_at_a_tenth: u64,
    peak_kib_at_the_end: u64,
}

/// Plans, leases, commits and publishes a job of so many shards, by workers of one slot each.
async fn whole_job(home: &Home, name: &str, shards: u64, workers: u64) -> Result<Ran, Failure> {
    let queue = home.queue(name, Rules::default());
    queue.begin(&IntervalSet::new()).await?;
    let begun = Instant::now();
    let done = Arc::new(AtomicU64::new(0));
    let mut at_work: JoinSet<Result<(), Failure>> = JoinSet::new();
    for number in 0..workers {
        at_work.spawn(work(queue.clone(), format!("worker {number}"), shards, done.clone()));
    }
    let mut planned = 0;
    let mut peak_kib_at_a_tenth = 0;
    while planned < shards {
        if queue.wants_shards().await? {
            let next = (planned + SEGMENT).min(shards);
            offer(&queue, planned..next).await?;
            planned = next;
        } else {
            tokio::time::sleep(PLANNER_PAUSE).await;
        }
        if peak_kib_at_a_tenth == 0 && done.load(Ordering::Relaxed) >= shards / 10 {
            peak_kib_at_a_tenth = peak_memory()?;
        }
    }
    queue.all_offered(shards).await?;
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    let status = queue.status().await?;
    if !status.is_complete || status.tally.sources != shards * SOURCES_IN_SHARD {
        return Err(format!("the job is not complete: {status:?}").into());
    }
    Ok(Ran {
        seconds: begun.elapsed().as_secs_f64(),
        peak_kib_at_a_tenth,
        peak_kib_at_the_end: peak_memory()?,
    })
}

/// Every report finishes a shard and asks for the next.
async fn work(queue: JobQueue, name: String, shards: u64, done: Arc<AtomicU64>) -> Result<(), Failure> {
    let mut report = Report::idle(WorkerId::new(&name), 1);
    let tally = Tally { sources: SOURCES_IN_SHARD, rows: SOURCES_IN_SHARD, ..Tally::default() };
    while done.load(Ordering::Relaxed) < shards {
        let reply = queue.reconcile(&report, now()).await?;
        for finished in reply.committed {
            queue.published(finished.lease, &finished.tally).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        let finish = |start: &coordinator::queue::Start| Finished {
            lease: start.lease,
            attempt: dataset::attempt_key(start.lease.shard, start.lease.token.0),
            tally: tally.clone(),
        };
        report.finished = reply.start.iter().map(finish).collect();
    }
    Ok(())
}

/// Reports of workers that are busy: most of what a fleet says.
async fn renewals(home: &Home, workers: u64) -> Result<f64, Failure> {
    let queue = home.queue("renewals", Rules::default());
    queue.begin(&IntervalSet::new()).await?;
    offer(&queue, 0..workers * 2).await?;
    let begun = Instant::now();
    let mut at_work: JoinSet<Result<(), Failure>> = JoinSet::new();
    for number in 0..workers {
        let queue = queue.clone();
        at_work.spawn(async move {
            let mut report = Report::idle(WorkerId::new(&format!("worker {number}")), 2);
            let reply = queue.reconcile(&report, now()).await?;
            report.free_slots = 0;
            report.running =
                reply.start.iter().map(|start| Running { lease: start.lease, position: 0 }).collect();
            for _ in 0..RENEWALS / workers {
                queue.reconcile(&report, now()).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = at_work.join_next().await {
        ended??;
    }
    Ok(RENEWALS as f64 / begun.elapsed().as_secs_f64())
}

async fn offer(queue: &JobQueue, ordinals: std::ops::Range<u64>) -> Result<(), Failure> {
    let shards: Vec<Piece> = ordinals.map(shard).collect();
    for segment in shards.chunks(SEGMENT as usize) {
        queue.offer(segment).await?;
    }
    Ok(())
}

/// With keys as they are in well-known corpora.
fn shard(ordinal: u64) -> Piece {
    let key = |source: u64| {
        format!("github/{:06}/repository/src/package/module_{source:09}.py", source / 100).into_bytes()
    };
    let (first, last) = (ordinal * SOURCES_IN_SHARD, (ordinal + 1) * SOURCES_IN_SHARD - 1);
    let range = Range::Tree { root: "s3://bucket/code".to_owned(), first: key(first), last: key(last) };
    Piece { ordinal, sources: SOURCES_IN_SHARD, range: Some(range) }
}

fn redis_bytes(server: &RedisServer) -> Result<u64, Failure> {
    let info: String = redis::cmd("INFO").arg("memory").query(&mut server.connection()?)?;
    let used =
        info.lines().find_map(|line| line.strip_prefix("used_memory:")).ok_or("Redis tells no memory")?;
    Ok(used.trim().parse()?)
}

fn forget_times(server: &RedisServer) -> Result<(), Failure> {
    Ok(redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut server.connection()?)?)
}

/// How long the server was busy with scripts: as it does one at a time, this bounds what it can do.
fn redis_micros(server: &RedisServer) -> Result<f64, Failure> {
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connection()?)?;
    let scripts = info.lines().filter_map(|line| line.strip_prefix("cmdstat_eval")?.split_once("usec="));
    scripts.map(|(_, rest)| Ok(rest.split(',').next().unwrap_or_default().parse::<f64>()?)).sum()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Of this process, in KiB.
fn peak_memory() -> Result<u64, Failure> {
    peak_memory_kib(std::process::id()).ok_or_else(|| "the kernel tells no memory".into())
}
