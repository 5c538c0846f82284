//! How many ways a function can take.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Stmt};

/// Statements and expressions of a body that choose between two ways.
pub(crate) fn count(body: &[Stmt]) -> u32 {
    let mut counter = Counter(0);
    counter.visit_body(body);
    counter.0
}

struct Counter(u32);

impl<'a> Visitor<'a> for Counter {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        self.0 += match statement {
            Stmt::If(choice) => {
                1 + choice.elif_else_clauses.iter().filter(|clause| clause.test.is_some()).count()
            }
            Stmt::For(_) | Stmt::While(_) | Stmt::Assert(_) => 1,
            Stmt::Try(attempt) => attempt.handlers.len(),
            Stmt::Match(choice) => choice.cases.len(),
            _ => 0,
        } as u32;
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        self.0 += u32::from(matches!(expression, Expr::If(_) | Expr::BoolOp(_)));
        walk_expr(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: u32) {
        assert_eq!(count(ruff_python_parser::parse_module(body).unwrap().suite()), expect, "{body}");
    }

    #[test]
    fn what_chooses_is_counted_wherever_it_stands() {
        check("x = 1\nreturn_ = x + f(x)\n", 0);
        check("if a:\n    pass\nelif b:\n    pass\nelse:\n    pass\n", 2);
        check("for x in y:\n    while z:\n        w = 1 if x and y else 2\n", 4);
        check("try:\n    pass\nexcept A:\n    pass\nexcept B:\n    pass\n", 2);
    }
}
