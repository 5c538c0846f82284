//! Counts of rows, small enough to travel with every report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Dropped, Outcome};

/// What a set of rows says in sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub sources: u64,
    pub rows: u64,
    pub events: u64,
    /// Bytes of the finished parts.
    pub bytes: u64,
    /// Rows by the outcome's name.
    pub outcomes: BTreeMap<String, u64>,
    /// Why executions failed, for example `ModuleNotFoundError: No module named 'numpy'`.
    pub reasons: BTreeMap<String, u64>,
    /// Executions that the job's filters kept from becoming rows, by why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
}

impl Tally {
    /// A program can put anything into its messages, so the distinct reasons kept are bounded.
    pub const MAX_REASONS: usize = 256;
    /// The rest are counted together under this name.
    pub const OTHER_REASONS: &str = "(other)";

    /// Counts one row. `reason` is given for what did not run to its end.
    pub fn count(&mut self, outcome: Outcome, reason: Option<&str>, events: u64) {
        self.rows += 1;
        self.events += events;
        *self.outcomes.entry(outcome.name().to_owned()).or_default() += 1;
        if let Some(reason) = reason {
            self.count_reason(reason, 1);
        }
    }

    /// Counts one execution that did not become a row.
    pub fn count_dropped(&mut self, why: Dropped) {
        *self.dropped.entry(why.name().to_owned()).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Tally) {
        self.sources += other.sources;
        self.rows += other.rows;
        self.events += other.events;
        self.bytes += other.bytes;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        for (reason, &count) in &other.reasons {
            self.count_reason(reason, count);
        }
        for (why, count) in &other.dropped {
            *self.dropped.entry(why.clone()).or_default() += count;
        }
    }

    /// The `most` commonest reasons, commonest first.
    pub fn top_reasons(&self, most: usize) -> Vec<(&str, u64)> {
        let mut reasons: Vec<_> =
            self.reasons.iter().map(|(reason, &count)| (reason.as_str(), count)).collect();
        reasons.sort_by_key(|&(reason, count)| (std::cmp::Reverse(count), reason));
        reasons.truncate(most);
        reasons
    }

    fn count_reason(&mut self, reason: &str, count: u64) {
        let full = self.reasons.len() >= Self::MAX_REASONS && !self.reasons.contains_key(reason);
        let reason = if full { Self::OTHER_REASONS } else { reason };
        *self.reasons.entry(reason.to_owned()).or_default() += count;
    }
}
