//! Reading logs: what the tracer writes, what is left of it when a process dies, and what an attacker writes.

mod encoder;

use encoder::{Log, steps, text};
use proptest::prelude::*;
use trace::wire::{tag, verdict};
use trace::{Decoded, Reader, State, Verdict};

proptest! {
    #[test]
    fn a_log_reads_as_what_was_written(steps in steps(), end in text()) {
        let mut log = Log::of(&steps);
        let end = log.end(&end);
        let decoded = Decoded::read(&log.bytes);
        prop_assert_eq!(decoded.damage, None);
        prop_assert_eq!(decoded.events, log.events);
        prop_assert_eq!(decoded.end, Some(end));
    }

    #[test]
    fn events_that_are_lent_are_those_that_are_read(steps in steps(), pick in any::<usize>()) {
        let mut bytes = Log::of(&steps).bytes;
        bytes.truncate(pick % (bytes.len() + 1));
        let decoded = Decoded::read(&bytes);
        let mut events = Vec::new();
        let lent = Reader::new(&bytes).lend(|event| events.push(event.clone()));
        prop_assert_eq!(lent.err(), decoded.damage);
        prop_assert_eq!(events, decoded.events);
    }

    #[test]
    fn a_log_that_is_cut_between_two_items_reads_as_its_beginning(steps in steps(), pick in any::<usize>()) {
        let log = Log::of(&steps);
        prop_assume!(!log.boundaries.is_empty());
        let kept = pick % log.boundaries.len();
        let decoded = Decoded::read(&log.bytes[..log.boundaries[kept]]);
        prop_assert_eq!(decoded.damage, None);
        // The last event may be an output that went on.
        let whole = decoded.events.len().saturating_sub(1);
        prop_assert_eq!(&decoded.events[..whole], &log.events[..whole]);
    }

    #[test]
    fn a_log_that_is_cut_anywhere_reads_up_to_there(steps in steps(), pick in any::<usize>()) {
        let log = Log::of(&steps);
        let at = pick % (log.bytes.len() + 1);
        let decoded = Decoded::read(&log.bytes[..at]);
        let is_boundary = at == 0 || log.boundaries.contains(&at);
        prop_assert_eq!(decoded.damage.is_none(), is_boundary);
        prop_assert!(decoded.events.len() <= log.events.len());
    }

    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes)?;
    }

    #[test]
    fn bytes_that_look_like_items_can_be_read(bytes in proptest::collection::vec(0u8..16, 0..400)) {
        read(&bytes)?;
    }

    #[test]
    fn a_forged_log_can_be_read(
        steps in steps(),
        forgeries in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = Log::of(&steps).bytes;
        prop_assume!(!bytes.is_empty());
        for (at, byte) in forgeries {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        read(&bytes)?;
    }
}

/// Reads and replays; what comes out stays proportional to what went in.
fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    let decoded = Decoded::read(bytes);
    let mut state = State::new();
    let mut size = 0;
    let mut reader = Reader::new(bytes);
    while reader.lend(|_| {}).is_ok() && reader.next_probe() {}
    for event in &decoded.events {
        state.apply(event);
        state.forget(event);
        size += 1 + event.changes.len();
    }
    prop_assert!(size <= bytes.len());
    if let Some(damage) = decoded.damage {
        prop_assert!(damage.at <= bytes.len());
    }
    Ok(())
}

/// A call that was cut off within its function, one that returned, and one that was begun.
#[test]
fn each_of_several_calls_is_read_by_itself() {
    let mut log = vec![tag::PROBE, tag::CALL, 0, 1, b'f', 7, tag::LINE | 2];
    log.extend([tag::PROBE, tag::CALL, 1, 7, tag::END, verdict::RETURNED, 0, 0, 0, 0, 0, 0]);
    log.push(tag::PROBE);
    let mut reader = Reader::new(&log);
    let mut calls = Vec::new();
    loop {
        let mut events = Vec::new();
        reader.lend(|event| events.push((event.frame, event.depth, event.function.to_owned()))).unwrap();
        calls.push((events, reader.end().map(|end| end.verdict)));
        if !reader.next_probe() {
            break;
        }
    }
    let f = |frame| (frame, 0, "f".to_owned());
    let expected =
        [(vec![], None), (vec![f(0), f(0)], None), (vec![f(1)], Some(Verdict::Returned)), (vec![], None)];
    assert_eq!(calls, expected);
}
