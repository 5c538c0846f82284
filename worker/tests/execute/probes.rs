//! Several calls of a function in one process, against each of them in one of its own.

use std::collections::BTreeMap;

use dataset::Limits;
use trace::{
    Bounds, Entry, Event, EventKind, Granularity, Patience, Reader, Request, Scope, Stream, Verdict,
};
use worker::execute::{Ended, Execution};

use crate::harness::{Place, profiles, short};

/// What a call did: its events, and its verdict with the value's text. Frames are numbered from 0, and globals are left
/// out: one that did not change since the call before is not told again. So is standard error, where the program's end
/// shows what was raised.
type Told = (Vec<String>, Option<(Verdict, String)>);

fn request<'a>(source: &'a str, entry: Entry<'a>, max_events: u64) -> Request<'a> {
    Request {
        entry,
        filename: "main.py",
        source: source.as_bytes(),
        granularity: Granularity::Line,
        identities: false,
        bounds: Bounds { max_events, ..Bounds::default() },
    }
}

/// What each call told, and how the process ended.
fn probe(source: &str, inputs: &[&str], max_events: u64) -> (Vec<Told>, Ended) {
    let mut place = Place::with(profiles()[0]);
    let patience = Patience { wall_ms: 400, cpu_ms: 100 };
    let entry = Entry::Probes { name: "f", inputs: inputs.to_vec(), patience };
    let limits = Limits { wall_ms: 60_000, cpu_ms: 60_000, ..short() };
    let execution = place.slot.run(&request(source, entry, max_events), &limits, || true).unwrap();
    let (before, calls) = told(&execution);
    assert_eq!(before, (vec![], None));
    place.expect_clean();
    (calls, execution.ended)
}

/// What was told before the first of several calls, and by each of them.
fn told(execution: &Execution) -> (Told, Vec<Told>) {
    let mut reader = Reader::new(execution.log());
    let before = told_on(&mut reader);
    let mut calls = Vec::new();
    while reader.next_probe() {
        calls.push(told_on(&mut reader));
    }
    (before, calls)
}

fn told_on(reader: &mut Reader<'_>) -> Told {
    let mut events = Vec::new();
    let mut frames = BTreeMap::new();
    reader
        .lend(|event| {
            if matches!(event.kind, EventKind::Output(Stream::Stderr, _)) {
                return;
            }
            let next = frames.len() as u32;
            let frame = *frames.entry(event.frame).or_insert(next);
            let parent = event.parent.and_then(|parent| frames.get(&parent)).copied();
            let mut event = Event { frame, parent, ..event.clone() };
            event.changes.retain(|change| change.scope == Scope::Local);
            events.push(format!("{event:?}"));
        })
        .unwrap();
    (events, reader.end().map(|end| (end.verdict, end.value.text.to_owned())))
}

fn verdicts(calls: &[Told]) -> Vec<Option<Verdict>> {
    calls.iter().map(|(_, end)| end.as_ref().map(|(verdict, _)| *verdict)).collect()
}

#[test]
fn calls_that_leave_nothing_behind_are_told_as_in_processes_of_their_own() {
    let source = "
class Box:
    def __init__(self, items):
        self.items = items
    def largest(self):
        return max(self.items)
def walk(n):
    while n:
        yield n
        n -= 1
def f(x, box=None):
    if box:
        print(box.largest())
    items = [i * x for i in walk(3)]
    return {'items': items, 'text': '-' * 500, 'odd': x % 2}
";
    let inputs = ["2", "3, Box([1, 5])", "3, Box([])", "'x'", "1 +", "*[4]", "undefined", "5, box=Box([7])"];
    let (calls, ended) = probe(source, &inputs, 10_000);
    assert_eq!((calls.len(), ended), (inputs.len(), Ended::Exited(0)));
    let mut place = Place::with(profiles()[0]);
    for (input, call) in inputs.iter().zip(calls) {
        let request = request(source, Entry::Function { name: "f", input }, 10_000);
        let alone = place.slot.run(&request, &short(), || true).unwrap();
        assert_eq!(told(&alone).0, call, "{input}");
    }
}

#[test]
fn a_call_that_hangs_ends_its_process_and_takes_nothing_of_the_others_along() {
    for hang in ["sum(iter(int, 1))", "__import__('time').sleep(1000)"] {
        let source = format!("def f(x):\n    return {hang} if x == 2 else x\n");
        let (calls, ended) = probe(&source, &["1", "2", "3"], 10_000);
        assert_eq!((verdicts(&calls), ended), (vec![Some(Verdict::Returned), None], Ended::Signalled(9)));
    }
}

#[test]
fn time_is_each_calls_own() {
    let source = "
import time
def f(x):
    began = time.process_time()
    while sum(range(100_000)) and time.process_time() - began < 0.06:
        pass
    return x
";
    let (calls, _) = probe(source, &["1", "2", "3", "4"], 10_000);
    assert_eq!(verdicts(&calls), [Some(Verdict::Returned); 4]);
}

#[test]
fn a_loop_that_does_not_end_is_known_by_its_events() {
    let (calls, ended) = probe("def f(x):\n    while x:\n        pass\n", &["0", "1", "0"], 1_000);
    assert_eq!((verdicts(&calls), ended), (vec![Some(Verdict::Returned), None], Ended::Exited(0)));
    assert!(calls[1].0.len() >= 1_000, "{}", calls[1].0.len());
}

#[test]
fn a_call_that_ends_the_process_or_the_program_is_told_apart() {
    let source = "import os, sys\ndef f(x):\n    if x:\n        sys.exit(3)\n    os._exit(0)\n";
    let (calls, _) = probe(source, &["1", "1", "0", "1"], 1_000);
    assert_eq!(verdicts(&calls), [Some(Verdict::Exited), Some(Verdict::Exited), None]);
}

#[test]
fn a_thread_that_outlives_its_call_cannot_pass_for_another() {
    let source = "
import threading
go = threading.Event()
def late():
    go.wait()
    return 'late'
def f(x):
    if x == 1:
        threading.Thread(target=late, daemon=True).start()
    if x == 2:
        go.set()
        for _ in range(1000):
            pass
    return x
";
    let (calls, ended) = probe(source, &["1", "2", "3"], 100_000);
    assert_eq!((verdicts(&calls), ended), (vec![Some(Verdict::Returned); 3], Ended::Exited(0)));
    assert!(!calls[1].0.iter().any(|event| event.contains("late") && event.contains("depth: 1")));
}
