//! Code that was written about a module from outside, as its own code would say the same: `stack.Stack()` is `Stack()`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

/// The code without the names by which it imports the module `of`, or any module where none is given, where they stand
/// before one of these. `None` if it is no Python.
pub(crate) fn from_within(code: &str, of: Option<&str>, defined: impl Fn(&str) -> bool) -> Option<String> {
    let parsed = ruff_python_parser::parse_module(code).ok()?;
    let mut imports = Imports { of, names: BTreeSet::new(), others: BTreeMap::new() };
    imports.visit_body(parsed.suite());
    let mut qualified = Qualified { imports: &imports, defined, found: Vec::new() };
    qualified.visit_body(parsed.suite());
    let mut inner = code.to_owned();
    qualified.found.sort_by_key(|(range, _)| range.start);
    for (range, name) in qualified.found.into_iter().rev() {
        inner.replace_range(range, &name);
    }
    Some(inner)
}

/// What a text calls the module, and what it imports from it under other names.
struct Imports<'a> {
    of: Option<&'a str>,
    names: BTreeSet<String>,
    others: BTreeMap<String, String>,
}

impl<'b> Visitor<'b> for Imports<'_> {
    fn visit_stmt(&mut self, statement: &'b Stmt) {
        let is_it = |dotted: &str| {
            let last = dotted.rsplit('.').next();
            self.of.is_none_or(|name| last == Some(name))
        };
        match statement {
            Stmt::Import(import) => {
                for module in import.names.iter().filter(|module| is_it(&module.name)) {
                    self.names.insert(module.asname.as_ref().unwrap_or(&module.name).to_string());
                }
            }
            Stmt::ImportFrom(import) => {
                let is_from_it = import.module.as_ref().is_some_and(|module| is_it(module));
                for imported in &import.names {
                    let name = imported.asname.as_ref().unwrap_or(&imported.name).to_string();
                    if is_it(&imported.name) {
                        self.names.insert(name);
                    } else if is_from_it && imported.asname.is_some() {
                        self.others.insert(name, imported.name.to_string());
                    }
                }
            }
            _ => walk_stmt(self, statement),
        }
    }
}

struct Qualified<'a, F> {
    imports: &'a Imports<'a>,
    defined: F,
    /// What stands where, and what it is called within.
    found: Vec<(Range<usize>, String)>,
}

impl<'b, F: Fn(&str) -> bool> Visitor<'b> for Qualified<'_, F> {
    fn visit_expr(&mut self, expression: &'b Expr) {
        match expression {
            Expr::Attribute(attribute)
                if (self.defined)(&attribute.attr)
                    && dotted(&attribute.value).is_some_and(|name| self.imports.names.contains(&name)) =>
            {
                self.found.push((attribute.range().to_std_range(), attribute.attr.to_string()));
            }
            Expr::Name(name) => {
                if let Some(inner) = self.imports.others.get(name.id.as_str()) {
                    self.found.push((name.range().to_std_range(), inner.clone()));
                }
            }
            _ => walk_expr(self, expression),
        }
    }
}

/// A name with a few dots in it.
pub(crate) fn dotted(expression: &Expr) -> Option<String> {
    const MAX_DOTS: usize = 8;
    dotted_within(expression, MAX_DOTS)
}

fn dotted_within(expression: &Expr, dots: usize) -> Option<String> {
    match expression {
        Expr::Name(name) => Some(name.id.to_string()),
        Expr::Attribute(attribute) => {
            Some(format!("{}.{}", dotted_within(&attribute.value, dots.checked_sub(1)?)?, attribute.attr))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, of: Option<&str>, expect: &str) {
        let found = from_within(code, of, |name| ["f", "Box"].contains(&name)).unwrap();
        assert_eq!(found.lines().last().unwrap(), expect, "{code}");
    }

    #[test]
    fn names_of_the_module_are_left_out() {
        check("import a.b.box\na.b.box.f(a.b.box.Box(1), box.f)", Some("box"), "f(Box(1), box.f)");
        check("from a import box as it\nit.f(it.other)", Some("box"), "f(it.other)");
        check("from .box import f as g\ng(1)", Some("box"), "f(1)");
        check("from a import queue\nqueue.f(1)", Some("box"), "queue.f(1)");
        check("from a import queue\nqueue.f(1)", None, "f(1)");
    }
}
