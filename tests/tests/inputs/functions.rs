//! Functions that are called with inputs which are found.

use std::collections::BTreeSet;

use serde_json::json;

use crate::place::{Found, Place, SHAPES};

#[test]
fn functions_are_called_with_inputs_that_are_found() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let rows = place.rows("functions");
    let of = |entry: &str| rows.iter().filter(|row| row.entry == entry).collect::<Vec<_>>();
    for entry in ["classify", "Stack.push", "Stack.pop", "running", "from_doctest"] {
        let returned = of(entry).iter().filter(|row| row.outcome == "returned").count();
        assert!(returned >= 3, "{entry} returned {returned} times: {:?}", of(entry));
    }
    // Each of its branches is taken.
    let outputs: BTreeSet<&str> = of("classify").iter().filter_map(|row| row.output.as_deref()).collect();
    for branch in ["'negative'", "'magic'", "'many'"] {
        assert!(outputs.contains(branch), "{outputs:?}");
    }
    assert!(
        of("from_doctest")
            .iter()
            .any(|row| row.input.as_deref() == Some("[8, 1]") && row.origin == "harvested")
    );
    // A generator was asked for what it yields.
    assert!(
        of("running").iter().all(|row| row.output.as_deref().is_none_or(|output| output.starts_with('[')))
    );
    // A method's own frame is the first, and nothing of the making of its object is told.
    assert!(of("Stack.pop").iter().all(|row| !row.functions.contains("Stack.__init__")));
    assert!(rows.iter().all(|row| !row.stdout.contains("main block")), "the main block must not run");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.trace_id.as_str()).collect();
    assert_eq!(ids.len(), rows.len());
    place.verify();
}

#[test]
fn a_source_without_anything_to_call_is_accounted_for_by_its_import() {
    let place = Place::new(&[
        ("constants.py", "X = 1\n"),
        ("exits.py", "def f(a):\n    return a\nraise SystemExit(3)\n"),
        ("hangs.py", "def f(a):\n    return a\nwhile True:\n    pass\n"),
        ("lacks.py", "import absent_module\ndef f(a):\n    return a\n"),
        ("latin.py", "# coding: latin-1\nX = '\u{e4}'\n"),
        ("reads.py", "def f(a: int):\n    return a + 1\nprint('loading')\nimport sys\nsys.stdin.read()\n"),
        ("torn.py", "def f(:\n"),
    ]);
    let rows = place.run("dataset", &["--mode", "functions", "--timeout", "3s"]);
    let outcome = |name: &str| {
        let rows = rows.iter().filter(|row| row.source.ends_with(name));
        rows.map(|row| (row.entry.as_str(), row.outcome.as_str())).collect::<BTreeSet<_>>()
    };
    assert_eq!(outcome("/constants.py"), [("<import>", "returned")].into());
    assert_eq!(outcome("/exits.py"), [("<import>", "exited")].into());
    assert_eq!(outcome("/hangs.py"), [("<import>", "timed_out")].into());
    assert_eq!(outcome("/lacks.py"), [("<import>", "raised")].into());
    assert_eq!(outcome("/latin.py"), [("<import>", "returned")].into());
    assert_eq!(outcome("/reads.py"), [("f", "returned")].into());
    assert_eq!(outcome("/torn.py"), [("<import>", "syntax_error")].into());
    place.verify();
}

/// The calls in its main block can only be seen while it runs.
const CALLED_WITH_LISTS: &str = "
def table(count):
    return [[number] for number in range(count)]


def fill(rows, value):
    for row in rows:
        row.append(value)
    if len(rows) > 5:
        rows.clear()


if __name__ == '__main__':
    count = 6
    while count < 8:
        rows = table(count)
        fill(rows, ['the', 'end', count])
        count += 1
";

#[test]
fn the_same_inputs_are_found_where_objects_are_told_apart() {
    let place = Place::new(&[("fill.py", CALLED_WITH_LISTS)]);
    let inputs = |rows: Vec<Found>| -> BTreeSet<_> {
        rows.into_iter().map(|row| (row.entry, row.input, row.origin)).collect()
    };
    let plain = inputs(place.run("plain", &["--mode", "functions"]));
    assert!(
        plain.iter().any(|(entry, _, origin)| (entry.as_str(), &**origin) == ("fill", "harvested")),
        "{plain:?}"
    );
    assert_eq!(inputs(place.run("told-apart", &["--mode", "functions", "--identities"])), plain);
}

#[test]
fn the_same_job_finds_the_same_inputs_and_another_seed_others() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let first = place.run("first", &["--mode", "functions"]);
    assert_eq!(first, place.run("second", &["--mode", "functions"]));
    let other = place.run("third", &["--mode", "functions", "--seed", "1"]);
    let inputs = |rows: &[Found]| rows.iter().map(|row| row.input.clone()).collect::<BTreeSet<_>>();
    assert_ne!(inputs(&first), inputs(&other));
}

