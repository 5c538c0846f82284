//! Labels for each line of the source: coverage, counts, branches, and values by rough classes.

use std::collections::BTreeMap;

use trace::replay::Variable;

use crate::level::check_lines;
use crate::line_runs::{line_runs, values_after};
use crate::source::{Keyword, Source};
use crate::style::{Shape, Skipped, Style, StyleKind};
use crate::variables::is_definition;
use crate::{Example, Execution, SettingError, Settings, Text, json};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "traced",
    summary: "labels for each line: coverage, counts, branches, quantized values",
    shape: Shape::Plain,
    parameters: &[],
    build,
};

struct Traced;

fn build(_settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    Ok(Box::new(Traced))
}

/// What is known of a line.
#[derive(Default)]
struct Label<'a> {
    count: u64,
    /// The variables that the line changed with their last values, in the order of their first changes.
    values: Vec<(&'a str, Variable)>,
}

impl Style for Traced {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        check_lines(execution)?;
        if execution.incomplete {
            return Err(Skipped::Incomplete);
        }
        let source = Source::new(execution.code);
        let labels = labels(execution, &source);
        let mut out = String::from("{\"run\": ");
        json::string(&mut out, &execution.call());
        out.push_str(", \"outcome\": ");
        json::string(&mut out, execution.outcome);
        out.push_str("}\n");
        for (number, line) in source.lines() {
            out.push_str(&format!("{{\"line\": {number}, \"text\": "));
            json::string(&mut out, line);
            match source.statement(number) {
                None => {
                    out.push_str(", \"covered\": null, \"count\": null, \"branch\": null, \"values\": []")
                }
                Some(statement) => {
                    let none = Label::default();
                    let label = labels.get(statement.lines.start()).unwrap_or(&none);
                    let covered = label.count > 0;
                    out.push_str(&format!(", \"covered\": {covered}, \"count\": {}", label.count));
                    let branch = if is_branch(&source, *statement.lines.start()) {
                        covered.to_string()
                    } else {
                        "null".to_owned()
                    };
                    out.push_str(&format!(", \"branch\": {branch}, \"values\": ["));
                    if number == *statement.lines.start() {
                        values(&mut out, &label.values);
                    }
                    out.push(']');
                }
            }
            out.push_str("}\n");
        }
        examples.push(Example { key: "labels".to_owned(), text: Text::Plain(out) });
        Ok(())
    }
}

/// Labels by the first lines of statements.
fn labels<'a>(execution: &Execution<'a>, source: &Source<'_>) -> BTreeMap<u32, Label<'a>> {
    let mut labels: BTreeMap<u32, Label<'a>> = BTreeMap::new();
    for (run, values) in line_runs(execution.events).iter().zip(values_after(execution.events)) {
        let Some(statement) = source.statement(run.line) else { continue };
        let label = labels.entry(*statement.lines.start()).or_default();
        // A statement of several lines runs once however often it comes back to its first line on the way:
        // it counts where it was reached from elsewhere, and so does a loop on one line.
        let is_single = statement.lines.start() == statement.lines.end();
        if is_single || !run.goes_on_from(statement) {
            label.count += 1;
        }
        for (name, value) in values.into_iter().filter(|(name, value)| !is_definition(name, &value.text)) {
            match label.values.iter_mut().find(|(known, _)| *known == name) {
                Some((_, last)) => *last = value,
                None => label.values.push((name, value)),
            }
        }
    }
    // `else:` and `finally:` have no events of their own; they run when their blocks begin.
    for statement in source.statements() {
        if let (Keyword::Else | Keyword::Finally, Some(body)) = (statement.keyword, &statement.body)
            && let Some(first) = body.clone().find_map(|line| source.statement(line))
        {
            let count = labels.get(first.lines.start()).map_or(0, |label| label.count);
            labels.entry(*statement.lines.start()).or_default().count = count;
        }
    }
    labels
}

/// Whether a branch leads to the statement on this line: it is the first in a block that runs or not.
fn is_branch(source: &Source<'_>, line: u32) -> bool {
    source.statements().iter().any(|statement| {
        let branches = matches!(
            statement.keyword,
            Keyword::If
                | Keyword::Elif
                | Keyword::Else
                | Keyword::For
                | Keyword::While
                | Keyword::Case
                | Keyword::Except
        );
        branches && statement.body.as_ref().is_some_and(|body| source.begins_block(body, line))
    })
}

fn values(out: &mut String, values: &[(&str, Variable)]) {
    for (index, (name, value)) in values.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str("{\"name\": ");
        json::string(out, name);
        let (kind, class) = quantize(&value.type_name, &value.text);
        out.push_str(&format!(", \"type\": \"{kind}\", \"value\": \"{class}\"}}"));
    }
}

