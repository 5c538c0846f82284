//! The queue of one job in Redis: what is asked, put into the arguments of a script, and what the script answers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use dataset::Tally;
use redis::{FromRedisValue, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::link::Link;
use super::script::{Call, SCRIPTS, Text};
use crate::queue::state::limits::{MAX_SHARDS, plausible};
use crate::queue::{
    Change, Counts, Depth, FailedShard, Finished, IntervalSet, Lease, Mode, Piece, QueueError, Reply, Report,
    Rules, Start, Status, Swept, Token, WorkerId,
};

#[derive(Clone)]
pub struct RedisQueue {
    link: Arc<Link>,
    job: Arc<str>,
    rules: Rules,
}

/// More than any part holds: Redis counts up to 2^63, and a worker's word must not take a sum beyond.
const MAX_COUNT: u64 = 1 << 55;

/// What is kept of a finished shard until it is published.
#[derive(Serialize, Deserialize)]
struct Part {
    attempt: String,
    tally: Tally,
}

impl RedisQueue {
    pub(super) fn new(link: Arc<Link>, job: &str, rules: Rules) -> RedisQueue {
        RedisQueue { link, job: job.into(), rules }
    }

    pub(in crate::queue) async fn begin(&self, done: &IntervalSet) -> Result<bool, QueueError> {
        self.flag(self.call(&SCRIPTS.begin).text(bits(done)).number(done.len())).await
    }

    pub(in crate::queue) async fn wants_shards(&self) -> Result<bool, QueueError> {
        self.flag(self.call(&SCRIPTS.wants_shards)).await
    }

    pub(in crate::queue) async fn offer(&self, shards: &[Piece]) -> Result<(), QueueError> {
        let call = self.call(&SCRIPTS.offer).count(shards.len()).each(shards, |call, shard| {
            assert!(shard.ordinal < MAX_SHARDS, "no plan has a shard {}", shard.ordinal);
            call.number(shard.ordinal).number(shard.sources).json(shard)
        });
        self.run(call).await.map(drop)
    }

    pub(in crate::queue) async fn all_offered(&self, planned: u64) -> Result<bool, QueueError> {
        self.flag(self.call(&SCRIPTS.all_offered).number(planned)).await
    }

    pub(in crate::queue) async fn reconcile(
        &self,
        report: &Report,
        now: Duration,
    ) -> Result<Reply, QueueError> {
        let call = SCRIPTS.reconcile.call(&self.key()).head(&self.rules, now);
        let call = call
            .text(report.worker.0.as_bytes())
            .count(report.free_slots)
            .count(report.finished.len())
            .each(&report.finished, |call, finished| {
                let part = Part { attempt: finished.attempt.clone(), tally: finished.tally.clone() };
                call.lease(finished.lease).json(&part)
            })
            .count(report.failed.len())
            .each(&report.failed, |call, failure| {
                call.lease(failure.lease).text(failure.reason.as_str()).optional(plausible(failure.source))
            })
            .count(report.released.len())
            .each(&report.released, |call, &lease| call.lease(lease))
            .count(report.running.len())
            .each(&report.running, |call, running| {
                call.lease(running.lease).optional(plausible(Some(running.position)))
            });
        let answer: Vec<String> = self.ask(call).await?;
        self.read_reply(report, answer)
    }

    pub(in crate::queue) async fn published(&self, lease: Lease, tally: &Tally) -> Result<bool, QueueError> {
        let counts = |call: Call, counts: &BTreeMap<String, u64>| {
            call.count(counts.len())
                .each(counts, |call, (name, &count)| call.text(name.as_str()).number(count.min(MAX_COUNT)))
        };
        let call = self.call(&SCRIPTS.published).number(lease.shard);
        let totals = [tally.sources, tally.rows, tally.events, tally.bytes];
        let call = call.each(totals, |call, total| call.number(total.min(MAX_COUNT)));
        self.flag(counts(counts(counts(call, &tally.outcomes), &tally.dropped), &tally.reasons)).await
    }

    pub(in crate::queue) async fn unpublished(&self, lease: Lease, reason: &str) -> Result<(), QueueError> {
        self.run(self.call(&SCRIPTS.unpublished).lease(lease).text(reason)).await.map(drop)
    }

    pub(in crate::queue) async fn worker_lost(&self, worker: &WorkerId) -> Result<(), QueueError> {
        self.run(self.call(&SCRIPTS.worker_lost).text(worker.0.as_bytes())).await.map(drop)
    }

    pub(in crate::queue) async fn sweep(&self, now: Duration) -> Result<Swept, QueueError> {
        let answer: Vec<String> = self.ask(SCRIPTS.sweep.call(&self.key()).head(&self.rules, now)).await?;
        let mut answer = self.texts(answer);
        let mut swept = Swept { expired: answer.number()?, abandoned: Vec::new() };
        while !answer.is_over() {
            let lease = answer.lease()?;
            let Part { attempt, tally } = answer.json()?;
            swept.abandoned.push(Finished { lease, attempt, tally });
        }
        Ok(swept)
    }

    pub(in crate::queue) async fn change(&self, change: Change) -> Result<(), QueueError> {
        let change = match change {
            Change::Pause => "pause",
            Change::Resume => "resume",
            Change::Drain => "drain",
            Change::Cancel => "cancel",
        };
        self.run(self.call(&SCRIPTS.change).text(change)).await.map(drop)
    }

    pub(in crate::queue) async fn status(&self) -> Result<Status, QueueError> {
        type Table = BTreeMap<String, String>;
        type Numbers = BTreeMap<String, u64>;
        type Answer = (Table, [u64; 4], Numbers, Numbers, Numbers, Numbers);
        let (job, now, tally, outcomes, reasons, dropped): Answer =
            self.ask(self.call(&SCRIPTS.status)).await?;
        let [ready, running, committed, open] = now;
        let text = |name: &str| job.get(name).map_or("", String::as_str);
        let count = |name: &str| -> Result<u64, QueueError> {
            job.get(name).map_or(Ok(0), |count| {
                count.parse().map_err(|_| self.link.damaged(format!("{name} is {count}")))
            })
        };
        let mode = match text("mode") {
            "running" => Mode::Running,
            "paused" => Mode::Paused,
            "draining" => Mode::Draining,
            "cancelled" => Mode::Cancelled,
            other => return Err(self.link.damaged(format!("the mode `{other}`"))),
        };
        let total = |name: &str| tally.get(name).copied().unwrap_or_default();
        let all_planned = text("all_offered") == "1";
        let is_over = all_planned && open == 0;
        let shards_set_aside = count("shards_set_aside")?;
        let is_hopeless = count("fruitless")? >= self.rules.max_fruitless;
        Ok(Status {
            mode,
            shards_planned: count("shards_planned")?,
            sources_planned: count("sources_planned")?,
            all_planned,
            shards_done: count("shards_done")?,
            sources_done: count("sources_done")?,
            shards_running: running,
            shards_ready: ready,
            shards_set_aside,
            tally: Tally {
                sources: total("sources"),
                rows: total("rows"),
                events: total("events"),
                bytes: total("bytes"),
                outcomes,
                reasons,
                dropped,
            },
            leases: Counts {
                expired: count("expired")?,
                lost: count("lost")?,
                released: count("released")?,
                withdrawn: count("withdrawn")?,
                failed: count("failed")?,
                adopted: count("adopted")?,
                speculated: count("speculated")?,
                speculated_first: count("speculated_first")?,
            },
            is_complete: is_over && shards_set_aside == 0,
            is_at_rest: match mode {
                Mode::Running | Mode::Paused => is_over,
                Mode::Draining | Mode::Cancelled => running == 0 && committed == 0,
            },
            hopeless: is_hopeless.then(|| text("fruitless_reason").to_owned()),
        })
    }

    pub(in crate::queue) async fn failures(&self) -> Result<Vec<FailedShard>, QueueError> {
        let answer: Vec<String> = self.ask(self.call(&SCRIPTS.failures)).await?;
        let mut answer = self.texts(answer);
        let mut failures = Vec::new();
        while !answer.is_over() {
            failures.push(FailedShard {
                shard: answer.number()?,
                failures: answer.number()?,
                losses: answer.number()?,
                reason: answer.text()?,
                set_aside: answer.flag()?,
                sources: answer.numbers()?,
            });
        }
        Ok(failures)
    }

    pub(in crate::queue) async fn depth(&self) -> Result<Depth, QueueError> {
        let [ready, leased]: [u64; 2] = self.ask(self.call(&SCRIPTS.depth)).await?;
        Ok(Depth { ready, leased })
    }

    pub(in crate::queue) async fn forget(&self) -> Result<(), QueueError> {
        self.run(self.call(&SCRIPTS.forget)).await.map(drop)
    }

    fn read_reply(&self, report: &Report, answer: Vec<String>) -> Result<Reply, QueueError> {
        let mut answer = self.texts(answer);
        let mut reply = Reply::default();
        let verdicts = answer.text()?;
        for (finished, verdict) in report.finished.iter().zip(verdicts.bytes()) {
            match verdict {
                b'a' => reply.committed.push(finished.clone()),
                b's' => reply.acknowledged.push(finished.lease),
                _ => {}
            }
        }
        reply.acknowledged.extend(report.failed.iter().map(|failure| failure.lease));
        reply.acknowledged.extend(&report.released);
        let verdicts = answer.text()?;
        let stale = report.running.iter().zip(verdicts.bytes()).filter(|&(_, verdict)| verdict == b's');
        reply.stop.extend(stale.map(|(running, _)| running.lease));
        while !answer.is_over() {
            reply.start.push(Start {
                lease: answer.lease()?,
                shard: answer.json()?,
                careful: answer.flag()?,
                set_aside: answer.numbers()?,
            });
        }
        Ok(reply)
    }

    /// A call of a script for which it makes no difference what time it is.
    fn call(&self, script: &'static Text) -> Call {
        script.call(&self.key()).head(&self.rules, Duration::ZERO)
    }

    fn key(&self) -> String {
        format!("et:{{{}}}:job", self.job)
    }

    async fn run(&self, call: Call) -> Result<Value, QueueError> {
        self.link.call(&self.job, &call).await
    }

    async fn ask<T: FromRedisValue>(&self, call: Call) -> Result<T, QueueError> {
        let value = self.run(call).await?;
        redis::from_redis_value(value).map_err(|error| self.link.damaged(error))
    }

    async fn flag(&self, call: Call) -> Result<bool, QueueError> {
        Ok(self.ask::<u8>(call).await? == 1)
    }

    fn texts(&self, texts: Vec<String>) -> Texts<'_> {
        Texts { link: &self.link, texts: texts.into_iter() }
    }
}

