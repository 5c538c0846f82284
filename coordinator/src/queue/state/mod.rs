//! Decides which worker may run which shard, until every shard is published. No clock, no I/O.
//!
//! ```text
//!           lease            complete            published
//! pending ─────────▶ leased ─────────▶ committed ─────────▶ done
//!    ▲                 │                   │
//!    └─────────────────┴───────────────────┘   expired, lost, withdrawn, failed; too often: set aside
//! ```
//!
//! Every lease carries a token, and tokens only grow: of all that ever held a shard, the one with the highest
//! token has the right to commit it, once. Time is what the caller says it is.
//!
//! Memory does not grow with the job: the planner offers shards only as long as the queue
//! [wants](Queue::wants_shards) them, and done ones are kept as ranges.

mod intervals;
#[cfg(test)]
mod random_tests;
mod reconcile;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dataset::Shard;

pub use intervals::IntervalSet;
pub use reconcile::{Reply, Report};

/// Names one worker process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub Arc<str>);

/// Tells the leases of one shard apart: a later one is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The right to run one shard, for as long as nobody holds a higher token for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub shard: u64,
    pub token: Token,
}

/// What bounds a job.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// A lease that is not renewed for this long is over.
    pub lease: Duration,
    /// A shard that workers report as failed this often is set aside.
    pub max_failures: u32,
    /// The same for workers that are gone before they could say anything. Machines come and go for reasons of
    /// their own, so this is larger; it is there for the shard that takes every worker down.
    pub max_losses: u32,
    /// How many shards may be open at once, beyond those that workers bring along. Each takes some hundreds of bytes;
    /// the more there are, the sooner the size of a job is known.
    pub max_open: usize,
    /// The job is hopeless once this many shards have been set aside with none published in between.
    pub max_fruitless: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            lease: Duration::from_secs(30),
            max_failures: 5,
            max_losses: 10,
            max_open: 16_384,
            max_fruitless: 3,
        }
    }
}

/// What came of a worker's word that a shard is finished or has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and is news.
    Accepted,
    /// It is known: the shard is being published.
    Repeated,
    /// The lease is not, or no longer, the one that counts: the shard is another's, or done.
    Stale,
}

/// Why leases ended without a part, each kind for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing was heard of the worker for too long.
    pub expired: u64,
    /// The worker is known to be gone.
    pub lost: u64,
    /// The worker had not begun and has no slot for it any more, or the job is to stop.
    pub withdrawn: u64,
    /// The worker could not do its part, or the part could not be published.
    pub failed: u64,
    /// Leases taken over from a coordinator before this one.
    pub adopted: u64,
}

/// A shard that failed too often. Its sources are missing from the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub shard: u64,
    pub reason: String,
}

/// How many set-aside shards are kept with their reasons; further ones are only counted.
const MAX_EXPLAINED: usize = 100;

/// The state of one job.
#[derive(Debug)]
pub struct Queue {
    rules: Rules,
    next_token: Token,
    /// Every shard that is known and not done. The planner offered it, or a worker brought it along.
    open: BTreeMap<u64, Open>,
    /// Offered pending shards, in the order in which they are handed out: those that have failed come after fresh
    /// ones, so that they cannot starve them, and before the planner is asked for more, so that they come at all.
    ready: BTreeSet<(u32, u64)>,
    done: IntervalSet,
    set_aside: IntervalSet,
    explained: Vec<SetAside>,
    /// Why the shards were set aside since one was last published.
    fruitless: Vec<String>,
    all_offered: bool,
    draining: bool,
    counts: Counts,
}

/// A shard that is known and not done.
#[derive(Debug)]
struct Open {
    /// What to run. The planner says so; until then, only a worker has named the shard.
    shard: Option<Shard>,
    failures: u32,
    losses: u32,
    /// The highest ever given out for this shard.
    token: Token,
    state: State,
}

#[derive(Debug)]
enum State {
    Pending,
    Leased { worker: WorkerId, deadline: Duration },
    Committed,
}

/// How a lease that somebody mentions stands.
enum Standing {
    Held,
    Committed,
    Stale,
}

impl Queue {
    /// A queue for a job of which the shards in `done` are already published. `first_token` must be above every
    /// token that an earlier queue gave out for the same job.
    pub fn new(rules: Rules, first_token: Token, done: IntervalSet) -> Queue {
        Queue {
            rules,
            next_token: first_token,
            open: BTreeMap::new(),
            ready: BTreeSet::new(),
            done,
            set_aside: IntervalSet::new(),
            explained: Vec::new(),
            fruitless: Vec::new(),
            all_offered: false,
            draining: false,
            counts: Counts::default(),
        }
    }

