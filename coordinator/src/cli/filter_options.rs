//! What an execution must be to become a row, as flags and as keys of a job's file.

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use dataset::{Distinct, Filters, Outcome};
use trace::Granularity;

/// Executions that these drop are counted in the report.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterOptions {
    /// Keeps executions that ended so: `returned`, `raised`, … [default: any].
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',')]
    outcomes: Vec<Outcome>,

    /// Keeps executions that have no effect on the world outside them and let none of that in.
    #[arg(long)]
    pure: bool,

    /// Keeps executions whose runs were all alike; needs --repeat 2 or more.
    #[arg(long)]
    deterministic: bool,

    /// Keeps executions of so many events at least.
    #[arg(long, value_name = "N")]
    fewest_events: Option<u64>,

    /// Keeps executions of so many events at most.
    #[arg(long, value_name = "N")]
    most_events: Option<u64>,

    /// Keeps executions that are new: in `content` (code and input) or `shape` (the way through the code) to their
    /// shard, in `coverage` (steps between lines) to their source, in `output` to a function that always gave the same.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    distinct: Vec<Distinct>,
}

/// The same, as a job's file has it.
#[derive(Debug, Default)]
pub(super) struct FilterKeys {
    pub(super) outcomes: BTreeSet<Outcome>,
    pub(super) pure: bool,
    pub(super) deterministic: bool,
    pub(super) fewest_events: Option<u64>,
    pub(super) most_events: Option<u64>,
    pub(super) distinct: BTreeSet<Distinct>,
}

impl FilterOptions {
    /// The filters of a job that traces so finely and runs each program so often. Flags win over the file.
    pub(super) fn resolve(
        &self,
        file: FilterKeys,
        granularity: Granularity,
        repeat: u32,
    ) -> anyhow::Result<Filters> {
        let filters = Filters {
            outcomes: either(&self.outcomes, file.outcomes),
            pure: self.pure || file.pure,
            deterministic: self.deterministic || file.deterministic,
            fewest_events: self.fewest_events.or(file.fewest_events),
            most_events: self.most_events.or(file.most_events),
            distinct: either(&self.distinct, file.distinct),
        };
        if filters.deterministic && repeat < 2 {
            bail!("`deterministic` compares runs: say `repeat` 2 or more");
        }
        let has_lines = matches!(granularity, Granularity::Line | Granularity::Instruction);
        if !has_lines && filters.wants(Distinct::Coverage) {
            bail!("`distinct` in coverage looks at lines, which {} does not trace", granularity.name());
        }
        if granularity == Granularity::Program && filters.wants(Distinct::Shape) {
            bail!("`distinct` in shape looks at calls and lines, which program does not trace");
        }
        if let (Some(fewest), Some(most)) = (filters.fewest_events, filters.most_events)
            && fewest > most
        {
            bail!("`fewest-events` must not be more than `most-events`");
        }
        Ok(filters)
    }
}

/// What was given as flags, else what the file says.
fn either<T: Copy + Ord>(given: &[T], of_file: BTreeSet<T>) -> BTreeSet<T> {
    if given.is_empty() { of_file } else { given.iter().copied().collect() }
}
