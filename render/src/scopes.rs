//! Full states in the order in which people know them: variables as they were bound.

use std::collections::HashMap;

use trace::replay::Variables;
use trace::{Event, EventKind, Scope, State};

use crate::variables::is_definition;

/// Every variable at a step, in the order in which the names were bound.
#[derive(Default)]
pub(crate) struct Scopes<'e> {
    state: State,
    locals: HashMap<u32, Vec<&'e str>>,
    globals: Vec<&'e str>,
}

impl<'e> Scopes<'e> {
    /// Brings it to what it was at `event`.
    pub(crate) fn apply(&mut self, event: &'e Event<'e>) {
        self.state.apply(event);
        if event.kind == EventKind::Call {
            self.locals.remove(&event.frame);
        }
        for change in &event.changes {
            let names = match change.scope {
                Scope::Local => self.locals.entry(event.frame).or_default(),
                Scope::Global => &mut self.globals,
            };
            if change.element.is_some() {
                continue;
            }
            if change.value.is_none() {
                names.retain(|name| *name != change.name);
            } else if !names.contains(&change.name) {
                names.push(change.name);
            }
        }
    }

    /// Drops the frame that `event` leaves for good, once its state is no longer needed.
    pub(crate) fn forget(&mut self, event: &Event<'_>) {
        self.state.forget(event);
        if matches!(event.kind, EventKind::Return(_) | EventKind::Unwind(_)) {
            self.locals.remove(&event.frame);
        }
    }

    /// Names and texts of a frame's variables.
    pub(crate) fn locals(&self, frame: u32) -> impl Iterator<Item = (&str, &str)> {
        let names = self.locals.get(&frame).map_or(&[][..], Vec::as_slice);
        in_order(names, self.state.locals(frame))
    }

    pub(crate) fn globals(&self) -> impl Iterator<Item = (&str, &str)> {
        in_order(&self.globals, self.state.globals())
    }

    /// The locals of `frame` without what the source already says.
    pub(crate) fn shown_locals(&self, frame: u32) -> impl Iterator<Item = (&str, &str)> {
        self.locals(frame).filter(|(name, text)| !is_definition(name, text))
    }

    /// The globals without what the source already says.
    pub(crate) fn shown_globals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.globals().filter(|(name, text)| !is_definition(name, text))
    }
}

fn in_order<'s>(names: &'s [&str], variables: &'s Variables) -> impl Iterator<Item = (&'s str, &'s str)> {
    names.iter().filter_map(|name| variables.get(*name).map(|variable| (*name, variable.text.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    #[test]
    fn variables_stand_in_the_order_in_which_they_were_bound() {
        let events = notation::events(
            "call f 1 | z: int = 1 | a: int = 2 | global f: function = <function f>
             line f 2 | m: int = 3 | z: int = 4
             line f 3 | -a
             line f 4 | a: int = 5",
        );
        let mut scopes = Scopes::default();
        events.iter().for_each(|event| scopes.apply(event));
        assert_eq!(scopes.locals(0).collect::<Vec<_>>(), [("z", "4"), ("m", "3"), ("a", "5")]);
        assert_eq!(scopes.globals().collect::<Vec<_>>(), [("f", "<function f>")]);
        assert_eq!(scopes.shown_globals().count(), 0);
    }
}