    /// Whether [`offer`](Queue::offer) should be called now.
    pub fn wants_shards(&self) -> bool {
        !self.all_offered && !self.draining && self.open.len() < self.rules.max_open
    }

    /// Makes a shard of the plan known. False if it is done already.
    pub fn offer(&mut self, shard: Shard) -> bool {
        let ordinal = shard.ordinal;
        if self.done.contains(ordinal) || self.set_aside.contains(ordinal) {
            return false;
        }
        let open = self.open.entry(ordinal).or_insert_with(Open::unknown);
        open.shard = Some(shard);
        if let State::Pending = open.state {
            self.ready.insert((open.failures, ordinal));
        }
        true
    }

    /// The planner has offered all that there is.
    pub fn all_offered(&mut self) {
        self.all_offered = true;
        self.open.retain(|_, open| open.shard.is_some());
    }

    /// Gives up to `most` shards to a worker.
    pub fn lease(&mut self, worker: &WorkerId, most: usize, now: Duration) -> Vec<Lease> {
        let mut leases = Vec::new();
        while leases.len() < most && !self.draining {
            let Some((_, shard)) = self.ready.pop_first() else { break };
            let open = self.open.get_mut(&shard).expect("ready shards are open");
            open.token = self.next_token;
            open.state = State::Leased { worker: worker.clone(), deadline: now + self.rules.lease };
            self.next_token = self.next_token.next();
            leases.push(Lease { shard, token: open.token });
        }
        leases
    }

    /// The worker still works on the shard. False if it should stop.
    pub fn renew(&mut self, worker: &WorkerId, lease: Lease, now: Duration) -> bool {
        !matches!(self.standing(worker, lease, now), Standing::Stale)
    }

    /// The worker has written the shard's part. If accepted, the caller publishes it and then says
    /// [`published`](Queue::published) or [`unpublished`](Queue::unpublished).
    pub fn complete(&mut self, worker: &WorkerId, lease: Lease, now: Duration) -> Verdict {
        match self.standing(worker, lease, now) {
            Standing::Held => {
                self.open_mut(lease.shard).state = State::Committed;
                Verdict::Accepted
            }
            Standing::Committed => Verdict::Repeated,
            Standing::Stale => Verdict::Stale,
        }
    }

    /// The worker could not do its part.
    pub fn fail(&mut self, worker: &WorkerId, lease: Lease, reason: &str, now: Duration) -> Verdict {
        match self.standing(worker, lease, now) {
            Standing::Held => {
                self.failed(lease.shard, reason);
                Verdict::Accepted
            }
            Standing::Committed => Verdict::Repeated,
            Standing::Stale => Verdict::Stale,
        }
    }

    /// The part of a committed shard stands where readers look.
    ///
    /// # Panics
    /// If the shard is not committed.
    pub fn published(&mut self, shard: u64) {
        let open = self.open.remove(&shard);
        assert!(matches!(open, Some(Open { state: State::Committed, .. })), "shard {shard} is not committed");
        self.done.insert(shard);
        self.fruitless.clear();
    }

    /// The part of a committed shard could not be published: the shard runs again.
    ///
    /// # Panics
    /// If the shard is not committed.
    pub fn unpublished(&mut self, shard: u64, reason: &str) {
        let committed = matches!(self.open.get(&shard), Some(Open { state: State::Committed, .. }));
        assert!(committed, "shard {shard} is not committed");
        self.failed(shard, reason);
    }

    /// The worker is gone: its shards are free at once.
    pub fn worker_lost(&mut self, worker: &WorkerId) {
        let lost = self.leases_of(worker);
        self.counts.lost += lost.len() as u64;
        for lease in lost {
            self.lost(lease.shard);
        }
    }

