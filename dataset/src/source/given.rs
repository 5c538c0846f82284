//! What a row gives its code to do: tests and standard input, under the names that well-known datasets use.

use serde_json::Value;

use super::Case;

/// The cases of a row whose fields `get` looks up; none where it has none. A field that is not as those datasets have it
/// is not one of theirs.
pub(super) fn cases(get: impl Fn(&str) -> Option<Value>) -> Vec<Case> {
    let mut cases = asserts(&get);
    cases.extend(check(&get));
    cases.extend(runs(&get));
    let mut unique: Vec<Case> = Vec::new();
    for case in cases {
        if !unique.contains(&case) {
            unique.push(case);
        }
    }
    unique
}

/// A program in two pieces, as HumanEval has it.
pub(super) fn completed(get: impl Fn(&str) -> Option<Value>) -> Option<String> {
    Some(text(get("prompt"))? + &text(get("canonical_solution"))?)
}

/// The field of contest problems that holds programs.
pub(super) const SOLUTIONS: &str = "solutions";

/// CodeContests' number for Python 3 among the languages of its solutions (google-deepmind/code_contests,
/// `contest_problem.proto`).
const PYTHON3: u64 = 3;

/// The first program of [`SOLUTIONS`] that is Python: APPS and TACO have a list of programs or a text of it, CodeContests
/// a list beside one of their languages.
pub(super) fn first_solution(solutions: Value) -> Option<String> {
    match parsed(solutions)? {
        Value::Array(programs) => text(programs.into_iter().next()),
        Value::Object(lists) => {
            let languages = lists.get("language")?.as_array()?;
            let first = languages.iter().position(|language| language.as_u64() == Some(PYTHON3))?;
            text(lists.get("solution")?.get(first).cloned())
        }
        _ => None,
    }
}

/// JSON, or what a text of it says.
fn parsed(value: Value) -> Option<Value> {
    match value {
        Value::String(json) => serde_json::from_str(&json).ok(),
        other => Some(other),
    }
}

/// MBPP: a list of assertions, and what they need.
fn asserts(get: &impl Fn(&str) -> Option<Value>) -> Vec<Case> {
    let lines = |name| texts(get(name)).unwrap_or_default();
    let mut needs = lines("test_imports");
    needs.extend(text(get("test_setup_code")).filter(|code| !code.trim().is_empty()));
    let tests = lines("test_list").into_iter().chain(lines("challenge_test_list"));
    tests.map(|test| Case::Test(needs.iter().cloned().chain([test]).collect::<Vec<_>>().join("\n"))).collect()
}

/// HumanEval: a function `check` that is given the one to be tested.
fn check(get: &impl Fn(&str) -> Option<Value>) -> Option<Case> {
    let (test, entry_point) = (text(get("test"))?, text(get("entry_point"))?);
    Some(Case::Test(format!("{test}\ncheck({entry_point})")))
}

/// What a program reads from its standard input, once or several times, what it should write then, and the arguments that
/// it is started with.
fn runs(get: &impl Fn(&str) -> Option<Value>) -> Vec<Case> {
    let arguments = texts(get("argv"));
    let stdin = text_or_texts(get("stdin"));
    let mut pairs = pairs(stdin, text_or_texts(get("expected_stdout")));
    pairs.extend(contest(get));
    if pairs.is_empty() && arguments.is_some() {
        pairs.push((String::new(), None));
    }
    let arguments = arguments.unwrap_or_default();
    let run = |(stdin, expected)| Case::Run { arguments: arguments.clone(), stdin, expected };
    pairs.into_iter().map(run).collect()
}

/// Standard inputs and outputs of contest problems: APPS and TACO have them in `input_output`, as JSON or as a text of
/// it, CodeContests in three fields of tests. A problem that names a function is not run as a script.
fn contest(get: &impl Fn(&str) -> Option<Value>) -> Vec<(String, Option<String>)> {
    let of = |tests: &Value, inputs: &str, outputs: &str| {
        let texts = |name: &str| texts(tests.get(name).cloned()).unwrap_or_default();
        pairs(texts(inputs), texts(outputs))
    };
    let mut found = Vec::new();
    let input_output = get("input_output").and_then(parsed);
    if let Some(tests) = input_output.filter(|tests| tests.get("fn_name").is_none_or(Value::is_null)) {
        found.extend(of(&tests, "inputs", "outputs"));
    }
    for name in ["public_tests", "private_tests", "generated_tests"] {
        found.extend(get(name).iter().flat_map(|tests| of(tests, "input", "output")));
    }
    found
}

/// Each input with its output, where there are as many.
fn pairs(inputs: Vec<String>, outputs: Vec<String>) -> Vec<(String, Option<String>)> {
    let mut outputs = if outputs.len() == inputs.len() { outputs } else { Vec::new() }.into_iter();
    inputs.into_iter().map(|input| (input, outputs.next())).collect()
}

