//! A worker with a real interpreter and real confinement, against a coordinator that gives it one job.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use dataset::{Limits, Outcome, PartReader, Store, StoredRow};
use plane::server::Plane;
use proto::v1::cluster_server::{Cluster, ClusterServer};
use proto::v1::{self, Assignment, Finished, Lease, ReportReply, ReportRequest};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;

use tonic::{Request, Response, Status, async_trait};
use worker::{Config, Worker};

/// Far more than any of this takes; reached only when something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The worker's program, which a worker in this process also starts as its interpreters' first self.
const ET_WORKER: &str = env!("CARGO_BIN_EXE_et-worker");

/// Gives each of its shards once and lets the worker go when all have ended.
#[derive(Clone)]
struct OneJob(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: Vec<Assignment>,
    /// Leases that are given and have not ended.
    given: Vec<Lease>,
    finished: Vec<Finished>,
    failed: Vec<String>,
    /// Stops whatever runs, as if its lease were lost.
    stops: bool,
    /// How many replies that acknowledge something get lost on their way.
    replies_to_lose: u32,
    /// Hears of every report, if somebody listens.
    reports: Option<mpsc::UnboundedSender<ReportRequest>>,
}

#[async_trait]
impl Cluster for OneJob {
    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportReply>, Status> {
        let mut state = self.0.lock().unwrap();
        let reply = state.answer(request.into_inner());
        if !reply.acknowledged.is_empty() && state.replies_to_lose > 0 {
            state.replies_to_lose -= 1;
            return Err(Status::unavailable("lost on the way"));
        }
        Ok(Response::new(reply))
    }
}

impl State {
    fn answer(&mut self, report: ReportRequest) -> ReportReply {
        if let Some(reports) = &self.reports {
            let _ = reports.send(report.clone());
        }
        let mut reply = ReportReply { report_within_ms: 20, ..ReportReply::default() };
        if self.stops {
            reply.stop.extend(report.running.into_iter().filter_map(|running| running.lease));
        }
        let failed = report.failed.into_iter().map(|failed| {
            self.failed.push(failed.reason);
            failed.lease
        });
        reply.acknowledged.extend(failed.flatten());
        for finished in report.finished {
            reply.acknowledged.extend(finished.lease.clone());
            self.finished.push(finished);
        }
        self.given.retain(|lease| !reply.acknowledged.contains(lease) && !reply.stop.contains(lease));
        let room = self.waiting.len().min(report.free_slots as usize);
        reply.start.extend(self.waiting.drain(..room));
        self.given.extend(reply.start.iter().filter_map(|assignment| assignment.lease.clone()));
        reply.drain = self.waiting.is_empty() && self.given.is_empty();
        reply
    }
}

impl OneJob {
    fn new(ranges: Vec<v1::shard::Range>, output: &Path, limits: Limits) -> OneJob {
        let assignments = ranges.into_iter().zip(0..).map(|(range, ordinal)| Assignment {
            lease: Some(Lease { job: "job".to_owned(), shard: ordinal, token: 1 }),
            shard: Some(v1::Shard { ordinal, sources: 1, range: Some(range) }),
            job: Some(v1::Job {
                id: "job".to_owned(),
                output: output.to_str().unwrap().to_owned(),
                limits: Some(on_wire(limits)),
                ..v1::Job::default()
            }),
            ..Assignment::default()
        });
        OneJob(Arc::new(Mutex::new(State { waiting: assignments.collect(), ..State::default() })))
    }

