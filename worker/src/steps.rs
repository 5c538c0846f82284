//! What an execution reached, as numbers that can be compared.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use trace::{Event, EventKind};

/// Steps from one line to the next within a frame, from its call to its end.
#[derive(Default)]
pub(crate) struct Steps {
    /// The line of each frame.
    last: HashMap<u32, u32>,
    pub(crate) all: HashSet<u64>,
}

impl Steps {
    /// Adds the step that an event ends, if it does.
    pub(crate) fn take(&mut self, event: &Event<'_>) {
        const ENTERED: u32 = 0;
        match event.kind {
            EventKind::Call => {
                self.last.insert(event.frame, ENTERED);
            }
            EventKind::Line | EventKind::Unwind(_) | EventKind::Raise(_) => {
                let from = self.last.insert(event.frame, event.line).unwrap_or(ENTERED);
                let has_failed = !matches!(event.kind, EventKind::Line);
                self.all.insert(number(&(event.function, from, event.line, has_failed)));
            }
            _ => {}
        }
    }
}

/// A number for a thing, the same in every process: the hasher's keys are constants.
pub(crate) fn number(thing: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}
