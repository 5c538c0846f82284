//! A real client against the real server, service and dataset. Only the workers are played.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dataset::{Dataset, Job, Limits, PartHeader, PartWriter, Shard, Store, attempt_key};
use plane::client::{Connection, Options};
use plane::server::Plane;
use proto::v1;
use proto::v1::change_request::Change;
use proto::v1::cluster_client::ClusterClient;
use proto::v1::control_client::ControlClient;
use proto::v1::job_status::State;
use proto::v1::submit_request::Work as Asks;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::Code;

use crate::grpc;
use crate::queue::Home;
use crate::service::{Asked, Labels, Machine, Open, Over, Pace, Service, Work};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three programs make three shards.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let sources = folder.path().join("programs");
        std::fs::create_dir(&sources).unwrap();
        for name in ["a.py", "b.py", "c.py"] {
            std::fs::write(sources.join(name), "print(1)\n").unwrap();
        }
        Scene { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).into_os_string().into_string().unwrap()
    }

    fn job(&self) -> Job {
        Job::new(&[self.path("programs")], 1, Limits::default()).unwrap()
    }

    fn dataset(&self) -> Dataset {
        Dataset::start(Store::open(&self.path("out")).unwrap(), self.job()).unwrap()
    }

    fn published(&self) -> Vec<u64> {
        self.dataset().published().unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// A coordinator that has the job, and clients of it.
    async fn coordinator(&self) -> Coordinator {
        let mut coordinator = Coordinator::serve(self.dataset(), Home::here()).await;
        coordinator.begin(self, Labels::new()).await;
        coordinator
    }
}

struct Coordinator {
    dataset: Dataset,
    job_id: String,
    service: Service,
    /// The job, once it is begun.
    open: Option<Arc<Open>>,
    cluster: ClusterClient<Connection>,
    control: ControlClient<Connection>,
}

