//! Which names statements bind and mention, and so which of them another needs.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};

pub(super) type Names = BTreeSet<String>;

/// Every name that stands in a statement.
pub(super) fn mentioned(statement: &Stmt) -> Names {
    let mut mentions = Mentions(Names::new());
    mentions.visit_stmt(statement);
    mentions.0
}

/// Every name that stands in an expression.
pub(super) fn mentioned_by(expression: &Expr) -> Names {
    let mut mentions = Mentions(Names::new());
    mentions.visit_expr(expression);
    mentions.0
}

struct Mentions(Names);

impl<'a> Visitor<'a> for Mentions {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression {
            self.0.insert(name.id.to_string());
        }
        walk_expr(self, expression);
    }
}

/// The names that a statement does nothing but bind.
pub(super) fn bound(statement: &Stmt) -> Names {
    let mut names = Names::new();
    match statement {
        Stmt::Assign(assign) => {
            for target in &assign.targets {
                match target {
                    Expr::Name(name) => drop(names.insert(name.id.to_string())),
                    Expr::Tuple(targets) if targets.elts.iter().all(Expr::is_name_expr) => {
                        names.extend(mentioned_by(target));
                    }
                    _ => return Names::new(),
                }
            }
        }
        Stmt::AnnAssign(assign) => match &*assign.target {
            Expr::Name(name) => drop(names.insert(name.id.to_string())),
            _ => return Names::new(),
        },
        Stmt::Import(import) => {
            // `import a.b` binds `a`.
            let first = |dotted: &str| dotted.split('.').next().unwrap_or_default().to_owned();
            let of = import.names.iter();
            names.extend(of.map(|module| {
                module.asname.as_ref().map_or_else(|| first(&module.name), |name| name.to_string())
            }));
        }
        Stmt::ImportFrom(import) => {
            let of = import.names.iter();
            names.extend(of.map(|imported| imported.asname.as_ref().unwrap_or(&imported.name).to_string()));
        }
        Stmt::FunctionDef(function) => drop(names.insert(function.name.to_string())),
        Stmt::ClassDef(class) => drop(names.insert(class.name.to_string())),
        _ => {}
    }
    names
}

/// Whether something that comes later and needs these names needs a statement: unless that binds others and does no more,
/// or says nothing.
pub(super) fn is_needed(statement: &Stmt, needed: &Names) -> bool {
    let says_nothing = match statement {
        Stmt::Expr(alone) => alone.value.is_literal_expr(),
        Stmt::Assert(assert) => is_true(&assert.test),
        _ => false,
    };
    if says_nothing {
        return false;
    }
    let bound = bound(statement);
    let is_star = |name: &String| name == "*" || name == "annotations";
    bound.is_empty()
        || bound.iter().any(|name| needed.contains(name) || is_star(name))
        || matches!(statement, Stmt::Assign(_) | Stmt::AnnAssign(_)) && calls_a_method(statement)
}

/// What is needed before a statement that is needed itself.
pub(super) fn go_before(statement: &Stmt, needed: &mut Names) {
    let value = match statement {
        Stmt::Assign(assign) => Some(&assign.value),
        Stmt::AnnAssign(assign) => assign.value.as_ref(),
        _ => None,
    };
    let bound = bound(statement);
    match value {
        // What it binds is needed before only if it is made of that.
        Some(value) if !bound.is_empty() => {
            needed.retain(|name| !bound.contains(name));
            needed.extend(mentioned_by(value));
        }
        _ => needed.extend(mentioned(statement)),
    }
}

/// A method may change its object: `random.seed(1)`, `lines.pop()`.
fn calls_a_method(statement: &Stmt) -> bool {
    any(
        std::slice::from_ref(statement),
        |_| false,
        |expression| matches!(expression, Expr::Call(call) if call.func.is_attribute_expr()),
    )
}

/// Whether statements assert something, or call one of these functions.
pub(super) fn assert(body: &[Stmt], helpers: &[&str]) -> bool {
    let of_helper = |expression: &Expr| matches!(expression, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if helpers.contains(&name.id.as_str())));
    any(body, |statement| matches!(statement, Stmt::Assert(assert) if !is_true(&assert.test)), of_helper)
}

fn is_true(expression: &Expr) -> bool {
    matches!(expression, Expr::BooleanLiteral(literal) if literal.value)
}

/// Whether the body of a function leaves it before its end, or what it binds does.
pub(super) fn leave(body: &[Stmt]) -> bool {
    any(
        body,
        |statement| matches!(statement, Stmt::Return(_) | Stmt::Global(_) | Stmt::Nonlocal(_)),
        |expression| matches!(expression, Expr::Yield(_) | Expr::YieldFrom(_)),
    )
}

/// Whether there is such a statement or expression in these, without the bodies of functions that they define.
fn any(body: &[Stmt], is_statement: impl Fn(&Stmt) -> bool, is_expression: impl Fn(&Expr) -> bool) -> bool {
    struct Finder<S, E> {
        is_statement: S,
        is_expression: E,
        has_found: bool,
    }
    impl<'a, S: Fn(&Stmt) -> bool, E: Fn(&Expr) -> bool> Visitor<'a> for Finder<S, E> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            self.has_found |= (self.is_statement)(statement);
            if !matches!(statement, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) {
                walk_stmt(self, statement);
            }
        }

        fn visit_expr(&mut self, expression: &'a Expr) {
            self.has_found |= (self.is_expression)(expression);
            walk_expr(self, expression);
        }
    }
    let mut finder = Finder { is_statement, is_expression, has_found: false };
    finder.visit_body(body);
    finder.has_found
}
