//! What a function does with each of its parameters, which says what they may be.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{CmpOp, Expr, Operator, Stmt};

use crate::literal;
use crate::shape::Shape;
use crate::value::Value;

/// How deep elements are followed: a parameter, its elements, and theirs.
pub(crate) const LEVELS: usize = 3;

/// What is done with one value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    pub(crate) subscripted: bool,
    pub(crate) subscripted_by_text: bool,
    pub(crate) stored_into: bool,
    pub(crate) iterated: bool,
    pub(crate) measured: bool,
    pub(crate) searched: bool,
    pub(crate) calculated: bool,
    pub(crate) counted: bool,
    pub(crate) divided: bool,
    pub(crate) added_to_text: bool,
    /// The most arguments that it was called with.
    pub(crate) called: Option<usize>,
    /// An attribute or method of it that is used.
    pub(crate) attributes: BTreeSet<String>,
    /// What it was compared with, or checked to be.
    pub(crate) like: Vec<Shape>,
    pub(crate) unpacked: Option<usize>,
    pub(crate) truth: bool,
}

/// The uses of each parameter, of its elements, and of theirs.
pub(crate) fn of(parameters: &[&str], body: &[Stmt]) -> BTreeMap<String, [Uses; LEVELS]> {
    let mut finder = Finder {
        places: parameters.iter().map(|&name| (name.to_owned(), (name.to_owned(), 0))).collect(),
        found: parameters.iter().map(|&name| (name.to_owned(), Default::default())).collect(),
    };
    finder.visit_body(body);
    finder.found
}

/// A parameter, and how deep within it.
type Place = (String, usize);

struct Finder {
    /// Which names stand for which places.
    places: BTreeMap<String, Place>,
    found: BTreeMap<String, [Uses; LEVELS]>,
}

impl Finder {
    fn place(&self, expression: &Expr) -> Option<Place> {
        match expression {
            Expr::Name(name) => self.places.get(name.id.as_str()).cloned(),
            Expr::Subscript(subscript) => {
                let (name, level) = self.place(&subscript.value)?;
                let is_slice = matches!(&*subscript.slice, Expr::Slice(_));
                Some((name, if is_slice { level } else { level + 1 }))
            }
            _ => None,
        }
    }

    fn note(&mut self, expression: &Expr, note: impl FnOnce(&mut Uses)) {
        let place = self.place(expression);
        if let Some(uses) = place.and_then(|(name, level)| self.found.get_mut(&name)?.get_mut(level)) {
            note(uses);
        }
    }

