//! Scripts: their texts, put together once, and calls of them.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use dataset::Tally;
use redis::{Cmd, Script, cmd};
use serde::Serialize;

use crate::queue::Rules;
use crate::queue::state::limits;

/// The code of the error by which a script says that Redis has no such queue.
pub(super) const UNKNOWN_JOB: &str = "UNKNOWNJOB";

/// Every script there is.
pub(super) struct Scripts {
    pub(super) begin: Text,
    pub(super) wants_shards: Text,
    pub(super) offer: Text,
    pub(super) all_offered: Text,
    pub(super) reconcile: Text,
    pub(super) published: Text,
    pub(super) unpublished: Text,
    pub(super) worker_lost: Text,
    pub(super) sweep: Text,
    pub(super) change: Text,
    pub(super) status: Text,
    pub(super) failures: Text,
    pub(super) depth: Text,
    pub(super) forget: Text,
    pub(super) registry_put: Text,
    pub(super) registry_get: Text,
    pub(super) registry_list: Text,
    pub(super) registry_set_state: Text,
    pub(super) claim: Text,
    pub(super) release: Text,
}

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let limits = limits_in_lua();
    let queue = [limits.as_str(), include_str!("lua/queue.lua")].concat();
    let known = [queue.as_str(), include_str!("lua/known.lua")].concat();
    let of_job = |text: &str| Text::new([known.as_str(), text].concat());
    let alone = |text: &str| Text::new(text.to_owned());
    Scripts {
        begin: Text::new([queue.as_str(), include_str!("lua/begin.lua")].concat()),
        wants_shards: of_job(include_str!("lua/wants_shards.lua")),
        offer: of_job(include_str!("lua/offer.lua")),
        all_offered: of_job(include_str!("lua/all_offered.lua")),
        reconcile: of_job(include_str!("lua/reconcile.lua")),
        published: of_job(include_str!("lua/published.lua")),
        unpublished: of_job(include_str!("lua/unpublished.lua")),
        worker_lost: of_job(include_str!("lua/worker_lost.lua")),
        sweep: of_job(include_str!("lua/sweep.lua")),
        change: of_job(include_str!("lua/change.lua")),
        status: of_job(include_str!("lua/status.lua")),
        failures: of_job(include_str!("lua/failures.lua")),
        depth: of_job(include_str!("lua/depth.lua")),
        forget: Text::new([queue.as_str(), include_str!("lua/forget.lua")].concat()),
        registry_put: alone(include_str!("lua/registry_put.lua")),
        registry_get: alone(include_str!("lua/registry_get.lua")),
        registry_list: alone(include_str!("lua/registry_list.lua")),
        registry_set_state: alone(include_str!("lua/registry_set_state.lua")),
        claim: alone(include_str!("lua/claim.lua")),
        release: alone(include_str!("lua/release.lua")),
    }
});

/// What the scripts bound as the state machine does, from where it does.
fn limits_in_lua() -> String {
    let mut lua = String::new();
    for (name, limit) in [
        ("MAX_SHARDS", limits::MAX_SHARDS),
        ("MAX_TOKEN", limits::MAX_TOKEN),
        ("LATELY", limits::LATELY as u64),
        ("ENOUGH", limits::ENOUGH as u64),
        ("CONSIDERED", limits::CONSIDERED as u64),
        ("MAX_SWEPT", limits::MAX_SWEPT as u64),
        ("MAX_EXPLAINED", limits::MAX_EXPLAINED as u64),
        ("MAX_TOLD", limits::MAX_TOLD as u64),
        ("MAX_REASONS", Tally::MAX_REASONS as u64),
        ("MAX_REASONS_IN_ALL", Tally::MAX_REASONS_IN_ALL as u64),
    ] {
        writeln!(lua, "local {name} = {limit}").expect("memory takes all");
    }
    for (name, text) in [
        ("OTHER_REASONS", Tally::OTHER_REASONS),
        ("MISSING_MODULE", Tally::MISSING_MODULE),
        ("LOST", limits::LOST),
    ] {
        writeln!(lua, "local {name} = {text:?}").expect("memory takes all");
    }
    lua
}

/// A script and its hash.
pub(super) struct Text {
    text: String,
    hash: String,
}

impl Text {
    fn new(text: String) -> Text {
        let hash = Script::new(&text).get_hash().to_owned();
        Text { text, hash }
    }

    /// A call that names one key.
    pub(super) fn call(&'static self, key: &str) -> Call {
        Call { script: self, key: key.to_owned(), arguments: Vec::new() }
    }
}

/// A script with its arguments, all of which are texts of bytes: numbers are written out, so that none passes through
/// a double that cannot hold it.
pub(super) struct Call {
    script: &'static Text,
    key: String,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn number(self, number: impl Into<u64>) -> Call {
        self.text(number.into().to_string())
    }

    pub(super) fn count(self, count: usize) -> Call {
        self.text(count.to_string())
    }

    /// A number, or nothing.
    pub(super) fn optional(self, number: Option<u64>) -> Call {
        self.text(number.map_or(String::new(), |number| number.to_string()))
    }

    pub(super) fn text(mut self, text: impl Into<Vec<u8>>) -> Call {
        self.arguments.push(text.into());
        self
    }

    pub(super) fn json(self, value: &impl Serialize) -> Call {
        self.text(serde_json::to_vec(value).expect("texts and numbers are JSON"))
    }

    /// Adds something for each item.
    pub(super) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        add: impl FnMut(Call, T) -> Call,
    ) -> Call {
        items.into_iter().fold(self, add)
    }

    /// What stands before the arguments of every script of a job.
    pub(super) fn head(self, rules: &Rules, now: Duration) -> Call {
        let micros = |duration: Duration| duration.as_micros() as u64;
        self.number(micros(now))
            .number(micros(rules.lease))
            .number(micros(rules.publication))
            .number(rules.max_failures)
            .number(rules.max_losses)
            .number(rules.careful_after)
            .count(rules.max_sources_aside)
            .count(rules.max_open)
            .number(rules.slow_factor)
            .number(micros(rules.slow_at_least))
    }

    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", &self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(1).arg(&self.key).arg(&self.arguments);
        command
    }
}
