//! A shard that is known and not done.

use std::collections::BTreeSet;
use std::time::Duration;

use dataset::Tally;

use super::{Piece, Token, WorkerId};

#[derive(Debug, Clone)]
pub(super) struct Open {
    /// What to run. The planner says so; until then, only a worker has named the shard.
    pub(super) shard: Option<Piece>,
    /// The highest ever given out for this shard, or above it, where that one is void.
    pub(super) token: Token,
    pub(super) state: State,
    pub(super) trouble: Trouble,
}

#[derive(Debug, Clone)]
pub(super) enum State {
    Pending,
    /// One copy, or two while it is slow.
    Leased(Vec<Copy>),
    Committed(Committed),
}

/// One worker's lease.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) token: Token,
    pub(super) worker: WorkerId,
    pub(super) since: Duration,
    pub(super) deadline: Duration,
    pub(super) careful: bool,
    /// Where a careful worker said that it is.
    pub(super) position: Option<u64>,
    /// It was given while another one had the shard.
    pub(super) is_second: bool,
}

/// The one attempt that will become the part.
#[derive(Debug, Clone)]
pub(super) struct Committed {
    pub(super) token: Token,
    pub(super) attempt: String,
    pub(super) tally: Tally,
    pub(super) deadline: Duration,
}

/// What went wrong with a shard since a source of it was last set aside.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    pub(super) failures: u32,
    pub(super) losses: u32,
    /// The last reason.
    pub(super) reason: String,
    /// Positions of the sources that were blamed once.
    pub(super) blamed: BTreeSet<u64>,
    /// Positions of those that were blamed twice, and are not run any more.
    pub(super) set_aside: BTreeSet<u64>,
}

impl Open {
    pub(super) fn unknown() -> Open {
        Open { shard: None, token: Token(0), state: State::Pending, trouble: Trouble::default() }
    }

    /// A source that can be blamed. A worker that has finished the last one stands behind it.
    pub(super) fn source_at(&self, position: Option<u64>) -> Option<u64> {
        let is_there = |position: &u64| self.shard.as_ref().is_none_or(|shard| *position < shard.sources);
        position.filter(is_there)
    }

    pub(super) fn copies(&self) -> &[Copy] {
        match &self.state {
            State::Leased(copies) => copies,
            State::Pending | State::Committed(_) => &[],
        }
    }

    /// Ends one lease. The shard is pending if it was the last.
    pub(super) fn end(&mut self, token: Token) {
        let is_free = match &mut self.state {
            State::Pending => false,
            State::Leased(copies) => {
                copies.retain(|copy| copy.token != token);
                copies.is_empty()
            }
            State::Committed(committed) => committed.token == token,
        };
        if is_free {
            self.state = State::Pending;
        }
    }
}

impl Trouble {
    /// Blames a source. If it was blamed before, it is set aside, and what else went wrong is forgotten with it:
    /// failures and losses that lead to a source do not count against the shard.
    pub(super) fn blame(&mut self, source: u64) -> bool {
        if self.set_aside.contains(&source) || self.blamed.insert(source) {
            return false;
        }
        self.blamed.remove(&source);
        self.set_aside.insert(source);
        self.failures = 0;
        self.losses = 0;
        true
    }

    pub(super) fn is_any(&self) -> bool {
        self.failures > 0 || self.losses > 0 || !self.set_aside.is_empty()
    }
}
