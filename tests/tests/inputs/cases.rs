//! What rows and jobs give programs to do, and whether they do it.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;

#[test]
fn each_case_of_a_row_is_an_execution() {
    let rows = [
        r#"{"code": "def add(a, b):\n    return a + b\n", "test_list": ["assert add(1, 2) == 3", "assert add(1, 2) == 4"]}"#,
        r#"{"code": "import sys\nprint(int(input()) * 2, sys.argv[1:], sys.stdin.read())\n", "stdin": ["4\nx", "5\n"], "argv": ["-v"]}"#,
        r#"{"prompt": "def one():\n", "canonical_solution": "    return 1\n", "entry_point": "one", "test": "def check(f):\n    assert f() == 1\n"}"#,
    ];
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    let rows = place.run("cases", &[]);
    let told: Vec<(&str, &str, &str)> =
        rows.iter().map(|row| (row.entry.as_str(), row.outcome.as_str(), row.stdout.as_str())).collect();
    assert_eq!(
        told,
        [
            ("<test>", "returned", ""),
            ("<test>", "raised", ""),
            ("<module>", "returned", "8 ['-v'] x\n"),
            ("<module>", "returned", "10 ['-v'] \n"),
            ("<test>", "returned", ""),
        ]
    );
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Some("passed"), Some("failed"), None, None, Some("passed")]);
    assert_eq!(rows[0].functions, ["add".to_owned()].into());
    assert_eq!(rows[1].input.as_deref(), Some("assert add(1, 2) == 4"));
    place.verify();
}

#[test]
fn each_script_is_given_what_the_job_lists() {
    let place = Place::new(&[("told.py", "import sys\nprint(sys.argv[1:], sys.stdin.read())\n")]);
    let list = place.folder().join("runs.jsonl");
    fs::write(&list, "{\"argv\": [\"-v\"], \"stdin\": \"4\"}\n{\"argv\": [\"-q\"], \"stdin\": \"4\"}\n")
        .unwrap();
    let rows = place.run("dataset", &["--runs", list.to_str().unwrap()]);
    let told: Vec<_> =
        rows.iter().map(|row| (row.origin, row.input.as_deref().unwrap(), row.stdout.as_str())).collect();
    assert_eq!(
        told,
        [
            ("listed", r#"{"argv":["-v"],"stdin":"4"}"#, "['-v'] 4\n"),
            ("listed", r#"{"argv":["-q"],"stdin":"4"}"#, "['-q'] 4\n"),
        ]
    );
    place.verify();
}

#[test]
fn what_a_case_gives_is_compared_with_what_it_should() {
    let rows = [
        r#"{"code": "def f(x):\n    return {'b': x, 'a': [1.0]}\n", "input": "2", "output": "{'a': [1], 'b': 2}"}"#,
        r#"{"code": "def f(x):\n    return x\n", "input": "2", "output": "3"}"#,
        r#"{"code": "def f(x):\n    return x[0]\n", "input": "2", "output": "3"}"#,
        r#"{"code": "print(int(input()) * 2, '')\n", "stdin": ["4\n", "5", "x"], "expected_stdout": ["8\n", "11\n", "1"]}"#,
    ];
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    let rows = place.run("dataset", &[]);
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.unwrap()).collect();
    assert_eq!(verdicts, ["passed", "failed", "error", "passed", "failed", "error"]);
    assert_eq!(rows[2].outcome, "raised");
    place.verify();
}

#[test]
fn each_assertion_of_a_function_that_checks_is_an_execution() {
    let test = "
METADATA = {'author': 'x'}

def check(candidate):
    import random
    rng = random.Random(7)
    assert True, 'A simple case.'
    assert candidate([3, 1]) == [1, 3]
    assert candidate([]) == [0], 'nothing is something'
    for given, expected in [([2], [2]), ('ba', ['a', 'b'])]:
        assert candidate(given) == expected
    for _ in range(3):
        items = [rng.randint(0, 9) for _ in range(4)]
        assert candidate(items)[0] == min(items)
    assert candidate(None)
";
    let row = json!({
        "task_id": "HumanEval/1000",
        "prompt": "def order(items):\n    \"\"\"Sorts them.\"\"\"\n",
        "canonical_solution": "    return sorted(items)\n",
        "test": test,
        "entry_point": "order",
    });
    let place = Place::new(&[("rows.jsonl", &row.to_string())]);
    let rows = place.run("cases", &[]);
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict.unwrap()).collect();
    assert_eq!(verdicts, ["passed", "failed", "passed", "passed", "passed", "error"]);
    assert_eq!(
        rows[2].input.as_deref(),
        Some(
            "def check(candidate):\n    import random\n    rng = random.Random(7)\n    \
         for given, expected in [([2], [2])]:\n        assert candidate(given) == expected\ncheck(order)"
        )
    );
    assert!(rows.iter().all(|row| row.functions.contains("order")), "{rows:?}");
    place.verify();
    // In the other mode its calls are inputs.
    let rows = place.rows("functions");
    let harvested: Vec<_> =
        rows.iter().filter(|row| row.origin == "harvested").filter_map(|row| row.input.as_deref()).collect();
    for input in ["[3, 1]", "'ba'"] {
        assert!(harvested.contains(&input), "{harvested:?}");
    }
}

#[test]
fn contest_problems_are_run_with_each_of_their_inputs() {
    let code = "print(sum(map(int, input().split())))\n";
    let rows = [
        json!({ "code": code, "input_output": "{\"inputs\": [\"1 2\\n\"], \"outputs\": [\"3\\n\"]}" }),
        json!({
            "code": code,
            "public_tests": { "input": ["4 5\n"], "output": ["9\n"] },
            "generated_tests": { "input": ["1\n"], "output": ["2\n"] },
        }),
    ];
    check_runs(&rows, &[("1 2\n", "passed"), ("4 5\n", "passed"), ("1\n", "failed")]);
}

#[test]
fn a_contest_problem_without_code_is_its_first_solution() {
    let [right, wrong] = ["print(int(input()) + 1)\n", "print(0)\n"];
    let rows = [
        json!({
            "solutions": json!([right, wrong]).to_string(),
            "input_output": "{\"inputs\": [\"1\\n\"], \"outputs\": [\"2\\n\"]}",
        }),
        json!({
            "solutions": { "language": [2, 3], "solution": ["int main() {}", right] },
            "public_tests": { "input": ["2\n"], "output": ["3\n"] },
        }),
    ];
    check_runs(&rows, &[("1\n", "passed"), ("2\n", "passed")]);
}

#[track_caller]
fn check_runs(rows: &[Value], expect: &[(&str, &str)]) {
    let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    let rows = place.run("cases", &[]);
    let told: Vec<_> = rows.iter().map(|row| (row.input.as_deref().unwrap(), row.verdict.unwrap())).collect();
    assert_eq!(told, expect);
    place.verify();
}
