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
    /// Characters that the code compares with: alone, or together in a text without letters and digits.
    pub(crate) fn symbols(&self) -> Vec<char> {
        let of_symbols = |text: &&String| {
            let mut characters = text.chars();
            let is_alone = characters.next().is_some() && characters.next().is_none();
            const LONGEST: usize = 12;
            let is_plain = |character: char| character.is_alphanumeric() || character.is_whitespace();
            is_alone || (text.len() <= LONGEST && !text.chars().any(is_plain))
        };
        let mut symbols: Vec<char> = Vec::new();
        for character in self.texts.iter().filter(of_symbols).flat_map(|text| text.chars()) {
            if !character.is_whitespace() && !symbols.contains(&character) {
                symbols.push(character);
            }
        }
        symbols
    }

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
