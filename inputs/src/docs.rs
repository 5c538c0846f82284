//! Code that docstrings show.

/// The statements of a docstring's examples. One that is no Python must not cost the others.
pub(crate) fn doctest(text: &str) -> String {
    let mut statements: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(statement) = line.strip_prefix(">>>") {
            statements.push(statement.strip_prefix(' ').unwrap_or(statement).to_owned());
        } else if let (Some(more), Some(last)) = (line.strip_prefix("..."), statements.last_mut()) {
            last.push('\n');
            last.push_str(more.strip_prefix(' ').unwrap_or(more));
        }
    }
    statements.retain(|statement| ruff_python_parser::parse_module(statement).is_ok());
    statements.join("\n")
}

/// The blocks of code in a text, as reStructuredText and Markdown have them: indented below a line that ends with `::` or
/// begins with `.. code`, or between fences. What is no Python is left out.
pub(crate) fn blocks(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut block: Vec<&str> = Vec::new();
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            block.extend(lines.by_ref().take_while(|line| !line.trim().starts_with("```")));
        } else if trimmed.ends_with("::") || trimmed.starts_with(".. code") {
            let outer = indentation(line);
            while let Some(inner) = lines.next_if(|next| next.trim().is_empty() || indentation(next) > outer)
            {
                block.push(inner);
            }
        }
        let block = dedented(&block);
        if ruff_python_parser::parse_module(&block).is_ok() {
            code.push_str(&block);
        }
    }
    code
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The lines, moved left as far as the leftmost of them allows.
fn dedented(lines: &[&str]) -> String {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let outer = filled.map(|line| indentation(line)).min().unwrap_or(0);
    lines.iter().map(|line| format!("{}\n", line.get(outer..).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_that_are_no_python_do_not_cost_the_others() {
        assert_eq!(
            doctest("Text.\n>>> f(1)\n1\n>>> f(\n>>> for x in y:\n...     f(x)\n"),
            "f(1)\nfor x in y:\n    f(x)"
        );
    }

    #[test]
    fn blocks_of_code_are_found_where_the_usual_marks_stand() {
        let text =
            "Adds.\n\n    .. code-block:: python\n\n        a = f(1)\n        f(a)\n\n    :param x: no\n";
        assert_eq!(blocks(text), "\na = f(1)\nf(a)\n\n");
        assert_eq!(blocks("Example::\n  f(2)\nAnd so on.\n"), "f(2)\n");
        assert_eq!(blocks("```python\nf(3)\n```\n```\n1 2 3\n```\n"), "f(3)\n");
        assert_eq!(blocks("Nothing here.\n    f(4)\n"), "");
    }
}
