//! Code that was written about a module from outside, as its own code would say the same: `stack.Stack()` is `Stack()`,
//! and so is `candidate()` in a function that is given `Stack` by that name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::Ranged;

/// The code without the names by which it imports the module `of`, or any module where none is given, where they stand
/// before one of these. `None` if it is no Python.
pub(crate) fn from_within(code: &str, of: Option<&str>, defined: impl Fn(&str) -> bool) -> Option<String> {
    let parsed = ruff_python_parser::parse_module(code).ok()?;
    let mut imports = Imports {
        of,
        names: BTreeSet::new(),
        others: BTreeMap::new(),
        parameters: BTreeMap::new(),
        defined: &defined,
    };
    imports.visit_body(parsed.suite());
    let mut qualified = Qualified { imports: &imports, found: Vec::new() };
    qualified.visit_body(parsed.suite());
    let mut inner = code.to_owned();
    qualified.found.sort_by_key(|(range, _)| range.start);
    for (range, name) in qualified.found.into_iter().rev() {
        inner.replace_range(range, &name);
    }
    Some(inner)
}

/// What a text calls the module, and what it imports from it under other names.
struct Imports<'a, F> {
    of: Option<&'a str>,
    names: BTreeSet<String>,
    others: BTreeMap<String, String>,
    /// Of the functions that the text itself defines.
    parameters: BTreeMap<String, Vec<String>>,
    defined: &'a F,
}

impl<F: Fn(&str) -> bool> Imports<'_, F> {
    /// A call of a function that the text itself defines says what that calls what is handed to it.
    fn call(&mut self, call: &ExprCall) {
        let Expr::Name(function) = &*call.func else { return };
        let parameters = self.parameters.get(function.id.as_str()).into_iter().flatten();
        for (parameter, argument) in parameters.zip(&call.arguments.args) {
            if let Expr::Name(argument) = argument
                && (self.defined)(&argument.id)
            {
                self.others.insert(parameter.clone(), argument.id.to_string());
            }
        }
    }
}

impl<'b, F: Fn(&str) -> bool> Visitor<'b> for Imports<'_, F> {
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
            Stmt::FunctionDef(function) => {
                let parameters = function.parameters.args.iter();
                let names = parameters.map(|parameter| parameter.parameter.name.to_string());
                self.parameters.insert(function.name.to_string(), names.collect());
                walk_stmt(self, statement);
            }
            Stmt::Expr(alone) => {
                if let Expr::Call(call) = &*alone.value {
                    self.call(call);
                }
            }
            _ => walk_stmt(self, statement),
        }
    }
}

struct Qualified<'a, F> {
    imports: &'a Imports<'a, F>,
    /// What stands where, and what it is called within.
    found: Vec<(Range<usize>, String)>,
}

impl<'b, F: Fn(&str) -> bool> Visitor<'b> for Qualified<'_, F> {
    fn visit_expr(&mut self, expression: &'b Expr) {
        match expression {
            Expr::Attribute(attribute)
                if (self.imports.defined)(&attribute.attr)
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
        check("def check(it):\n    it(2)\ncheck(f)\nit(1)", Some("box"), "f(1)");
    }
}
