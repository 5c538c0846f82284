//! Takes a function that tests another apart, so that each of its assertions can be executed by itself, with what that
//! one needs and nothing else.
//!
//! Such is HumanEval's `check(candidate)`. What is said of the parts together is said of the whole, as long as calls of
//! what is tested leave nothing behind for each other.

mod names;
mod over;

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Stmt, StmtFor, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use crate::stack;
use names::{Names, mentioned, mentioned_by};
use over::Over;

/// A test of more parts stays whole.
const MAX_PARTS: usize = 1024;

/// The parts of a test that ends by calling a function which it defines: one for each assertion of that, and for each
/// turn of a loop over what is listed. Any other test is its only part.
pub fn apart(test: &str) -> Vec<String> {
    let parts = stack::for_text(test, || {
        let parsed = ruff_python_parser::parse_module(test).ok()?;
        Check::of(test, parsed.suite())?.parts()
    });
    match parts.flatten() {
        Some(parts) if (1..=MAX_PARTS).contains(&parts.len()) => parts,
        _ => vec![test.to_owned()],
    }
}

/// A test that calls a function which it defines.
struct Check<'a> {
    text: &'a str,
    /// What stands before the call, but for the function.
    before: Vec<&'a Stmt>,
    function: &'a StmtFunctionDef,
    call: &'a Stmt,
}

