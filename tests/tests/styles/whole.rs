//! What holds of every style and every execution.

use std::collections::{BTreeMap, BTreeSet};

use render::{Shape, kinds};

use crate::traces::{each, render};

#[test]
fn every_style_tells_every_traced_run_or_says_why_not() {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let mut returned = 0;
    each(|execution| {
        let is_call = execution.outcome == "returned" && execution.input.is_some() && !execution.incomplete;
        returned += usize::from(is_call);
        for kind in kinds() {
            let examples = match render(kind.name, &[], execution) {
                Ok(examples) => examples,
                Err(reason) => {
                    assert!(!is_call, "{} skips {}: {reason}", kind.name, execution.path);
                    continue;
                }
            };
            assert!(!examples.is_empty(), "{} of {}", kind.name, execution.path);
            let keys: BTreeSet<&str> = examples.iter().map(|example| example.key.as_str()).collect();
            assert_eq!(keys.len(), examples.len(), "keys of {} in {}", kind.name, execution.path);
            for example in &examples {
                assert_eq!(Shape::of(&example.text), kind.shape, "{}", kind.name);
                assert!(example.text.pieces().any(|piece| !piece.is_empty()));
            }
            assert_eq!(Ok(examples), render(kind.name, &[], execution), "{} is not repeatable", kind.name);
            *told.entry(kind.name).or_default() += usize::from(is_call);
        }
    });
    assert!(returned > 0);
    assert!(kinds().iter().all(|kind| told[kind.name] == returned), "{told:?} of {returned}");
}
