//! A hash whose values are part of what is published: the same on every machine and in every release.

/// The 64-bit FNV-1a hash of some bytes, mixed so that every bit depends on every other.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    mix(bytes.iter().fold(OFFSET, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

/// The finalizer of SplitMix64: a permutation of all numbers that leaves no trace of their order.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One hash of two, in their order.
pub(crate) fn join(first: u64, second: u64) -> u64 {
    mix(first.rotate_left(32) ^ mix(second))
}

/// Hashes of all runs of `length` hashes; one of the whole where it is shorter than that, none of nothing.
pub(crate) fn runs(hashes: &[u64], length: usize) -> impl Iterator<Item = u64> {
    let length = length.min(hashes.len()).max(1);
    hashes.windows(length).map(|run| run.iter().fold(0, |sum, &hash| join(sum, hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_they_have_always_been() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash(b""), mix(0xcbf2_9ce4_8422_2325));
        assert_ne!(join(1, 2), join(2, 1));
    }

    #[test]
    fn runs_cover_what_is_shorter_than_they_are() {
        assert_eq!(runs(&[], 3).count(), 0);
        assert_eq!(runs(&[1, 2], 3).count(), 1);
        assert_eq!(runs(&[1, 2, 3, 4], 3).count(), 2);
    }
}
