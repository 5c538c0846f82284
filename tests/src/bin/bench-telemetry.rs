//! What a span and a count cost where nobody collects them, and where somebody does, beside the smallest program
//! that a worker runs.

use std::error::Error;
use std::hint::black_box;
use std::io;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use telemetry::metrics::{self, Execution};
use telemetry::{Destinations, LogFormat, Logs, Service};
use tests::collector::Collector;
use tracing::info_span;
use tracing_subscriber::EnvFilter;

const REPEATS: u32 = 200_000;

/// Half a millisecond: what a warm interpreter takes to fork, confine and run a program of one line.
const SMALLEST_EXECUTION: Duration = Duration::from_micros(500);

/// Counted is every execution, and a span is opened for each shard, of which this is a small one.
const EXECUTIONS_IN_SHARD: f64 = 256.0;

/// Telemetry is set up once in a process, so each way of it has a process of its own.
const WAYS: [&str; 3] = ["off", "json", "collected"];

fn main() -> ExitCode {
    let result = match std::env::args().nth(1) {
        Some(way) => measure(&way),
        None => compare(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-telemetry: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    println!("{:>10} {:>12} {:>12} {:>24}", "telemetry", "span, ns", "count, ns", "share of an execution");
    let mut figures = serde_json::Map::new();
    for way in WAYS {
        let output = Command::new(std::env::current_exe()?).arg(way).env_remove("RUST_LOG").output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut numbers = text.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(span)), Some(Ok(count))) = (numbers.next(), numbers.next()) else {
            return Err(format!("{way}: {}", String::from_utf8_lossy(&output.stderr)).into());
        };
        let share = (span / EXECUTIONS_IN_SHARD + count) / SMALLEST_EXECUTION.as_nanos() as f64;
        println!("{way:>10} {span:>12.1} {count:>12.1} {share:>23.5}%", share = share * 100.0);
        figures.insert(format!("span_ns_{way}"), span.into());
        figures.insert(format!("count_ns_{way}"), count.into());
    }
    tests::bench::write("telemetry", &figures)?;
    Ok(())
}

/// Prints what one span and one count take, in nanoseconds.
fn measure(way: &str) -> Result<(), Box<dyn Error>> {
    let collector = Collector::start()?;
    let endpoint = (way == "collected").then(|| collector.endpoint());
    let destinations = Destinations { spans: endpoint.clone(), metrics: endpoint };
    let logs = Logs {
        format: if way == "json" { LogFormat::Json } else { LogFormat::Text },
        filter: EnvFilter::new("warn"),
        writer: io::stderr,
        colours: false,
    };
    let service = Service { name: "bench-telemetry", version: env!("CARGO_PKG_VERSION") };
    let _telemetry = telemetry::init(service, logs, &destinations)?;

    let span = each(|number| {
        let _entered = info_span!("shard", job = "0123", shard = number, worker = "bench").entered();
    });
    let execution = Execution { outcome: "returned", wall: SMALLEST_EXECUTION, events: 7 };
    let count = each(|_| metrics::executed(black_box(&execution)));
    println!("{span} {count}");
    Ok(())
}

/// Nanoseconds that one of many takes.
fn each(mut done: impl FnMut(u32)) -> f64 {
    let begun = Instant::now();
    for number in 0..REPEATS {
        done(number);
    }
    begun.elapsed().as_nanos() as f64 / f64::from(REPEATS)
}
