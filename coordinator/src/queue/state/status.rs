//! What can be said of a job.

use dataset::Tally;

use super::ending::explain;
use super::limits::MAX_TOLD;
use super::{Finished, IntervalSet, Queue, Rules, State};

/// Whether a job hands out shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Running,
    /// Nothing is handed out; what runs goes on.
    Paused,
    /// The same, and for good.
    Draining,
    /// Nothing is handed out and what runs is dropped. There is no way back.
    Cancelled,
}

/// A job at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    pub mode: Mode,
    /// Of the plan as far as it has been offered, and whether that is all of it.
    pub shards_planned: u64,
    pub sources_planned: u64,
    pub all_planned: bool,
    /// Published shards, and the sources that the plan said they hold. Of a shard that was done before the planner
    /// came to it, the sources count once it does.
    pub shards_done: u64,
    pub sources_done: u64,
    /// Leased now.
    pub shards_running: u64,
    /// Could be leased now, were the job running.
    pub shards_ready: u64,
    pub shards_set_aside: u64,
    /// What was published since the queue began.
    pub tally: Tally,
    pub leases: Counts,
    /// Every shard of the plan is published.
    pub is_complete: bool,
    /// Nobody is at work and nothing will be handed out any more.
    pub is_at_rest: bool,
    /// Why it makes no sense to go on: shard after shard fails and none succeeds.
    pub hopeless: Option<String>,
}

/// Why leases ended without a part, each kind for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing was heard of the worker for too long.
    pub expired: u64,
    /// The worker is known to be gone.
    pub lost: u64,
    /// The worker had to go and gave it back.
    pub released: u64,
    /// The worker had not begun and has no slot for it any more, or the job is to stop.
    pub withdrawn: u64,
    /// The worker could not do its part, or the part could not be published.
    pub failed: u64,
    /// Leases taken over from a coordinator before this one.
    pub adopted: u64,
    /// Second copies of slow shards.
    pub speculated: u64,
    /// Those of them that came first.
    pub speculated_first: u64,
}

/// What a scheduler needs to know to choose among jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Shards that could start now. A job that has none may still give second copies of what it has leased.
    pub ready: u64,
    /// Shards that are leased.
    pub leased: u64,
}

/// A shard with which something went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedShard {
    pub shard: u64,
    pub failures: u32,
    pub losses: u32,
    /// The last reason.
    pub reason: String,
    /// It is not tried any more: its sources are missing from the dataset.
    pub set_aside: bool,
    /// Positions of its sources that are not run any more, in order.
    pub sources: Vec<u64>,
}

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leases whose workers have not been heard of for too long.
    pub expired: u64,
    /// Committed shards whose publication is now the caller's to finish: whoever began it seems to be gone.
    pub abandoned: Vec<Finished>,
}

impl Queue {
    pub fn status(&self) -> Status {
        Status {
            mode: self.mode,
            shards_planned: self.offered.len(),
            sources_planned: self.sources_planned,
            all_planned: self.all_offered,
            shards_done: self.done.len(),
            sources_done: self.sources_done,
            shards_running: self.depth().leased,
            shards_ready: self.ready.len() as u64,
            shards_set_aside: self.set_aside.len(),
            tally: self.tally.clone(),
            leases: self.counts,
            is_complete: self.is_complete(),
            is_at_rest: self.is_at_rest(),
            hopeless: self.hopeless().map(str::to_owned),
        }
    }

    /// How much there is to do.
    pub fn depth(&self) -> Depth {
        let ready = if self.mode == Mode::Running { self.ready.len() } else { 0 };
        let leased = self.open.values().filter(|open| !open.copies().is_empty()).count();
        Depth { ready: ready as u64, leased: leased as u64 }
    }

    /// The first thousand shards with which something went wrong, in order.
    pub fn failures(&self) -> Vec<FailedShard> {
        let troubled = self.open.iter().filter(|(_, open)| open.trouble.is_any());
        let open = troubled.map(|(&shard, open)| explain(shard, &open.trouble, false));
        let mut failures: Vec<FailedShard> = open.chain(self.explained.values().cloned()).collect();
        failures.sort_by_key(|failed| failed.shard);
        failures.truncate(MAX_TOLD);
        failures
    }

    /// Nobody is at work and nothing will be handed out any more.
    pub fn is_at_rest(&self) -> bool {
        match self.mode {
            Mode::Running | Mode::Paused => self.all_offered && self.open.is_empty(),
            Mode::Draining | Mode::Cancelled => {
                self.open.values().all(|open| matches!(open.state, State::Pending))
            }
        }
    }

    /// Every shard of the plan is published.
    pub fn is_complete(&self) -> bool {
        self.all_offered && self.open.is_empty() && self.set_aside.is_empty()
    }

    /// Why it makes no sense to go on: shard after shard fails and none succeeds.
    pub fn hopeless(&self) -> Option<&str> {
        let (count, reason) = &self.fruitless;
        (*count >= self.rules.max_fruitless).then_some(reason)
    }

    /// Whether a worker runs the shard, or its part is being published.
    pub fn is_at_work(&self, shard: u64) -> bool {
        self.open.get(&shard).is_some_and(|open| !matches!(open.state, State::Pending))
    }

    /// Shards whose part is published.
    pub fn done(&self) -> &IntervalSet {
        &self.done
    }

    pub fn rules(&self) -> Rules {
        self.rules
    }
}
