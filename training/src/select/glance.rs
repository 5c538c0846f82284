//! What selection needs to know of an execution, in some two hundred bytes.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read, Write};

use dataset::{Outcome, Row};
use trace::{Event, EventKind};

use super::benchmark::{Benchmarks, Overlap};
use super::hash::{hash, join, runs};
use super::similarity::{BANDS, Signature, signature};
use super::tokens::tokens;

/// Tokens in the runs by which programs are compared.
const CODE_RUN: usize = 5;

/// Steps in the runs by which traces are compared.
const TRACE_RUN: usize = 3;

/// One execution at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Of the trace's id.
    pub(crate) id: u64,
    /// Of the source's path.
    pub(crate) source: u64,
    pub(crate) code: Signature,
    pub(crate) trace: Signature,
    /// Of the steps between lines that it took, however often: executions that go the same ways share it.
    pub(crate) shape: u64,
    /// Of how it ended and how long it is.
    pub(crate) stratum: u64,
    /// Whether any of it ran.
    pub(crate) ran: bool,
    pub(crate) overlap: Overlap,
}

impl Glance {
    /// Bytes of a glance as it is stored.
    const BYTES: usize = 8 * (4 + 2 * BANDS) + 2;

    pub(crate) fn at(row: &Row<'_>, benchmarks: &Benchmarks) -> Glance {
        let id = hash(row.trace_id.as_bytes());
        let code = tokens(&row.code);
        let steps: Vec<u64> = row.events.iter().flat_map(step).collect();
        let octave = (row.events.len() as u64 + 1).ilog2();
        Glance {
            id,
            source: hash(row.source_path.as_bytes()),
            code: signature(runs(&code, CODE_RUN), hash(row.source_path.as_bytes())),
            trace: signature(runs(&steps, TRACE_RUN), id),
            shape: shape(&row.events),
            stratum: join(hash(row.outcome.name().as_bytes()), octave.into()),
            ran: ran(row.outcome),
            overlap: benchmarks.overlap(&code),
        }
    }

    pub(crate) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut bytes = [0; Self::BYTES];
        let numbers = [self.id, self.source, self.shape, self.stratum];
        let numbers = numbers.iter().chain(&self.code).chain(&self.trace);
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes[Self::BYTES - 2] = self.ran.into();
        bytes[Self::BYTES - 1] = self.overlap as u8;
        output.write_all(&bytes)
    }

    pub(crate) fn read(input: &mut impl Read) -> io::Result<Glance> {
        let mut bytes = [0; Self::BYTES];
        input.read_exact(&mut bytes)?;
        let number = |at: usize| {
            let (places, _) = bytes.as_chunks::<8>();
            u64::from_le_bytes(places[at])
        };
        let invalid =
            || io::Error::new(io::ErrorKind::InvalidData, "it holds a kind of overlap that is none");
        Ok(Glance {
            id: number(0),
            source: number(1),
            shape: number(2),
            stratum: number(3),
            code: std::array::from_fn(|band| number(4 + band)),
            trace: std::array::from_fn(|band| number(4 + BANDS + band)),
            ran: bytes[Self::BYTES - 2] != 0,
            overlap: Overlap::from_byte(bytes[Self::BYTES - 1]).ok_or_else(invalid)?,
        })
    }
}

/// Whether anything of a program ran that ended so.
fn ran(outcome: Outcome) -> bool {
    match outcome {
        Outcome::SyntaxError
        | Outcome::NoEntry
        | Outcome::Unreadable
        | Outcome::Filtered
        | Outcome::WorkerFault => false,
        Outcome::Returned
        | Outcome::Raised
        | Outcome::Exited
        | Outcome::TimedOut
        | Outcome::OutOfMemory
        | Outcome::OutputLimit
        | Outcome::Killed
        | Outcome::Denied => true,
    }
}

/// What an event adds to the story of an execution: the values that appear, wherever in the source. A line that
/// changes nothing adds nothing, so that a comment or a renamed function makes no other story.
fn step(event: &Event<'_>) -> Option<u64> {
    let changes = event.changes.iter().fold(0, |sum, change| {
        let texts = [change.name, change.element.unwrap_or(""), change.value.map_or("", |value| value.text)];
        texts.iter().fold(sum, |sum, text| join(sum, hash(text.as_bytes())))
    });
    let own = match &event.kind {
        EventKind::Return(value) | EventKind::Yield(value) | EventKind::Raise(value) => {
            hash(value.text.as_bytes())
        }
        EventKind::Output(_, bytes) => hash(bytes),
        _ => 0,
    };
    (changes != 0 || own != 0).then(|| join(hash(event.kind.name().as_bytes()), join(changes, own)))
}

/// Of all pairs of lines that ran after each other in a frame. Lines count from where their function begins, so
/// that a function has the same shapes wherever it stands.
fn shape(events: &[Event<'_>]) -> u64 {
    // The first line of each frame that goes on, and its last one counted from there.
    let mut frames: HashMap<u32, (u32, u32)> = HashMap::new();
    let mut pairs = BTreeSet::new();
    for event in events {
        match event.kind {
            EventKind::Call => {
                frames.insert(event.frame, (event.line, 0));
                pairs.insert(join(u64::MAX, event.depth.into()));
            }
            EventKind::Line => {
                let (first, last) = frames.entry(event.frame).or_insert((event.line, 0));
                let line = event.line.abs_diff(*first);
                pairs.insert(join((*last).into(), line.into()));
                *last = line;
            }
            EventKind::Return(_) | EventKind::Unwind(_) => {
                frames.remove(&event.frame);
            }
            _ => {}
        }
    }
    pairs.into_iter().fold(0, join)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind<'static>, line: u32) -> Event<'static> {
        Event { thread: 0, frame: 0, parent: None, depth: 0, function: "f", line, kind, changes: Vec::new() }
    }

    fn path(first: u32, lines: &[u32]) -> u64 {
        let lines = lines.iter().map(|line| event(EventKind::Line, first + line));
        let events: Vec<_> = [event(EventKind::Call, first)].into_iter().chain(lines).collect();
        shape(&events)
    }

    #[test]
    fn a_shape_is_the_ways_taken_however_often_and_wherever() {
        assert_eq!(path(1, &[1, 2, 1, 3]), path(1, &[1, 2, 1, 2, 1, 3]));
        assert_eq!(path(1, &[1, 2, 3]), path(40, &[1, 2, 3]));
        assert_ne!(path(1, &[1, 2, 3]), path(1, &[1, 3]));
    }

    #[test]
    fn what_is_written_is_read() {
        let glance = Glance {
            id: 1,
            source: 2,
            code: std::array::from_fn(|band| band as u64 + 10),
            trace: std::array::from_fn(|band| band as u64 + 50),
            shape: 3,
            stratum: u64::MAX,
            ran: true,
            overlap: Overlap::Run,
        };
        let mut bytes = Vec::new();
        glance.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), Glance::BYTES);
        assert_eq!(Glance::read(&mut bytes.as_slice()).unwrap(), glance);
        bytes[Glance::BYTES - 1] = 9;
        assert!(Glance::read(&mut bytes.as_slice()).is_err());
    }
}