    /// What a loop runs over, and what it calls each of the elements.
    fn iterate(&mut self, over: &Expr, target: &Expr) {
        self.note(over, |uses| uses.iterated = true);
        let is_call_of =
            |wanted: &str, call: &Expr| matches!(call, Expr::Name(name) if name.id.as_str() == wanted);
        let (over, target) = match (over, target) {
            // `for index, item in enumerate(items)`.
            (Expr::Call(call), Expr::Tuple(pair)) if is_call_of("enumerate", &call.func) => {
                let (Some(over), Some(target)) = (call.arguments.args.first(), pair.elts.get(1)) else {
                    return;
                };
                self.note(over, |uses| uses.iterated = true);
                (over, target)
            }
            _ => (over, target),
        };
        let Some((name, level)) = self.place(over) else { return };
        match target {
            Expr::Name(target) => {
                self.places.insert(target.id.to_string(), (name, level + 1));
            }
            Expr::Tuple(targets) => {
                let count = targets.elts.len();
                if let Some(uses) = self.found.get_mut(&name).and_then(|levels| levels.get_mut(level + 1)) {
                    uses.unpacked = Some(count);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, function: &Expr, arguments: &[Expr]) {
        self.note(function, |uses| uses.called = uses.called.max(Some(arguments.len())));
        let Expr::Name(function) = function else { return };
        for argument in arguments {
            self.note(argument, |uses| match function.id.as_str() {
                "len" => uses.measured = true,
                "range" | "chr" | "bin" | "hex" | "oct" => uses.counted = true,
                "abs" | "round" | "pow" | "divmod" => uses.calculated = true,
                "sum" | "min" | "max" | "sorted" | "list" | "set" | "tuple" | "enumerate" | "zip" | "map"
                | "reversed" | "any" | "all" | "iter" | "filter" => uses.iterated = true,
                "ord" => uses.like.push(Shape::Str),
                _ => {}
            });
        }
        if let ("isinstance", [value, kind]) = (function.id.as_str(), arguments) {
            let kinds = match kind {
                Expr::Tuple(kinds) => kinds.elts.as_slice(),
                kind => std::slice::from_ref(kind),
            };
            let shapes: Vec<Shape> =
                kinds.iter().filter_map(|kind| Shape::annotated(kind, &BTreeSet::new())).collect();
            self.note(value, |uses| uses.like.extend(shapes));
        }
    }

    fn compare(&mut self, left: &Expr, operator: CmpOp, right: &Expr) {
        if matches!(operator, CmpOp::In | CmpOp::NotIn) {
            self.note(right, |uses| uses.searched = true);
        }
        for (one, other) in [(left, right), (right, left)] {
            let like = match literal::of(other) {
                Some(value) if !matches!(operator, CmpOp::In | CmpOp::NotIn) => Shape::of(&value),
                Some(Value::Str(_)) if std::ptr::eq(one, left) => Shape::Str,
                _ => continue,
            };
            if like != Shape::Any {
                self.note(one, |uses| uses.like.push(like));
            }
        }
        if matches!(operator, CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE) {
            self.note(left, |uses| uses.calculated = true);
            self.note(right, |uses| uses.calculated = true);
        }
    }

    fn calculate(&mut self, left: &Expr, operator: Operator, right: &Expr) {
        let is_text = |side: &Expr| matches!(side, Expr::StringLiteral(_) | Expr::FString(_));
        for (one, other) in [(left, right), (right, left)] {
            self.note(one, |uses| match operator {
                Operator::Mod if is_text(left) => {}
                Operator::Add if is_text(other) => uses.added_to_text = true,
                Operator::Add | Operator::Mult => uses.calculated |= matches!(other, Expr::NumberLiteral(_)),
                Operator::Div => uses.divided = true,
                Operator::LShift
                | Operator::RShift
                | Operator::BitAnd
                | Operator::BitXor
                | Operator::BitOr
                | Operator::FloorDiv
                | Operator::Mod => uses.counted = true,
                _ => uses.calculated = true,
            });
        }
    }
}

impl<'a> Visitor<'a> for Finder {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::For(each) => self.iterate(&each.iter, &each.target),
            Stmt::If(choice) => self.note(&choice.test, |uses| uses.truth = true),
            Stmt::AugAssign(assign) => self.calculate(&assign.target, assign.op, &assign.value),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    match target {
                        Expr::Subscript(target) => self.note(&target.value, |uses| uses.stored_into = true),
                        // `node = root` and `row = grid[0]` are other names for the same.
                        Expr::Name(target) => {
                            if let Some(place) = self.place(&assign.value) {
                                self.places.entry(target.id.to_string()).or_insert(place);
                            }
                        }
                        Expr::Tuple(targets) => {
                            let count = targets.elts.len();
                            self.note(&assign.value, |uses| uses.unpacked = Some(count));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Subscript(subscript) => {
                let by_text = matches!(&*subscript.slice, Expr::StringLiteral(_));
                self.note(&subscript.value, |uses| {
                    uses.subscripted = true;
                    uses.subscripted_by_text |= by_text;
                });
                if !matches!(&*subscript.slice, Expr::Slice(_)) {
                    self.note(&subscript.slice, |uses| uses.truth = true);
                }
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.to_string();
                self.note(&attribute.value, |uses| {
                    uses.attributes.insert(name);
                });
            }
            Expr::Call(call) => self.call(&call.func, &call.arguments.args),
            Expr::Compare(compare) => {
                let mut left = &*compare.left;
                for (operator, right) in compare.ops.iter().zip(&compare.comparators) {
                    self.compare(left, *operator, right);
                    left = right;
                }
            }
            Expr::BinOp(operation) => self.calculate(&operation.left, operation.op, &operation.right),
            Expr::UnaryOp(operation) => match operation.op {
                ruff_python_ast::UnaryOp::Not => self.note(&operation.operand, |uses| uses.truth = true),
                _ => self.note(&operation.operand, |uses| uses.calculated = true),
            },
            Expr::ListComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::SetComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::DictComp(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            Expr::Generator(each) => {
                each.generators.iter().for_each(|each| self.iterate(&each.iter, &each.target))
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}
