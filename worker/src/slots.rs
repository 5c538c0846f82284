//! The slots of a worker: threads that each run one shard after another.
//!
//! Running programs is waiting on processes and files, so a slot is a plain thread that blocks; the loop that
//! talks to the coordinator never does.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use dataset::Tally;
use tokio::sync::mpsc as events;

use crate::ledger::{Assignment, Ended, Lease};

/// Runs one shard to its end, or until the progress says to stop.
pub(crate) type Runner = Box<dyn FnMut(&Assignment, &Progress) -> Ended + Send>;

/// What a shard under way and the loop tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stop: AtomicBool,
    tally: Mutex<Tally>,
}

impl Progress {
    /// Whether the work is no longer wanted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Says what the rows so far come to.
    pub(crate) fn set_tally(&self, tally: &Tally) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone_from(tally);
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A fixed number of threads, fewer of which may be at work.
pub(crate) struct Slots {
    count: usize,
    at_work: HashMap<Lease, Arc<Progress>>,
    queue: mpsc::Sender<Work>,
    ended: events::UnboundedReceiver<(Lease, Ended)>,
    threads: Vec<JoinHandle<()>>,
}

struct Work {
    assignment: Assignment,
    progress: Arc<Progress>,
}

impl Slots {
    /// One slot for each runner.
    pub(crate) fn start_threads(runners: Vec<Runner>) -> io::Result<Slots> {
        let count = runners.len();
        let (queue, work) = mpsc::channel();
        let (ended_in, ended) = events::unbounded_channel();
        let work = Arc::new(Mutex::new(work));
        let mut threads = Vec::with_capacity(count);
        for (number, runner) in runners.into_iter().enumerate() {
            let (work, ended_in) = (Arc::clone(&work), ended_in.clone());
            let thread = thread::Builder::new().name(format!("slot-{number}"));
            threads.push(thread.spawn(move || work_until_closed(runner, &work, &ended_in))?);
        }
        Ok(Slots { count, at_work: HashMap::new(), queue, ended, threads })
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn start(&mut self, assignment: Assignment) {
        let progress = Arc::new(Progress::default());
        self.at_work.insert(assignment.lease.clone(), Arc::clone(&progress));
        self.queue.send(Work { assignment, progress }).expect("slots outlive the queue");
    }

    /// Asks the slot that holds the lease to stop. It still says how it ended.
    pub(crate) fn stop(&self, lease: &Lease) {
        if let Some(progress) = self.at_work.get(lease) {
            progress.stop();
        }
    }

    /// The rows of a shard under way so far; nothing for any other lease.
    pub(crate) fn tally(&self, lease: &Lease) -> Tally {
        self.at_work.get(lease).map(|progress| progress.tally()).unwrap_or_default()
    }

    /// Waits until a slot is done with its shard. Safe to give up and call again.
    pub(crate) async fn next_ended(&mut self) -> (Lease, Ended) {
        let (lease, ended) = self.ended.recv().await.expect("slots outlive the queue");
        self.at_work.remove(&lease);
        (lease, ended)
    }

    /// Waits until every slot is done with what it runs and has put away its interpreter.
    pub(crate) fn close(self) {
        drop(self.queue);
        for thread in self.threads {
            // One that panicked has nothing left to put away.
            let _ = thread.join();
        }
    }
}

fn work_until_closed(
    mut runner: Runner,
    queue: &Mutex<mpsc::Receiver<Work>>,
    ended: &events::UnboundedSender<(Lease, Ended)>,
) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { assignment, progress }) = next else { return };
        // A bug here must cost one attempt at one shard, not leave its lease running with nobody behind it.
        let end = catch_unwind(AssertUnwindSafe(|| runner(&assignment, &progress)))
            .unwrap_or_else(|_| Ended::Failed { reason: "a bug: the slot panicked".to_owned() });
        if ended.send((assignment.lease, end)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use dataset::{Limits, Range, Shard};

    use super::*;

    fn assignment(shard: u64) -> Assignment {
        Assignment {
            lease: Lease { job: "job".to_owned(), shard, token: 1 },
            shard: Shard {
                ordinal: shard,
                sources: 1,
                range: Range::Lines {
                    path: "rows.jsonl".to_owned(),
                    from_byte: 0,
                    to_byte: 1,
                    first_line: 1,
                },
            },
            output: "out".to_owned(),
            limits: Limits::default(),
            parent: telemetry::Parent::nothing(),
        }
    }

    fn slots(
        count: usize,
        runner: impl Fn(&Assignment, &Progress) -> Ended + Clone + Send + 'static,
    ) -> Slots {
        Slots::start_threads((0..count).map(|_| Box::new(runner.clone()) as Runner).collect()).unwrap()
    }

    #[tokio::test]
    async fn a_stopped_shard_is_dropped_and_its_slot_takes_the_next() {
        let mut slots = slots(1, |assignment, progress| match assignment.lease.shard {
            0 => loop {
                thread::yield_now();
                if progress.is_stopped() {
                    return Ended::Dropped;
                }
            },
            _ => Ended::Finished { attempt: "a".to_owned(), tally: progress.tally() },
        });
        slots.start(assignment(0));
        slots.start(assignment(1));
        slots.stop(&assignment(0).lease);
        assert_eq!(slots.next_ended().await, (assignment(0).lease, Ended::Dropped));
        let (lease, ended) = slots.next_ended().await;
        assert_eq!(lease.shard, 1);
        assert!(matches!(ended, Ended::Finished { .. }), "{ended:?}");
    }

    #[tokio::test]
    async fn slots_work_side_by_side() {
        let barrier = Arc::new(std::sync::Barrier::new(2));
        let mut slots = slots(2, move |_, _| {
            barrier.wait();
            Ended::Dropped
        });
        slots.start(assignment(0));
        slots.start(assignment(1));
        slots.next_ended().await;
        slots.next_ended().await;
    }

    #[tokio::test]
    async fn progress_shows_while_a_shard_runs_and_not_after() {
        let (counted, wait_counted) = mpsc::channel();
        let (finish, wait_finish) = mpsc::channel::<()>();
        let wait_finish = Arc::new(Mutex::new(wait_finish));
        let mut slots = slots(1, move |_, progress| {
            progress.set_tally(&Tally { events: 7, ..Tally::default() });
            counted.send(()).unwrap();
            wait_finish.lock().unwrap().recv().unwrap();
            Ended::Dropped
        });
        slots.start(assignment(0));
        wait_counted.recv().unwrap();
        assert_eq!(slots.tally(&assignment(0).lease).events, 7);
        finish.send(()).unwrap();
        slots.next_ended().await;
        assert_eq!(slots.tally(&assignment(0).lease), Tally::default());
    }

    #[tokio::test]
    async fn a_panic_fails_its_shard_and_not_the_slot() {
        let mut slots = slots(1, |assignment, _| match assignment.lease.shard {
            0 => panic!("this panic is part of the test"),
            _ => Ended::Dropped,
        });
        slots.start(assignment(0));
        slots.start(assignment(1));
        assert!(matches!(slots.next_ended().await.1, Ended::Failed { .. }));
        assert_eq!(slots.next_ended().await.1, Ended::Dropped);
    }
}
