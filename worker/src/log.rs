//! Reads the log of an execution, event by event, and no more of it than the job's limits allow in a row.
//!
//! The log's bytes are untrusted. Few of them can stand for much: a name is written once and shown by every
//! event that repeats it.

use std::mem::size_of;

use dataset::Limits;
use trace::{Change, End, Event, EventKind, Reader, StackItem, Value};

/// What a row's events may take, for each byte that the job allows for the log. An honest trace of long steps
/// takes about one, one of short steps with few changes up to three.
const EXPANSION: u64 = 4;

/// What a log says beside its events.
pub(crate) struct Log<'a> {
    /// The program's own word on how its main code ended.
    pub(crate) end: Option<End<'a>>,
    /// It ends in bytes that could not be read.
    pub(crate) is_damaged: bool,
    /// The program went on after the last event.
    pub(crate) is_truncated: bool,
}

impl<'a> Log<'a> {
    /// Hands over the events that can be read and held.
    pub(crate) fn read(bytes: &'a [u8], limits: &Limits, take: impl FnMut(&Event<'a>)) -> Log<'a> {
        Log::read_on(&mut Reader::new(bytes), limits, take)
    }

    /// The same as far as the reader goes on: to the end of the log, or to the next of several calls.
    pub(crate) fn read_on(
        reader: &mut Reader<'a>,
        limits: &Limits,
        mut take: impl FnMut(&Event<'a>),
    ) -> Log<'a> {
        let mut room = Room { steps: limits.max_events, bytes: limits.log_bytes.saturating_mul(EXPANSION) };
        let mut is_truncated = false;
        let read = reader.lend(|event| {
            is_truncated |= matches!(event.kind, EventKind::Gap { .. });
            // What does not fit is passed over rather than left unread: the verdict stands at the very end.
            if room.take(event) {
                take(event);
            } else {
                is_truncated = true;
                room = Room { steps: 0, bytes: 0 };
            }
        });
        Log { end: reader.end(), is_damaged: read.is_err(), is_truncated }
    }
}

/// What a row can still hold.
struct Room {
    /// Events other than effects, output and gaps, which honest tracers stop at.
    steps: u64,
    bytes: u64,
}

impl Room {
    /// Takes what the event needs; `false` if there is too little left.
    fn take(&mut self, event: &Event<'_>) -> bool {
        let steps = match event.kind {
            EventKind::Effect(_) | EventKind::Output(..) | EventKind::Gap { .. } => 0,
            _ => 1,
        };
        match (self.steps.checked_sub(steps), self.bytes.checked_sub(size_of_event(event) as u64)) {
            (Some(steps), Some(bytes)) => {
                *self = Room { steps, bytes };
                true
            }
            _ => false,
        }
    }
}

/// Bytes that the event takes where every text is written out.
fn size_of_event(event: &Event<'_>) -> usize {
    let text = match &event.kind {
        EventKind::Return(value) | EventKind::Yield(value) => size_of_value(value),
        EventKind::Raise(value) | EventKind::Unwind(value) => size_of_value(value),
        EventKind::Instruction(instruction) => {
            let argument = instruction.argument.map_or(0, str::len);
            let stack = instruction.stack.iter().map(|item| match item {
                StackItem::Null => 0,
                StackItem::Value(value) => size_of_value(value),
                StackItem::Local(name) => name.len(),
            });
            let items = instruction.stack.len() * size_of::<StackItem<'_>>() + stack.sum::<usize>();
            size_of_val(instruction) + instruction.name.len() + argument + items
        }
        EventKind::Effect(effect) => effect.detail.len(),
        EventKind::Output(_, bytes) => bytes.len(),
        EventKind::Call | EventKind::Line | EventKind::Resume | EventKind::Gap { .. } => 0,
    };
    let changes = event.changes.iter().map(|change| {
        let element = change.element.map_or(0, str::len);
        size_of::<Change<'_>>() + change.name.len() + element + change.value.as_ref().map_or(0, size_of_value)
    });
    size_of::<Event<'_>>() + event.function.len() + text + changes.sum::<usize>()
}

fn size_of_value(value: &Value<'_>) -> usize {
    value.type_name.len() + value.text.len()
}

#[cfg(test)]
mod tests {
    use trace::wire::{put_varint, stream, tag, verdict};

    use super::*;

    /// A script whose function is called `function` and that runs `lines` lines and ends.
    fn script(function: &str, lines: usize) -> Vec<u8> {
        let mut log = vec![tag::CALL, 0];
        put_varint(&mut log, function.len() as u64);
        log.extend_from_slice(function.as_bytes());
        log.push(1);
        log.resize(log.len() + lines, tag::LINE);
        // The verdict's value has the empty name and no text.
        log.extend([tag::END, verdict::RETURNED, 0, 0, 0, 0, 0, 0]);
        log
    }

    fn limits(max_events: u64, log_bytes: u64) -> Limits {
        Limits { max_events, log_bytes, ..Limits::default() }
    }

    /// The events that come out of a log, and what else it says.
    fn read<'a>(bytes: &'a [u8], limits: &Limits) -> (Vec<Event<'a>>, Log<'a>) {
        let mut events = Vec::new();
        let log = Log::read(bytes, limits, |event| events.push(event.clone()));
        (events, log)
    }

    #[test]
    fn an_honest_log_is_read_whole() {
        let bytes = script("<module>", 3);
        let (events, log) = read(&bytes, &limits(4, 1 << 20));
        assert_eq!(events.len(), 4);
        assert!(log.end.is_some() && !log.is_damaged && !log.is_truncated);
    }

    #[test]
    fn more_events_than_the_job_allows_are_passed_over_up_to_the_verdict() {
        let bytes = script("<module>", 1000);
        let (events, log) = read(&bytes, &limits(10, 1 << 20));
        assert_eq!(events.len(), 10);
        assert!(log.end.is_some() && log.is_truncated);
    }

    #[test]
    fn a_name_repeated_by_every_event_cannot_fill_the_memory() {
        let bytes = script(&"x".repeat(10_000), 30_000);
        let limits = limits(100_000, bytes.len() as u64);
        let (events, log) = read(&bytes, &limits);
        let held: usize = events.iter().map(size_of_event).sum();
        assert!(held as u64 <= EXPANSION * limits.log_bytes, "{held}");
        assert!(log.end.is_some() && log.is_truncated);
    }

    #[test]
    fn output_in_crumbs_cannot_fill_the_memory() {
        let mut bytes = Vec::new();
        for _ in 0..10_000 {
            bytes.extend([tag::OUTPUT, stream::STDOUT, 1, b'a', tag::OUTPUT, stream::STDERR, 1, b'b']);
        }
        let (events, log) = read(&bytes, &limits(10, bytes.len() as u64));
        assert!(events.len() * size_of::<Event<'_>>() <= EXPANSION as usize * bytes.len());
        assert!(log.is_truncated);
    }

    #[test]
    fn a_torn_log_is_read_up_to_the_damage() {
        let mut bytes = script("<module>", 3);
        bytes.extend([tag::CALL, 99]);
        let (events, log) = read(&bytes, &limits(100, 1 << 20));
        assert_eq!(events.len(), 4);
        assert!(log.end.is_some() && log.is_damaged);
    }
}