impl Coordinator {
    async fn serve(dataset: Dataset, home: Home) -> Coordinator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let service = Service::start(home, Pace::ALONE, Machine::this());
        tokio::spawn(grpc::serve(listener, service.clone(), Plane::open(), std::future::pending()));
        let target = Options::default().target(&address).unwrap();
        Coordinator {
            job_id: dataset.id().0.clone(),
            dataset,
            service,
            open: None,
            cluster: ClusterClient::new(target.connect()),
            control: ControlClient::new(target.connect()),
        }
    }

    async fn begin(&mut self, scene: &Scene, labels: Labels) -> Arc<Open> {
        let (job, output) = (scene.job(), scene.path("out"));
        let open = self
            .service
            .begin(Asked { work: Work::Trace(job), output, priority: 0, share: 1, labels })
            .await
            .unwrap();
        self.open.insert(open).clone()
    }

    fn open(&self) -> Arc<Open> {
        self.open.clone().expect("the job is begun")
    }

    async fn submit(&mut self, scene: &Scene, priority: i32) -> v1::JobStatus {
        let request = v1::SubmitRequest {
            work: Some(Asks::Job(serde_json::to_string(&scene.job()).unwrap())),
            output: scene.path("out"),
            standing: Some(v1::Standing { priority, share: 1, labels: Default::default() }),
        };
        self.control.submit(request).await.unwrap().into_inner()
    }

    async fn change(&mut self, change: Change) -> Result<v1::JobStatus, tonic::Status> {
        let request = v1::ChangeRequest { job: self.job_id.clone(), change: change.into() };
        self.control.change(request).await.map(tonic::Response::into_inner)
    }

    async fn show(&mut self) -> v1::JobStatus {
        // The beginning of an id names a job.
        let job = self.job_id[..6].to_owned();
        self.control.show(v1::JobName { job }).await.unwrap().into_inner()
    }

    async fn send(&mut self, report: v1::ReportRequest) -> v1::ReportReply {
        self.cluster.report(report).await.unwrap().into_inner()
    }

    /// Asks for one shard until there is one.
    async fn get(&mut self, worker: &str) -> v1::Lease {
        let asking = async {
            loop {
                let reply = self.send(v1::ReportRequest { free_slots: 1, ..report(worker) }).await;
                if let Some(assignment) = reply.start.into_iter().next() {
                    return assignment.lease.unwrap();
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("the plan holds another shard")
    }

    /// Writes a part without rows.
    fn write_attempt(&self, lease: &v1::Lease) -> String {
        let key = attempt_key(lease.shard, lease.token);
        let mut shards = self.dataset.shards().map(Result::unwrap);
        let shard: Shard = shards.nth(lease.shard as usize).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("part");
        let header = PartHeader { job: self.dataset.id().clone(), shard };
        PartWriter::create(&file, header).unwrap().finish().unwrap();
        self.dataset.store().put_file(&key, &file).unwrap();
        key
    }

    /// Reports a shard as finished until that is acknowledged.
    async fn finish(&mut self, worker: &str, lease: &v1::Lease, attempt: &str) {
        let reporting = async {
            loop {
                let reply = self
                    .send(v1::ReportRequest { finished: vec![finished(lease, attempt)], ..report(worker) })
                    .await;
                if reply.acknowledged.contains(lease) {
                    return;
                }
            }
        };
        timeout(PATIENCE, reporting).await.expect("what is finished is acknowledged");
    }

    async fn run_one(&mut self, worker: &str) -> u64 {
        let lease = self.get(worker).await;
        let attempt = self.write_attempt(&lease);
        self.finish(worker, &lease, &attempt).await;
        lease.shard
    }

    /// How the job ends.
    async fn over(&self) -> Over {
        let mut snapshots = self.open().watch();
        let over = snapshots.wait_for(|snapshot| snapshot.over.is_some());
        timeout(PATIENCE, over).await.expect("the job ends").unwrap().over.clone().unwrap()
    }

    /// How the job ends, where it may have ended before anybody looks.
    async fn state(&mut self) -> State {
        let watching = async {
            let name = v1::JobName { job: self.job_id.clone() };
            let mut statuses = self.control.watch(name).await.unwrap().into_inner();
            let mut last = State::Unknown;
            while let Some(status) = statuses.message().await.unwrap() {
                last = status.state();
            }
            last
        };
        timeout(PATIENCE, watching).await.expect("the job ends")
    }
}

fn report(worker: &str) -> v1::ReportRequest {
    let info = v1::WorkerInfo { pid: pid(worker), ..v1::WorkerInfo::default() };
    v1::ReportRequest { worker: worker.to_owned(), info: Some(info), ..v1::ReportRequest::default() }
}

/// Every played worker has its own.
fn pid(worker: &str) -> u32 {
    u32::from(worker.as_bytes()[0])
}

fn running(lease: &v1::Lease) -> v1::Running {
    v1::Running { lease: Some(lease.clone()), tally: None }
}

fn finished(lease: &v1::Lease, attempt: &str) -> v1::Finished {
    v1::Finished { lease: Some(lease.clone()), attempt: attempt.to_owned(), tally: None }
}

#[tokio::test]
async fn every_shard_is_handed_out_and_published() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let mut shards = BTreeSet::new();
    for _ in 0..3 {
        shards.insert(coordinator.run_one("a").await);
    }
    assert_eq!(shards, BTreeSet::from([0, 1, 2]));
    assert_eq!(scene.published(), [0, 1, 2]);
    assert_eq!(coordinator.state().await, State::Complete);
    assert!(scene.dataset().is_sealed().unwrap());
    coordinator.service.dismiss_workers();
    let reply = coordinator.send(report("a")).await;
    assert!(reply.drain && reply.start.is_empty(), "{reply:?}");
}

#[tokio::test]
async fn an_assignment_says_what_to_run_and_where_it_goes() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let assignment = timeout(PATIENCE, async {
        loop {
            let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("a") }).await;
            if let Some(assignment) = reply.start.into_iter().next() {
                return assignment;
            }
        }
    });
    let assignment = assignment.await.unwrap();
    let job = assignment.job.unwrap();
    assert_eq!(job.output, scene.path("out"));
    assert_eq!(job.limits.unwrap().wall_ms, Limits::default().wall_ms);
    let shard = assignment.shard.unwrap();
    assert_eq!((shard.ordinal, shard.sources), (0, 1));
    let Some(v1::shard::Range::Tree(range)) = shard.range else { panic!("{shard:?}") };
    assert_eq!((&range.first[..], &range.last[..]), (&b"a.py"[..], &b"a.py"[..]));
}

