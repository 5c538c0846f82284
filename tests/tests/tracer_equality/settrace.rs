//! What the interpreter's own tests expect of `sys.settrace`, held against what the native tracer tells of the same
//! programs. Both come from the `test_sys_settrace.py` that lies beside each interpreter.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use tests::tracers::{Account, Event, Interpreter, Program, interpreters, native};
use trace::Granularity;

/// Tests that expect something else than is told, and why; `docs/trace.md` says so, too.
const TOLD_OTHERWISE: [(&str, &str); 3] = [
    ("test_16_blank_lines", "the function is made by `exec`, and so is no part of the source"),
    ("test_17_none_f_trace", "a frame is told of on although the program sets its `f_trace` to `None`"),
    ("test_very_large_function", "the function is made by `exec`, and so is no part of the source"),
];

/// Tests of the interpreter's that do not pass while they are traced, on which version, and why.
const DISTURBED: [(u32, &str, &str); 1] = [(
    11,
    "TestEdgeCases.test_reentrancy",
    "where the `__del__` of a trace function that is replaced sets another one, 3.11 refuses that, and the stand-in \
     for `sys.settrace` does as later versions do",
)];

/// Calls what the tests would have traced, and prints what they expect.
const CASES: &str = include_str!("settrace_cases.py");

/// An event as `sys.settrace` tells it: the line, and its name.
type Told = (i64, String);

/// What is expected of one function: the name of the test, the line to count from, and the events.
#[derive(Deserialize)]
struct Expected(String, i64, Vec<Told>);

#[test]
fn what_the_interpreters_own_tests_expect_is_told() {
    for interpreter in interpreters() {
        for granularity in [Granularity::Call, Granularity::Line, Granularity::Instruction] {
            let seen = if granularity == Granularity::Call { without_lines } else { |events| events };
            let cases = Cases { function: "et_tell_cases", class: "EtCases", granularity, seen };
            let Some(told) = told_otherwise(interpreter, &cases) else { continue };
            let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
            let expected: Vec<&str> = TOLD_OTHERWISE.iter().map(|(name, _)| *name).collect();
            let told: String = told.iter().map(|(_, difference)| difference.as_str()).collect();
            assert_eq!(names, expected, "on 3.{}, by {granularity}:\n{told}", interpreter.minor);
        }
    }
}

/// A trace function that sets `f_lineno` sees what happens then as the tracer does.
#[test]
fn jumps_are_told_as_a_trace_function_sees_them() {
    for interpreter in interpreters() {
        let (granularity, seen) = (Granularity::Line, lines_alone as fn(Vec<Told>) -> Vec<Told>);
        let cases = Cases { function: "et_tell_jumps", class: "EtJumps", granularity, seen };
        let told = told_otherwise(interpreter, &cases).unwrap_or_default();
        let told: String = told.iter().map(|(_, difference)| difference.as_str()).collect();
        assert!(told.is_empty(), "on 3.{}:\n{told}", interpreter.minor);
    }
}

#[test]
fn the_interpreters_own_tests_pass_while_they_are_traced() {
    for interpreter in interpreters() {
        // By the one, the tracer asks the interpreter for the least, by the other for the most.
        for granularity in [Granularity::Call, Granularity::Instruction] {
            let Some((account, _)) = traced(interpreter, "et_run_tests", granularity) else { continue };
            let failed = account.end.map(|end| end.text).unwrap_or_default();
            let expected = DISTURBED.iter().filter(|(minor, ..)| *minor == interpreter.minor);
            let expected: Vec<String> = expected.map(|(_, name, _)| format!("'{name}'")).collect();
            let expected = format!("[{}]", expected.join(", "));
            assert_eq!(failed, expected, "on 3.{}, by {granularity}", interpreter.minor);
        }
    }
}

/// What is run behind the tests, and how what is told of it is looked at.
struct Cases {
    function: &'static str,
    class: &'static str,
    granularity: Granularity,
    seen: fn(Vec<Told>) -> Vec<Told>,
}

