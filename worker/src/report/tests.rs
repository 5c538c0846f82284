//! The loop against a coordinator that says what each test wants said. The slots run closures.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};

use dataset::{Limits, Range, Shard, Tally};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::ledger::{Assignment, Trace, Work};
use crate::progress::Progress;
use crate::slots::Runner;

/// A report that waits for its answer. Dropping it is an answer that never arrives.
struct Asked {
    standing: Standing,
    answer: oneshot::Sender<Result<(Reply, Duration), CallError>>,
}

impl Asked {
    /// The worker is not asked to report again soon, so that what it does report is its own idea.
    fn answer(self, reply: Reply) {
        self.answer_and_hear_within(Duration::from_secs(60), reply);
    }

    fn answer_and_hear_within(self, within: Duration, reply: Reply) {
        self.answer.send(Ok((reply, within))).expect("the worker waits for an answer");
    }

    fn refuse(self, reason: &str) {
        let refusal = CallError::Refused(reason.to_owned());
        self.answer.send(Err(refusal)).expect("the worker waits for an answer");
    }
}

#[derive(Clone)]
struct Scripted(mpsc::Sender<Asked>);

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a test")
    }
}

impl Coordinator for Scripted {
    async fn report(self, standing: Standing) -> Result<(Reply, Duration), CallError> {
        let (answer, answered) = oneshot::channel();
        let lost = || CallError::NoAnswer("lost on the way".to_owned());
        self.0.send(Asked { standing, answer }).await.map_err(|_| lost())?;
        answered.await.map_err(|_| lost())?
    }
}

/// A silence is soon too long. What else may take its time is far longer than anything here takes.
const WAITS: Waits = Waits {
    silence: Duration::from_millis(300),
    drain: Duration::from_secs(60),
    release: Duration::from_secs(60),
};

/// A worker of one slot at its work.
struct Cast {
    asked: mpsc::Receiver<Asked>,
    shutdown: mpsc::Sender<()>,
    prefetched: Prefetched,
    worker: JoinHandle<Result<(), ReportError>>,
}

impl Cast {
    fn start(runner: impl FnMut(&Assignment, &Progress) -> Ended + Send + 'static) -> Cast {
        Cast::start_with(WAITS, runner)
    }

    fn start_with(
        waits: Waits,
        runner: impl FnMut(&Assignment, &Progress) -> Ended + Send + 'static,
    ) -> Cast {
        let (coordinator, asked) = mpsc::channel(1);
        let (shutdown, wishes) = mpsc::channel(3);
        let slots = Slots::start_threads(vec![Box::new(runner) as Runner]).unwrap();
        let prefetched = Prefetched::default();
        let worker = Loop::new(Scripted(coordinator), waits, slots, prefetched.clone()).run(wishes);
        Cast { asked, shutdown, prefetched, worker: tokio::spawn(worker) }
    }

    /// The next report.
    async fn asked(&mut self) -> Asked {
        in_time(self.asked.recv()).await.expect("the worker reports")
    }

    /// Answers reports with nothing new until one is as wanted.
    async fn asked_with(&mut self, wanted: impl Fn(&Standing) -> bool) -> Asked {
        loop {
            let asked = self.asked().await;
            if wanted(&asked.standing) {
                return asked;
            }
            asked.answer(Reply::default());
        }
    }

    /// Gives the worker a shard and waits for the first report that says it runs.
    async fn give(&mut self, shard: u64) -> Asked {
        self.asked().await.answer_and_hear_within(Duration::ZERO, start(shard));
        let asked = self.asked().await;
        assert_eq!(asked.standing.running[0].0, lease(shard));
        asked
    }

    async fn end(self) -> Result<(), ReportError> {
        in_time(self.worker).await.expect("the loop does not panic")
    }
}

/// A test that waits for longer has found a fault, and must not hang.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("this takes no more than an instant")
}

fn lease(shard: u64) -> Lease {
    Lease { job: "job".to_owned(), shard, token: 1 }
}

fn start(shard: u64) -> Reply {
    start_long(shard, 1)
}

/// A shard of so many sources.
fn start_long(shard: u64, sources: u64) -> Reply {
    let range = Range::Tree { root: "src".to_owned(), first: b"a".to_vec(), last: b"b".to_vec() };
    let trace = Trace {
        shard: Shard { ordinal: shard, sources, range },
        limits: Limits::default(),
        granularity: trace::Granularity::Line,
        identities: false,
        executions: dataset::Executions::default(),
        repeat: 1,
        set_aside: BTreeSet::new(),
        careful: false,
    };
    let assignment = Assignment {
        lease: lease(shard),
        output: "out".to_owned(),
        work: Work::Trace(Box::new(trace)),
        parent: telemetry::Parent::nothing(),
    };
    Reply { start: vec![assignment], ..Reply::default() }
}

fn acknowledge(shard: u64) -> Reply {
    Reply { acknowledged: vec![lease(shard)], ..Reply::default() }
}

