//! A rendering that several machines do together, each its share, with nothing between them but the store.

use std::str::FromStr;
use std::thread;
use std::time::Duration;

use dataset::Store;

use crate::error::Halt;
use crate::layout::MANIFEST;
use crate::progress::{Progress, Watcher};

/// How often a machine looks whether the others are done.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which of several equal shares of the work is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    number: u64,
    of: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share: write 0/4 to 3/4 for four machines")]
pub struct BadShare(String);

impl Share {
    /// All of it.
    pub const WHOLE: Share = Share { number: 0, of: 1 };

    /// Whether this machine is the one that ends what all have done.
    pub(crate) fn is_first(self) -> bool {
        self.number == 0
    }

    /// Our numbers of those below `count`.
    pub(crate) fn numbers(self, count: u64) -> impl Iterator<Item = u64> + Send {
        (self.number..count.max(self.number)).step_by(self.of as usize)
    }

    /// About how much of `total` is ours, where chance deals it out.
    pub(crate) fn of(self, total: u64) -> u64 {
        total.div_ceil(self.of)
    }

    /// Waits until the others have done their numbers, which is when every key exists. What a machine comes late to
    /// look for can be gone already, because the set is complete.
    pub(crate) fn wait(
        self,
        store: &Store,
        keys: impl Iterator<Item = String>,
        progress: &Progress,
    ) -> Result<(), Halt> {
        if self == Share::WHOLE {
            return Ok(());
        }
        for key in keys {
            while !store.exists(&key)? {
                if progress.is_stopped() {
                    return Err(Halt::Stopped);
                }
                if store.exists(MANIFEST)? {
                    return Err(Halt::Overtaken);
                }
                thread::park_timeout(LOOK_EVERY);
            }
        }
        Ok(())
    }
}

impl FromStr for Share {
    type Err = BadShare;

    fn from_str(text: &str) -> Result<Share, BadShare> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (number < of).then_some(Share { number, of })
        });
        parsed.ok_or_else(|| BadShare(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_make_up_the_whole() {
        for count in 0..9 {
            let mut all: Vec<u64> = ["0/3", "1/3", "2/3"]
                .iter()
                .flat_map(|share| share.parse::<Share>().unwrap().numbers(count).collect::<Vec<_>>())
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            assert_eq!(Share::WHOLE.numbers(count).count() as u64, count);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1", "3/3", "0/0", "-1/2", "1/2/3"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
