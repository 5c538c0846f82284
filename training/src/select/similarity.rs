//! MinHash: whether two lists of tokens are nearly the same, told from a few numbers for each.
//!
//! A list is the set of its runs of tokens. The set's runs are spread over bins, and each bin keeps its smallest
//! hash (one permutation hashing). Two sets agree in a bin with a probability that is their Jaccard similarity `s`.
//! Bins are joined into bands, and two lists count as nearly the same if one whole band agrees, which happens with
//! probability 1 − (1 − s⁸)¹²: 0.05 at s = 0.5, 0.52 at 0.7, 0.89 at 0.8, 0.999 at 0.9.

use super::hash::{join, mix};

/// Bands of a signature.
pub(crate) const BANDS: usize = 12;

/// Bins of a band.
const BINS: usize = 8;

/// What two lists are compared by: they are nearly the same if they agree in any of these.
pub(crate) type Signature = [u64; BANDS];

/// The signature of a set of hashes. Sets without members have one that no other set shares: nothing is not like
/// anything.
pub(crate) fn signature(members: impl Iterator<Item = u64>, lonely: u64) -> Signature {
    const TOTAL: usize = BANDS * BINS;
    let mut bins = [u64::MAX; TOTAL];
    let mut any = false;
    for member in members {
        let hash = mix(member);
        let bin = (hash % TOTAL as u64) as usize;
        bins[bin] = bins[bin].min(hash);
        any = true;
    }
    if !any {
        return std::array::from_fn(|band| join(lonely, band as u64));
    }
    let filled = bins;
    for (at, bin) in bins.iter_mut().enumerate().filter(|(_, bin)| **bin == u64::MAX) {
        // An empty bin borrows from one that both sets of a pair would ask, as long as both have it.
        let asked = (1..).map(|attempt| join(at as u64, attempt) % TOTAL as u64);
        let lent = asked.map(|other| filled[other as usize]).find(|&hash| hash != u64::MAX);
        *bin = lent.expect("some bin is filled, and every bin is asked in the end");
    }
    std::array::from_fn(|band| {
        let bins = &bins[band * BINS..][..BINS];
        bins.iter().fold(band as u64, |sum, &bin| join(sum, bin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 400 pairs of sets that share `shared` of `size` members are taken for nearly the same.
    fn found(size: u64, shared: u64) -> usize {
        let alike = |pair: &u64| {
            let members = |own: u64| {
                let (pair, own) = (*pair, own);
                (0..size).map(move |n| join(pair, if n < shared { n } else { join(own, n) }))
            };
            let (one, other) = (signature(members(1), 1), signature(members(2), 2));
            one.iter().zip(&other).any(|(one, other)| one == other)
        };
        (0..400).filter(alike).count()
    }

    #[test]
    fn the_same_members_in_any_order_and_number_are_the_same() {
        let one = signature([3, 1, 2, 1].into_iter(), 0);
        assert_eq!(one, signature([1, 2, 3].into_iter(), 9));
        assert_ne!(one, signature([1, 2, 4].into_iter(), 0));
    }

    #[test]
    fn nothing_is_like_nothing_else() {
        let none = || std::iter::empty();
        assert_eq!(signature(none(), 1), signature(none(), 1));
        assert!(signature(none(), 1).iter().zip(signature(none(), 2)).all(|(one, other)| *one != other));
    }

    #[test]
    fn pairs_are_found_by_how_much_they_share() {
        // Of 200 members each, 195 shared are a similarity of 0.95, 130 one of 0.48, 60 one of 0.18.
        assert!(found(200, 195) >= 396, "{}", found(200, 195));
        assert!(found(200, 130) <= 60, "{}", found(200, 130));
        assert_eq!(found(200, 60), 0);
        // Programs of a few lines fill only some of the bins.
        assert!(found(30, 29) >= 340, "{}", found(30, 29));
        assert!(found(30, 10) <= 12, "{}", found(30, 10));
    }
}