fn finished(assignment: &Assignment) -> Ended {
    Ended::Finished { attempt: format!("attempt-{}", assignment.lease.shard), tally: Tally::default() }
}

/// A runner that finishes a shard when the test says so, or drops it when it is stopped or the test is over.
fn finishes_on_demand() -> (std::sync::mpsc::Sender<()>, impl FnMut(&Assignment, &Progress) -> Ended + Send) {
    let (finish, finishing) = std::sync::mpsc::channel();
    let runner = move |assignment: &Assignment, progress: &Progress| loop {
        match finishing.recv_timeout(Duration::from_millis(1)) {
            Ok(()) => return finished(assignment),
            Err(RecvTimeoutError::Timeout) if !progress.is_stopped() => {}
            Err(_) => return Ended::Dropped,
        }
    };
    (finish, runner)
}

#[tokio::test]
async fn a_finished_shard_is_reported_at_once_and_makes_room() {
    let mut cast = Cast::start(|assignment, _| finished(assignment));
    let asked = cast.asked().await;
    assert_eq!(asked.standing.free_slots, 1);
    asked.answer(start(0));

    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    assert_eq!(asked.standing.finished[0].0, lease(0));
    assert_eq!(asked.standing.finished[0].1, "attempt-0");
    assert_eq!(asked.standing.free_slots, 1);
    asked.answer(Reply { drain: true, ..acknowledge(0) });
    cast.end().await.unwrap();
}

#[tokio::test]
async fn a_lost_acknowledgement_is_asked_for_again_and_the_shard_is_not_run_again() {
    let runs = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&runs);
    let mut cast = Cast::start(move |assignment, _| {
        *counted.lock().unwrap() += 1;
        finished(assignment)
    });
    cast.asked().await.answer(start(0));
    drop(cast.asked_with(|standing| !standing.finished.is_empty()).await);

    let asked = cast.asked().await;
    assert_eq!(asked.standing.finished[0].0, lease(0));
    asked.answer(Reply { drain: true, acknowledged: vec![lease(0)], ..start(0) });
    cast.end().await.unwrap();
    assert_eq!(*runs.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_stopped_shard_is_dropped_and_not_reported() {
    let (_finish, runner) = finishes_on_demand();
    let mut cast = Cast::start(runner);
    cast.give(0).await.answer(Reply { stop: vec![lease(0)], ..Reply::default() });

    let asked = cast.asked_with(|standing| standing.free_slots == 1).await;
    assert!(asked.standing.running.is_empty() && asked.standing.finished.is_empty());
    asked.answer(Reply { drain: true, ..Reply::default() });
    cast.end().await.unwrap();
}

#[tokio::test]
async fn a_worker_asked_to_go_finishes_what_runs_and_says_so_first() {
    let (finish, runner) = finishes_on_demand();
    let mut cast = Cast::start(runner);
    cast.give(0).await.answer(Reply::default());
    cast.shutdown.send(()).await.unwrap();

    let asked = cast.asked().await;
    assert_eq!((asked.standing.free_slots, asked.standing.running.len()), (0, 1));
    asked.answer(start(1));
    finish.send(()).unwrap();
    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    assert_eq!((asked.standing.free_slots, asked.standing.running.len()), (0, 0));
    asked.answer(acknowledge(0));
    cast.end().await.unwrap();
}

#[tokio::test]
async fn a_third_wish_to_stop_ends_it_at_once() {
    let (_finish, runner) = finishes_on_demand();
    let mut cast = Cast::start(runner);
    cast.give(0).await.answer(Reply::default());
    for _ in 0..3 {
        cast.shutdown.send(()).await.unwrap();
    }
    assert!(matches!(cast.end().await, Err(ReportError::Interrupted)));
}

#[tokio::test]
async fn a_worker_whose_shards_all_fail_goes_and_says_why() {
    let mut cast =
        Cast::start(|_, _| Ended::Failed(Failure { reason: "the disk is full".to_owned(), source: None }));
    let mut shard = 0;
    while let Some(asked) = in_time(cast.asked.recv()).await {
        let acknowledged = asked.standing.failed.iter().map(|(lease, _)| lease.clone()).collect();
        let work = if asked.standing.free_slots > 0 { start(shard) } else { Reply::default() };
        shard += 1;
        asked.answer(Reply { acknowledged, ..work });
    }
    let error = cast.end().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "4 shards failed in a row on this worker, the last because the disk is full"
    );
}

/// Acknowledges what is given back once it has been told twice.
async fn take_back(mut cast: Cast) -> Result<(), ReportError> {
    for _ in 0..2 {
        let asked = cast.asked_with(|standing| !standing.released.is_empty()).await;
        assert_eq!(asked.standing.released, [lease(0)]);
        assert!(asked.standing.running.is_empty() && asked.standing.free_slots == 0);
        drop(asked);
    }
    cast.asked().await.answer(acknowledge(0));
    cast.end().await
}

