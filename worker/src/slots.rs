//! The slots of a worker: threads that each run one shard after another.
//!
//! Running programs is waiting on processes and files, so a slot is a plain thread that blocks; the loop that
//! talks to the coordinator never does.

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use dataset::Tally;
use tokio::sync::mpsc as events;

use crate::ledger::{Assignment, Ended, Failure, Lease};
use crate::progress::{Progress, Word};

/// Runs one shard to its end, or until the progress says to stop.
pub(crate) type Runner = Box<dyn FnMut(&Assignment, &Progress) -> Ended + Send>;

/// What a slot has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is done with this shard.
    Ended(Lease, Ended),
    /// Its shard goes on only after the next report.
    Waits,
    /// It will soon be done with this shard.
    NearsEnd(Lease),
}

/// Of so many sources, the last one is near. Those after it should take as long as a report and a store's first bytes,
/// and not much longer: what a slot holds and does not run, no other slot runs.
const NEAR: u64 = 8;

/// A fixed number of threads, fewer of which may be at work.
pub(crate) struct Slots {
    count: usize,
    at_work: HashMap<Lease, Arc<Progress>>,
    queue: mpsc::Sender<Work>,
    news_in: events::UnboundedSender<News>,
    news: events::UnboundedReceiver<News>,
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
        let (news_in, news) = events::unbounded_channel();
        let work = Arc::new(Mutex::new(work));
        let mut threads = Vec::with_capacity(count);
        for (number, runner) in runners.into_iter().enumerate() {
            let (work, news_in) = (Arc::clone(&work), news_in.clone());
            let thread = thread::Builder::new().name(format!("slot-{number}"));
            threads.push(thread.spawn(move || work_until_closed(runner, &work, &news_in))?);
        }
        Ok(Slots { count, at_work: HashMap::new(), queue, news_in, news, threads })
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn start(&mut self, assignment: Assignment) {
        let progress = Arc::new(self.progress(&assignment));
        self.at_work.insert(assignment.lease.clone(), Arc::clone(&progress));
        self.queue.send(Work { assignment, progress }).expect("slots outlive the queue");
    }

    fn progress(&self, assignment: &Assignment) -> Progress {
        let (news, lease) = (self.news_in.clone(), assignment.lease.clone());
        let sources = assignment.sources();
        // A careful shard may be the end of this worker, and of whatever else it holds.
        let is_told = sources >= NEAR && !assignment.is_careful();
        let nearly_all = NonZero::new(sources - sources / NEAR).filter(|_| is_told);
        Progress::new(nearly_all, move |word| {
            // Nobody hears of it only where everything ends.
            let _ = news.send(match word {
                Word::Waits => News::Waits,
                Word::NearsEnd => News::NearsEnd(lease.clone()),
            });
        })
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

    /// The coordinator has answered a report that told of so many sources of this shard.
    pub(crate) fn set_told(&self, lease: &Lease, sources: u64) {
        if let Some(progress) = self.at_work.get(lease) {
            progress.set_told(sources);
        }
    }

    /// Waits until a slot has something to say. Safe to give up and call again.
    pub(crate) async fn next_news(&mut self) -> News {
        let news = self.news.recv().await.expect("this holds a sender itself");
        if let News::Ended(lease, _) = &news {
            self.at_work.remove(lease);
        }
        news
    }

    /// Waits until every slot is done with what it runs and has put away its interpreter.
    pub(crate) async fn close(mut self) {
        drop(self.queue);
        drop(self.news_in);
        self.at_work.clear();
        // Slots hold what else there is of senders, to their very ends.
        while self.news.recv().await.is_some() {}
        for thread in self.threads {
            // One that panicked has nothing left to put away.
            let _ = thread.join();
        }
    }
}

fn work_until_closed(
    mut runner: Runner,
    queue: &Mutex<mpsc::Receiver<Work>>,
    news: &events::UnboundedSender<News>,
) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { assignment, progress }) = next else { return };
        // A bug here must cost one attempt at one shard, not leave its lease running with nobody behind it.
        let end = catch_unwind(AssertUnwindSafe(|| runner(&assignment, &progress))).unwrap_or_else(|_| {
            let reason = "a bug: the slot panicked".to_owned();
            Ended::Failed(Failure { reason, source: progress.source() })
        });
        if news.send(News::Ended(assignment.lease, end)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dataset::{Limits, Range, Shard};

    use super::*;
    use crate::ledger::{Trace, Work};

    fn trace(ordinal: u64, sources: u64, careful: bool) -> Trace {
        let range = Range::Lines { path: "rows.jsonl".to_owned(), from_byte: 0, to_byte: 1, first_line: 1 };
        Trace {
            shard: Shard { ordinal, sources, range },
            limits: Limits::default(),
            granularity: trace::Granularity::Line,
            identities: false,
            executions: dataset::Executions::default(),
            repeat: 1,
            set_aside: BTreeSet::new(),
            careful,
        }
    }

    fn assignment(shard: u64) -> Assignment {
        Assignment {
            lease: Lease { job: "job".to_owned(), shard, token: 1 },
            output: "out".to_owned(),
            work: Work::Trace(Box::new(trace(shard, 1, false))),
            parent: telemetry::Parent::nothing(),
        }
    }

    #[tokio::test]
    async fn only_a_shard_of_some_sources_that_endangers_no_other_says_that_it_nears_its_end() {
        let mut slots = slots(1, |assignment, progress| {
            for sources in 1..=assignment.sources() {
                progress.set_tally(&Tally { sources, ..Tally::default() });
            }
            Ended::Dropped
        });
        for (sources, careful, is_told) in [(7, false, false), (8, false, true), (256, true, false)] {
            let work = Work::Trace(Box::new(trace(sources, sources, careful)));
            let assignment = Assignment { work, ..assignment(sources) };
            let lease = assignment.lease.clone();
            slots.start(assignment);
            if is_told {
                assert_eq!(slots.next_news().await, News::NearsEnd(lease.clone()));
            }
            assert_eq!(slots.next_news().await, News::Ended(lease, Ended::Dropped));
        }
    }

    fn slots(
        count: usize,
        runner: impl Fn(&Assignment, &Progress) -> Ended + Clone + Send + 'static,
    ) -> Slots {
        Slots::start_threads((0..count).map(|_| Box::new(runner.clone()) as Runner).collect()).unwrap()
    }

    async fn next_ended(slots: &mut Slots) -> (Lease, Ended) {
        match slots.next_news().await {
            News::Ended(lease, ended) => (lease, ended),
            news => panic!("a shard says {news:?}"),
        }
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
        assert_eq!(next_ended(&mut slots).await, (assignment(0).lease, Ended::Dropped));
        let (lease, ended) = next_ended(&mut slots).await;
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
        next_ended(&mut slots).await;
        next_ended(&mut slots).await;
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
        next_ended(&mut slots).await;
        assert_eq!(slots.tally(&assignment(0).lease), Tally::default());
    }

    #[tokio::test]
    async fn a_panic_fails_its_shard_at_the_source_and_not_the_slot() {
        let mut slots = slots(1, |assignment, progress| match assignment.lease.shard {
            0 => {
                progress.begin(3, false);
                panic!("this panic is part of the test")
            }
            _ => Ended::Dropped,
        });
        slots.start(assignment(0));
        slots.start(assignment(1));
        let Ended::Failed(failure) = next_ended(&mut slots).await.1 else { panic!("the shard failed") };
        assert_eq!(failure.source, Some(3));
        assert_eq!(next_ended(&mut slots).await.1, Ended::Dropped);
    }
}
