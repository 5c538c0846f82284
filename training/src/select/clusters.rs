//! Which executions belong together, directly or through others.

/// A forest over numbered executions: each tree is a cluster, and its root the cluster's smallest number.
#[derive(Debug)]
pub(crate) struct Clusters {
    parents: Vec<u32>,
}

impl Clusters {
    /// Everyone alone.
    pub(crate) fn alone(count: u32) -> Clusters {
        Clusters { parents: (0..count).collect() }
    }

    pub(crate) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.parents[high as usize] = low;
    }

    /// The smallest number of the cluster that `member` is in.
    pub(crate) fn root(&mut self, member: u32) -> u32 {
        let mut at = member;
        loop {
            let parent = self.parents[at as usize];
            if parent == at {
                return at;
            }
            // Every step halves the way for those who come later.
            let grandparent = self.parents[parent as usize];
            self.parents[at as usize] = grandparent;
            at = grandparent;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_is_joined_through_others_is_in_one_cluster() {
        let mut clusters = Clusters::alone(6);
        for (one, other) in [(5, 4), (2, 3), (4, 3)] {
            clusters.join(one, other);
        }
        let roots: Vec<u32> = (0..6).map(|member| clusters.root(member)).collect();
        assert_eq!(roots, [0, 1, 2, 2, 2, 2]);
    }

    proptest! {
        #[test]
        fn roots_do_not_depend_on_the_order_of_joining(
            pairs in prop::collection::vec((0..20_u32, 0..20_u32), 0..30),
        ) {
            let roots = |pairs: &mut dyn Iterator<Item = &(u32, u32)>| -> Vec<u32> {
                let mut clusters = Clusters::alone(20);
                pairs.for_each(|&(one, other)| clusters.join(one, other));
                (0..20).map(|member| clusters.root(member)).collect()
            };
            prop_assert_eq!(roots(&mut pairs.iter()), roots(&mut pairs.iter().rev()));
        }
    }
}
