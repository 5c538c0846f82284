//! Training or validation.

use serde::{Deserialize, Serialize};

use super::hash::join;

/// Where an example is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Validation,
}

impl Split {
    pub const ALL: [Split; 2] = [Split::Train, Split::Validation];

    /// As readers know it, and as files are named.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
        }
    }

    /// The side of everything that shares a key.
    pub(crate) fn of(key: u64, seed: u64, validation: f64) -> Split {
        let unit = (join(seed, key) >> 11) as f64 / (1_u64 << 53) as f64;
        if unit < validation { Split::Validation } else { Split::Train }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation_gets_about_its_share() {
        let share = |validation| {
            (0..10_000).filter(|&key| Split::of(key, 7, validation) == Split::Validation).count()
        };
        assert_eq!(share(0.0), 0);
        assert_eq!(share(1.0), 10_000);
        assert!((900..1100).contains(&share(0.1)), "{}", share(0.1));
    }

    #[test]
    fn another_seed_is_another_split() {
        let split = |seed| (0..64).map(|key| Split::of(key, seed, 0.5)).collect::<Vec<_>>();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }
}
