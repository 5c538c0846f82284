//! What other functions of the file do with what a function hands on to them.

use std::collections::BTreeMap;

use super::{Compared, LEVELS, Uses};
use crate::value::Value;

/// By the name of a function or method, the uses of each of its parameters in order, without `self`.
pub(crate) type Takers = BTreeMap<String, Vec<[Uses; LEVELS]>>;

/// Adds to the uses of what may be handed on those that its takers make of it. `owner` is the class of `self`.
pub(crate) fn add(levels: &mut [Uses; LEVELS], owner: Option<&str>, takers: &Takers) {
    for level in 0..LEVELS {
        for (taker, position) in levels[level].handed_on.clone() {
            let name = match (taker.strip_prefix(super::OWN), owner) {
                (Some(method), Some(owner)) => format!("{owner}.{method}"),
                _ => taker,
            };
            let taken = takers.get(&name).and_then(|parameters| parameters.get(position));
            for (uses, more) in levels[level..].iter_mut().zip(taken.into_iter().flatten()) {
                uses.absorb(more);
            }
        }
    }
}

impl Uses {
    fn absorb(&mut self, other: &Uses) {
        const MOST: usize = 64;
        let Uses {
            subscripted,
            subscripted_by_text,
            keys,
            stored_into,
            iterated,
            measured,
            searched,
            calculated,
            counted,
            divided,
            added_to_text,
            combined,
            called,
            attributes,
            links,
            like,
            compared: Compared { constants, lengths },
            unpacked,
            truth,
            may_be_none,
            handed_on: _,
        } = other;
        self.subscripted |= subscripted;
        self.subscripted_by_text |= subscripted_by_text;
        self.keys.extend(keys.iter().cloned());
        self.stored_into |= stored_into;
        self.iterated |= iterated;
        self.measured |= measured;
        self.searched |= searched;
        self.calculated |= calculated;
        self.counted |= counted;
        self.divided |= divided;
        self.added_to_text |= added_to_text;
        self.combined |= combined;
        self.called = self.called.max(*called);
        for (name, called) in attributes {
            let known = self.attributes.entry(name.clone()).or_default();
            *known = (*known).max(*called);
        }
        self.links.extend(links.iter().cloned());
        self.like.extend(like.iter().take(MOST.saturating_sub(self.like.len())).cloned());
        for constant in constants {
            self.compare(constant.clone());
        }
        lengths.iter().for_each(|&length| self.compare_length(length));
        self.unpacked = self.unpacked.max(*unpacked);
        self.truth |= truth;
        self.may_be_none |= may_be_none;
    }

    pub(super) fn compare_length(&mut self, with: usize) {
        if !self.compared.lengths.contains(&with) {
            self.compared.lengths.push(with);
        }
    }

    /// Remembers a literal that it is compared with.
    pub(super) fn compare(&mut self, with: Value) {
        const MOST: usize = 16;
        let constants = &mut self.compared.constants;
        if constants.len() < MOST && !constants.contains(&with) {
            constants.push(with);
        }
    }
}