impl<'a> Check<'a> {
    fn of(text: &'a str, body: &'a [Stmt]) -> Option<Check<'a>> {
        let (call, before) = body.split_last()?;
        let Stmt::Expr(alone) = call else { return None };
        let Expr::Call(called) = &*alone.value else { return None };
        let Expr::Name(name) = &*called.func else { return None };
        let is_it = |statement: &&Stmt| matches!(statement, Stmt::FunctionDef(function) if function.name.as_str() == name.id.as_str());
        let Some(Stmt::FunctionDef(function)) = before.iter().find(is_it) else { return None };
        let is_plain = !function.is_async
            && function.decorator_list.is_empty()
            && before.iter().filter(is_it).count() == 1
            && !names::leave(&function.body);
        let before = before.iter().filter(|statement| !is_it(statement)).collect();
        is_plain.then_some(Check { text, before, function, call })
    }

    /// `None` if the text is laid out such that lines cannot be taken from it.
    fn parts(&self) -> Option<Vec<String>> {
        let mut parts = Vec::new();
        for (index, statement) in self.function.body.iter().enumerate() {
            if !self.asserts(statement) {
                continue;
            }
            match statement {
                Stmt::For(each) => parts.extend(self.turns(index, each)?),
                statement => {
                    parts.push(self.part(index, self.lines(statement)?, mentioned(statement))?);
                }
            }
        }
        Some(parts)
    }

    /// Whether a statement says how something should be: by an assertion, or by a function of the test that has one.
    fn asserts(&self, statement: &Stmt) -> bool {
        let helpers: Vec<&str> = self
            .before
            .iter()
            .filter_map(|statement| match statement {
                Stmt::FunctionDef(helper) if names::assert(&helper.body, &[]) => Some(helper.name.as_str()),
                _ => None,
            })
            .collect();
        names::assert(std::slice::from_ref(statement), &helpers)
    }

    /// The parts of a loop: one for each turn, where these are known and do not build on each other.
    fn turns(&self, index: usize, each: &StmtFor) -> Option<Vec<String>> {
        let statement = &self.function.body[index];
        let lines = self.lines(statement)?;
        let over = Over::of(&each.iter, &self.function.body[..index]);
        let Some(over) = over.filter(|over| over.count() <= MAX_PARTS && self.are_apart(index, each)) else {
            return Some(vec![self.part(index, lines, mentioned(statement))?]);
        };
        let from_start = |at: TextRange| (at - statement.start()).to_std_range();
        let range = from_start(each.iter.range());
        let indent = lines.len() - statement.range().len().to_usize();
        let turns = (0..over.count()).map(|turn| {
            let mut lines = lines.to_owned();
            lines.replace_range(range.start + indent..range.end + indent, &over.only(turn, self.text));
            let mut names = over.names(turn);
            names.extend(mentioned_by(&each.target));
            each.body.iter().for_each(|statement| names.extend(mentioned(statement)));
            self.part(index, &lines, names)
        });
        turns.collect()
    }

    /// Whether no turn of a loop needs what one before it did.
    fn are_apart(&self, index: usize, each: &StmtFor) -> bool {
        let before: BTreeSet<String> = self.function.body[..index].iter().flat_map(names::bound).collect();
        let is_simple = |statement: &Stmt| match statement {
            Stmt::Assert(_) => true,
            Stmt::Assign(_) => {
                let bound = names::bound(statement);
                !bound.is_empty() && bound.is_disjoint(&before)
            }
            statement => self.asserts(statement) && matches!(statement, Stmt::Expr(_)),
        };
        each.orelse.is_empty() && each.body.iter().all(is_simple)
    }

    /// A test of these lines alone, which stand at `index` of the function and mention these names.
    fn part(&self, index: usize, lines: &str, mut needed: Names) -> Option<String> {
        let mut within = Vec::new();
        let body = &self.function.body[..index];
        let own: BTreeSet<String> = body.iter().flat_map(names::bound).collect();
        for statement in body.iter().rev() {
            let is_kept = match self.asserts(statement) {
                // It may have changed what both look at.
                true => mentioned(statement).iter().any(|name| needed.contains(name) && own.contains(name)),
                false => names::is_needed(statement, &needed),
            };
            if is_kept {
                names::go_before(statement, &mut needed);
                within.push(self.lines(statement)?);
            }
        }
        needed.extend(mentioned(self.call));
        let mut before = Vec::new();
        for statement in self.before.iter().rev() {
            if names::is_needed(statement, &needed) {
                names::go_before(statement, &mut needed);
                before.push(&self.text[statement.range()]);
            }
        }
        let mut part = String::new();
        let parts = before.into_iter().rev().chain([self.head()?]).chain(within.into_iter().rev());
        for piece in parts.chain([lines, &self.text[self.call.range()]]) {
            part.push_str(piece);
            part.push('\n');
        }
        Some(part.trim_end().to_owned())
    }

    /// The lines that begin the function.
    fn head(&self) -> Option<&'a str> {
        let first = self.lines(self.function.body.first()?)?;
        let until = self.function.body[0].end().to_usize() - first.len();
        let mut head = self.text[self.function.start().to_usize()..until].trim_end();
        while let Some((above, last)) = head.rsplit_once('\n')
            && last.trim_start().starts_with('#')
        {
            head = above.trim_end();
        }
        Some(head)
    }

    /// A statement of the function from the beginning of its first line, on which nothing else stands.
    fn lines(&self, statement: &Stmt) -> Option<&'a str> {
        let start = statement.start().to_usize();
        let line = self.text[..start].rfind('\n')? + 1;
        self.text[line..start].trim().is_empty().then(|| &self.text[line..statement.end().to_usize()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(test: &str, expect: &[&str]) {
        assert_eq!(apart(test), expect, "{test}");
    }

    #[test]
    fn each_assertion_is_a_part_with_what_it_needs() {
        check(
            "META = {'author': 'x'}\nLIMIT = 3\n\ndef check(candidate):\n    # Some cases.\n    assert True, 'fails'\n    \
             assert candidate(1) == 2\n    import math\n    x = [4,\n  5]\n    y = candidate(x)\n    \
             assert y < math.inf and LIMIT\n\ncheck(f)",
            &[
                "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)",
                "LIMIT = 3\ndef check(candidate):\n    import math\n    x = [4,\n  5]\n    y = candidate(x)\n    \
                 assert y < math.inf and LIMIT\ncheck(f)",
            ],
        );
    }

    #[test]
    fn a_name_is_what_it_was_given_last() {
        check(
            "def check(g):\n    a = g(1)\n    assert a == 1\n    a = g(2)\n    assert a == 2\ncheck(f)",
            &[
                "def check(g):\n    a = g(1)\n    assert a == 1\ncheck(f)",
                "def check(g):\n    a = g(2)\n    assert a == 2\ncheck(f)",
            ],
        );
    }

    #[test]
    fn what_may_have_changed_comes_with_what_may_have_changed_it() {
        check(
            "def check(g):\n    box = g()\n    assert box.pop() == 2\n    assert box.pop() == 1\ncheck(f)",
            &[
                "def check(g):\n    box = g()\n    assert box.pop() == 2\ncheck(f)",
                "def check(g):\n    box = g()\n    assert box.pop() == 2\n    assert box.pop() == 1\ncheck(f)",
            ],
        );
    }

    #[test]
    fn each_turn_of_a_loop_over_what_is_listed_is_a_part() {
        check(
            "def check(g):\n    cases = [(1, 2), (3, 4)]\n    for x, y in cases:\n        assert g(x) == y\ncheck(f)",
            &[
                "def check(g):\n    for x, y in [(1, 2)]:\n        assert g(x) == y\ncheck(f)",
                "def check(g):\n    for x, y in [(3, 4)]:\n        assert g(x) == y\ncheck(f)",
            ],
        );
        check(
            "def same(a, b):\n    assert a == b\ndef check(g):\n    xs = [[1], [2]]\n    ys = (3, 4)\n    \
             for i, (x, y) in enumerate(zip(xs, ys)):\n        same(g(*x), y)\ncheck(f)",
            &[
                "def same(a, b):\n    assert a == b\ndef check(g):\n    \
                 for i, (x, y) in enumerate(zip([[1]], [3]), 0):\n        same(g(*x), y)\ncheck(f)",
                "def same(a, b):\n    assert a == b\ndef check(g):\n    \
                 for i, (x, y) in enumerate(zip([[2]], [4]), 1):\n        same(g(*x), y)\ncheck(f)",
            ],
        );
    }

    #[test]
    fn a_loop_whose_turns_are_not_known_or_build_on_each_other_is_one_part() {
        for whole in [
            "def check(g):\n    for x in range(100):\n        assert g(x) == x\ncheck(f)",
            "def check(g):\n    last = 0\n    for x in [1, 2]:\n        assert g(x) > last\n        last = g(x)\ncheck(f)",
            "def check(g):\n    total = 0\n    for x in [1, 2]:\n        total += g(x)\n        assert total\ncheck(f)",
        ] {
            check(whole, &[whole]);
        }
    }

    #[test]
    fn other_tests_stay_as_they_are() {
        for whole in [
            "x = 1\nassert f(1) == 2",
            "check(f)",
            "def check(g): assert g(1); assert g(2)\ncheck(f)",
            "def check(g):\n    if g(1):\n        return\n    assert g(2)\n    assert g(3)\ncheck(f)",
            "def check(g):\n    g(1)\ncheck(f)",
            "def check(g:\n",
        ] {
            check(whole, &[whole]);
        }
    }
}
