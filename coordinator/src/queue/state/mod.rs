//! Decides which worker may run which shard, until every shard is published. No clock, no I/O.
//!
//! ```text
//!           lease            complete            published
//! pending ─────────▶ leased ─────────▶ committed ─────────▶ done
//!    ▲                 │                   │
//!    └─────────────────┴───────────────────┘   expired, lost, released, withdrawn, failed; too often: set aside
//! ```
//!
//! Every lease carries a token, and tokens only grow. A shard has one holder, or two while it is slow; the first of
//! them to [complete](Queue::complete) commits it, and every other token it ever had is stale from then on. Time is
//! what the caller says it is.
//!
//! A shard is one part, whatever happens to it. Where workers fail at one source again and again, that source is
//! [set aside](open::Trouble::blame), and the shard goes on without it.
//!
//! Memory does not grow with the job: the planner offers shards only as long as the queue
//! [wants](Queue::wants_shards) them, and done ones are kept as ranges.

mod ending;
mod handing_out;
mod intervals;
mod lease;
pub(in crate::queue) mod limits;
mod open;
mod piece;
#[cfg(test)]
mod random_tests;
mod reconcile;
mod report;
mod rules;
#[cfg(test)]
mod sim;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use dataset::Tally;

pub use intervals::IntervalSet;
pub use lease::{Lease, Token, WorkerId};
use limits::MAX_SHARDS;
use open::{Committed, Copy, Open, State};
pub use piece::Piece;
pub use report::{Failure, Finished, Reply, Report, Running, Start};
pub use rules::Rules;
pub use status::{Counts, Depth, FailedShard, Mode, Status, Swept};

/// What came of a worker's word that a shard is finished or has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and is news.
    Accepted,
    /// It is known: the shard is being published.
    Repeated,
    /// The lease is not, or no longer, one that counts: the shard is another's, or done.
    Stale,
}

/// What somebody wants of the whole job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pause,
    Resume,
    Drain,
    Cancel,
}

/// The state of one job.
#[derive(Debug, Clone)]
pub struct Queue {
    rules: Rules,
    mode: Mode,
    next_token: Token,
    /// Every shard that is known and not done. The planner offered it, or a worker brought it along.
    open: BTreeMap<u64, Open>,
    /// Offered pending shards, in the order in which they are handed out: those that have failed come after fresh
    /// ones, so that they cannot starve them, and before the planner is asked for more, so that they come at all.
    ready: BTreeSet<(u32, u64)>,
    offered: IntervalSet,
    done: IntervalSet,
    set_aside: IntervalSet,
    explained: BTreeMap<u64, FailedShard>,
    /// How many shards were set aside since one was last published, and why the last one was.
    fruitless: (u64, String),
    /// How long the shards took that were finished last.
    lately: VecDeque<Duration>,
    all_offered: bool,
    sources_planned: u64,
    sources_done: u64,
    tally: Tally,
    counts: Counts,
}

/// How a lease that somebody mentions stands.
enum Standing {
    Held,
    Committed,
    Stale,
}

impl Queue {
    /// A queue for a job of which the shards in `done` are already published.
    pub fn new(rules: Rules, done: IntervalSet) -> Queue {
        Queue {
            rules,
            mode: Mode::Running,
            next_token: Token(1),
            open: BTreeMap::new(),
            ready: BTreeSet::new(),
            offered: IntervalSet::new(),
            done,
            set_aside: IntervalSet::new(),
            explained: BTreeMap::new(),
            fruitless: (0, String::new()),
            lately: VecDeque::new(),
            all_offered: false,
            sources_planned: 0,
            sources_done: 0,
            tally: Tally::default(),
            counts: Counts::default(),
        }
    }

    /// Whether [`offer`](Queue::offer) should be called now.
    pub fn wants_shards(&self) -> bool {
        let hands_out = matches!(self.mode, Mode::Running | Mode::Paused);
        !self.all_offered && hands_out && self.open.len() < self.rules.max_open
    }

    /// Makes a shard of the plan known. False if it is done or set aside already.
    ///
    /// # Panics
    /// If the plan has more shards than any can have.
    pub fn offer(&mut self, shard: Piece) -> bool {
        let ordinal = shard.ordinal;
        assert!(ordinal < MAX_SHARDS, "no plan has a shard {ordinal}");
        let is_done = self.done.contains(ordinal);
        if self.offered.insert(ordinal) {
            self.sources_planned += shard.sources;
            if is_done {
                self.sources_done += shard.sources;
            }
        }
        if is_done || self.set_aside.contains(ordinal) {
            return false;
        }
        let open = self.open.entry(ordinal).or_insert_with(Open::unknown);
        open.shard = Some(shard);
        if let State::Pending = open.state {
            self.ready.insert((open.trouble.failures, ordinal));
        }
        true
    }