#[tokio::test]
async fn a_part_that_cannot_be_published_is_made_again() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lease = coordinator.get("a").await;
    coordinator.finish("a", &lease, &attempt_key(lease.shard, lease.token)).await;
    assert!(scene.published().is_empty(), "there was nothing to publish");
    for _ in 0..3 {
        coordinator.run_one("a").await;
    }
    assert_eq!(scene.published(), [0, 1, 2]);
    assert_eq!(coordinator.state().await, State::Complete);
}

#[tokio::test]
async fn a_job_whose_parts_can_never_be_published_is_given_up() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let open = coordinator.open();
    let snapshots = open.watch();
    while snapshots.borrow().over.is_none() {
        let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("a") }).await;
        for assignment in reply.start {
            coordinator.finish("a", &assignment.lease.unwrap(), "_et/attempts/nowhere.parquet").await;
        }
    }
    let Over::GaveUp(reason) = snapshots.borrow().over.clone().unwrap() else { panic!() };
    assert!(reason.starts_with("shard after shard failed, the last because "), "{reason}");
    let status = coordinator.show().await;
    assert_eq!((status.state(), status.message), (State::Failed, reason));
}

#[tokio::test]
async fn a_new_coordinator_goes_on_where_the_old_one_was() {
    let scene = Scene::new();
    let mut old = scene.coordinator().await;
    assert_eq!(old.run_one("a").await, 0);
    let lease = old.get("a").await;

    let mut new = scene.coordinator().await;
    let published = v1::Lease { shard: 0, token: lease.token - 1, ..lease.clone() };
    new.finish("a", &published, "an attempt that is gone").await;
    let reply = new.send(v1::ReportRequest { running: vec![running(&lease)], ..report("a") }).await;
    assert_eq!(reply.stop, [], "what runs is adopted");
    assert_eq!(new.run_one("b").await, 2);
    let attempt = new.write_attempt(&lease);
    new.finish("a", &lease, &attempt).await;
    assert_eq!(scene.published(), [0, 1, 2]);
    assert_eq!(new.state().await, State::Complete);
}

#[tokio::test]
async fn progress_tells_what_is_published_and_what_is_at_work() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let tally = |sources| Some(v1::Tally { sources, ..v1::Tally::default() });
    let first = coordinator.get("a").await;
    let attempt = coordinator.write_attempt(&first);
    let finished = v1::Finished { lease: Some(first), attempt, tally: tally(1) };
    coordinator.send(v1::ReportRequest { finished: vec![finished], ..report("a") }).await;
    let lease = Some(coordinator.get("b").await);
    let running = v1::Running { lease, tally: tally(1) };
    coordinator.send(v1::ReportRequest { running: vec![running], ..report("b") }).await;

    let mut snapshots = coordinator.open().watch();
    let reached = snapshots
        .wait_for(|snapshot| snapshot.progress.parts_done == 1 && snapshot.progress.at_work.sources == 1);
    let progress = timeout(PATIENCE, reached).await.unwrap().unwrap().progress.clone();
    assert_eq!((progress.published.sources, progress.sources_done()), (1, 2));
    assert_eq!((progress.sources_planned, progress.parts_planned, progress.all_planned), (3, 3, true));
    assert_eq!(progress.workers, 2);
}

#[tokio::test]
async fn leases_of_another_job_are_stopped_or_forgotten() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lease = |shard| v1::Lease { job: "another".to_owned(), shard, token: 1 };
    let request = v1::ReportRequest {
        running: vec![running(&lease(0))],
        finished: vec![finished(&lease(1), "attempt")],
        failed: vec![v1::Failed { lease: Some(lease(2)), reason: "no disk".to_owned(), source: None }],
        ..report("a")
    };
    let reply = coordinator.send(request).await;
    assert_eq!(reply.stop, [lease(0)]);
    assert_eq!(reply.acknowledged, [lease(2), lease(1)]);
    assert!(scene.published().is_empty());
}