#[test]
fn what_one_input_leaves_behind_is_in_no_row_of_another() {
    let place = Place::new(&[("leaks.py", LEAKS)]);
    let rows = place.rows("functions");
    let of = |entry: &str| rows.iter().filter(|row| row.entry == entry).collect::<Vec<_>>();
    assert!(of("count").len() >= 3 && of("hoard").len() >= 3, "{rows:?}");
    let outputs = |entry: &str| of(entry).into_iter().filter_map(|row| row.output.as_deref());
    assert!(outputs("count").all(|output| output == "1"), "{rows:?}");
    assert!(outputs("hoard").all(|output| output.ends_with(", 1]")), "{rows:?}");
    place.verify();
}

#[test]
fn inputs_at_which_a_function_hangs_cost_it_no_others() {
    let place = Place::new(&[("hangs.py", HANGS)]);
    let rows = place.rows("functions");
    for entry in ["loops", "sticks", "leaves"] {
        let of = rows.iter().filter(|row| row.entry == entry);
        let outputs: BTreeSet<&str> = of.filter_map(|row| row.output.as_deref()).collect();
        for output in ["'few'", "'many'", "'negative'"] {
            assert!(outputs.contains(output), "{entry}: {outputs:?}");
        }
        assert!(!outputs.contains("'never'"));
    }
    place.verify();
}

#[test]
fn an_async_function_is_run_to_its_end() {
    let place = Place::new(&[("waits.py", WAITS)]);
    let rows = place.rows("functions");
    let doubled = |input: &str| rows.iter().find(|row| row.input.as_deref() == Some(input)).unwrap();
    assert_eq!((doubled("21").outcome.as_str(), doubled("21").output.as_deref()), ("returned", Some("42")));
    assert!(doubled("21").functions.contains("pause"));
    assert!(rows.iter().any(|row| row.outcome == "raised"), "{rows:?}");
    place.verify();
}

#[test]
fn modes_add_up() {
    let place = Place::new(&[("shapes.py", SHAPES)]);
    let rows = place.rows("script,functions");
    let scripts: Vec<&Found> = rows.iter().filter(|row| row.entry == "<module>").collect();
    assert_eq!(scripts.iter().map(|row| row.stdout.as_str()).collect::<Vec<_>>(), ["main block\n"]);
    assert!(rows.len() > 10);
    let none = place.run("none", &["--mode", "cases"]);
    assert_eq!(none.iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>(), ["no_entry"]);
}

#[test]
fn calls_in_tests_beside_a_module_and_in_its_row_are_harvested() {
    let code = "def scaled(vector, by):\n    return [part * by for part in vector]\n";
    let test = "from package import maths\n\ndef test_scaled():\n    assert maths.scaled((4711, 2), 3)\n";
    let place = Place::new(&[("maths.py", code), ("test_maths.py", test)]);
    let harvested = |rows: &[Found]| {
        let rows = rows.iter().filter(|row| row.entry == "scaled" && row.origin == "harvested");
        rows.filter_map(|row| row.input.clone()).collect::<Vec<_>>()
    };
    assert_eq!(harvested(&place.rows("functions")), ["(4711, 2), 3"]);
    place.verify();
    let row = json!({ "code": code, "test_list": ["assert scaled([4711], 2) == [9422]"] });
    let place = Place::new(&[("rows.jsonl", &row.to_string())]);
    assert_eq!(harvested(&place.rows("functions")), ["[4711], 2"]);
}

const WAITS: &str = r#"
import asyncio

async def pause():
    await asyncio.sleep(0)

async def double(number: int):
    '''
    >>> double(21)
    '''
    await pause()
    if number < 0:
        raise ValueError("negative")
    return number * 2
"#;

const LEAKS: &str = r#"
class Counter:
    seen = []


def count(number: int):
    for _ in range(abs(number) % 7):
        pass
    Counter.seen.append(number)
    return len(Counter.seen)


KEPT = {}


def hoard(number: int):
    KEPT[number] = str(number)
    return [number, len(KEPT)]
"#;

const HANGS: &str = r#"
import os


def loops(number: int):
    while number == 48271:
        pass
    return told(number)


def sticks(number: int):
    if number == 48271:
        sum(iter(int, 1))
    return told(number)


def leaves(number: int):
    if number == 48271:
        os._exit(0)
    return told(number)


def told(number):
    if number == 48271:
        return "never"
    if number < 0:
        return "negative"
    return "few" if number < 10 else "many"
"#;
