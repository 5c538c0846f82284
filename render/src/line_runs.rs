//! The lines that ran, each with what it did.
//!
//! A line event tells the state before its line; what the line did is told by the events that follow it in
//! the same frame. Styles that write a line's effect beside it need them together.

use std::collections::HashMap;

use trace::replay::Variable;
use trace::{Change, Event, EventKind, Scope, State};

use crate::source::Statement;
use crate::step;

/// One run of one line.
#[derive(Debug)]
pub(crate) struct LineRun<'e, 'a> {
    /// The index of its line event.
    pub(crate) event: usize,
    pub(crate) line: u32,
    /// The line that ran before it in this frame, if any did.
    pub(crate) previous: Option<u32>,
    /// The line that ran next in this frame; `None` where the frame or the trace ended first.
    pub(crate) next: Option<u32>,
    /// What changed while it ran, as far as its own frame's events tell.
    pub(crate) changes: Vec<&'e Change<'a>>,
    /// What else its own frame's events say of it, in order: values returned and yielded, exceptions.
    pub(crate) happened: Vec<&'e Event<'a>>,
}

impl LineRun<'_, '_> {
    /// Whether the line that ran before belongs to the same statement.
    pub(crate) fn goes_on_from(&self, statement: &Statement) -> bool {
        self.previous.is_some_and(|previous| statement.lines.contains(&previous))
    }

    /// Whether the block below this line, its statement's body, ran next.
    pub(crate) fn enters(&self, statement: &Statement) -> bool {
        let body = statement.body.as_ref();
        self.next.is_some_and(|next| body.is_some_and(|body| body.contains(&next)))
    }
}

/// Every run of a line, in order.
pub(crate) fn line_runs<'e, 'a>(events: &'e [Event<'a>]) -> Vec<LineRun<'e, 'a>> {
    let mut runs: Vec<LineRun<'e, 'a>> = Vec::new();
    // The run that each frame is in.
    let mut current: HashMap<u32, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if !step::is_step(event) {
            continue;
        }
        let run = current.get(&event.frame).copied();
        if let Some(run) = run {
            runs[run].changes.extend(&event.changes);
        }
        match event.kind {
            EventKind::Line => {
                let previous = run.map(|run| runs[run].line);
                if let Some(run) = run {
                    runs[run].next = Some(event.line);
                }
                current.insert(event.frame, runs.len());
                let line = event.line;
                let (changes, happened) = (Vec::new(), Vec::new());
                runs.push(LineRun { event: index, line, previous, next: None, changes, happened });
            }
            EventKind::Return(_) | EventKind::Yield(_) | EventKind::Raise(_) | EventKind::Unwind(_) => {
                if let Some(run) = run {
                    runs[run].happened.push(event);
                }
            }
            _ => (),
        }
    }
    runs
}

/// The run of a line that a frame is in, and the variables that have changed meanwhile.
struct Running<'a> {
    run: usize,
    changed: Vec<(Scope, &'a str)>,
}

/// For each run of a line, in the order of [`line_runs`], the variables that it changed with their values after
/// it; none of a run whose end is not in the trace.
pub(crate) fn values_after<'a>(events: &[Event<'a>]) -> Vec<Vec<(&'a str, Variable)>> {
    let mut values: Vec<Vec<(&'a str, Variable)>> = Vec::new();
    let mut current: HashMap<u32, Running<'a>> = HashMap::new();
    let mut state = State::new();
    for event in events.iter().filter(|event| step::is_step(event)) {
        state.apply(event);
        if let Some(Running { run, changed }) = current.get_mut(&event.frame) {
            for change in &event.changes {
                let place = (change.scope, change.name);
                if !changed.contains(&place) {
                    changed.push(place);
                }
            }
            if matches!(event.kind, EventKind::Line | EventKind::Return(_) | EventKind::Unwind(_)) {
                let value = |(scope, name): &(Scope, &'a str)| {
                    let variables = match scope {
                        Scope::Local => state.locals(event.frame),
                        Scope::Global => state.globals(),
                    };
                    variables.get(*name).map(|variable| (*name, variable.clone()))
                };
                values[*run] = changed.iter().filter_map(value).collect();
            }
        }
        if event.kind == EventKind::Line {
            current.insert(event.frame, Running { run: values.len(), changed: Vec::new() });
            values.push(Vec::new());
        }
        state.forget(event);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

    #[test]
    fn what_a_line_did_stands_with_it() {
        let events = notation::events(
            "call f 1 | n: int = 1
             line f 2
             call g 5
             line g 6
             return g 6 = int 3
             line f 3 | s: int = 3
             return f 3 = int 3 | -n",
        );
        let runs = line_runs(&events);
        let told = runs.iter().map(|run| {
            let changes: Vec<&str> = run.changes.iter().map(|change| change.name).collect();
            let happened: Vec<&str> = run.happened.iter().map(|event| event.kind.name()).collect();
            (run.line, run.next, changes, happened)
        });
        let after: Vec<Vec<String>> = values_after(&events)
            .into_iter()
            .map(|values| values.into_iter().map(|(name, value)| format!("{name} {}", value.text)).collect())
            .collect();
        assert_eq!(after, [vec!["s 3".to_owned()], vec![], vec![]]);
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (2, Some(3), vec!["s"], vec![]),
                (6, None, vec![], vec!["return"]),
                (3, None, vec!["n"], vec!["return"]),
            ]
        );
    }
}
