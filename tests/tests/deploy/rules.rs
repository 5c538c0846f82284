//! All rules that hold across the fields of a bundle.

use crate::bundle::Bundle;
use crate::{network, pods, references, scaling};

/// What is wrong, one sentence each. Nothing is right.
pub(crate) fn broken(bundle: &Bundle) -> Vec<String> {
    let mut broken = Vec::new();
    pods::check(bundle, &mut broken);
    references::check(bundle, &mut broken);
    network::check(bundle, &mut broken);
    scaling::check(bundle, &mut broken);
    broken
}

/// Notes a rule that does not hold.
pub(crate) fn require(holds: bool, broken: &mut Vec<String>, complaint: impl FnOnce() -> String) {
    if !holds {
        broken.push(complaint());
    }
}
