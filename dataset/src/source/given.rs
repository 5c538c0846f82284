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

/// What a program reads from its standard input, once or several times, and the arguments that it is started with.
fn runs(get: &impl Fn(&str) -> Option<Value>) -> Vec<Case> {
    let arguments = texts(get("argv"));
    let stdin = match get("stdin") {
        Some(Value::String(stdin)) => vec![stdin],
        several => texts(several).unwrap_or_default(),
    };
    if stdin.is_empty() {
        return arguments
            .map(|arguments| Case::Run { arguments, stdin: String::new() })
            .into_iter()
            .collect();
    }
    let arguments = arguments.unwrap_or_default();
    stdin.into_iter().map(|stdin| Case::Run { arguments: arguments.clone(), stdin }).collect()
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// A list of texts and of nothing else.
fn texts(value: Option<Value>) -> Option<Vec<String>> {
    let Some(Value::Array(items)) = value else { return None };
    items.into_iter().map(|item| text(Some(item))).collect()
}

#[cfg(test)]
mod tests {
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
        let row = serde_json::json!({"prompt": "def one():\n", "canonical_solution": "    return 1\n"});
        assert_eq!(completed(|name| row.get(name).cloned()).as_deref(), Some("def one():\n    return 1\n"));
    }

    #[test]
    fn each_standard_input_is_a_case() {
        let run = |arguments: &[&str], stdin: &str| Case::Run {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            stdin: stdin.to_owned(),
        };
        check_cases(r#"{"stdin": ["1\n", "2\n"]}"#, &[run(&[], "1\n"), run(&[], "2\n")]);
        check_cases(r#"{"stdin": "1\n", "argv": ["-v"]}"#, &[run(&["-v"], "1\n")]);
        check_cases(r#"{"argv": ["-v"]}"#, &[run(&["-v"], "")]);
    }

    #[test]
    fn fields_that_are_otherwise_are_somebody_elses() {
        check_cases(r#"{"test_list": "all", "test": 3, "stdin": [1], "argv": "x", "entry_point": "f"}"#, &[]);
    }
}