impl Call {
    fn lease(self, lease: Lease) -> Call {
        self.number(lease.shard).number(lease.token.0)
    }
}

/// What a script answered, read from front to back.
struct Texts<'a> {
    link: &'a Link,
    texts: std::vec::IntoIter<String>,
}

impl Texts<'_> {
    fn is_over(&self) -> bool {
        self.texts.as_slice().is_empty()
    }

    fn text(&mut self) -> Result<String, QueueError> {
        self.texts.next().ok_or_else(|| self.link.damaged("the answer ends too early"))
    }

    fn number<T: FromStr>(&mut self) -> Result<T, QueueError> {
        let text = self.text()?;
        text.parse().map_err(|_| self.link.damaged(format!("`{text}` where a number belongs")))
    }

    fn numbers(&mut self) -> Result<Vec<u64>, QueueError> {
        let text = self.text()?;
        let numbers = text.split(',').filter(|number| !number.is_empty()).map(str::parse);
        numbers
            .collect::<Result<_, _>>()
            .map_err(|_| self.link.damaged(format!("`{text}` where numbers belong")))
    }

    fn flag(&mut self) -> Result<bool, QueueError> {
        Ok(self.text()? == "1")
    }

    fn lease(&mut self) -> Result<Lease, QueueError> {
        Ok(Lease { shard: self.number()?, token: Token(self.number()?) })
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T, QueueError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.link.damaged(error))
    }
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("job", &self.job).field("address", &self.link.address()).finish()
    }
}

/// One bit for each shard up to the last that is done, the first in the highest bit, as Redis counts them.
fn bits(done: &IntervalSet) -> Vec<u8> {
    let length = done.ranges().last().map_or(0, |(_, last)| last / 8 + 1);
    let mut bits = vec![0; length as usize];
    for shard in done.ranges().flat_map(|(first, last)| first..=last) {
        bits[(shard / 8) as usize] |= 0x80 >> (shard % 8);
    }
    bits
}
