//! Turns the changes of a trace back into full states.

use std::collections::BTreeMap;

use crate::element;
use crate::event::{Event, EventKind, Scope};

/// Every variable of every frame that can still go on, and the globals, as of the last event applied.
#[derive(Debug, Default)]
pub struct State {
    frames: BTreeMap<u32, Variables>,
    globals: Variables,
}

/// Variables by name.
pub type Variables = BTreeMap<String, Variable>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub type_name: String,
    pub text: String,
}

impl State {
    pub fn new() -> State {
        State::default()
    }

    /// Brings the state to what it was at `event`.
    pub fn apply(&mut self, event: &Event<'_>) {
        if event.kind == EventKind::Call {
            self.frames.insert(event.frame, Variables::new());
        }
        for change in &event.changes {
            let variables = match change.scope {
                Scope::Local => self.frames.entry(event.frame).or_default(),
                Scope::Global => &mut self.globals,
            };
            if let Some(path) = change.element {
                // A log that names an element which is not there was made by no tracer of ours.
                if let Some(variable) = variables.get_mut(change.name) {
                    let text = change.value.map(|value| value.text);
                    element::change(&mut variable.text, path, change.kind, text);
                }
                continue;
            }
            match change.value {
                Some(value) => {
                    let variable =
                        Variable { type_name: value.type_name.to_owned(), text: value.text.to_owned() };
                    variables.insert(change.name.to_owned(), variable);
                }
                None => {
                    variables.remove(change.name);
                }
            }
        }
    }

    /// Drops the frame that `event` leaves for good. Call it once the state at `event` is no longer needed.
    pub fn forget(&mut self, event: &Event<'_>) {
        if matches!(event.kind, EventKind::Return(_) | EventKind::Unwind(_)) {
            self.frames.remove(&event.frame);
        }
    }

    /// The variables of one frame; empty for a frame that has none or is over.
    pub fn locals(&self, frame: u32) -> &Variables {
        const NONE: &Variables = &Variables::new();
        self.frames.get(&frame).unwrap_or(NONE)
    }

    pub fn globals(&self) -> &Variables {
        &self.globals
    }
}
