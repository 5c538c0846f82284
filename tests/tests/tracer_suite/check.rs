//! Runs one program and compares.

use std::ops::RangeInclusive;

use tests::tracers::{
    Account, Event, Program, compact, interpreters, native, normalised, reference, with_numbers_of,
};

/// Every minor version that the tracer supports.
pub(crate) const ALL: RangeInclusive<u32> = 11..=13;

/// Checks the events of a script, given as in `tests::tracers::compact`. What the source is indented by in the
/// test does not count.
#[track_caller]
pub(crate) fn check(source: &str, expected: &str) {
    check_on(ALL, source, expected);
}

/// Checks it on some minor versions only.
#[track_caller]
pub(crate) fn check_on(minors: RangeInclusive<u32>, source: &str, expected: &str) {
    check_program(minors, &Program::script(dedented(source)), expected);
}

/// Checks the events of a call.
#[track_caller]
pub(crate) fn check_call(source: &str, function: &str, input: &str, expected: &str) {
    check_program(ALL, &Program::call(dedented(source), function, input), expected);
}

#[track_caller]
pub(crate) fn check_program(minors: RangeInclusive<u32>, program: &Program, expected: &str) {
    for (tracer, account) in accounts(minors, program) {
        let (expected, found) = (normalised(expected), compact(&account));
        assert!(expected == found, "{tracer} tells\n{}", side_by_side(&expected, &found));
    }
}

/// Checks type and text of some of a script's variables as they are at its end, where a function is called with
/// them.
#[track_caller]
pub(crate) fn check_values(source: &str, expected: &[(&str, &str, &str)]) {
    let names = expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let program = format!("{}def shown({names}): pass\nshown({names})\n", dedented(source));
    for (tracer, account) in accounts(ALL, &Program::script(program)) {
        let call = account.events.iter().rfind(|event| event.kind == "call").expect("a call of `shown`");
        for &(name, type_name, text) in expected {
            let told = call.changes.iter().find(|change| change.1 == name);
            let found = told.map(|change| (change.3.as_deref(), change.4.as_deref()));
            assert_eq!(found, Some((Some(type_name), Some(text))), "{tracer} tells this of {name}");
        }
    }
}

/// The same as they are returned, which may cut them.
#[track_caller]
pub(crate) fn check_returned(source: &str, expected: &[(&str, &str, &str)]) {
    let calls: String = expected.iter().map(|(name, ..)| format!("shown({name})\n")).collect();
    let program = format!("{}def shown(value): return value\n{calls}", dedented(source));
    for (tracer, account) in accounts(ALL, &Program::script(program)) {
        let is_of_shown = |event: &&Event| event.kind == "return" && event.function == "shown";
        let mut returned = account.events.iter().filter(is_of_shown);
        for &(name, type_name, text) in expected {
            let found = returned.next().map(|event| (event.type_name.as_deref(), event.text.as_deref()));
            assert_eq!(found, Some((Some(type_name), Some(text))), "{tracer} tells this of {name}");
        }
    }
}

/// What both tracers tell on every version asked for, once it is known that they agree and that their events
/// hang together.
#[track_caller]
pub(crate) fn accounts(minors: RangeInclusive<u32>, program: &Program) -> Vec<(String, Account)> {
    let mut accounts = Vec::new();
    for interpreter in interpreters().iter().filter(|interpreter| minors.contains(&interpreter.minor)) {
        let slow = reference::trace(interpreter, program).unwrap_or_else(|ended| panic!("{}", ended.report));
        let (fast, ended) = native::trace(interpreter, program);
        assert_eq!(fast.disorder(), None);
        let fast = fast.without_effects();
        let slow = with_numbers_of(slow, &fast);
        if let Some(difference) = fast.difference(&slow, &program.source) {
            let minor = interpreter.minor;
            panic!(
                "on 3.{minor}, the native tracer (left) and the reference differ: {difference}\n{}",
                ended.report
            );
        }
        accounts.push((format!("on 3.{}, the reference", interpreter.minor), slow));
        accounts.push((format!("on 3.{}, the native tracer", interpreter.minor), fast));
    }
    accounts
}

/// Removes the line break at the beginning and the indentation that all lines share.
pub(crate) fn dedented(source: &str) -> String {
    let source = source.strip_prefix('\n').unwrap_or(source);
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let shared = source.lines().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or(0);
    let lines = source.lines().map(|line| line.get(shared..).unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
}

/// Both lines event by event, from shortly before the first difference.
fn side_by_side(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.split("; ").collect(), found.split("; ").collect());
    let same = expected.iter().zip(&found).take_while(|(left, right)| left == right).count();
    let from = same.saturating_sub(3);
    let show =
        |events: &[&str]| events.iter().skip(from).take(8).map(|event| format!("    {event}\n")).collect();
    let (expected, found): (String, String) = (show(&expected), show(&found));
    format!("{found}  instead of\n{expected}  (from event {from} on)")
}
