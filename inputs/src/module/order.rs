//! In which order the functions of a file are searched: those that call others before these, because searching the former
//! shows what the latter are called with.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Stmt};

use super::Callable;

/// The names of what a body calls, as the module has them. `owner` is the class of `self`.
pub(super) fn called(body: &[Stmt], owner: Option<&str>) -> BTreeSet<String> {
    struct Calls<'a> {
        owner: Option<&'a str>,
        names: BTreeSet<String>,
    }
    impl<'b> Visitor<'b> for Calls<'_> {
        fn visit_expr(&mut self, expression: &'b Expr) {
            if let Expr::Call(call) = expression {
                match &*call.func {
                    Expr::Name(name) => drop(self.names.insert(name.id.to_string())),
                    Expr::Attribute(method) => {
                        if let Expr::Name(object) = &*method.value {
                            let class = match object.id.as_str() {
                                "self" | "cls" => self.owner,
                                class => Some(class),
                            };
                            self.names.extend(class.map(|class| format!("{class}.{}", method.attr)));
                        }
                    }
                    _ => {}
                }
            }
            walk_expr(self, expression);
        }
    }
    let mut calls = Calls { owner, names: BTreeSet::new() };
    calls.visit_body(body);
    calls.names
}

/// Callers first, else as they stand in the file. Of those that call each other, the first one comes first.
pub(super) fn callers_first(callables: Vec<Callable>) -> Vec<Callable> {
    let positions: BTreeMap<&str, usize> =
        callables.iter().enumerate().map(|(position, callable)| (callable.name.as_str(), position)).collect();
    let called = callables.iter().map(|callable| {
        let names = callable.calls.iter();
        names.filter_map(|name| positions.get(name.as_str()).copied()).collect()
    });
    let called: Vec<Vec<usize>> = called.collect();
    let mut order =
        Order { called: &called, is_seen: vec![false; callables.len()], called_first: Vec::new() };
    (0..callables.len()).rev().for_each(|position| order.visit(position));
    let order = order.called_first;
    let mut callables: Vec<Option<Callable>> = callables.into_iter().map(Some).collect();
    order.into_iter().rev().filter_map(|position| callables[position].take()).collect()
}

struct Order<'a> {
    called: &'a [Vec<usize>],
    is_seen: Vec<bool>,
    called_first: Vec<usize>,
}

impl Order<'_> {
    /// As deep as a file has functions at most, of which few are searched.
    fn visit(&mut self, position: usize) {
        if !std::mem::replace(&mut self.is_seen[position], true) {
            self.called[position].iter().rev().for_each(|&called| self.visit(called));
            self.called_first.push(position);
        }
    }
}
