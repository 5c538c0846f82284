//! How leases end: with a part, without one, and what that does to the shard.

use std::time::Duration;

use dataset::Tally;

use super::limits::{LATELY, LOST, MAX_EXPLAINED, MAX_SWEPT, plausible};
use super::open::{Open, Trouble};
use super::{
    Committed, FailedShard, Failure, Finished, Lease, Queue, Standing, State, Swept, Verdict, WorkerId,
};

impl Queue {
    /// The worker still works on the shard, and says where it is. False if it should stop.
    pub fn renew(&mut self, worker: &WorkerId, lease: Lease, position: Option<u64>, now: Duration) -> bool {
        let standing = self.standing(worker, lease, now);
        if let Standing::Held = standing
            && let State::Leased(copies) = &mut self.open_mut(lease.shard).state
            && let Some(copy) = copies.iter_mut().find(|copy| copy.token == lease.token && copy.careful)
        {
            // Reports may come out of order.
            copy.position = copy.position.max(plausible(position));
        }
        !matches!(standing, Standing::Stale)
    }

    /// The worker has written the shard's part. If accepted, the caller publishes it and then says
    /// [`published`](Queue::published) or [`unpublished`](Queue::unpublished).
    pub fn complete(&mut self, worker: &WorkerId, finished: &Finished, now: Duration) -> Verdict {
        let lease = finished.lease;
        let verdict = Verdict::of(&self.standing(worker, lease, now));
        if verdict == Verdict::Accepted {
            let deadline = now + self.rules.publication;
            let open = self.open_mut(lease.shard);
            let copy = open.copies().iter().find(|copy| copy.token == lease.token).expect("it is held");
            let (took, is_second) = (now.saturating_sub(copy.since), copy.is_second);
            open.state = State::Committed(Committed {
                token: lease.token,
                attempt: finished.attempt.clone(),
                tally: finished.tally.clone(),
                deadline,
            });
            self.counts.speculated_first += u64::from(is_second);
            self.lately.push_front(took);
            self.lately.truncate(LATELY);
        }
        verdict
    }

    /// The worker could not do its part.
    pub fn fail(&mut self, worker: &WorkerId, failure: &Failure, now: Duration) -> Verdict {
        let verdict = Verdict::of(&self.standing(worker, failure.lease, now));
        if verdict == Verdict::Accepted {
            self.failed(failure.lease, &failure.reason, plausible(failure.source));
        }
        verdict
    }

    /// The worker has to go and gives the shard back: nobody is to blame.
    pub fn release(&mut self, worker: &WorkerId, lease: Lease, now: Duration) -> Verdict {
        let verdict = Verdict::of(&self.standing(worker, lease, now));
        if verdict == Verdict::Accepted {
            self.counts.released += 1;
            self.void(lease.shard);
            self.end(lease);
        }
        verdict
    }

    /// The part of a shard stands where readers look: true if that is news. Which lease it comes from makes no
    /// difference any more.
    pub fn published(&mut self, lease: Lease, tally: &Tally) -> bool {
        let Some(open) = self.open.remove(&lease.shard) else { return false };
        self.ready.remove(&(open.trouble.failures, lease.shard));
        self.done.insert(lease.shard);
        self.sources_done += open.shard.map_or(0, |shard| shard.sources);
        self.fruitless = (0, String::new());
        self.tally.merge(tally);
        true
    }

    /// The part of a committed shard could not be published: the shard runs again.
    pub fn unpublished(&mut self, lease: Lease, reason: &str) {
        let open = self.open.get_mut(&lease.shard);
        if let Some(Open { state: State::Committed(committed), .. }) = open
            && committed.token == lease.token
        {
            self.failed(lease, reason, None);
        }
    }

    /// The worker is gone: its shards are free at once.
    pub fn worker_lost(&mut self, worker: &WorkerId) {
        for lease in self.leases_of(worker) {
            self.counts.lost += 1;
            self.lost(lease);
        }
    }