    /// The planner has offered all that there is, which is so many shards. False if not all of them are known here,
    /// because the queue has lost some since: then they are to be offered again.
    pub fn all_offered(&mut self, planned: u64) -> bool {
        if self.offered.len() < planned {
            return false;
        }
        self.all_offered = true;
        self.open.retain(|_, open| open.shard.is_some());
        true
    }

    /// Pauses the job, stops it or lets it go on. A cancelled one stays so.
    pub fn change(&mut self, change: Change) {
        if self.mode == Mode::Cancelled {
            return;
        }
        self.mode = match change {
            Change::Pause if self.mode == Mode::Running => Mode::Paused,
            Change::Pause => self.mode,
            Change::Resume => Mode::Running,
            Change::Drain => Mode::Draining,
            Change::Cancel => Mode::Cancelled,
        };
        match change {
            Change::Resume => self.fruitless = (0, String::new()),
            Change::Cancel => self.drop_leases(),
            Change::Pause | Change::Drain => {}
        }
    }

    fn drop_leases(&mut self) {
        let leases: Vec<Lease> = self.leases().map(|(lease, _)| lease).collect();
        for lease in leases {
            self.end(lease);
        }
    }

    /// How a lease stands that `worker` claims to hold. One that holds is good for another while. So is one that
    /// nobody has taken since: its worker was late, or knows it from a queue that is no more.
    fn standing(&mut self, worker: &WorkerId, lease: Lease, now: Duration) -> Standing {
        let is_over = self.done.contains(lease.shard) || self.set_aside.contains(lease.shard);
        if is_over || !lease.is_possible() {
            return Standing::Stale;
        }
        let deadline = now + self.rules.lease;
        let is_free = match self.open.get_mut(&lease.shard) {
            Some(Open { state: State::Committed(committed), .. }) if committed.token == lease.token => {
                return Standing::Committed;
            }
            Some(Open { state: State::Leased(copies), .. }) => {
                let is_this = |copy: &&mut Copy| copy.token == lease.token && copy.worker == *worker;
                if let Some(copy) = copies.iter_mut().find(is_this) {
                    copy.deadline = deadline;
                    return Standing::Held;
                }
                false
            }
            Some(Open { state: State::Pending, token, .. }) => lease.token >= *token,
            Some(_) => false,
            None => !self.all_offered,
        };
        if !is_free || self.mode == Mode::Cancelled {
            self.refuse(lease);
            return Standing::Stale;
        }
        self.counts.adopted += 1;
        self.next_token = self.next_token.max(lease.token.next());
        let open = self.open.entry(lease.shard).or_insert_with(Open::unknown);
        self.ready.remove(&(open.trouble.failures, lease.shard));
        open.token = lease.token;
        open.state = State::Leased(vec![Copy {
            token: lease.token,
            worker: worker.clone(),
            since: now,
            deadline,
            careful: false,
            position: None,
            is_second: false,
        }]);
        Standing::Held
    }

    /// What is refused once stays refused, also where an older state of the queue came back and has forgotten that it
    /// gave out so high a token.
    fn refuse(&mut self, lease: Lease) {
        let is_high = self.open.get(&lease.shard).is_some_and(|open| lease.token >= open.token);
        if is_high {
            self.next_token = self.next_token.max(lease.token.next());
            self.void(lease.shard);
        }
    }

    /// All leases, by shard and token.
    fn leases(&self) -> impl Iterator<Item = (Lease, &Copy)> {
        self.open.iter().flat_map(|(&shard, open)| {
            let mut copies: Vec<&Copy> = open.copies().iter().collect();
            copies.sort_by_key(|copy| copy.token);
            copies.into_iter().map(move |copy| (Lease { shard, token: copy.token }, copy))
        })
    }

    /// What a worker holds, as far as the queue knows.
    fn leases_of(&self, worker: &WorkerId) -> Vec<Lease> {
        self.leases().filter(|(_, copy)| copy.worker == *worker).map(|(lease, _)| lease).collect()
    }

    /// Ends a lease. The shard is free if nobody else has it.
    fn end(&mut self, lease: Lease) {
        let open = self.open_mut(lease.shard);
        open.end(lease.token);
        let is_ready = matches!(open.state, State::Pending) && open.shard.is_some();
        let key = (open.trouble.failures, lease.shard);
        if is_ready {
            self.ready.insert(key);
        }
    }

    fn open_mut(&mut self, shard: u64) -> &mut Open {
        self.open.get_mut(&shard).expect("the shard is open")
    }

    /// The same word about a shard may come again, and must not count again: no token yet given out for it is good
    /// enough to adopt any more.
    fn void(&mut self, shard: u64) {
        let beyond = self.next_token;
        self.next_token = beyond.next();
        self.open_mut(shard).token = beyond;
    }

    /// The highest token yet. Tokens are at least the microseconds of `now`, which grow faster than leases are given:
    /// so they grow even across queues that know nothing of each other.
    fn take_token(&mut self, now: Duration) -> Token {
        let token = self.next_token.max(Token(now.as_micros() as u64));
        self.next_token = token.next();
        token
    }
}