/// A field that is a text.
pub(super) fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn text_or_texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text],
        several => texts(several).unwrap_or_default(),
    }
}

/// A list of texts and of nothing else.
fn texts(value: Option<Value>) -> Option<Vec<String>> {
    let Some(Value::Array(items)) = value else { return None };
    items.into_iter().map(|item| text(Some(item))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_cases(row: &str, expect: &[Case]) {
        let row: Value = serde_json::from_str(row).unwrap();
        assert_eq!(cases(|name| row.get(name).cloned()), expect);
    }

    fn test(text: &str) -> Case {
        Case::Test(text.to_owned())
    }

    #[test]
    fn each_assertion_is_a_case_with_what_it_needs() {
        check_cases(
            r#"{"test_list": ["assert f(1) == 2", "assert f(2) == 3", "assert f(1) == 2"], "test_setup_code": "x = 1"}"#,
            &[test("x = 1\nassert f(1) == 2"), test("x = 1\nassert f(2) == 3")],
        );
        check_cases(r#"{"test_list": ["assert f()"], "test_setup_code": ""}"#, &[test("assert f()")]);
    }

    #[test]
    fn a_function_that_checks_is_called_with_the_one_that_is_tested() {
        check_cases(
            r#"{"test": "def check(f):\n    assert f() == 1\n", "entry_point": "one"}"#,
            &[test("def check(f):\n    assert f() == 1\n\ncheck(one)")],
        );
        let row = json!({"prompt": "def one():\n", "canonical_solution": "    return 1\n"});
        assert_eq!(completed(|name| row.get(name).cloned()).as_deref(), Some("def one():\n    return 1\n"));
    }

    #[test]
    fn the_first_solution_in_python_is_the_program() {
        for (solutions, first) in [
            (json!(["a = 1", "b = 2"]), Some("a = 1")),
            (json!(r#"["a = 1", "b = 2"]"#), Some("a = 1")),
            (
                json!({ "language": [2, 1, 3, 3], "solution": ["int a;", "print 1", "a = 1", "b = 2"] }),
                Some("a = 1"),
            ),
            (json!({ "language": [2], "solution": ["int a;"] }), None),
            (json!({ "language": [3], "solution": [] }), None),
            (json!([]), None),
            (json!([1]), None),
            (json!(""), None),
            (json!(7), None),
        ] {
            assert_eq!(first_solution(solutions.clone()).as_deref(), first, "{solutions}");
        }
    }

    #[test]
    fn each_standard_input_is_a_case() {
        let run = |arguments: &[&str], stdin: &str| Case::Run {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            stdin: stdin.to_owned(),
            expected: None,
        };
        check_cases(r#"{"stdin": ["1\n", "2\n"]}"#, &[run(&[], "1\n"), run(&[], "2\n")]);
        check_cases(r#"{"stdin": "1\n", "argv": ["-v"]}"#, &[run(&["-v"], "1\n")]);
        check_cases(r#"{"argv": ["-v"]}"#, &[run(&["-v"], "")]);
    }

    #[test]
    fn what_a_program_should_write_comes_with_its_input() {
        let run = |stdin: &str, expected: Option<&str>| Case::Run {
            arguments: Vec::new(),
            stdin: stdin.to_owned(),
            expected: expected.map(str::to_owned),
        };
        let [first, second] = [run("1\n", Some("2\n")), run("3\n", Some("6\n"))];
        for row in [
            r#"{"stdin": ["1\n", "3\n"], "expected_stdout": ["2\n", "6\n"]}"#,
            r#"{"input_output": {"inputs": ["1\n", "3\n"], "outputs": ["2\n", "6\n"]}}"#,
            r#"{"input_output": "{\"inputs\": [\"1\\n\", \"3\\n\"], \"outputs\": [\"2\\n\", \"6\\n\"]}"}"#,
            r#"{"public_tests": {"input": ["1\n"], "output": ["2\n"]}, "private_tests": {"input": ["3\n"], "output": ["6\n"]}}"#,
        ] {
            check_cases(row, &[first.clone(), second.clone()]);
        }
        check_cases(r#"{"stdin": "1\n", "expected_stdout": "2\n"}"#, &[first]);
        check_cases(
            r#"{"stdin": ["1\n", "3\n"], "expected_stdout": "2\n"}"#,
            &[run("1\n", None), run("3\n", None)],
        );
        check_cases(r#"{"input_output": {"inputs": [[1]], "outputs": [[2]], "fn_name": "f"}}"#, &[]);
    }

    #[test]
    fn fields_that_are_otherwise_are_somebody_elses() {
        check_cases(
            r#"{"test_list": "all", "test": 3, "stdin": [1], "argv": "x", "entry_point": "f", "input_output": "no", "public_tests": [1]}"#,
            &[],
        );
    }
}