/// The kind of a value and its class within the kind.
fn quantize(type_name: &str, text: &str) -> (&'static str, &'static str) {
    match type_name {
        "bool" => ("bool", if text == "True" { "true" } else { "false" }),
        "int" => ("int", integer(text)),
        "float" => ("float", float(text)),
        "str" | "bytes" => ("text", quoted(text)),
        "list" | "tuple" | "set" | "frozenset" | "dict" | "deque" | "bytearray" => {
            let text = trace::behind_number(text);
            let is_empty = matches!(text, "[]" | "()" | "{}" | "set()" | "frozenset()" | "bytearray(b'')")
                || text.starts_with("deque([]");
            ("container", if is_empty { "empty" } else { "filled" })
        }
        "NoneType" => ("other", "none"),
        _ => ("other", "object"),
    }
}

/// Up to 10,000 a number is regular, beyond it large.
const REGULAR: f64 = 10_000.0;

fn integer(text: &str) -> &'static str {
    match text.parse::<f64>() {
        Ok(0.0) => "zero",
        Ok(number) if number.abs() <= REGULAR => {
            if number > 0.0 {
                "positive_regular"
            } else {
                "negative_regular"
            }
        }
        Ok(number) if number < 0.0 => "negative_large",
        Ok(_) => "positive_large",
        // `<int of 20000 bits>` tells neither digits nor sign.
        Err(_) => "large",
    }
}

fn float(text: &str) -> &'static str {
    match text.parse::<f64>() {
        Ok(number) if !number.is_finite() => "not_finite",
        Ok(number) if number != 0.0 && number.abs() <= 1.0 => {
            if number > 0.0 {
                "positive_small"
            } else {
                "negative_small"
            }
        }
        _ => integer(text),
    }
}

fn quoted(text: &str) -> &'static str {
    let inner = text.trim_start_matches('b');
    let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or("");
    if inner.is_empty() {
        "empty"
    } else if inner.chars().all(char::is_alphabetic) {
        "alphabetic"
    } else {
        "mixed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_classes() {
        for (type_name, text, expected) in [
            ("bool", "True", ("bool", "true")),
            ("int", "0", ("int", "zero")),
            ("int", "-10000", ("int", "negative_regular")),
            ("int", "10001", ("int", "positive_large")),
            ("int", "<int of 20000 bits>", ("int", "large")),
            ("float", "0.0", ("float", "zero")),
            ("float", "-1.0", ("float", "negative_small")),
            ("float", "1.5", ("float", "positive_regular")),
            ("float", "-1e+20", ("float", "negative_large")),
            ("float", "nan", ("float", "not_finite")),
            ("str", "''", ("text", "empty")),
            ("str", "'aé'", ("text", "alphabetic")),
            ("bytes", "b'a1'", ("text", "mixed")),
            ("list", "[]", ("container", "empty")),
            ("list", "#3[]", ("container", "empty")),
            ("list", "#3[#4[]]", ("container", "filled")),
            ("deque", "#3deque([], maxlen=5)", ("container", "empty")),
            ("deque", "deque([], maxlen=5)", ("container", "empty")),
            ("dict", "{'a': 1}", ("container", "filled")),
            ("NoneType", "None", ("other", "none")),
            ("Cart", "Cart(n=1)", ("other", "object")),
        ] {
            assert_eq!(quantize(type_name, text), expected, "{text}");
        }
    }

    #[test]
    fn a_cut_trace_gives_no_labels() {
        let cut = Execution { incomplete: true, ..crate::sample() };
        assert_eq!(Traced.render(&cut, 0, &mut Vec::new()), Err(Skipped::Incomplete));
    }

    #[test]
    fn a_branch_that_was_not_taken_is_false() {
        let code =
            "def f(x):\n    if x:\n        a = [1,\n             2]\n    else:\n        b = 2\n    # end\n";
        let events = crate::notation::events(
            "call f 1 | x: int = 0
             line f 2
             line f 6
             return f 6 = NoneType None | b: int = 2",
        );
        let execution = Execution { code, events: &events, ..crate::sample() };
        let mut examples = Vec::new();
        Traced.render(&execution, 0, &mut examples).unwrap();
        let Text::Plain(text) = &examples[0].text else { panic!() };
        let found: Vec<String> = text
            .lines()
            .skip(1)
            .map(|line| {
                let label: serde_json::Value = serde_json::from_str(line).unwrap();
                format!("{} {} {}", label["count"], label["branch"], label["values"])
            })
            .collect();
        let b = r#"1 true [{"name":"b","type":"int","value":"positive_regular"}]"#;
        assert_eq!(
            found,
            ["0 null []", "1 null []", "0 false []", "0 false []", "1 null []", b, "null null []"]
        );
    }
}
