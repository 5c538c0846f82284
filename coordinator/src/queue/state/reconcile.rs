//! One worker's report against the queue: what it says, and what should be different.
//!
//! A report describes a state, never a step, so that one may arrive twice, late or out of order and do no harm.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Lease, Queue, Verdict, WorkerId};

/// How a worker stands.
#[derive(Debug, Clone)]
pub struct Report {
    pub worker: WorkerId,
    /// How many more shards it would start now.
    pub free_slots: usize,
    pub running: Vec<Lease>,
    pub finished: Vec<Lease>,
    /// With the reason in one sentence.
    pub failed: Vec<(Lease, String)>,
}

/// What should be different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    pub start: Vec<Lease>,
    pub stop: Vec<Lease>,
    /// Leases of which the worker need not speak again.
    pub acknowledged: Vec<Lease>,
    /// Finished leases that were committed just now: their parts are to be published.
    pub committed: Vec<Lease>,
}

impl Queue {
    pub fn reconcile(&mut self, report: &Report, now: Duration) -> Reply {
        let worker = &report.worker;
        let mut reply = Reply::default();
        for &lease in &report.finished {
            match self.complete(worker, lease, now) {
                Verdict::Accepted => reply.committed.push(lease),
                // It is acknowledged once it is published: until then the worker's word is all that there is.
                Verdict::Repeated => {}
                Verdict::Stale => reply.acknowledged.push(lease),
            }
        }
        for (lease, reason) in &report.failed {
            self.fail(worker, *lease, reason, now);
            reply.acknowledged.push(*lease);
        }
        for &lease in &report.running {
            if !self.renew(worker, lease, now) {
                reply.stop.push(lease);
            }
        }

        // A lease that the report does not mention: the reply that granted it got lost, or this report is an old one
        // that comes again. Granting it again suits both, where fresh shards for the same slots would pile up. What
        // the worker has no slot for, it will not begin.
        let free_slots = if self.draining { 0 } else { report.free_slots };
        let mut unmentioned = self.unmentioned(report);
        for lease in unmentioned.split_off(free_slots.min(unmentioned.len())) {
            self.withdraw(lease);
        }
        for &lease in &unmentioned {
            self.renew(worker, lease, now);
        }
        let fresh = self.lease(worker, free_slots - unmentioned.len(), now);
        reply.start = unmentioned;
        reply.start.extend(fresh);
        reply
    }

    /// Leases of the worker that its report does not mention.
    fn unmentioned(&self, report: &Report) -> Vec<Lease> {
        let mentioned: BTreeSet<Lease> = report.running.iter().chain(&report.finished).copied().collect();
        self.leases_of(&report.worker).into_iter().filter(|lease| !mentioned.contains(lease)).collect()
    }
}
