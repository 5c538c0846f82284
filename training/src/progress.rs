//! How far a rendering is, for whoever shows it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a rendering is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looks at every execution, to select among them.
    Survey,
    Render,
    /// Brings examples into their final order.
    Shuffle,
}

/// Counters that the threads of a rendering share with whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    total: AtomicU64,
    done: AtomicU64,
    done_before: AtomicU64,
    examples: AtomicU64,
    characters: AtomicU64,
}

/// A rendering at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub phase: Phase,
    /// Executions, or in the last phase examples.
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
        let phases = [Phase::Survey, Phase::Render, Phase::Shuffle];
        Standing {
            phase: phases[usize::from(self.phase.load(Ordering::Relaxed))],
            total: read(&self.total),
            done: read(&self.done),
            done_before: read(&self.done_before),
            examples: read(&self.examples),
            characters: read(&self.characters),
        }
    }

    pub(crate) fn begin(&self, phase: Phase, total: u64) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.done_before.store(0, Ordering::Relaxed);
    }

    pub(crate) fn done(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn done_before(&self, count: u64) {
        self.done_before.fetch_add(count, Ordering::Relaxed);
        self.done(count);
    }

    pub(crate) fn rendered(&self, characters: u64) {
        self.examples.fetch_add(1, Ordering::Relaxed);
        self.characters.fetch_add(characters, Ordering::Relaxed);
    }
}
