//! Counts, so that nothing disappears without a reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limit::Fitted;

/// What became of executions. `executions` = `rendered` + all that is `left_out`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub executions: u64,
    /// Executions that gave at least one example.
    pub rendered: u64,
    /// Executions that gave none, by why.
    pub left_out: BTreeMap<String, u64>,
    /// Of those rendered, the ones told with fewer calls stepped into than were traced.
    pub shrunk: u64,
    pub examples: u64,
    /// Of those, pieces of examples that were too long.
    pub windows: u64,
    /// Examples that were dropped because they were too long.
    pub too_long: u64,
}

impl Tally {
    /// The reason for an execution of which no example fits.
    const TOO_LONG: &str = "too_long";

    /// Counts an execution that was told.
    pub(crate) fn count(&mut self, fitted: &Fitted) {
        self.too_long += fitted.too_long;
        if fitted.examples.is_empty() {
            return self.leave_out(Self::TOO_LONG);
        }
        self.executions += 1;
        self.rendered += 1;
        self.examples += fitted.examples.len() as u64;
        self.windows += fitted.windows;
        self.shrunk += u64::from(fitted.shrunk);
    }

    pub(crate) fn leave_out(&mut self, why: &str) {
        self.executions += 1;
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Tally) {
        let Tally { executions, rendered, left_out, shrunk, examples, windows, too_long } = other;
        self.executions += executions;
        self.rendered += rendered;
        self.shrunk += shrunk;
        self.examples += examples;
        self.windows += windows;
        self.too_long += too_long;
        for (why, count) in left_out {
            *self.left_out.entry(why.clone()).or_default() += count;
        }
    }
}
