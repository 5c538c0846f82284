//! Whether two texts stand for the same Python value.

use crate::literal;
use crate::value::Value;

/// Whether two texts stand for values that Python finds equal; `None` where that cannot be told from the texts, because
/// one of them is no literal or too large to be read.
pub fn are_equal(one: &str, other: &str) -> Option<bool> {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        // What is the same text is the same value, but for a number that is not equal to itself.
        return (!one.contains("nan") || read(one).is_some()).then_some(true);
    }
    Some(equal(&read(one)?, &read(other)?))
}

/// A literal, or one of the calls that stand for the values without one.
fn read(text: &str) -> Option<Value> {
    match text {
        "set()" => Some(Value::Set(Vec::new())),
        "frozenset()" => None,
        "inf" => Some(Value::Float(f64::INFINITY)),
        "-inf" => Some(Value::Float(f64::NEG_INFINITY)),
        _ => literal::parse(text),
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::None, Value::None) => true,
        (Value::Str(one), Value::Str(other)) => one == other,
        (Value::Bytes(one), Value::Bytes(other)) => one == other,
        (Value::List(one), Value::List(other)) | (Value::Tuple(one), Value::Tuple(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Set(one), Value::Set(other)) => holds_all(one, other) && holds_all(other, one),
        (Value::Dict(one), Value::Dict(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other.iter().any(|(name, than)| equal(key, name) && equal(value, than))
                })
        }
        // Large numbers.
        (Value::Verbatim(one), Value::Verbatim(other)) => one == other,
        _ => match (integer(one), integer(other)) {
            (Some(one), Some(other)) => one == other,
            (Some(integer), None) => float(other).is_some_and(|float| is_exactly(integer, float)),
            (None, Some(integer)) => float(one).is_some_and(|float| is_exactly(integer, float)),
            (None, None) => float(one).is_some_and(|one| float(other) == Some(one)),
        },
    }
}

fn holds_all(set: &[Value], items: &[Value]) -> bool {
    items.iter().all(|item| set.iter().any(|member| equal(member, item)))
}

/// Truth values are numbers.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(truth) => Some(i64::from(*truth)),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// Python compares the values themselves, and not the integer's nearest float.
fn is_exactly(integer: i64, float: f64) -> bool {
    float.fract() == 0.0 && float.abs() < 9.3e18 && float as i128 == i128::from(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expect: Option<bool>) {
        assert_eq!(are_equal(one, other), expect, "{one} and {other}");
        assert_eq!(are_equal(other, one), expect, "{other} and {one}");
    }

    #[test]
    fn what_python_finds_equal_is_equal() {
        check("'a'", "\"a\"", Some(true));
        check("[1, 2]", "[1,2]", Some(true));
        check("[1, 2]", "(1, 2)", Some(false));
        check("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", Some(true));
        check("{1, 2}", "{2, 1}", Some(true));
        check("{1, 2}", "{2}", Some(false));
        check("set()", "{1}", Some(false));
        check("1", "1.0", Some(true));
        check("True", "1", Some(true));
        check("9007199254740993", "9007199254740992.0", Some(false));
        check("None", "0", Some(false));
        check("'1'", "1", Some(false));
        check("b'a'", "'a'", Some(false));
    }

    #[test]
    fn what_is_no_literal_cannot_be_told_unless_it_is_the_same_text() {
        check("Point(x=1)", "Point(x=1)", Some(true));
        check("Point(x=1)", "Point(x=2)", None);
        check("[1, 2, \u{2026} 3 more]", "[1, 2, 3, 4, 5]", None);
        check("nan", "nan", None);
        check("'banana'", "'banana'", Some(true));
    }
}
