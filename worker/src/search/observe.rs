//! What an execution says to a search.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use dataset::{Limits, Outcome};
use inputs::{Call, Ending, Observation};
use trace::{Event, EventKind, Reader, without_numbers};

use crate::execute::{Ended, Execution};
use crate::log::Log;
use crate::outcome::{self, Memory};
use crate::steps::{Steps, number};

/// Whether the source came to its end.
pub(super) fn has_returned(execution: &Execution, limits: &Limits) -> bool {
    ending(execution, &Log::read(execution.log(), limits, |_| {}), limits).outcome == Outcome::Returned
}

/// What the execution of one call showed.
pub(super) fn executed(execution: &Execution, limits: &Limits) -> Observation {
    let mut seen = Seen::default();
    let log = Log::read(execution.log(), limits, |event| seen.take(event));
    let ended = ending(execution, &log, limits);
    seen.observation(ended)
}

/// What the calls of an execution showed that probes a function, as far as it came, but at least one. What they called
/// in turn is added to `calls`.
pub(super) fn probed(execution: &Execution, limits: &Limits, calls: &mut Calls) -> Vec<Observation> {
    let mut reader = Reader::new(execution.log());
    // What stands before the first call is no call, but may say why there is none.
    Log::read_on(&mut reader, limits, |_| {});
    let mut observations = Vec::new();
    let mut is_cut = true;
    while reader.next_probe() {
        let mut seen = Seen::default();
        let log = Log::read_on(&mut reader, limits, |event| {
            // The first is the call that was asked for.
            if seen.is_entered {
                calls.take(event);
            }
            seen.take(event);
        });
        is_cut = log.end.is_none() && !log.is_truncated;
        observations.push(match log.end {
            // The process lived on, whatever became of it later.
            Some(_) => seen.observation(ending_of(Ended::Exited(0), execution, &log, limits)),
            None if log.is_truncated => seen.unfinished(),
            None => Observation { ending: Ending::Cut, reached: Vec::new(), result: 0 },
        });
    }
    // The limits of the process are for all calls together. The one that met them may be just the last straw; so it
    // begins the next process, and if it is the first of one, it is cut.
    let is_at_limits = matches!(execution.ended, Ended::WallLimit | Ended::CpuLimit);
    if is_cut && is_at_limits && observations.len() > 1 {
        observations.pop();
    }
    if observations.is_empty() {
        observations.push(Observation { ending: Ending::Cut, reached: Vec::new(), result: 0 });
    }
    observations
}

/// Adds the calls of functions that an execution made.
pub(super) fn executed_calls(execution: &Execution, limits: &Limits, calls: &mut Calls) {
    Log::read(execution.log(), limits, |event| calls.take(event));
}

/// Calls of the functions of a source, with the arguments as the tracer shows them.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) found: Vec<Call>,
    counts: BTreeMap<String, Count>,
}

#[derive(Default)]
struct Count {
    seen: usize,
    taken: usize,
}

impl Calls {
    /// Takes the first calls of each function, as far as values can be made of what is shown.
    fn take(&mut self, event: &Event<'_>) {
        const MAX_SEEN: usize = 64;
        const MAX_TAKEN: usize = 16;
        if !matches!(event.kind, EventKind::Call) {
            return;
        }
        if !self.counts.contains_key(event.function) {
            self.counts.insert(event.function.to_owned(), Count::default());
        }
        let Some(count) = self.counts.get_mut(event.function) else { return };
        if count.seen == MAX_SEEN || count.taken == MAX_TAKEN {
            return;
        }
        count.seen += 1;
        let values = event.changes.iter();
        let arguments = values.filter_map(|change| Some((change.name, change.value.as_ref()?.text)));
        if let Some(call) = Call::seen(event.function, arguments)
            && !self.found.contains(&call)
        {
            count.taken += 1;
            self.found.push(call);
        }
    }
}

fn ending(execution: &Execution, log: &Log<'_>, limits: &Limits) -> outcome::Ending {
    ending_of(execution.ended, execution, log, limits)
}

fn ending_of(ended: Ended, execution: &Execution, log: &Log<'_>, limits: &Limits) -> outcome::Ending {
    let memory = Memory { peak: execution.peak_memory_bytes, limit: limits.memory_bytes };
    outcome::Ending::of(ended, log.end, memory)
}

/// What the events of a call showed so far.
#[derive(Default)]
struct Seen {
    is_entered: bool,
    steps: Steps,
    /// The lines that ran, in order.
    way: DefaultHasher,
    /// What happened to variables after the function was entered.
    changes: DefaultHasher,
    /// The line at which an exception last appeared.
    raised_at: u32,
}

impl Seen {
    fn take(&mut self, event: &Event<'_>) {
        self.steps.take(event);
        match event.kind {
            EventKind::Call => self.is_entered = true,
            EventKind::Line => (event.function, event.line).hash(&mut self.way),
            EventKind::Raise(_) => self.raised_at = event.line,
            _ => {}
        }
        if !matches!(event.kind, EventKind::Call) {
            for change in &event.changes {
                let text = change.value.as_ref().map_or("", |value| value.text);
                // Probes do not tell objects apart, and are compared with executions that may.
                (change.name, without_numbers(text)).hash(&mut self.changes);
            }
        }
    }

    fn observation(self, ended: outcome::Ending) -> Observation {
        let ending = match ended.outcome {
            Outcome::Returned if self.is_entered => Ending::Returned,
            Outcome::Raised if self.is_entered => {
                Ending::Raised { exception: ended.exception_type.unwrap_or_default(), line: self.raised_at }
            }
            Outcome::Returned | Outcome::Raised | Outcome::NoEntry => Ending::NotEntered,
            _ => Ending::Cut,
        };
        let result = match &ended.output {
            // The same answer may be found on another way.
            Some(output) if output != "None" => number(&(output, self.way.finish())),
            // What gives nothing back does something on the way.
            _ => self.changes.finish(),
        };
        Observation { ending, reached: self.steps.all.into_iter().collect(), result }
    }

    fn unfinished(self) -> Observation {
        let result = self.way.finish();
        Observation { ending: Ending::Unfinished, reached: self.steps.all.into_iter().collect(), result }
    }
}
