//! A worker process, and the coordinator that it reports to.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use dataset::{PartReader, Row, Store};
use plane::server::{Plane, Role};
use proto::v1::cluster_server::{Cluster, ClusterServer};
use proto::v1::{self, ReportReply, ReportRequest};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Fleet {
    folder: TempDir,
    asked: mpsc::Receiver<Asked>,
    worker: Child,
}

/// A report that waits for its answer.
pub(crate) struct Asked {
    pub(crate) report: ReportRequest,
    answer: oneshot::Sender<ReportReply>,
}

impl Asked {
    pub(crate) fn answer(self, reply: ReportReply) {
        let reply = ReportReply { report_within_ms: 20, ..reply };
        self.answer.send(reply).expect("the worker waits for an answer");
    }
}

/// Hands every report to the test.
struct Relay(mpsc::Sender<Asked>);

#[tonic::async_trait]
impl Cluster for Relay {
    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportReply>, Status> {
        let (answer, answered) = oneshot::channel();
        let over = || Status::unavailable("the test is over");
        self.0.send(Asked { report: request.into_inner(), answer }).await.map_err(|_| over())?;
        answered.await.map(Response::new).map_err(|_| over())
    }
}

impl Fleet {
    /// Starts a worker of one slot. `configure` gives it what else it is told.
    pub(crate) async fn start(configure: impl FnOnce(&mut Command, &Path)) -> Fleet {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (relay, asked) = mpsc::channel(1);
        let plane = Plane::open();
        let service = InterceptedService::new(ClusterServer::new(Relay(relay)), plane.guard(Role::Worker));
        let serving = plane.server().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));

        let mut command = Command::new(env!("CARGO_BIN_EXE_et-worker"));
        command
            .args(["--slots", "1", "--coordinator"])
            .arg(format!("http://{address}"))
            .arg("--scratch")
            .arg(folder.path().join("scratch"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        configure(&mut command, folder.path());
        Fleet { worker: command.spawn().unwrap(), folder, asked }
    }

    pub(crate) async fn asked(&mut self) -> Asked {
        in_time(self.asked.recv()).await.expect("the worker reports")
    }

    /// Answers reports with nothing new until one is as wanted.
    pub(crate) async fn asked_with(&mut self, wanted: impl Fn(&ReportRequest) -> bool) -> Asked {
        loop {
            let asked = self.asked().await;
            if wanted(&asked.report) {
                return asked;
            }
            asked.answer(ReportReply::default());
        }
    }

    /// A shard of these programs, whose rows go to a dataset of the job's name.
    pub(crate) fn assignment(&self, job: &str, programs: &[&str]) -> v1::Assignment {
        let root = self.path(&format!("{job}-programs"));
        std::fs::create_dir(&root).unwrap();
        for (number, program) in programs.iter().enumerate() {
            std::fs::write(root.join(format!("{number}.py")), program).unwrap();
        }
        let (root, output) = (root.display().to_string(), self.path(job).display().to_string());
        let range = v1::TreeRange { root, first: b"0.py".to_vec(), last: b"9.py".to_vec() };
        let sources = programs.len() as u64;
        v1::Assignment {
            lease: Some(v1::Lease { job: job.to_owned(), shard: 0, token: 1 }),
            shard: Some(v1::Shard { ordinal: 0, sources, range: Some(v1::shard::Range::Tree(range)) }),
            job: Some(v1::Job { id: job.to_owned(), output, limits: Some(limits()), ..v1::Job::default() }),
            ..v1::Assignment::default()
        }
    }

    /// Lets the worker run a shard to its end; `heard` sees each report in between.
    pub(crate) async fn run(
        &mut self,
        assignment: v1::Assignment,
        mut heard: impl FnMut(&ReportRequest),
    ) -> v1::Finished {
        self.asked().await.answer(ReportReply { start: vec![assignment], ..ReportReply::default() });
        loop {
            let asked = self.asked().await;
            assert_eq!(asked.report.failed, []);
            heard(&asked.report);
            let finished = asked.report.finished.first().cloned();
            let acknowledged = finished.iter().filter_map(|finished| finished.lease.clone()).collect();
            asked.answer(ReportReply { acknowledged, ..ReportReply::default() });
            if let Some(finished) = finished {
                return finished;
            }
        }
    }

    /// Shows each row of a finished shard.
    pub(crate) fn rows<T>(&self, finished: &v1::Finished, show: impl Fn(&Row<'_>) -> T) -> Vec<T> {
        let job = &finished.lease.as_ref().expect("what is finished has a lease").job;
        let store = Store::open(&self.path(job).display().to_string()).unwrap();
        let part = PartReader::open(&store, &finished.attempt).unwrap();
        (0..part.rows()).map(|index| show(&part.read(index).unwrap().row().unwrap())).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends the worker, and no other process, a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = self.worker.id().expect("the worker runs") as i32;
        let process = rustix::process::Pid::from_raw(id).expect("it has an id");
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Sends the worker away and waits until it is gone.
    pub(crate) async fn dismiss(mut self) -> Output {
        self.asked_with(|_| true).await.answer(ReportReply { drain: true, ..ReportReply::default() });
        self.gone().await
    }

    /// Waits until the worker is gone by itself. It must have left nothing behind.
    pub(crate) async fn gone(self) -> Output {
        let output = in_time(self.worker.wait_with_output()).await.unwrap();
        let left: Vec<_> = std::fs::read_dir(self.folder.path().join("scratch"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?} is left of the worker");
        output
    }
}

pub(crate) fn limits() -> v1::Limits {
    let limits = dataset::Limits::default();
    v1::Limits {
        wall_ms: 60_000,
        cpu_ms: 60_000,
        memory_bytes: limits.memory_bytes,
        file_bytes: limits.file_bytes,
        processes: limits.processes,
        output_bytes: limits.output_bytes,
        max_events: limits.max_events,
        log_bytes: limits.log_bytes,
        source_bytes: limits.source_bytes,
    }
}

/// A test that waits for longer has found a fault, and must not hang.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes far less time")
}