/// The cases of which something else is told than is expected, and what. None where there are no tests.
fn told_otherwise(interpreter: &Interpreter, cases: &Cases) -> Option<Vec<(String, String)>> {
    let (account, stdout) = traced(interpreter, cases.function, cases.granularity)?;
    let expected: Vec<Expected> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("a case")).collect();
    let told = told_of_each(&account, &format!("{}.run_and_compare", cases.class));
    assert_eq!(told.len(), expected.len(), "each case is one call");
    assert!(told.len() > 50, "there are {} cases only", told.len());
    let different = expected.into_iter().zip(told).filter_map(|(Expected(name, first, expected), told)| {
        let told = told.into_iter().map(|(line, kind)| (line - first, kind)).collect();
        let (expected, told) = ((cases.seen)(expected), (cases.seen)(told));
        let difference = format!("{name}\n  expected {expected:?}\n  told     {told:?}\n");
        (expected != told).then_some((name, difference))
    });
    Some(different.collect())
}

/// What is left of events where no lines are told.
fn without_lines(events: Vec<Told>) -> Vec<Told> {
    events.into_iter().filter(|(_, kind)| kind != "line").map(|(_, kind)| (0, kind)).collect()
}

/// Without the lines of other events. CPython takes those from where a frame stands, the tracer from the last `line`,
/// and before 3.12 none is told of the line that was jumped to.
fn lines_alone(events: Vec<Told>) -> Vec<Told> {
    events.into_iter().map(|(line, kind)| (if kind == "line" { line } else { 0 }, kind)).collect()
}

/// What the tracer tells while a function behind the tests runs, and what that prints.
fn traced(interpreter: &Interpreter, function: &str, granularity: Granularity) -> Option<(Account, String)> {
    let mut program = Program::call(format!("{}\n{CASES}", own_tests(interpreter)?), function, "");
    program.granularity = granularity;
    program.bounds.max_events = 1 << 20;
    let (account, ended) = native::trace(interpreter, &program);
    let end = account.end.as_ref().unwrap_or_else(|| panic!("{}", ended.report));
    assert_eq!(end.verdict, "returned", "{}", ended.report);
    Some((account, String::from_utf8(ended.stdout).expect("cases are printed as text")))
}

/// The interpreter's tests, without what runs them. None where it came without.
fn own_tests(interpreter: &Interpreter) -> Option<String> {
    const QUESTION: &str = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let answer =
        Command::new(&interpreter.path).args(["-I", "-c", QUESTION]).output().expect("an interpreter");
    let library = String::from_utf8(answer.stdout).expect("a path that is text");
    let Ok(source) = fs::read_to_string(format!("{}/test/test_sys_settrace.py", library.trim_end())) else {
        eprintln!("{} came without its tests: they are left out", interpreter.path.display());
        return None;
    };
    let (tests, _) = source.rsplit_once("\nif __name__ == \"__main__\":").expect("a file that can be run");
    Some(tests.to_owned())
}

/// What is told of each call of a function of this name, without that function itself.
fn told_of_each(account: &Account, function: &str) -> Vec<Vec<Told>> {
    let mut cases: Vec<Vec<Told>> = Vec::new();
    // How deep the frame of that function stands.
    let mut outer: Option<u32> = None;
    let mut lines: BTreeMap<u32, u32> = BTreeMap::new();
    for event in &account.events {
        lines.insert(event.frame, event.line);
        match outer {
            None if event.kind == "call" && event.function == function => {
                outer = Some(event.depth);
                cases.push(Vec::new());
            }
            Some(depth) if event.depth > depth => {
                let case = cases.last_mut().expect("a case that has begun");
                let parent = event.parent.filter(|_| event.depth > depth + 1);
                case.extend(as_settrace_tells(event, parent.map(|parent| lines[&parent])));
            }
            Some(depth) if event.depth == depth && ["return", "unwind"].contains(&event.kind.as_str()) => {
                outer = None;
            }
            _ => {}
        }
    }
    cases
}

fn as_settrace_tells(event: &Event, line_of_parent: Option<u32>) -> Vec<Told> {
    let one = |kind: &str| vec![(i64::from(event.line), kind.to_owned())];
    match event.kind.as_str() {
        "call" | "resume" => one("call"),
        "line" => one("line"),
        "return" | "yield" => one("return"),
        "raise" => one("exception"),
        "unwind" => {
            let mut told = one("return");
            // Whoever closes a generator takes what it ends with, and so does whoever asks a coroutine for its value.
            let is_taken = ["GeneratorExit", "StopIteration"].map(Some).contains(&event.type_name.as_deref());
            let line = line_of_parent.filter(|_| !is_taken);
            told.extend(line.map(|line| (i64::from(line), "exception".to_owned())));
            told
        }
        _ => Vec::new(),
    }
}
