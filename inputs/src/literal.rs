//! Python expressions as values.

use ruff_python_ast::{Expr, Number, UnaryOp};

use crate::value::Value;

/// Values nested deeper than this are not read: nobody calls a function with them.
const MAX_DEPTH: usize = 24;

/// The value of a text that is a literal, such as the tracer shows for a built-in value.
pub(crate) fn parse(text: &str) -> Option<Value> {
    // The tracer's own are shorter. Others may be nested as deep as they are long, and the stack is what it is.
    const MAX_BYTES: usize = 1 << 10;
    if text.len() > MAX_BYTES {
        return None;
    }
    of(ruff_python_parser::parse_expression(text).ok()?.expr())
}

/// The value of an expression that is made of literals alone.
pub(crate) fn of(expression: &Expr) -> Option<Value> {
    at_depth(expression, 0)
}

fn at_depth(expression: &Expr, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let all = |items: &[Expr]| items.iter().map(|item| at_depth(item, depth + 1)).collect::<Option<Vec<_>>>();
    Some(match expression {
        Expr::NoneLiteral(_) => Value::None,
        Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
        Expr::StringLiteral(literal) => Value::Str(literal.value.to_str().to_owned()),
        Expr::BytesLiteral(literal) => Value::Bytes(literal.value.bytes().collect()),
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Verbatim(number.to_string()),
            },
            Number::Float(number) => Value::Float(*number),
            Number::Complex { real, imag } => Value::Verbatim(format!("({real:?}+{imag:?}j)")),
        },
        Expr::UnaryOp(negated) if negated.op == UnaryOp::USub => match at_depth(&negated.operand, depth + 1)?
        {
            Value::Int(number) => Value::Int(number.checked_neg()?),
            Value::Float(number) => Value::Float(-number),
            _ => return None,
        },
        Expr::List(list) => Value::List(all(&list.elts)?),
        Expr::Tuple(tuple) => Value::Tuple(all(&tuple.elts)?),
        Expr::Set(set) => Value::Set(all(&set.elts)?),
        Expr::Dict(dict) => {
            let items = dict.items.iter().map(|item| {
                Some((at_depth(item.key.as_ref()?, depth + 1)?, at_depth(&item.value, depth + 1)?))
            });
            Value::Dict(items.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tracer_shows_of_built_in_values_reads_back() {
        for text in
            ["None", "-3", "[1, 2.5, 'a']", "{'k': (1,), 2: {3}}", "b'\\x00'", "1e+300", "()", "\"it's\""]
        {
            let value = parse(text).unwrap();
            assert_eq!(parse(&value.to_string()), Some(value), "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_made_by_code_is_no_literal() {
        for text in ["[1, 2, … 3 more]", "Point(x=1)", "<function f>", "f(1)", "[...]", "a", "1 +", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"[".repeat(9000)), None);
        assert_eq!(parse(&format!("{}{}", "[".repeat(99), "]".repeat(99))), None);
    }
}
