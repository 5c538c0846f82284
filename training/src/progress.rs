//! How far a rendering is, and whether it is still wanted.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::step::Stage;

/// Whoever wants a step to be done. It is told how far that is, and may stop it.
pub trait Watcher {
    /// So many more are dealt with: executions, or examples where these are brought into their order.
    fn done(&self, count: u64);

    /// An example of so many characters is rendered.
    fn rendered(&self, characters: u64);

    /// Whether the step is no longer wanted.
    fn is_stopped(&self) -> bool;
}

/// Counters that the threads of a rendering share with whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    total: AtomicU64,
    done: AtomicU64,
    done_before: AtomicU64,
    examples: AtomicU64,
    characters: AtomicU64,
    stopped: AtomicBool,
}

/// A rendering at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub stage: Stage,
    /// Executions, or in [`Stage::Gather`] examples.
    pub total: u64,
    pub done: u64,
    /// Of those done, the ones that an earlier run has done.
    pub done_before: u64,
    /// What this run has rendered.
    pub examples: u64,
    pub characters: u64,
}

impl Progress {
    pub fn standing(&self) -> Standing {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Standing {
            stage: Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed))],
            total: read(&self.total),
            done: read(&self.done),
            done_before: read(&self.done_before),
            examples: read(&self.examples),
            characters: read(&self.characters),
        }
    }

    /// Soon after this the rendering ends, without what is half done.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn begin(&self, stage: Stage, total: u64) {
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.done_before.store(0, Ordering::Relaxed);
    }

    pub(crate) fn done_before(&self, count: u64) {
        self.done_before.fetch_add(count, Ordering::Relaxed);
        self.done(count);
    }
}

impl Watcher for Progress {
    fn done(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    fn rendered(&self, characters: u64) {
        self.examples.fetch_add(1, Ordering::Relaxed);
        self.characters.fetch_add(characters, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
