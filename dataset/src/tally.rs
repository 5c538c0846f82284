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
    /// What begins the reasons that a module was missing. These are still kept where others are not, because they say
    /// what to install.
    pub const MISSING_MODULE: &str = "ModuleNotFoundError: ";
    /// The distinct reasons kept, those of missing modules included.
    pub const MAX_REASONS_IN_ALL: usize = 512;
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

    /// The `most` modules that the most sources lack, by the names of their packages.
    pub fn missing_modules(&self, most: usize) -> Vec<(&str, u64)> {
        let mut modules: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, &count) in &self.reasons {
            if let Some(package) = missing_package(reason) {
                *modules.entry(package).or_default() += count;
            }
        }
        let mut modules: Vec<_> = modules.into_iter().collect();
        modules.sort_by_key(|&(module, count)| (std::cmp::Reverse(count), module));
        modules.truncate(most);
        modules
    }

    fn count_reason(&mut self, reason: &str, count: u64) {
        let most = match reason.starts_with(Self::MISSING_MODULE) {
            true => Self::MAX_REASONS_IN_ALL,
            false => Self::MAX_REASONS,
        };
        let full = self.reasons.len() >= most && !self.reasons.contains_key(reason);
        let reason = if full { Self::OTHER_REASONS } else { reason };
        *self.reasons.entry(reason.to_owned()).or_default() += count;
    }
}

/// The outermost package of a module that was missing.
fn missing_package(reason: &str) -> Option<&str> {
    let (_, module) = reason.strip_prefix(Tally::MISSING_MODULE)?.split_once('\'')?;
    module.split(['.', '\'']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_modules_are_ranked_however_many_other_reasons_there_are() {
        let mut tally = Tally::default();
        for number in 0..Tally::MAX_REASONS {
            tally.count(Outcome::Raised, Some(&format!("ValueError: {number}")), 0);
        }
        tally.count(Outcome::Raised, Some("ValueError: one more"), 0);
        for module in ["yaml", "torch.nn", "torch", "yaml", "torch"] {
            let reason = format!("ModuleNotFoundError: No module named '{module}'");
            tally.count(Outcome::Raised, Some(&reason), 0);
        }
        assert_eq!(tally.missing_modules(9), [("torch", 3), ("yaml", 2)]);
        assert_eq!(tally.missing_modules(1), [("torch", 3)]);
        assert_eq!(tally.reasons[Tally::OTHER_REASONS], 1);
    }
}
