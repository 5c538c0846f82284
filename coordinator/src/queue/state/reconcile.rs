//! One worker's report against the queue: what it says, and what should be different.
//!
//! A report describes a state, never a step, so that one may arrive twice, late or out of order and do no harm.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Lease, Mode, Queue, Reply, Report, Start, Verdict};

impl Queue {
    pub fn reconcile(&mut self, report: &Report, now: Duration) -> Reply {
        let worker = &report.worker;
        let mut reply = Reply::default();
        for finished in &report.finished {
            match self.complete(worker, finished, now) {
                Verdict::Accepted => reply.committed.push(finished.clone()),
                // It is acknowledged once it is published: until then the worker's word is all that there is.
                Verdict::Repeated => {}
                Verdict::Stale => reply.acknowledged.push(finished.lease),
            }
        }
        for failure in &report.failed {
            self.fail(worker, failure, now);
            reply.acknowledged.push(failure.lease);
        }
        for &lease in &report.released {
            self.release(worker, lease, now);
            reply.acknowledged.push(lease);
        }
        for running in &report.running {
            if !self.renew(worker, running.lease, Some(running.position), now) {
                reply.stop.push(running.lease);
            }
        }

        // A lease that the report does not mention: the reply that granted it got lost, or this report is an old one
        // that comes again. Granting it again suits both, where fresh shards for the same slots would pile up. What
        // the worker has no slot for, it will not begin.
        let free_slots = if self.mode == Mode::Running { report.free_slots } else { 0 };
        for lease in self.unmentioned(report) {
            match self.start(lease) {
                Some(start) if reply.start.len() < free_slots => {
                    self.renew(worker, lease, None, now);
                    reply.start.push(start);
                }
                _ => self.withdraw(lease),
            }
        }
        for lease in self.lease(worker, free_slots - reply.start.len(), now) {
            reply.start.push(self.start(lease).expect("only what the planner described is given out"));
        }
        reply
    }

    /// Leases of the worker that its report does not mention.
    fn unmentioned(&self, report: &Report) -> Vec<Lease> {
        let running = report.running.iter().map(|running| running.lease);
        let mentioned: BTreeSet<Lease> =
            running.chain(report.finished.iter().map(|finished| finished.lease)).collect();
        self.leases_of(&report.worker).into_iter().filter(|lease| !mentioned.contains(lease)).collect()
    }

    /// What a worker must know to start; `None` if the shard was adopted before the planner came to it.
    fn start(&self, lease: Lease) -> Option<Start> {
        let open = self.open.get(&lease.shard)?;
        let copy = open.copies().iter().find(|copy| copy.token == lease.token)?;
        Some(Start {
            lease,
            shard: open.shard.clone()?,
            set_aside: open.trouble.set_aside.iter().copied().collect(),
            careful: copy.careful,
        })
    }
}