#[tokio::test]
async fn a_second_wish_to_stop_gives_back_what_runs_until_that_is_acknowledged() {
    let (_finish, runner) = finishes_on_demand();
    let mut cast = Cast::start(runner);
    cast.give(0).await.answer(Reply::default());
    cast.shutdown.send(()).await.unwrap();
    cast.asked().await.answer(Reply::default());
    cast.shutdown.send(()).await.unwrap();
    take_back(cast).await.unwrap();
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_given_back() {
    let (_finish, runner) = finishes_on_demand();
    let mut cast = Cast::start_with(Waits { drain: Duration::ZERO, ..WAITS }, runner);
    cast.give(0).await.answer(Reply::default());
    cast.shutdown.send(()).await.unwrap();
    take_back(cast).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_cannot_give_back_what_runs_goes_and_says_so() {
    let (_finish, runner) = finishes_on_demand();
    let waits = Waits { drain: Duration::ZERO, release: Duration::from_millis(50), ..WAITS };
    let mut cast = Cast::start_with(waits, runner);
    cast.give(0).await.answer(Reply::default());
    cast.shutdown.send(()).await.unwrap();
    let _unanswered = cast.asked_with(|standing| !standing.released.is_empty()).await;
    let error = cast.end().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the coordinator at a test did not take back in time what runs here (leases: 1); it will expire"
    );
}

#[tokio::test]
async fn a_careful_shard_reports_each_source_before_it_begins() {
    let mut cast = Cast::start(|assignment, progress| {
        for position in 0..3 {
            if !progress.begin(position, true) {
                return Ended::Dropped;
            }
            progress.set_tally(&Tally { sources: position + 1, ..Tally::default() });
        }
        finished(assignment)
    });
    cast.asked().await.answer(start(0));
    for sources in 0..3 {
        let asked = cast.asked_with(|standing| standing.running[0].1.sources == sources).await;
        assert!(asked.standing.finished.is_empty());
        asked.answer(Reply::default());
    }
    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    asked.answer(Reply { drain: true, ..acknowledge(0) });
    cast.end().await.unwrap();
}

#[tokio::test]
async fn the_next_shard_is_granted_and_fetched_while_this_one_ends() {
    let (finish, finishing) = std::sync::mpsc::channel();
    let mut cast = Cast::start(move |assignment, progress| {
        progress.set_tally(&Tally { sources: 7, ..Tally::default() });
        finishing.recv().unwrap();
        finished(assignment)
    });
    let first = start_long(0, 8);
    cast.asked().await.answer(first);

    let asked = cast.asked_with(|standing| standing.free_slots == 1).await;
    assert_eq!(asked.standing.running[0].0, lease(0));
    asked.answer_and_hear_within(Duration::ZERO, start(1));
    // No report speaks of what has not begun.
    let asked = cast.asked().await;
    assert_eq!((asked.standing.free_slots, asked.standing.running.len()), (1, 1));
    assert!(cast.prefetched.take(&lease(1)).is_some());
    asked.answer(start(1));

    finish.send(()).unwrap();
    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    assert_eq!(asked.standing.running[0].0, lease(1));
    asked.answer(acknowledge(0));
    finish.send(()).unwrap();
    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    asked.answer(Reply { drain: true, ..acknowledge(1) });
    cast.end().await.unwrap();
}

#[tokio::test]
async fn what_was_fetched_for_a_shard_that_is_taken_back_is_given_up() {
    let (finish, finishing) = std::sync::mpsc::channel();
    let mut cast = Cast::start(move |assignment, progress| {
        progress.set_tally(&Tally { sources: 7, ..Tally::default() });
        finishing.recv().unwrap();
        finished(assignment)
    });
    let first = start_long(0, 8);
    cast.asked().await.answer(first);
    let asked = cast.asked_with(|standing| standing.free_slots == 1).await;
    asked.answer_and_hear_within(Duration::ZERO, start(1));
    cast.asked().await.answer_and_hear_within(Duration::ZERO, Reply::default());

    let asked = cast.asked().await;
    assert!(cast.prefetched.take(&lease(1)).is_none());
    finish.send(()).unwrap();
    asked.answer(Reply { drain: true, ..Reply::default() });
    let asked = cast.asked_with(|standing| !standing.finished.is_empty()).await;
    assert!(asked.standing.running.is_empty());
    asked.answer(acknowledge(0));
    cast.end().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_refused_goes_at_once_with_the_reason() {
    let mut cast = Cast::start(|assignment, _| finished(assignment));
    cast.asked().await.refuse("the coordinator does not know this token");
    let error = cast.end().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the coordinator at a test refuses this worker: the coordinator does not know this token"
    );
}

#[tokio::test]
async fn a_coordinator_that_keeps_silent_is_given_up() {
    let mut cast = Cast::start(|assignment, _| finished(assignment));
    while let Some(asked) = in_time(cast.asked.recv()).await {
        drop(asked);
    }
    let error = cast.end().await.unwrap_err().to_string();
    assert!(error.starts_with("the coordinator at a test has not answered for"), "{error}");
    assert!(error.ends_with("lost on the way"), "{error}");
}