    /// Frees the shards whose workers have not been heard of for too long.
    pub fn sweep(&mut self, now: Duration) {
        let expired: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| matches!(open.state, State::Leased { deadline, .. } if deadline <= now))
            .map(|(&shard, _)| shard)
            .collect();
        self.counts.expired += expired.len() as u64;
        for shard in expired {
            self.lost(shard);
        }
    }

    /// From now on nothing is handed out, and the queue [rests](Queue::is_at_rest) once what runs is finished.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Nobody is at work and nothing will be handed out any more.
    pub fn is_at_rest(&self) -> bool {
        match self.draining {
            true => self.open.values().all(|open| matches!(open.state, State::Pending)),
            false => self.all_offered && self.open.is_empty(),
        }
    }

    /// Every shard of the plan is published.
    pub fn is_complete(&self) -> bool {
        self.all_offered && self.open.is_empty() && self.set_aside.is_empty()
    }

    /// Why it makes no sense to go on: shard after shard fails and none succeeds.
    pub fn hopeless(&self) -> Option<&str> {
        let last = self.fruitless.last().map(String::as_str);
        last.filter(|_| self.fruitless.len() >= self.rules.max_fruitless)
    }

    /// What a leased shard is; `None` if it was adopted before the planner came to it.
    pub fn shard(&self, lease: Lease) -> Option<&Shard> {
        self.open.get(&lease.shard).filter(|open| open.token == lease.token)?.shard.as_ref()
    }

    /// Whether a worker runs the shard, or its part is being published.
    pub fn is_at_work(&self, shard: u64) -> bool {
        self.open.get(&shard).is_some_and(|open| !matches!(open.state, State::Pending))
    }

    /// Shards whose part is published.
    pub fn done(&self) -> &IntervalSet {
        &self.done
    }

    /// How many shards have failed too often.
    pub fn set_aside(&self) -> u64 {
        self.set_aside.len()
    }

    /// The first of them, with their reasons.
    pub fn explained(&self) -> &[SetAside] {
        &self.explained
    }

    pub fn rules(&self) -> Rules {
        self.rules
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes back a lease on which the worker has not begun.
    fn withdraw(&mut self, lease: Lease) {
        self.counts.withdrawn += 1;
        self.back_to_pending(lease.shard);
    }

    /// What a worker holds, as far as the queue knows.
    fn leases_of(&self, worker: &WorkerId) -> Vec<Lease> {
        let holds =
            |open: &Open| matches!(&open.state, State::Leased { worker: holder, .. } if holder == worker);
        self.open
            .iter()
            .filter(|(_, open)| holds(open))
            .map(|(&shard, open)| Lease { shard, token: open.token })
            .collect()
    }

    /// How a lease stands that `worker` claims to hold. One that holds is good for another while. So is one that
    /// nobody has taken since: its worker was late, or knows it from a coordinator that is no more.
    fn standing(&mut self, worker: &WorkerId, lease: Lease, now: Duration) -> Standing {
        let over = self.done.contains(lease.shard) || self.set_aside.contains(lease.shard);
        let unknown = !self.open.contains_key(&lease.shard);
        if over || (unknown && self.all_offered) {
            return Standing::Stale;
        }
        let open = self.open.entry(lease.shard).or_insert_with(Open::unknown);
        let right = match &open.state {
            State::Pending => lease.token >= open.token,
            State::Leased { worker: holder, .. } => lease.token == open.token && holder == worker,
            State::Committed if lease.token == open.token => return Standing::Committed,
            State::Committed => false,
        };
        if !right {
            return Standing::Stale;
        }
        if let State::Pending = open.state {
            self.counts.adopted += 1;
            self.ready.remove(&(open.failures, lease.shard));
            self.next_token = self.next_token.max(lease.token.next());
            open.token = lease.token;
        }
        open.state = State::Leased { worker: worker.clone(), deadline: now + self.rules.lease };
        Standing::Held
    }

    fn failed(&mut self, shard: u64, reason: &str) {
        self.counts.failed += 1;
        let max_failures = self.rules.max_failures;
        let beyond = self.next_token;
        self.next_token = beyond.next();
        let open = self.open_mut(shard);
        open.failures += 1;
        // The same report may come again, and must not count again.
        open.token = beyond;
        if open.failures >= max_failures {
            self.put_aside(shard, reason.to_owned());
        } else {
            self.back_to_pending(shard);
        }
    }

    fn lost(&mut self, shard: u64) {
        let max_losses = self.rules.max_losses;
        let open = self.open_mut(shard);
        open.losses += 1;
        if open.losses >= max_losses {
            self.put_aside(shard, format!("its worker was lost {max_losses} times"));
        } else {
            self.back_to_pending(shard);
        }
    }

    fn back_to_pending(&mut self, shard: u64) {
        let open = self.open_mut(shard);
        open.state = State::Pending;
        let (is_offered, failures) = (open.shard.is_some(), open.failures);
        if is_offered {
            self.ready.insert((failures, shard));
        }
    }

    fn put_aside(&mut self, shard: u64, reason: String) {
        self.open.remove(&shard);
        self.set_aside.insert(shard);
        if self.explained.len() < MAX_EXPLAINED {
            self.explained.push(SetAside { shard, reason: reason.clone() });
        }
        self.fruitless.push(reason);
    }

    fn open_mut(&mut self, shard: u64) -> &mut Open {
        self.open.get_mut(&shard).expect("the shard is open")
    }
}

impl Open {
    fn unknown() -> Open {
        Open { shard: None, failures: 0, losses: 0, token: Token(0), state: State::Pending }
    }
}

impl Token {
    fn next(self) -> Token {
        Token(self.0 + 1)
    }
}

impl WorkerId {
    pub fn new(name: &str) -> WorkerId {
        WorkerId(name.into())
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
