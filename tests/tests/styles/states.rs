//! The states that a trace replays to, as texts of full states must tell them.

use std::collections::BTreeMap;

use render::Execution;
use trace::replay::Variables;
use trace::{Event, EventKind, State};

/// Names and texts.
pub(crate) type Texts = BTreeMap<String, String>;

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: String,
    pub(crate) frame: String,
    pub(crate) line: u32,
    pub(crate) locals: Texts,
    pub(crate) globals: Texts,
    pub(crate) value: Option<String>,
}

/// The steps of an execution with the state at each, by replay.
pub(crate) fn steps(execution: &Execution<'_>) -> Vec<Step> {
    let mut state = State::new();
    let mut steps = Vec::new();
    for event in execution.events.iter().filter(|event| is_step(event)) {
        state.apply(event);
        let value = match event.kind {
            EventKind::Return(value) | EventKind::Yield(value) => Some(value.text.to_owned()),
            EventKind::Raise(exception) | EventKind::Unwind(exception) if exception.text.is_empty() => {
                Some(exception.type_name.to_owned())
            }
            EventKind::Raise(exception) | EventKind::Unwind(exception) => {
                Some(format!("{}: {}", exception.type_name, exception.text))
            }
            _ => None,
        };
        steps.push(Step {
            kind: event.kind.name().to_owned(),
            frame: format!("{}#{}", event.function, event.frame),
            line: event.line,
            locals: texts(state.locals(event.frame)),
            globals: texts(state.globals()),
            value,
        });
        state.forget(event);
    }
    steps
}

pub(crate) fn is_step(event: &Event<'_>) -> bool {
    !matches!(
        event.kind,
        EventKind::Output(..) | EventKind::Effect(_) | EventKind::Gap { .. } | EventKind::Instruction(_)
    )
}

/// What is told of variables: all but modules, and functions and classes under their own names.
pub(crate) fn texts(variables: &Variables) -> Texts {
    let is_told = |name: &str, text: &str| {
        let of = |begin: &str, end: &str| {
            text.strip_prefix(begin)
                .and_then(|rest| rest.strip_suffix(end))
                .map(|full| full.rsplit('.').next().unwrap_or(full).to_owned())
        };
        let defined = of("<function ", ">").or_else(|| of("<class '", "'>"));
        of("<module '", "'>").is_none() && defined.is_none_or(|defined| defined != name)
    };
    variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.text.clone()))
        .filter(|(name, text)| is_told(name, text))
        .collect()
}
