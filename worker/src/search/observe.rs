//! What an execution says to a search.

use std::collections::HashMap;

use dataset::{Limits, Outcome};
use inputs::{Call, Ending, Observation};
use trace::{Event, EventKind};

use crate::execute::Execution;
use crate::log::Log;
use crate::outcome::{self, Memory};
use crate::steps::{Steps, number};

/// Calls of one function that are taken from an execution.
const MAX_CALLS: usize = 16;

/// Whether the source came to its end.
pub(super) fn has_returned(execution: &Execution, limits: &Limits) -> bool {
    ending(execution, &Log::read(execution.log(), limits, |_| {}), limits).outcome == Outcome::Returned
}

pub(super) fn observation(execution: &Execution, limits: &Limits) -> Observation {
    let (log, events) = read(execution, limits);
    let ended = ending(execution, &log, limits);
    let is_entered = events.iter().any(|event| matches!(event.kind, EventKind::Call));
    let ending = match ended.outcome {
        Outcome::Returned if is_entered => Ending::Returned,
        Outcome::Raised if is_entered => {
            Ending::Raised { exception: ended.exception_type.unwrap_or_default(), line: raised_at(&events) }
        }
        Outcome::Returned | Outcome::Raised | Outcome::NoEntry => Ending::NotEntered,
        _ => Ending::Cut,
    };
    let result = match &ended.output {
        // The same answer may be found on another way.
        Some(output) if output != "None" => number(&(output, way(&events))),
        // What gives nothing back does something on the way.
        _ => number(&changes(&events)),
    };
    Observation { ending, reached: reached(&events), result }
}

/// The calls of functions that an execution made, with the arguments as the tracer shows them: the first of each.
pub(super) fn calls(execution: &Execution, limits: &Limits) -> Vec<Call> {
    let (_, events) = read(execution, limits);
    let mut looked_at: HashMap<&str, usize> = HashMap::new();
    let mut calls: Vec<Call> = Vec::new();
    for event in events.iter().filter(|event| matches!(event.kind, EventKind::Call)) {
        let count = looked_at.entry(event.function).or_default();
        *count += 1;
        if *count > MAX_CALLS {
            continue;
        }
        let arguments =
            event.changes.iter().filter_map(|change| Some((change.name, change.value.as_ref()?.text)));
        calls.extend(Call::seen(event.function, arguments));
    }
    calls
}

fn read<'a>(execution: &'a Execution, limits: &Limits) -> (Log<'a>, Vec<Event<'a>>) {
    let mut events = Vec::new();
    let log = Log::read(execution.log(), limits, |event| events.push(event.clone()));
    (log, events)
}

fn ending(execution: &Execution, log: &Log<'_>, limits: &Limits) -> outcome::Ending {
    let memory = Memory { peak: execution.peak_memory_bytes, limit: limits.memory_bytes };
    outcome::Ending::of(execution.ended, log.end, memory)
}

fn reached(events: &[Event<'_>]) -> Vec<u64> {
    let mut steps = Steps::default();
    events.iter().for_each(|event| steps.take(event));
    steps.all.into_iter().collect()
}

/// The lines that ran, in order.
fn way<'a>(events: &[Event<'a>]) -> Vec<(&'a str, u32)> {
    let lines = events.iter().filter(|event| matches!(event.kind, EventKind::Line));
    lines.map(|event| (event.function, event.line)).collect()
}

/// The line at which the exception appeared that ended the execution.
fn raised_at(events: &[Event<'_>]) -> u32 {
    let raised = events.iter().rev().find(|event| matches!(event.kind, EventKind::Raise(_)));
    raised.map_or(0, |event| event.line)
}

/// What happened to variables after the function was entered.
fn changes<'a>(events: &[Event<'a>]) -> Vec<(&'a str, &'a str)> {
    let later = events.iter().filter(|event| !matches!(event.kind, EventKind::Call));
    later
        .flat_map(|event| &event.changes)
        .map(|change| (change.name, change.value.as_ref().map_or("", |value| value.text)))
        .collect()
}
