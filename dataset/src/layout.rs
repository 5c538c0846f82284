//! Where things lie in a dataset. `docs/format.md` gives the reasons.

use crate::hex::hex;

/// The version of everything that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

pub(crate) const JOB: &str = "_et/job.json";
pub(crate) const MANIFEST: &str = "_et/manifest.json";
pub(crate) const REPORT: &str = "_et/report.json";
pub(crate) const CARD: &str = "README.md";

pub(crate) const PARTS: &str = "data/";
pub(crate) const PLAN: &str = "_et/plan/";
const PROPOSALS: &str = "_et/proposals/";
pub(crate) const ATTEMPTS: &str = "_et/attempts/";

/// Six digits name a part, so that the order of names is the order of shards.
pub(crate) const MAX_SHARDS: u64 = 1_000_000;

/// The key of a shard's part. It exists exactly if the shard is done.
pub fn part_key(shard: u64) -> String {
    format!("{PARTS}part-{shard:06}.parquet")
}

/// Where an attempt at a shard lies until it is published. `token` is the lease's fencing token, so that no two
/// attempts share a key.
pub fn attempt_key(shard: u64, token: u64) -> String {
    format!("{ATTEMPTS}{shard:06}-{token}.parquet")
}

/// Where a model's answer to a question with this hash lies.
pub fn proposals_key(hash: &[u8]) -> String {
    format!("{PROPOSALS}{}.txt", hex(hash))
}

pub(crate) fn segment_key(segment: u64) -> String {
    format!("{PLAN}{segment:06}.jsonl")
}

/// The shard whose part lies at a key.
pub(crate) fn shard_of_part(key: &str) -> Option<u64> {
    let shard = key.strip_prefix(PARTS)?.strip_prefix("part-")?.strip_suffix(".parquet")?.parse().ok()?;
    (part_key(shard) == key).then_some(shard)
}
