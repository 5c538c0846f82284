//! Numbers that look random and are the same in every run.

/// A stream of numbers that an execution and a seed decide: SplitMix64, begun from a hash of both, so that
/// neither the order of executions nor how they are spread over processes matters.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// `purpose` keeps two styles from drawing alike.
    pub(crate) fn new(seed: u64, id: &str, purpose: &str) -> Random {
        // FNV-1a: its weak avalanche does not matter, since SplitMix64 stirs what it begins from.
        let mut state = 0xcbf2_9ce4_8422_2325 ^ seed;
        for byte in id.bytes().chain([0xff]).chain(purpose.bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Random { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `below - 1`. Multiplying instead of dividing leaves a bias of at most
    /// `below / 2^64`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        assert!(below > 0, "there is no number below zero");
        ((u128::from(self.next()) * below as u128) >> 64) as usize
    }

    /// A number from 0 up to but not including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_id_and_purpose_each_decide_the_stream() {
        let first = |seed, id, purpose| Random::new(seed, id, purpose).next();
        assert_eq!(first(1, "a", "qa"), first(1, "a", "qa"));
        assert_ne!(first(1, "a", "qa"), first(2, "a", "qa"));
        assert_ne!(first(1, "a", "qa"), first(1, "b", "qa"));
        assert_ne!(first(1, "a", "qa"), first(1, "a", "cwm"));
        assert_ne!(first(1, "ab", "c"), first(1, "a", "bc"));
    }

    #[test]
    fn every_number_below_comes_about_equally_often() {
        let mut random = Random::new(7, "id", "test");
        let mut counts = [0; 6];
        for _ in 0..6000 {
            counts[random.below(6)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
