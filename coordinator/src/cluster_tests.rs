//! A real client against the real server and driver, over a real dataset. Only the workers are played.

use std::collections::BTreeSet;
use std::time::Duration;

use dataset::{Dataset, Job, Limits, Store, attempt_key};
use plane::client::{Connection, Options};
use proto::v1;
use proto::v1::cluster_client::ClusterClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tonic::Code;

use crate::driver::{Driver, Ending, Event, ExitCause, Inbox};
use crate::grpc::{self, JobOnWire};
use crate::planner;
use crate::progress::Progress;
use crate::queue::Rules;
use crate::signals::Interrupt;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The workers `a` and `b`.
const LOCAL_WORKERS: usize = 2;

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

    fn dataset(&self) -> Dataset {
        let job = Job::new(&[self.path("programs")], 1, Limits::default()).unwrap();
        Dataset::start(Store::open(&self.path("out")).unwrap(), job).unwrap()
    }

    fn published(&self) -> Vec<u64> {
        self.dataset().published().unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// A coordinator that knows of the dataset what is published, and a client of it.
    async fn coordinator(&self) -> Coordinator {
        let dataset = self.dataset();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let job = JobOnWire::new(&dataset);
        let job_id = dataset.id().0.clone();
        let published = dataset.published().unwrap().collect::<Result<_, _>>().unwrap();

        let (events, inbox) = mpsc::channel(16);
        let (tell_ending, ending) = oneshot::channel();
        tokio::spawn(grpc::serve(listener, job, events.clone()));
        let inbox = Inbox { events: inbox, plan: planner::start(dataset.clone()) };
        let mut driver = Driver::new(dataset.clone(), published, Rules::default(), LOCAL_WORKERS, inbox);
        let progress = driver.progress();
        tokio::spawn(async move {
            let _ = tell_ending.send(driver.run().await);
            driver.dismiss(std::future::pending::<()>()).await;
        });
        let client = ClusterClient::new(Options::default().target(&address).unwrap().connect());
        Coordinator { dataset, job_id, client, events, progress, ending }
    }
}

struct Coordinator {
    dataset: Dataset,
    job_id: String,
    client: ClusterClient<Connection>,
    events: mpsc::Sender<Event>,
    progress: watch::Receiver<Progress>,
    ending: oneshot::Receiver<Ending>,
}

impl Coordinator {
    async fn send(&mut self, report: v1::ReportRequest) -> v1::ReportReply {
        self.client.report(report).await.unwrap().into_inner()
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

    /// Writes something that could be a part.
    fn write_attempt(&self, lease: &v1::Lease) -> String {
        let key = attempt_key(lease.shard, lease.token);
        self.dataset.store().put(&key, b"part").unwrap();
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

    async fn ending(self) -> Ending {
        timeout(PATIENCE, self.ending).await.expect("the job ends").unwrap()
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

fn died(worker: &str) -> Event {
    let cause = ExitCause::Died("a worker ended with signal 9".to_owned());
    Event::WorkerExited { pid: Some(pid(worker)), cause }
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
    let reply = coordinator.send(report("a")).await;
    assert!(reply.drain && reply.start.is_empty(), "{reply:?}");
    assert_eq!(coordinator.ending().await, Ending::Complete);
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
    assert_eq!(coordinator.ending().await, Ending::Complete);
}

#[tokio::test]
async fn a_job_whose_parts_can_never_be_published_is_given_up() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let reason = loop {
        let lease = coordinator.get("a").await;
        coordinator.finish("a", &lease, "_et/attempts/nowhere.parquet").await;
        if let Ok(ending) = coordinator.ending.try_recv() {
            break ending;
        }
    };
    let Ending::GaveUp(reason) = reason else { panic!("{reason:?}") };
    assert!(reason.starts_with("shard after shard failed, the last because "), "{reason}");
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
    assert_eq!(new.ending().await, Ending::Complete);
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

    let reached = |progress: &Progress| progress.parts_done == 1 && progress.at_work.sources == 1;
    let progress = timeout(PATIENCE, coordinator.progress.wait_for(reached)).await.unwrap().unwrap().clone();
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
    assert_eq!(reply.acknowledged, [lease(1), lease(2)]);
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
        let status = coordinator.client.report(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_finishes_what_runs_and_begins_nothing() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lease = coordinator.get("a").await;
    coordinator.events.send(Event::StopAsked(Interrupt::Terminate)).await.unwrap();
    let reply = coordinator.send(v1::ReportRequest { free_slots: 1, ..report("b") }).await;
    assert!(reply.drain && reply.start.is_empty(), "{reply:?}");
    assert!(coordinator.ending.try_recv().is_err(), "a shard still runs");
    let attempt = coordinator.write_attempt(&lease);
    coordinator.finish("a", &lease, &attempt).await;
    assert_eq!(scene.published(), [0]);
    assert_eq!(coordinator.ending().await, Ending::Stopped(Interrupt::Terminate));
}

#[tokio::test]
async fn shards_of_a_local_worker_that_died_are_free_at_once() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let lost = coordinator.get("a").await;
    coordinator.events.send(died("a")).await.unwrap();
    let again = coordinator.get("b").await;
    assert_eq!(again.shard, lost.shard);
    assert!(again.token > lost.token);
    let reply = coordinator.send(v1::ReportRequest { running: vec![running(&lost)], ..report("a") }).await;
    assert_eq!(reply.stop, [lost]);
}

#[tokio::test]
async fn workers_that_refuse_again_and_again_end_the_job_with_their_own_words() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    let refused = || {
        let cause = ExitCause::Refused("there is no CPython 3.14".to_owned());
        Event::WorkerExited { pid: Some(7), cause }
    };
    for _ in 0..5 {
        coordinator.events.send(refused()).await.unwrap();
    }
    coordinator.run_one("a").await;
    for _ in 0..6 {
        assert!(coordinator.ending.try_recv().is_err(), "what was published in between counts");
        coordinator.events.send(refused()).await.unwrap();
    }
    assert_eq!(coordinator.ending().await, Ending::GaveUp("there is no CPython 3.14".to_owned()));
}

#[tokio::test]
async fn workers_that_die_at_work_are_given_more_chances() {
    let scene = Scene::new();
    let mut coordinator = scene.coordinator().await;
    for _ in 0..39 {
        coordinator.send(report("a")).await;
        coordinator.events.send(died("a")).await.unwrap();
    }
    coordinator.send(report("a")).await;
    assert!(coordinator.ending.try_recv().is_err());
    coordinator.events.send(died("a")).await.unwrap();
    assert_eq!(coordinator.ending().await, Ending::GaveUp("a worker ended with signal 9".to_owned()));
}

#[tokio::test]
async fn sources_that_vanish_end_the_job() {
    let scene = Scene::new();
    let dataset = scene.dataset();
    std::fs::remove_dir_all(scene.path("programs")).unwrap();
    let (_events, inbox) = mpsc::channel(1);
    let inbox = Inbox { events: inbox, plan: planner::start(dataset.clone()) };
    let mut driver = Driver::new(dataset, Default::default(), Rules::default(), LOCAL_WORKERS, inbox);
    let ending = timeout(PATIENCE, driver.run()).await.unwrap();
    assert!(matches!(ending, Ending::GaveUp(_)), "{ending:?}");
}