    /// Frees the shards whose workers have not been heard of for too long, and gives the caller the publications of
    /// those who seem to be gone.
    pub fn sweep(&mut self, now: Duration) -> Swept {
        let mut expired: Vec<(Duration, Lease)> = self
            .leases()
            .filter(|(_, copy)| copy.deadline <= now)
            .map(|(lease, copy)| (copy.deadline, lease))
            .collect();
        expired.sort();
        expired.truncate(MAX_SWEPT);
        let mut swept = Swept::default();
        for (_, lease) in expired {
            // The first of two copies may have been the last that its shard was given.
            if self.open.contains_key(&lease.shard) {
                swept.expired += 1;
                self.counts.expired += 1;
                self.lost(lease);
            }
        }
        swept.abandoned = self.abandoned(now);
        swept
    }

    fn abandoned(&mut self, now: Duration) -> Vec<Finished> {
        let mut overdue: Vec<(Duration, u64, &mut Committed)> = Vec::new();
        for (&shard, open) in &mut self.open {
            if let State::Committed(committed) = &mut open.state
                && committed.deadline <= now
            {
                overdue.push((committed.deadline, shard, committed));
            }
        }
        overdue.sort_by_key(|&(deadline, shard, _)| (deadline, shard));
        let mut abandoned = Vec::new();
        for (_, shard, committed) in overdue.into_iter().take(MAX_SWEPT) {
            committed.deadline = now + self.rules.publication;
            abandoned.push(Finished {
                lease: Lease { shard, token: committed.token },
                attempt: committed.attempt.clone(),
                tally: committed.tally.clone(),
            });
        }
        abandoned
    }

    /// Takes back a lease on which the worker has not begun.
    pub(super) fn withdraw(&mut self, lease: Lease) {
        self.counts.withdrawn += 1;
        self.end(lease);
    }

    fn failed(&mut self, lease: Lease, reason: &str, source: Option<u64>) {
        self.counts.failed += 1;
        self.void(lease.shard);
        let rules = self.rules;
        let open = self.open_mut(lease.shard);
        let source = open.source_at(source);
        let trouble = &mut open.trouble;
        trouble.reason = reason.to_owned();
        if !source.is_some_and(|source| trouble.blame(source)) {
            trouble.failures += 1;
        }
        let is_hopeless =
            trouble.failures >= rules.max_failures || trouble.set_aside.len() > rules.max_sources_aside;
        self.end_or_put_aside(lease, is_hopeless);
    }

    fn lost(&mut self, lease: Lease) {
        let rules = self.rules;
        let open = self.open_mut(lease.shard);
        let copy = open.copies().iter().find(|copy| copy.token == lease.token).expect("it is held");
        let position = open.source_at(copy.position);
        let trouble = &mut open.trouble;
        if !position.is_some_and(|position| trouble.blame(position)) {
            trouble.losses += 1;
        }
        trouble.reason = LOST.to_owned();
        let is_hopeless =
            trouble.losses >= rules.max_losses || trouble.set_aside.len() > rules.max_sources_aside;
        self.end_or_put_aside(lease, is_hopeless);
    }

    fn end_or_put_aside(&mut self, lease: Lease, put_aside: bool) {
        if !put_aside {
            return self.end(lease);
        }
        let open = self.open.remove(&lease.shard).expect("the shard is open");
        self.set_aside.insert(lease.shard);
        self.fruitless = (self.fruitless.0 + 1, open.trouble.reason.clone());
        if self.explained.len() < MAX_EXPLAINED {
            self.explained.insert(lease.shard, explain(lease.shard, &open.trouble, true));
        }
    }
}

/// What to tell of a shard.
pub(super) fn explain(shard: u64, trouble: &Trouble, set_aside: bool) -> FailedShard {
    FailedShard {
        shard,
        failures: trouble.failures,
        losses: trouble.losses,
        reason: trouble.reason.clone(),
        set_aside,
        sources: trouble.set_aside.iter().copied().collect(),
    }
}

impl Verdict {
    fn of(standing: &Standing) -> Verdict {
        match standing {
            Standing::Held => Verdict::Accepted,
            Standing::Committed => Verdict::Repeated,
            Standing::Stale => Verdict::Stale,
        }
    }
}
