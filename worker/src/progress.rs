//! What a shard under way and the loop tell each other.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dataset::Tally;

/// A shard under way, seen from both sides: its slot says how far it is, the loop says whether it is still wanted.
pub(crate) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
    /// So many sources done are nearly all of them.
    nearly_all: Option<NonZero<u64>>,
    tell: Box<dyn Fn(Word) + Send + Sync>,
}

/// What a shard under way tells the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It goes on only after the next report.
    Waits,
    /// Nearly all of its sources are done.
    NearsEnd,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// Position in the shard of the source that is at work.
    source: Option<u64>,
    tally: Tally,
    /// The coordinator has answered a report that told of so many sources.
    told: Option<u64>,
}

impl Progress {
    /// `nearly_all` is after how many sources it [nears its end](Word::NearsEnd), if that is to be told.
    pub(crate) fn new(
        nearly_all: Option<NonZero<u64>>,
        tell: impl Fn(Word) + Send + Sync + 'static,
    ) -> Progress {
        Progress { state: Mutex::default(), changed: Condvar::new(), nearly_all, tell: Box::new(tell) }
    }

    /// Says that the source at this position comes next. Where the shard is `careful`, this waits until the
    /// coordinator knows of all before it: if this worker dies of the source, it is clear which one it was.
    ///
    /// `false` if the work is no longer wanted.
    pub(crate) fn begin(&self, position: u64, careful: bool) -> bool {
        let mut state = self.lock();
        state.source = Some(position);
        if careful && !state.is_told() {
            (self.tell)(Word::Waits);
            let waited = self.changed.wait_while(state, |state| !state.stopped && !state.is_told());
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// Says what the rows so far come to, now that one more source is done.
    pub(crate) fn set_tally(&self, tally: &Tally) {
        let mut state = self.lock();
        state.source = None;
        let is_near = |sources| self.nearly_all.is_some_and(|nearly_all| sources >= nearly_all.get());
        if is_near(tally.sources) && !is_near(state.tally.sources) {
            (self.tell)(Word::NearsEnd);
        }
        state.tally.clone_from(tally);
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally.clone()
    }

    /// Position of the source that is at work, if one is.
    pub(crate) fn source(&self) -> Option<u64> {
        self.lock().source
    }

    /// Whether the work is no longer wanted.
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The coordinator has answered a report that told of so many sources.
    pub(crate) fn set_told(&self, sources: u64) {
        let mut state = self.lock();
        state.told = state.told.max(Some(sources));
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_told(&self) -> bool {
        self.told >= Some(self.tally.sources)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    fn tally(sources: u64) -> Tally {
        Tally { sources, ..Tally::default() }
    }

    #[test]
    fn a_careful_source_begins_when_the_coordinator_knows_of_those_before_it() {
        let (ask, asked) = mpsc::channel();
        let progress = Arc::new(Progress::new(None, move |word| ask.send(word).unwrap()));
        let (began_in, began) = mpsc::channel();
        let slot = thread::spawn({
            let progress = Arc::clone(&progress);
            move || {
                for position in 0..2 {
                    began_in.send(progress.begin(position, true)).unwrap();
                    progress.set_tally(&tally(position + 1));
                }
            }
        });
        for sources in 0..2 {
            assert_eq!(asked.recv().unwrap(), Word::Waits);
            assert!(began.try_recv().is_err(), "nobody has heard of {sources} sources yet");
            progress.set_told(sources);
            assert!(began.recv().unwrap());
        }
        slot.join().unwrap();
    }

    #[test]
    fn who_waits_to_begin_is_woken_when_the_work_is_not_wanted_any_more() {
        let (ask, asked) = mpsc::channel();
        let progress = Arc::new(Progress::new(None, move |word| ask.send(word).unwrap()));
        let slot = thread::spawn({
            let progress = Arc::clone(&progress);
            move || progress.begin(0, true)
        });
        asked.recv().unwrap();
        progress.stop();
        assert!(!slot.join().unwrap());
    }

    #[test]
    fn the_end_is_told_once_when_it_is_near() {
        let (tell, told) = mpsc::channel();
        let progress = Progress::new(NonZero::new(7), move |word| tell.send(word).unwrap());
        let is_told = |sources| {
            progress.set_tally(&tally(sources));
            told.try_iter().collect::<Vec<_>>()
        };
        assert_eq!(is_told(6), []);
        assert_eq!(is_told(7), [Word::NearsEnd]);
        assert_eq!(is_told(8), []);
    }

    #[test]
    fn a_source_is_at_work_until_its_rows_are_counted() {
        let progress = Progress::new(None, |word| panic!("there is nothing to tell: {word:?}"));
        assert_eq!(progress.source(), None);
        assert!(progress.begin(7, false));
        assert_eq!(progress.source(), Some(7));
        progress.set_tally(&tally(8));
        assert_eq!((progress.source(), progress.tally().sources), (None, 8));
    }
}
