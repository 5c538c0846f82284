//! Reads the sources of a shard ahead of those that run, so that a slow store does not keep a slot waiting.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use dataset::Range;
use dataset::source::{self, Body, Source, SourceError};
use tracing::warn;

use crate::patience::Patience;

/// Bytes of sources that may wait. The one that reaches the bound still counts as one that may.
const BYTES_AHEAD: usize = 16 << 20;

/// As many of a shard that has not begun: enough that it can begin at once.
const BYTES_EARLY: usize = 1 << 20;

/// What a source takes beside its own bytes.
const OVERHEAD: usize = 256;

type Item = Result<Source, SourceError>;

/// Yields the sources of a range in order, read on a thread of its own. Dropping it ends the thread after the source
/// that it reads.
pub(crate) struct ReadAhead(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// How many bytes may wait.
    most: usize,
    reader: Reader,
    /// Nobody takes sources any more.
    is_unwanted: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Reader {
    #[default]
    Reading,
    Done,
    /// It ended without saying so, which is a bug. What it read is not all there is.
    Lost,
}

impl ReadAhead {
    /// Reads the sources of a shard that runs.
    pub(crate) fn start(range: Range, source_bytes: u64) -> io::Result<ReadAhead> {
        ReadAhead::over(BYTES_AHEAD, Patience::new(), move || source::read(&range, source_bytes))
    }

    /// Reads the first sources of a shard that will run, and then waits until it [goes on](ReadAhead::go_on).
    pub(crate) fn begin(range: Range, source_bytes: u64) -> io::Result<ReadAhead> {
        ReadAhead::over(BYTES_EARLY, Patience::new(), move || source::read(&range, source_bytes))
    }

    /// The shard runs now.
    pub(crate) fn go_on(self) -> ReadAhead {
        self.allow(BYTES_AHEAD);
        self
    }

    fn allow(&self, most: usize) {
        self.0.lock().most = most;
        self.0.changed.notify_all();
    }

    fn over<S>(
        most: usize,
        mut patience: Patience,
        open: impl Fn() -> Result<S, SourceError> + Send + 'static,
    ) -> io::Result<ReadAhead>
    where
        S: Iterator<Item = Item>,
    {
        let waiting = Waiting { most, ..Waiting::default() };
        let shared = Arc::new(Shared { waiting: Mutex::new(waiting), changed: Condvar::new() });
        let ending = Ending(shared.clone());
        thread::Builder::new().name("read-ahead".to_owned()).spawn(move || {
            let mut last = None;
            while let Err(error) = ending.0.put_all(&open, &mut last, &mut patience) {
                let is_wanted = !ending.0.lock().is_unwanted;
                if is_wanted && error.may_pass() && patience.wait() {
                    warn!(%error, "could not read sources, trying again");
                    continue;
                }
                ending.0.put(Err(error));
                break;
            }
            ending.0.lock().reader = Reader::Done;
        })?;
        Ok(ReadAhead(shared))
    }
}

impl Iterator for ReadAhead {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let waiting = self.0.lock();
        let is_reading =
            |waiting: &mut Waiting| waiting.items.is_empty() && waiting.reader == Reader::Reading;
        let mut waiting =
            self.0.changed.wait_while(waiting, is_reading).unwrap_or_else(PoisonError::into_inner);
        let item = waiting.items.pop_front();
        assert!(item.is_some() || waiting.reader == Reader::Done, "the thread that reads ahead panicked");
        waiting.bytes -= item.as_ref().map_or(0, size);
        self.0.changed.notify_all();
        item
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_unwanted = true;
        waiting.items.clear();
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the sources that come after the one named `last` and notes the last that was added. Ends well at
    /// the end of the range, or when no more are wanted.
    fn put_all<S>(
        &self,
        open: &impl Fn() -> Result<S, SourceError>,
        last: &mut Option<String>,
        patience: &mut Patience,
    ) -> Result<(), SourceError>
    where
        S: Iterator<Item = Item>,
    {
        let mut sources = open()?;
        if let Some(last) = last {
            loop {
                // Without the last one, nobody can tell which come after it.
                let changed = || SourceError::Changed { path: last.clone() };
                if sources.next().ok_or_else(changed)??.path == *last {
                    break;
                }
            }
        }
        for source in sources {
            let source = source?;
            patience.renew();
            let path = source.path.clone();
            if !self.put(Ok(source)) {
                break;
            }
            *last = Some(path);
        }
        Ok(())
    }

    /// Adds a source once there is room. Whether more are wanted.
    fn put(&self, item: Item) -> bool {
        let is_full = |waiting: &mut Waiting| {
            waiting.bytes >= waiting.most && !waiting.items.is_empty() && !waiting.is_unwanted
        };
        let mut waiting =
            self.changed.wait_while(self.lock(), is_full).unwrap_or_else(PoisonError::into_inner);
        if waiting.is_unwanted {
            return false;
        }
        waiting.bytes += size(&item);
        waiting.items.push_back(item);
        self.changed.notify_all();
        true
    }
}

/// Says that the thread has ended, however it did.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        if waiting.reader == Reader::Reading {
            waiting.reader = Reader::Lost;
        }
        self.0.changed.notify_all();
    }
}

