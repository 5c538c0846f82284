//! What bounds a job.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A lease that is not renewed for this long is over.
    pub lease: Duration,
    /// A committed shard whose publication is not heard of for this long is given to whoever sweeps next.
    pub publication: Duration,
    /// A shard that workers report as failed this often is set aside.
    pub max_failures: u32,
    /// The same for workers that are gone before they could say anything. Machines come and go for reasons of
    /// their own, so this is larger; it is there for the shard that takes every worker down.
    pub max_losses: u32,
    /// After so many losses, workers go carefully: they say before each source where they are.
    pub careful_after: u32,
    /// A shard of which more sources than this would have to be set aside is set aside itself: then it is not the
    /// sources.
    pub max_sources_aside: usize,
    /// How many shards may be open at once, beyond those that workers bring along. Each takes some hundreds of bytes;
    /// the more there are, the sooner the size of a job is known.
    pub max_open: usize,
    /// The job is hopeless once this many shards have been set aside with none published in between.
    pub max_fruitless: u64,
    /// A shard is slow once it has run for so many times the median of those finished lately,
    pub slow_factor: u32,
    /// and at least for this long: below it, a second copy costs more than it could save.
    pub slow_at_least: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            lease: Duration::from_secs(30),
            publication: Duration::from_secs(60),
            max_failures: 5,
            max_losses: 10,
            careful_after: 2,
            max_sources_aside: 32,
            max_open: 16_384,
            max_fruitless: 3,
            slow_factor: 3,
            slow_at_least: Duration::from_secs(20),
        }
    }
}