    /// Serves on a port of its own. Gives the address.
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Plane::open().server().add_service(ClusterServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    fn listen(&self) -> mpsc::UnboundedReceiver<ReportRequest> {
        let (reports, listener) = mpsc::unbounded_channel();
        self.0.lock().unwrap().reports = Some(reports);
        listener
    }
}

fn on_wire(limits: Limits) -> v1::Limits {
    v1::Limits {
        wall_ms: limits.wall_ms,
        cpu_ms: limits.cpu_ms,
        memory_bytes: limits.memory_bytes,
        file_bytes: limits.file_bytes,
        processes: limits.processes,
        output_bytes: limits.output_bytes,
        max_events: limits.max_events,
        log_bytes: limits.log_bytes,
        source_bytes: limits.source_bytes,
    }
}

/// All `.py` files of a folder.
fn tree(root: &Path) -> v1::shard::Range {
    let root = root.to_str().unwrap().to_owned();
    v1::shard::Range::Tree(v1::TreeRange { root, first: b"\0".to_vec(), last: b"\xff".to_vec() })
}

/// All lines of a JSONL file.
fn lines(path: &Path) -> v1::shard::Range {
    let to_byte = fs::metadata(path).unwrap().len();
    let path = path.to_str().unwrap().to_owned();
    v1::shard::Range::Lines(v1::LinesRange { path, from_byte: 0, to_byte, first_line: 1 })
}

/// A folder with these files in it.
fn folder(parent: &Path, files: &[(&str, &str)]) -> PathBuf {
    let folder = parent.join("code");
    fs::create_dir(&folder).unwrap();
    for (name, code) in files {
        fs::write(folder.join(name), code).unwrap();
    }
    folder
}

fn prepare(address: &str, scratch: &Path) -> Worker {
    let scratch = scratch.to_str().unwrap();
    let arguments = ["et-worker", "--coordinator", address, "--slots", "1", "--scratch", scratch];
    Worker::prepare(&Config::parse_from(arguments), Path::new(ET_WORKER))
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn run(worker: Worker) {
    let (_stop, stopped) = mpsc::channel(1);
    let ended = tokio::time::timeout(PATIENCE, worker.run(stopped)).await.expect("a worker ends");
    ended.unwrap_or_else(|error| panic!("{error}"));
}

/// The rows of a finished attempt by source path.
fn rows(output: &Path, finished: &Finished) -> BTreeMap<String, StoredRow> {
    let store = Store::open(output.to_str().unwrap()).unwrap();
    let part = PartReader::open(&store, &finished.attempt).unwrap();
    let rows = part.rows_from(0).unwrap().map(|row| {
        let row = row.unwrap();
        let path = row.row().unwrap().source_path.clone();
        (path, row)
    });
    rows.collect()
}

fn short_limits() -> Limits {
    Limits { wall_ms: 2_000, cpu_ms: 2_000, ..Limits::default() }
}

#[tokio::test]
async fn every_source_gives_a_row_that_says_how_it_ended() {
    let temp = TempDir::new().unwrap();
    let code = folder(
        temp.path(),
        &[
            ("exits.py", "import sys\nsys.exit(3)\n"),
            ("hangs.py", "while True:\n    pass\n"),
            ("leaves.py", "import os\nos._exit(4)\n"),
            ("no_syntax.py", "def f(:\n"),
            ("prints.py", "for i in range(3):\n    print(i)\n"),
            ("raises.py", "import sys\nsys.stderr.write('oh\\n')\nraise ValueError('no such day')\n"),
        ],
    );
    let cases = temp.path().join("cases.jsonl");
    fs::write(
        &cases,
        "{\"id\": \"sum\", \"code\": \"def f(*n):\\n    return sum(n)\\n\", \"input\": \"1, 2, 3\"}\n\
         {\"code\": \"def g():\\n    pass\\n\", \"input\": \"\"}\n\
         not a row\n",
    )
    .unwrap();
    let output = temp.path().join("dataset");
    let job = OneJob::new(vec![tree(&code), lines(&cases)], &output, short_limits());
    run(prepare(&job.serve().await, temp.path())).await;

    let state = job.0.lock().unwrap();
    assert_eq!(state.failed, [""; 0]);
    assert_eq!(state.finished.len(), 2);
    let mut all = BTreeMap::new();
    for finished in &state.finished {
        let rows = rows(&output, finished);
        let tally = finished.tally.as_ref().unwrap();
        assert_eq!(tally.rows, rows.len() as u64);
        assert!(tally.bytes > 0);
        all.extend(rows);
    }
    let ended: Vec<_> = all.iter().map(|(path, row)| (path.as_str(), row.row().unwrap().outcome)).collect();
    assert_eq!(
        ended,
        [
            ("cases.jsonl:1", Outcome::Returned),
            ("cases.jsonl:2", Outcome::NoEntry),
            ("cases.jsonl:3", Outcome::Unreadable),
            ("code/exits.py", Outcome::Exited),
            ("code/hangs.py", Outcome::TimedOut),
            ("code/leaves.py", Outcome::Exited),
            ("code/no_syntax.py", Outcome::SyntaxError),
            ("code/prints.py", Outcome::Returned),
            ("code/raises.py", Outcome::Raised),
        ]
    );
    let row = |path: &str| all[path].row().unwrap();
    assert_eq!(row("code/exits.py").exit_code, Some(3));
    assert_eq!(row("code/leaves.py").exit_code, Some(4));
    assert_eq!(row("code/prints.py").stdout.text, "0\n1\n2\n");
    assert_eq!(row("code/prints.py").code, "for i in range(3):\n    print(i)\n");
    assert_eq!(row("code/raises.py").exception_message.as_deref(), Some("no such day"));
    assert!(row("code/raises.py").stderr.text.starts_with("oh\n"));
    assert!(!row("code/hangs.py").events.is_empty());
    let sum = row("cases.jsonl:1");
    assert_eq!((sum.source_id.as_str(), sum.output.as_deref()), ("sum", Some("6")));
    assert_eq!(row("cases.jsonl:3").interpreter, "");
    assert!(row("cases.jsonl:3").exception_message.is_some());
}

#[tokio::test]
async fn a_shard_whose_lease_is_lost_leaves_nothing_behind() {
    let temp = TempDir::new().unwrap();
    let names: Vec<String> = (0..500).map(|number| format!("{number:03}.py")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "import time\ntime.sleep(0.1)\n")).collect();
    let code = folder(temp.path(), &files);
    let output = temp.path().join("dataset");
    let job = OneJob::new(vec![tree(&code)], &output, short_limits());
    job.0.lock().unwrap().stops = true;
    run(prepare(&job.serve().await, temp.path())).await;

    let state = job.0.lock().unwrap();
    assert!(state.finished.is_empty() && state.failed.is_empty());
    assert!(!output.join("_et/attempts").exists());
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "only the code is left");
}

