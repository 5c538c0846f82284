//! Literals of the code, which are what it compares its arguments with.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, Number, Stmt};

/// Numbers and texts that stand in the code, each once, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mined {
    pub(crate) integers: Vec<i64>,
    pub(crate) floats: Vec<f64>,
    pub(crate) texts: Vec<String>,
}

impl Mined {
    pub(crate) const EMPTY: Mined = Mined { integers: Vec::new(), floats: Vec::new(), texts: Vec::new() };

    /// Adds those of these statements, without docstrings.
    pub(crate) fn look_into(&mut self, body: &[Stmt]) {
        self.visit_body(body);
    }
}

impl<'a> Visitor<'a> for Mined {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let is_docstring =
            matches!(statement, Stmt::Expr(alone) if matches!(&*alone.value, Expr::StringLiteral(_)));
        if !is_docstring {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        const MOST: usize = 64;
        const LONGEST: usize = 64;
        match expression {
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(number) => {
                    if let Some(number) = number.as_i64()
                        && !self.integers.contains(&number)
                        && self.integers.len() < MOST
                    {
                        self.integers.push(number);
                    }
                }
                Number::Float(number) if !self.floats.contains(number) && self.floats.len() < MOST => {
                    self.floats.push(*number);
                }
                _ => {}
            },
            Expr::StringLiteral(literal) => {
                let text = literal.value.to_str();
                if text.len() <= LONGEST
                    && self.texts.len() < MOST
                    && !self.texts.iter().any(|known| known == text)
                {
                    self.texts.push(text.to_owned());
                }
            }
            _ => walk_expr(self, expression),
        }
    }
}
