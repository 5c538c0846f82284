//! Queues with a rule broken on purpose, to show that the simulation would notice.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::super::{Lease, Queue, Reply, Report, State, Swept};
use dataset::Tally;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The queue as it is.
    None,
    /// Whoever says that it has finished a shard commits it, whatever its token.
    CommitIgnoresToken,
    /// What expires is nobody's and is not handed out again.
    ExpiredIsForgotten,
    /// A publication whose coordinator died is nobody's.
    AbandonedIsForgotten,
    /// A part that is published twice counts twice.
    TallyCountsTwice,
    /// A source that takes workers down is never found.
    NobodyIsBlamed,
}

#[derive(Debug, Clone)]
pub(super) struct Mutant {
    pub(super) queue: Queue,
    pub(super) mutation: Mutation,
}

impl Mutant {
    pub(super) fn reconcile(&mut self, report: &Report, now: Duration) -> Reply {
        if self.mutation == Mutation::CommitIgnoresToken {
            for finished in &report.finished {
                self.give_up_for(report, finished.lease);
            }
        }
        let mut report = report.clone();
        if self.mutation == Mutation::NobodyIsBlamed {
            report.failed.iter_mut().for_each(|failure| failure.source = None);
        }
        self.queue.reconcile(&report, now)
    }

    pub(super) fn sweep(&mut self, now: Duration) -> Swept {
        let ready = self.queue.ready.clone();
        let mut swept = self.queue.sweep(now);
        match self.mutation {
            Mutation::ExpiredIsForgotten => self.queue.ready = ready,
            Mutation::AbandonedIsForgotten => swept.abandoned.clear(),
            _ => {}
        }
        swept
    }

    pub(super) fn published(&mut self, lease: Lease, tally: &Tally) {
        let is_news = self.queue.published(lease, tally);
        if !is_news && self.mutation == Mutation::TallyCountsTwice {
            self.queue.tally.merge(tally);
        }
    }

    /// Makes the worker the holder of the shard, if anybody is.
    fn give_up_for(&mut self, report: &Report, lease: Lease) {
        if let Some(open) = self.queue.open.get_mut(&lease.shard)
            && let State::Leased(copies) = &mut open.state
        {
            copies[0].token = lease.token;
            copies[0].worker = report.worker.clone();
        }
    }
}

impl Deref for Mutant {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

impl DerefMut for Mutant {
    fn deref_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }
}