#[tokio::test]
async fn a_shard_whose_acknowledgement_was_lost_is_reported_again() {
    let temp = TempDir::new().unwrap();
    let code = folder(temp.path(), &[("prints.py", "print(1)\n")]);
    let output = temp.path().join("dataset");
    let job = OneJob::new(vec![tree(&code)], &output, short_limits());
    job.0.lock().unwrap().replies_to_lose = 1;
    run(prepare(&job.serve().await, temp.path())).await;

    let state = job.0.lock().unwrap();
    let [first, second] = state.finished.as_slice() else {
        panic!("reported {} times", state.finished.len())
    };
    assert_eq!(first, second);
    assert_eq!(rows(&output, first).len(), 1);
}

#[tokio::test]
async fn a_worker_that_is_terminated_finishes_its_shard_first() {
    let temp = TempDir::new().unwrap();
    let code = folder(temp.path(), &[("slow.py", "import time\ntime.sleep(0.5)\n"), ("then.py", "")]);
    let job = OneJob::new(vec![tree(&code), tree(&code)], &temp.path().join("dataset"), short_limits());
    let address = job.serve().await;
    let mut reports = job.listen();
    let mut worker = tokio::process::Command::new(ET_WORKER)
        .args(["--coordinator", &address, "--slots", "1", "--scratch", temp.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ending = async {
        loop {
            tokio::select! {
                Some(report) = reports.recv() => {
                    if !report.running.is_empty() {
                        break;
                    }
                }
                status = worker.wait() => panic!("the worker ended too early: {}", status.unwrap()),
            }
        }
        let pid = Pid::from_raw(worker.id().expect("it runs") as i32).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        worker.wait().await.unwrap()
    };
    let status = tokio::time::timeout(PATIENCE, ending).await.expect("the worker ends");
    assert!(status.success(), "{status}");
    let state = job.0.lock().unwrap();
    assert_eq!(state.finished.len(), 1);
    assert_eq!(state.finished[0].tally.as_ref().unwrap().rows, 2);
    assert_eq!(state.waiting.len(), 1, "the other shard is for somebody else");
}

#[track_caller]
fn check_refusal(arguments: &[&str], expected: &str) {
    let Output { status, stderr, .. } = Command::new(ET_WORKER).args(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(!status.success());
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains(expected), "{stderr}");
}

#[test]
fn a_worker_that_cannot_begin_says_why_in_a_sentence() {
    let here = ["--coordinator", "http://127.0.0.1:1"];
    let with = |more: [&'static str; 2]| [here, more].concat();
    check_refusal(&["--coordinator", "somewhere"], "'somewhere' is no address of a coordinator");
    check_refusal(&with(["--python", "/nowhere/python3"]), "/nowhere/python3 could not be started");
    check_refusal(&with(["--python", "3.9"]), "no CPython 3.9 was found");
    check_refusal(&with(["--tracer", "/nowhere/tracer.so"]), "there is no tracer at /nowhere/tracer.so");
    check_refusal(&with(["--patience", "1"]), "has not answered for 1 s: Connection refused");
}