#[tokio::test]
async fn a_report_that_says_too_little_is_refused() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let nameless = v1::ReportRequest { worker: String::new(), ..report("a") };
    let without_lease = v1::ReportRequest { running: vec![v1::Running::default()], ..report("a") };
    let lease = v1::Lease { job: coordinator.job_id.clone(), shard: 0, token: u64::MAX };
    let endless_token = v1::ReportRequest { running: vec![running(&lease)], ..report("a") };
    for request in [nameless, without_lease, endless_token] {
        let status = coordinator.cluster.report(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test]
async fn a_job_that_is_drained_finishes_what_runs_and_begins_nothing() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lease = coordinator.get("a").await;
    let open = coordinator.open();
    open.queue.drain().await.unwrap();
    let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("b") }).await;
    assert!(reply.start.is_empty(), "{reply:?}");
    assert!(open.watch().borrow().over.is_none(), "a shard still runs");
    let attempt = coordinator.write_attempt(&lease);
    let over = coordinator.over();
    let finishing = async {
        let mut cluster = coordinator.cluster.clone();
        let request = v1::ReportRequest { finished: vec![finished(&lease, &attempt)], ..report("a") };
        cluster.report(request).await.unwrap();
    };
    let (over, ()) = tokio::join!(over, finishing);
    assert!(matches!(over, Over::Drained), "{over:?}");
    assert_eq!(scene.published(), [0]);
}

#[tokio::test]
async fn a_paused_job_hands_out_nothing_until_it_is_resumed() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lease = coordinator.get("a").await;
    assert_eq!(coordinator.change(Change::Pause).await.unwrap().state(), State::Paused);
    let request = v1::ReportRequest { free_slots: 1, running: vec![running(&lease)], ..report("a") };
    let reply = coordinator.send(request).await;
    assert_eq!((reply.start, reply.stop), (vec![], vec![]));
    assert_eq!(coordinator.change(Change::Resume).await.unwrap().state(), State::Running);
    let attempt = coordinator.write_attempt(&lease);
    coordinator.finish("a", &lease, &attempt).await;
    coordinator.run_one("b").await;
    coordinator.run_one("b").await;
    assert_eq!(coordinator.state().await, State::Complete);
}

#[tokio::test]
async fn a_cancelled_job_stops_what_runs_and_can_be_taken_up_again() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    coordinator.run_one("a").await;
    let lease = coordinator.get("a").await;
    assert_eq!(coordinator.change(Change::Cancel).await.unwrap().state(), State::Cancelled);
    let stopping = async {
        loop {
            let request = v1::ReportRequest { running: vec![running(&lease)], ..report("a") };
            let reply = coordinator.send(request).await;
            if reply.stop.contains(&lease) {
                return;
            }
        }
    };
    timeout(PATIENCE, stopping).await.expect("the worker is told to stop");
    assert_eq!(scene.published(), [0], "what is published stays");
    let refused = coordinator.change(Change::Pause).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");

    let status = coordinator.submit(&scene, 0).await;
    assert_eq!(status.state(), State::Running);
    coordinator.run_one("b").await;
    coordinator.run_one("b").await;
    assert_eq!(coordinator.state().await, State::Complete);
    let done = coordinator.change(Change::Cancel).await.unwrap_err();
    assert!(done.message().ends_with("is complete"), "{done}");
}

#[tokio::test]
async fn the_same_job_again_is_the_same_job() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    coordinator.run_one("a").await;
    let again = coordinator.submit(&scene, 0).await;
    assert_eq!(again.job, coordinator.job_id);
    let jobs = coordinator.control.jobs(v1::JobsRequest {}).await.unwrap().into_inner().jobs;
    assert_eq!(jobs.len(), 1);
    assert_eq!(coordinator.show().await.shards_done, 1);
}

