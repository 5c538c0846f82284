//! What the programs tell a collector, and that one which is not there changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tests::binaries;
use tests::collector::Collector;
use tests::system::{rows, text, until};

const PROGRAMS: usize = 24;

#[test]
fn one_job_is_one_tree_of_spans() {
    let folder = TempDir::new().unwrap();
    let collector = Collector::start().unwrap();
    traced_run(&folder, &collector);

    let jobs = collector.spans("job");
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert!(job.span.parent_span_id.is_empty(), "a job belongs to nothing");
    assert_eq!(job.attributes["et.state"], "complete");
    assert_eq!(job.attributes["et.sources"], PROGRAMS.to_string());
    assert_eq!(job.resource["service.name"], "et-coord");

    let shards = collector.spans("shard");
    assert_eq!(shards.len(), PROGRAMS / 4);
    let ordinals: BTreeSet<&str> = shards.iter().map(|told| told.attributes["shard"].as_str()).collect();
    assert_eq!(ordinals.len(), shards.len());
    for shard in &shards {
        assert_eq!(shard.span.trace_id, job.span.trace_id);
        assert_eq!(shard.span.parent_span_id, job.span.span_id);
        assert_eq!(shard.attributes["job"], job.attributes["et.job"]);
        assert_eq!(shard.attributes["ended"], "finished");
        assert_eq!(shard.resource["service.name"], "et-worker");
        assert!(shard.span.start_time_unix_nano >= job.span.start_time_unix_nano);
        assert!(shard.span.end_time_unix_nano <= job.span.end_time_unix_nano);
    }
    let uploads = collector.spans("upload");
    let of_shards: BTreeSet<&[u8]> = shards.iter().map(|told| told.span.span_id.as_slice()).collect();
    let parents: BTreeSet<&[u8]> = uploads.iter().map(|told| told.span.parent_span_id.as_slice()).collect();
    assert_eq!(parents, of_shards);
    assert_eq!(uploads.len(), shards.len());
}

#[test]
fn metrics_add_up_to_the_dataset() {
    let folder = TempDir::new().unwrap();
    let collector = Collector::start().unwrap();
    let dataset = traced_run(&folder, &collector);

    let mut outcomes: BTreeMap<String, f64> = BTreeMap::new();
    let mut events = 0.0;
    for row in rows(&dataset).values() {
        *outcomes.entry(row["outcome"].as_str().unwrap().to_owned()).or_default() += 1.0;
        events += row["event_count"].as_f64().unwrap();
    }
    assert!(outcomes.len() > 1, "{outcomes:?}");
    let parts = (PROGRAMS / 4) as f64;
    let sum = |name: &str| collector.numbers(name, "").values().sum::<f64>();
    assert_eq!(collector.numbers("et.executions", "et.outcome"), outcomes);
    assert_eq!(collector.numbers("et.execution.duration", "et.outcome"), outcomes);
    assert_eq!(sum("et.sources"), PROGRAMS as f64);
    assert_eq!(sum("et.events"), events);
    assert_eq!(sum("et.parts.published"), parts);
    assert_eq!(sum("et.shard.duration"), parts);
    assert_eq!(sum("et.upload.duration"), parts);
    assert_eq!(sum("et.slots"), 2.0);
    assert_eq!(sum("et.slots.busy"), 0.0);
    assert!(sum("et.part.size") > 0.0);
    assert!(sum("et.report.duration") > 0.0);
    for depth in ["et.queue.ready", "et.queue.leased"] {
        assert_eq!(collector.numbers(depth, "").len(), 1, "{depth} is told");
    }
}

#[test]
fn collector_that_cannot_be_reached_changes_nothing() {
    // One refuses connections, the other accepts them and never says a word.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [refusing, silent.local_addr().unwrap()] {
        let folder = TempDir::new().unwrap();
        let dataset = folder.path().join("dataset");
        let mut command = run(&programs(folder.path()), &dataset);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        let output = wait(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(rows(&dataset).len(), PROGRAMS);
    }
}

#[test]
fn address_that_cannot_be_a_collectors_is_refused_in_one_sentence() {
    for address in ["collector:4317", "https://collector:4317", "http://"] {
        let mut command = Command::new(binaries::et_coord());
        let output = command
            .args(["inspect", "nowhere"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", address)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64));
        let said = text(&output.stderr);
        assert!(said.contains(&format!("'{address}' is no address of a collector")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn json_log_names_job_shard_and_worker() {
    let folder = TempDir::new().unwrap();
    let dataset = folder.path().join("dataset");
    let mut command = run(&programs(folder.path()), &dataset);
    let output = command.args(["--log", "worker=info", "--log-format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let records: Vec<Value> =
        text(&output.stderr).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let finished: Vec<&Value> =
        records.iter().filter(|record| record["message"] == "finished a shard").collect();
    assert_eq!(finished.len(), PROGRAMS / 4);
    for record in finished {
        assert_eq!(record["level"], "INFO");
        let span = &record["span"];
        assert!(span["job"].as_str().is_some_and(|job| !job.is_empty()), "{record}");
        assert!(span["shard"].is_u64(), "{record}");
        assert!(span["worker"].as_str().is_some_and(|worker| !worker.is_empty()), "{record}");
    }
}

#[test]
fn documents_name_every_metric_and_no_other() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = |file: &str, quote: char| -> BTreeSet<String> {
        let text = fs::read_to_string(repository.join(file)).unwrap();
        let quoted = text.split(quote).filter(|word| {
            word.starts_with("et.") && word.chars().all(|one| one.is_ascii_lowercase() || one == '.')
        });
        // Attributes of metrics and spans look the same.
        quoted.filter(|word| !["et.outcome", "et.kind"].contains(word)).map(str::to_owned).collect()
    };
    let measured = named("telemetry/src/metrics.rs", '"');
    assert!(measured.len() > 10, "{measured:?}");
    assert_eq!(named("docs/operations.md", '`'), measured);
}

/// Runs the programs to the end with a collector, and gives the dataset.
fn traced_run(folder: &TempDir, collector: &Collector) -> PathBuf {
    let dataset = folder.path().join("dataset");
    let mut command = run(&programs(folder.path()), &dataset);
    let output = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    dataset
}

/// Four programs to a shard, two slots.
fn run(programs: &Path, dataset: &Path) -> Command {
    let mut command = Command::new(binaries::et_coord());
    command.arg("run").arg(programs).arg("--output").arg(dataset);
    command.args(["--shard-sources", "4", "--slots", "2"]).env_remove("RUST_LOG");
    for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"] {
        command.env_remove(variable);
    }
    command
}

fn programs(folder: &Path) -> PathBuf {
    let code = folder.join("code");
    fs::create_dir(&code).unwrap();
    for number in 0..PROGRAMS {
        let program = if number % 5 == 0 { "raise ValueError\n" } else { "x = 1\nprint(x + 1)\n" };
        fs::write(code.join(format!("program_{number:02}.py")), program).unwrap();
    }
    code
}

fn wait(mut child: Child) -> Output {
    until("the job is over", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}