fn size(item: &Item) -> usize {
    let Ok(source) = item else { return OVERHEAD };
    let body = match &source.body {
        Body::Script(code) => code.len(),
        Body::Call { code, input, .. } => code.len() + input.len(),
        // Its cases are short beside it, or few.
        Body::Cases { code, .. } => code.len(),
        Body::Unreadable { reason } => reason.len(),
    };
    body + source.meta.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn source(number: usize, bytes: usize) -> Source {
        Source {
            path: number.to_string(),
            id: String::new(),
            meta: String::new(),
            filename: String::new(),
            body: Body::Script(vec![0; bytes]),
        }
    }

    fn numbers(ahead: ReadAhead) -> Vec<usize> {
        ahead.map(|source| source.unwrap().path.parse().unwrap()).collect()
    }

    fn over<S: Iterator<Item = Item>>(
        most: usize,
        open: impl Fn() -> Result<S, SourceError> + Send + 'static,
    ) -> ReadAhead {
        ReadAhead::over(most, Patience::short(), open).unwrap()
    }

    fn changed() -> SourceError {
        SourceError::Changed { path: "x".to_owned() }
    }

    /// What a store that is away for a moment gives.
    fn unreachable() -> SourceError {
        dataset::Store::open("gs://unknown").unwrap_err().into()
    }

    #[test]
    fn sources_come_in_order_and_all_of_them() {
        for most in [0, 1000, usize::MAX] {
            let ahead = over(most, || Ok((0..1000).map(|number| Ok(source(number, number)))));
            assert_eq!(numbers(ahead), (0..1000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_is_read_ahead_than_was_allowed() {
        let (began, begun) = mpsc::channel();
        let mut ahead = over(5000, move || {
            let began = began.clone();
            Ok((0..100).map(move |number| {
                let _ = began.send(number);
                Ok(source(number, 1000 - OVERHEAD))
            }))
        });
        // Five are held, and the sixth waits to be.
        for number in 0..6 {
            assert_eq!(begun.recv().unwrap(), number);
        }
        assert!(begun.try_recv().is_err());
        ahead.next();
        assert_eq!(begun.recv().unwrap(), 6);
        drop(ahead);
        // The thread ends with its iterator, and that with the sender.
        assert!(begun.iter().count() <= 1);
    }

    #[test]
    fn what_was_begun_early_goes_on_with_more_when_its_shard_runs() {
        let (began, begun) = mpsc::channel();
        let ahead = over(2000, move || {
            let began = began.clone();
            Ok((0..100).map(move |number| {
                let _ = began.send(number);
                Ok(source(number, 1000 - OVERHEAD))
            }))
        });
        assert_eq!(begun.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(begun.try_recv().is_err());
        ahead.allow(5000);
        assert_eq!(begun.iter().take(3).collect::<Vec<_>>(), [3, 4, 5]);
        assert!(begun.try_recv().is_err());
        assert_eq!(numbers(ahead), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_that_will_not_pass_is_the_last_item() {
        let ahead = over(10, || Ok([Ok(source(0, 1)), Err(changed()), Ok(source(2, 1))].into_iter()));
        assert_eq!(ahead.map(|item| item.is_ok()).collect::<Vec<_>>(), [true, false]);
        let unopened = over(10, || Err::<std::iter::Empty<Item>, _>(changed()));
        assert_eq!(unopened.filter(Result::is_err).count(), 1);
    }

    #[test]
    fn a_store_that_fails_for_a_moment_costs_no_source_and_repeats_none() {
        let outages = Arc::new(AtomicUsize::new(0));
        let ahead = over(10, move || {
            let outages = outages.clone();
            let now = outages.fetch_add(1, Ordering::Relaxed);
            if now.is_multiple_of(2) {
                return Err(unreachable());
            }
            // Each time it gets a little further.
            Ok((0..40)
                .map(move |number| if number > now { Err(unreachable()) } else { Ok(source(number, 1)) }))
        });
        assert_eq!(numbers(ahead), (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn a_store_that_stays_away_is_told() {
        let mut ahead = over(10, || Err::<std::iter::Empty<Item>, _>(unreachable()));
        assert!(matches!(ahead.next(), Some(Err(SourceError::Store(_)))));
        assert!(ahead.next().is_none());
    }

    #[test]
    fn sources_that_changed_over_an_outage_are_told() {
        let opened = AtomicUsize::new(0);
        let ahead = over(10, move || match opened.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![Ok(source(1, 1)), Err(unreachable())].into_iter()),
            _ => Ok(vec![Ok(source(2, 1)), Ok(source(3, 1))].into_iter()),
        });
        let items: Vec<Item> = ahead.collect();
        assert!(matches!(items[..], [Ok(_), Err(SourceError::Changed { .. })]), "{items:?}");
    }

    #[test]
    #[should_panic(expected = "the thread that reads ahead panicked")]
    fn a_reader_that_is_lost_is_not_taken_for_the_end() {
        numbers(over(10, || {
            Ok((0..2).map(|number| match number {
                0 => Ok(source(0, 1)),
                _ => panic!("this panic is part of the test"),
            }))
        }));
    }
}
