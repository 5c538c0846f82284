//! What a docstring says of the kinds of its function's parameters.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{Expr, Stmt};

use crate::shape::Shape;

/// Kinds by the names of parameters, as far as the docstring of a body names both.
///
/// Read are `:param int x: …`, `:param x: … type: int`, `:type x: int` (Sphinx), `x (int): …` and `x: A list of …`
/// (Google), and `x : int` (NumPy). A class of the file is a kind, too.
pub(crate) fn kinds(body: &[Stmt], names: &[&str], classes: &BTreeSet<String>) -> BTreeMap<String, Shape> {
    let mut found = BTreeMap::new();
    let Some(Stmt::Expr(first)) = body.first() else { return found };
    let Expr::StringLiteral(text) = &*first.value else { return found };
    for line in text.value.to_str().lines().map(str::trim).filter(|line| !line.starts_with(">>>")) {
        if let Some((name, words)) = said(line)
            && names.contains(&name)
            && let Some(shape) = worded(&words, classes)
        {
            found.entry(name.to_owned()).or_insert(shape);
        }
    }
    found
}

/// The parameter that a line is about, and what it says of it.
fn said(line: &str) -> Option<(&str, String)> {
    if let Some(field) = line.strip_prefix(":param ").or_else(|| line.strip_prefix(":type ")) {
        let (named, rest) = field.split_once(':')?;
        let (kind, name) = named.trim().rsplit_once(' ').unwrap_or(("", named.trim()));
        return Some((name, format!("{kind} {rest}")));
    }
    let end = line.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start();
    (rest.starts_with(':') || rest.starts_with('(')).then(|| (name, rest.to_owned()))
}

/// The kind that the first word names that names one.
fn worded(text: &str, classes: &BTreeSet<String>) -> Option<Shape> {
    let words: Vec<&str> =
        text.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
    let named = |word: &str| match classes.contains(word) {
        true => Some(Shape::Instance(word.to_owned())),
        false => kind(&word.to_lowercase()),
    };
    let at =
        |from: usize| words.iter().enumerate().skip(from).find_map(|(at, word)| Some((at, named(word)?)));
    let (first, shape) = at(0)?;
    match shape {
        Shape::List(_) => Some(match at(first + 1) {
            Some((_, Shape::List(_))) => Shape::Grid(Box::new(Shape::Int)),
            Some((_, item)) => Shape::list(item),
            None => Shape::list(Shape::Int),
        }),
        shape => Some(shape),
    }
}

fn kind(word: &str) -> Option<Shape> {
    Some(match word {
        "list" | "lists" | "array" | "arrays" | "sequence" | "iterable" => Shape::list(Shape::Int),
        "int" | "integer" | "integers" | "ints" | "number" | "numbers" | "numeric" => Shape::Int,
        "float" | "floats" | "decimal" => Shape::Float,
        "str" | "string" | "strings" | "word" | "words" | "text" => Shape::Str,
        "bool" | "boolean" => Shape::Bool,
        "dict" | "dictionary" | "mapping" => Shape::dict(Shape::Str, Shape::Int),
        "set" => Shape::Set(Box::new(Shape::Int)),
        "matrix" => Shape::Grid(Box::new(Shape::Int)),
        "function" | "callable" => Shape::Function(1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(docstring: &str, expect: &[(&str, Shape)]) {
        let code = format!("'''\n{docstring}\n'''");
        let parsed = ruff_python_parser::parse_module(&code).unwrap();
        let found = kinds(parsed.suite(), &["x", "ys"], &BTreeSet::from(["Line".to_owned()]));
        let expect = expect.iter().map(|(name, shape)| ((*name).to_owned(), shape.clone()));
        assert_eq!(found, expect.collect(), "{docstring}");
    }

    #[test]
    fn kinds_are_read_in_the_usual_styles() {
        check(":param int x: how many", &[("x", Shape::Int)]);
        check(":param x: from vertex - type : integer", &[("x", Shape::Int)]);
        check("    :type ys: list of strings", &[("ys", Shape::list(Shape::Str))]);
        check(
            "Args:\n    x (float, optional): How far.\n    ys: List of lists of integers.",
            &[("x", Shape::Float), ("ys", Shape::Grid(Box::new(Shape::Int)))],
        );
        check("Parameters\n----------\nx : str\n    A name.", &[("x", Shape::Str)]);
    }

    #[test]
    fn a_class_of_the_file_is_a_kind() {
        check(":type x: :class:`shapes.lines.Line`", &[("x", Shape::Instance("Line".to_owned()))]);
        check(":type x: :class:`numbers.Number`", &[("x", Shape::Int)]);
        check(":param ys: a list of Line", &[("ys", Shape::list(Shape::Instance("Line".to_owned())))]);
    }

    #[test]
    fn what_names_no_kind_or_no_parameter_says_nothing() {
        check("x: whatever it is", &[]);
        check("Returns the int x.\nz: int\n>>> x: int", &[]);
    }
}
