//! What a loop runs over, where that is written down.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use super::names::{Names, mentioned_by};

/// An iterable whose items stand in the code.
pub(super) enum Over<'a> {
    Items(&'a [Expr]),
    Zipped(Vec<Over<'a>>),
    Numbered(Box<Over<'a>>),
}

impl<'a> Over<'a> {
    /// What `iterable` is, after these statements.
    pub(super) fn of(iterable: &'a Expr, before: &'a [Stmt]) -> Option<Over<'a>> {
        match iterable {
            Expr::List(list) => Over::listed(&list.elts),
            Expr::Tuple(tuple) => Over::listed(&tuple.elts),
            Expr::Name(name) => {
                let mut given = before
                    .iter()
                    .filter(|statement| super::names::mentioned(statement).contains(name.id.as_str()));
                // Whatever else mentions it may have changed it.
                let (Some(Stmt::Assign(assign)), None) = (given.next(), given.next()) else { return None };
                let is_it = matches!(assign.targets.as_slice(), [Expr::Name(target)] if target.id == name.id);
                let is_listed = matches!(&*assign.value, Expr::List(_) | Expr::Tuple(_));
                if is_it && is_listed { Over::of(&assign.value, before) } else { None }
            }
            Expr::Call(call) if call.arguments.keywords.is_empty() => {
                let Expr::Name(function) = &*call.func else { return None };
                match (function.id.as_str(), &*call.arguments.args) {
                    ("enumerate", [over]) => Some(Over::Numbered(Box::new(Over::of(over, before)?))),
                    ("zip", all) if !all.is_empty() => {
                        let each = all.iter().map(|over| Over::of(over, before));
                        Some(Over::Zipped(each.collect::<Option<_>>()?))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn listed(items: &'a [Expr]) -> Option<Over<'a>> {
        (!items.iter().any(Expr::is_starred_expr)).then_some(Over::Items(items))
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Over::Items(items) => items.len(),
            Over::Zipped(all) => all.iter().map(Over::count).min().unwrap_or(0),
            Over::Numbered(over) => over.count(),
        }
    }

    /// The same with the item of one turn alone.
    pub(super) fn only(&self, turn: usize, text: &str) -> String {
        match self {
            Over::Items(items) => format!("[{}]", &text[items[turn].range()]),
            Over::Zipped(all) => {
                let each: Vec<String> = all.iter().map(|over| over.only(turn, text)).collect();
                format!("zip({})", each.join(", "))
            }
            Over::Numbered(over) => format!("enumerate({}, {turn})", over.only(turn, text)),
        }
    }

    /// What that mentions.
    pub(super) fn names(&self, turn: usize) -> Names {
        match self {
            Over::Items(items) => mentioned_by(&items[turn]),
            Over::Zipped(all) => all.iter().flat_map(|over| over.names(turn)).collect(),
            Over::Numbered(over) => over.names(turn),
        }
    }
}
