//! A trace that steps into fewer calls.

use std::collections::BTreeSet;

use trace::{Change, Event, EventKind, Scope};

use crate::step;

/// The events of frames that were called at most `depth` traced frames deep, as if calls below had been
/// opaque.
///
/// Globals that changed in a left-out frame are told by the next event that stays, so the trace still replays
/// to the right states. Output and gaps stay wherever they happened.
pub fn within_depth<'a>(events: &[Event<'a>], depth: u32) -> Vec<Event<'a>> {
    let mut kept = Vec::new();
    let mut pending: Vec<Change<'a>> = Vec::new();
    // A generator may be resumed at other depths than it was called at; it stays whole or not at all.
    let mut left_out = BTreeSet::new();
    for event in events {
        if !step::is_step(event) {
            kept.push(event.clone());
            continue;
        }
        if event.kind == EventKind::Call && event.depth > depth {
            left_out.insert(event.frame);
        }
        for change in event.changes.iter().filter(|change| supersedes(change)) {
            pending.retain(|earlier| earlier.name != change.name);
        }
        if left_out.contains(&event.frame) {
            pending.extend(event.changes.iter().filter(|change| change.scope == Scope::Global).cloned());
            continue;
        }
        let mut event = event.clone();
        event.changes.splice(0..0, pending.drain(..));
        kept.push(event);
    }
    kept
}

/// Whether what was told of a global before is of no matter any more.
fn supersedes(change: &Change<'_>) -> bool {
    change.scope == Scope::Global && change.element.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    #[test]
    fn deeper_calls_vanish_and_their_globals_stay() {
        let events = notation::events(
            "call f 1
             line f 2
             call g 5 | global N: int = 1
             line g 6 | global N: int = 2
             return g 6 = int 2 | global M: int = 3
             line f 3 | global M: int = 4 | s: int = 2
             return f 3 = int 2",
        );
        let kept = within_depth(&events, 0);
        let kinds: Vec<(&str, &str)> = kept.iter().map(|event| (event.kind.name(), event.function)).collect();
        assert_eq!(kinds, [("call", "f"), ("line", "f"), ("line", "f"), ("return", "f")]);
        let told: Vec<(&str, &str)> =
            kept[2].changes.iter().map(|change| (change.name, change.value.unwrap().text)).collect();
        assert_eq!(told, [("N", "2"), ("M", "4"), ("s", "2")]);
        assert_eq!(within_depth(&events, 1), events);
    }

    #[test]
    fn a_generator_stays_whole_wherever_it_is_resumed() {
        let events = notation::events(
            "call f 1
             call g 5
             yield g 5 = int 1
             call h 8
             resume g 5 #1
             return g 5 = NoneType None
             return h 8 = int 1
             return f 1 = int 1",
        );
        let functions: Vec<&str> = within_depth(&events, 1).iter().map(|event| event.function).collect();
        assert_eq!(functions, ["f", "g", "g", "h", "g", "g", "h", "f"]);
        assert_eq!(within_depth(&events, 0).len(), 2);
    }
}