#[tokio::test]
async fn two_jobs_share_the_workers_and_the_higher_priority_goes_first() {
    let (low, high) = (Scene::new(), Scene::new());
    let mut coordinator = low.coordinator().await;
    coordinator.get("a").await;
    let urgent = coordinator.submit(&high, 1).await.job;
    let asking = async {
        loop {
            let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("b") }).await;
            for assignment in reply.start {
                let lease = assignment.lease.unwrap();
                if lease.job == urgent {
                    return lease.shard;
                }
            }
        }
    };
    assert_eq!(timeout(PATIENCE, asking).await.expect("the urgent job gets the worker"), 0);
}

#[tokio::test]
async fn a_job_for_which_no_worker_fits_says_so() {
    let scene = Scene::new();
    let mut coordinator = Coordinator::serve(scene.dataset(), Home::here()).await;
    coordinator.begin(&scene, [("pool".to_owned(), "numpy".to_owned())].into()).await;
    let told = async {
        loop {
            let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("a") }).await;
            assert!(reply.start.is_empty(), "{reply:?}");
            let message = coordinator.show().await.message;
            if !message.is_empty() {
                return message;
            }
        }
    };
    let message = timeout(PATIENCE, told).await.unwrap();
    assert_eq!(message, "of the 1 workers that report to this coordinator none has pool=numpy");

    let mut fitting = report("b");
    fitting.info.as_mut().unwrap().labels = [("pool".to_owned(), "numpy".to_owned())].into();
    let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..fitting }).await;
    assert_eq!(reply.start.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_job_is_refused_in_a_sentence() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let mut refused = async |job: String, output: String| {
        let request = v1::SubmitRequest { work: Some(Asks::Job(job)), output, standing: None };
        coordinator.control.submit(request).await.unwrap_err().message().to_owned()
    };
    let told = refused("{}".to_owned(), scene.path("out")).await;
    assert!(told.starts_with("that is no job: missing field"), "{told}");
    let other = Job { shard_sources: 7, ..scene.job() };
    let told = refused(serde_json::to_string(&other).unwrap(), scene.path("out")).await;
    assert!(told.contains("holds the dataset of job"), "{told}");
    let job = serde_json::to_string(&scene.job()).unwrap();
    std::fs::remove_dir_all(scene.path("programs")).unwrap();
    let told = refused(job, scene.path("elsewhere")).await;
    assert!(told.contains("there is no "), "{told}");
    let unknown = coordinator.control.show(v1::JobName { job: "beef".to_owned() }).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "there is no job beef"));
}

#[tokio::test]
async fn shards_of_a_local_worker_that_died_are_free_at_once() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lost = coordinator.get("a").await;
    assert!(coordinator.service.local_process_gone(pid("a")).await);
    let again = coordinator.get("b").await;
    assert_eq!(again.shard, lost.shard);
    assert!(again.token > lost.token);
    let reply = coordinator.send(v1::ReportRequest { running: vec![running(&lost)], ..report("a") }).await;
    assert_eq!(reply.stop, [lost]);
}

#[tokio::test]
async fn sources_that_vanish_end_the_job() {
    let scene = Scene::new();
    // The first segments of the plan hold 16 shards, the next 64; the rest is listed when they are handed out.
    for number in 0..200 {
        std::fs::write(scene.folder.path().join(format!("programs/{number}.py")), "").unwrap();
    }
    let dataset = scene.dataset();
    assert!(dataset.plan().next_segment().unwrap().is_some());
    let mut coordinator = Coordinator::serve(dataset, Home::here()).await;
    let mut snapshots = coordinator.begin(&scene, Labels::new()).await.watch();
    std::fs::remove_dir_all(scene.path("programs")).unwrap();
    let over = timeout(PATIENCE, snapshots.wait_for(|snapshot| snapshot.over.is_some())).await;
    let over = over.expect("the job ends").unwrap().over.clone();
    assert!(matches!(over, Some(Over::GaveUp(_))), "{over:?}");
}
