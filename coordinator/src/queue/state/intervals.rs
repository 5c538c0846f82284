//! A set of shard numbers that takes memory by its gaps, not by its members.

use std::collections::BTreeMap;

/// Numbers kept as the ranges that they form. Finished shards are nearly one range, however many they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntervalSet {
    /// First to last of each range, both included. Ranges neither overlap nor touch.
    ranges: BTreeMap<u64, u64>,
    len: u64,
}

impl IntervalSet {
    pub fn new() -> IntervalSet {
        IntervalSet::default()
    }

    /// True if the number was not yet a member.
    pub fn insert(&mut self, number: u64) -> bool {
        if self.contains(number) {
            return false;
        }
        let mut first = number;
        let mut last = number;
        if let Some((&below_first, &below_last)) = self.ranges.range(..number).next_back()
            && below_last + 1 == number
        {
            first = below_first;
        }
        if let Some(next) = number.checked_add(1)
            && let Some(above_last) = self.ranges.remove(&next)
        {
            last = above_last;
        }
        self.ranges.insert(first, last);
        self.len += 1;
        true
    }

    pub fn contains(&self, number: u64) -> bool {
        self.ranges.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// First and last of each range of members, both included.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(&first, &last)| (first, last))
    }

    /// How many members there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl FromIterator<u64> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> IntervalSet {
        let mut set = IntervalSet::new();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let set: IntervalSet = [1, 3, 2, 0, 7].into_iter().collect();
        assert_eq!(set.ranges, BTreeMap::from([(0, 3), (7, 7)]));
    }

    #[test]
    fn the_largest_number_is_a_member_like_any_other() {
        let set: IntervalSet = [u64::MAX, u64::MAX - 1].into_iter().collect();
        assert_eq!(set.ranges, BTreeMap::from([(u64::MAX - 1, u64::MAX)]));
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_set(numbers in prop::collection::vec(0u64..60, 0..80)) {
            let mut set = IntervalSet::new();
            let mut plain = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(set.insert(number), plain.insert(number));
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            for number in 0..61 {
                prop_assert_eq!(set.contains(number), plain.contains(&number));
            }
            let touching = set.ranges.iter().zip(set.ranges.keys().skip(1)).any(|((_, last), next)| last + 1 >= *next);
            prop_assert!(!touching, "ranges touch: {:?}", set.ranges);
        }
    }
}
