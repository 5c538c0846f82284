//! Numbers that look random and follow from a seed.

/// SplitMix64: small, fast, and the same everywhere and for ever, which a library's generator need not be.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Every distinct list of words gives another sequence.
    pub(crate) fn new(seed: u64, words: &[&str]) -> Random {
        // FNV-1a, with a byte between words that no text holds.
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let bytes = words.iter().flat_map(|word| word.bytes().chain([0xff]));
        Random(
            bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(PRIME)
            }),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low.saturating_add((self.next() % (high.abs_diff(low).saturating_add(1))) as i64)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    /// One of them; `None` where there are none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }

    /// An index, the likelier the greater its weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut left = (self.next() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            last = index;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_words_give_the_same_numbers_for_ever() {
        let mut random = Random::new(7, &["a.py", "f"]);
        let numbers = [random.below(1000), random.below(1000), random.below(1000)];
        let mut again = Random::new(7, &["a.py", "f"]);
        assert_eq!(numbers, [again.below(1000), again.below(1000), again.below(1000)]);
        let mut other = Random::new(7, &["a.p", "yf"]);
        assert_ne!(numbers, [other.below(1000), other.below(1000), other.below(1000)]);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(0, &[]);
        for _ in 0..1000 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
            assert!(random.weighted([0.0, 1.0, 2.0].into_iter()) > 0);
        }
        assert_eq!(random.pick::<u8>(&[]), None);
        assert_eq!(random.between(i64::MAX, i64::MAX), i64::MAX);
    }
}
