//! What inputs are made of: what each says that a person would have read off the code, too.

use inputs::{Budget, Call, Decision, Ending, Guidance, Module, Observation, Origin, Proposal, Search};

/// All that is proposed for a function of which everything shows something new.
fn all(module: &Module, function: &str, calls: &[Call], guidance: Guidance) -> Vec<Proposal> {
    let budget = Budget { tried: 200, kept: 200 };
    let mut search = Search::new(module, function, calls, budget, guidance, 7);
    let mut proposals = Vec::new();
    loop {
        let batch = search.propose();
        if batch.is_empty() {
            return proposals;
        }
        for proposal in batch {
            let number = proposals.len() as u64;
            let shown = Observation { ending: Ending::Returned, reached: vec![number], result: number };
            if search.weigh(&proposal, &shown) == Decision::Keep {
                search.observe(&proposal, &shown);
            }
            proposals.push(proposal);
        }
    }
}

fn proposed(code: &str, function: &str) -> Vec<String> {
    let proposals = all(&Module::read(code).unwrap(), function, &[], Guidance::Coverage);
    proposals.into_iter().map(|proposal| proposal.input).collect()
}

fn harvested(module: &Module, function: &str, calls: &[Call]) -> Vec<String> {
    let proposals = all(module, function, calls, Guidance::Coverage).into_iter();
    let harvested = proposals.filter(|proposal| proposal.origin == Origin::Harvested);
    harvested.map(|proposal| proposal.input).collect()
}

#[test]
fn calls_in_loops_and_in_tests_with_several_arguments_are_read_for_each() {
    let module = Module::read("def f(a, b):\n    return a\n").unwrap();
    let test = "
from m import f
import pytest

@pytest.mark.parametrize('a, b', [(1, 2), (3, [4])])
def test_f(a, b):
    assert f(a, b) == a

def test_again():
    cases = ['x', 'y']
    for case in cases:
        f(case, 0)
";
    let calls = module.calls_in_test(test, "m");
    let inputs = harvested(&module, "f", &calls);
    assert_eq!(inputs, ["1, 2", "3, [4]", "'x', 0", "'y', 0"]);
}

#[test]
fn what_is_taken_from_a_queue_is_what_was_put_into_it() {
    let code = "
def walk(root):
    queue = deque([root])
    while queue:
        node = queue.popleft()
        if node.left:
            queue.append(node.left)
        total = node.val
";
    let inputs = proposed(code, "walk");
    assert!(inputs.iter().any(|input| input.contains("left=") && input.contains("val=")), "{inputs:?}");
}

#[test]
fn what_a_function_calls_is_searched_after_it() {
    let code = "
def helper(a):
    return a

class Box:
    def inner(self):
        return helper(1)

    def outer(self):
        return self.inner()

def alone():
    return 1
";
    let module = Module::read(code).unwrap();
    let functions: Vec<&str> = module.functions().collect();
    assert_eq!(functions, ["alone", "Box.outer", "Box.inner", "helper"]);
}

#[test]
fn calls_are_read_from_tests_that_import_the_module() {
    let module = Module::read(
        "
class Stack:
    def __init__(self, items):
        self.items = items

    def push(self, item):
        self.items.append(item)

    def __add__(self, other):
        return Stack(self.items + other.items)


def search(items, item):
    return items.index(item)
",
    )
    .unwrap();
    let test = "
import unittest
from package import other, stack
from package.stack import search as find


class TestStack(unittest.TestCase):
    def setUp(self):
        self.items = list(range(15))

    def test_all(self):
        self.assertEqual(stack.search(self.items, 7), 7)
        self.assertEqual(find([1], 1), other.search([9], 9))
        one = stack.Stack([1])
        one.push('a')
        one.push('b')
        print(one + stack.Stack([2]))
";
    let calls = module.calls_in_test(test, "stack");
    let harvested = |function: &str| harvested(&module, function, &calls);
    assert_eq!(harvested("search"), ["list(range(15)), 7", "[1], 1"]);
    let pushed = "(lambda it: (it.push('a'), it)[-1])(Stack([1]))";
    assert_eq!(harvested("Stack.push"), ["Stack([1]), 'a'", &format!("{pushed}, 'b'")]);
    let pushed = "(lambda it: (it.push('a'), it.push('b'), it)[-1])(Stack([1]))";
    assert_eq!(harvested("Stack.__add__"), [format!("{pushed}, Stack([2])")]);
    assert!(module.calls_in_test("def f(:", "stack").is_empty());
}

#[test]
fn code_that_docstrings_show_is_harvested() {
    let code = "
def scale(vector, by):
    '''
    Scales.

    .. code-block:: python

        from package import vectors

        start = (1, 2)
        vectors.scale(start, 3)
    '''
    return [part * by for part in vector]
";
    assert_eq!(harvested(&Module::read(code).unwrap(), "scale", &[]), ["(1, 2), 3"]);
}

#[track_caller]
fn assert_tried(code: &str, function: &str, inputs: &[&str]) {
    let proposed = proposed(code, function);
    for input in inputs {
        assert!(proposed.iter().any(|proposal| proposal.contains(input)), "{input} is not in {proposed:#?}");
    }
}

#[test]
fn edges_are_tried_before_anything_else_is_made_up() {
    let found = |code: &str| proposed(code, "f").into_iter().take(2).collect::<Vec<_>>();
    assert_eq!(found("def f(n: int):\n    return n\n"), ["0", "1"]);
    assert_eq!(found("def f(items: list[int], text: str):\n    return 1\n"), ["[], ''", "[1], 'a'"]);
}

#[test]
fn what_a_parameter_is_compared_with_is_tried() {
    let code = "def f(kind, n):\n    if kind == 'circle':\n        return n\n    if kind in ('line', 'dot'):\n        return 1\n";
    assert_tried(code, "f", &["'circle', ", "'line', ", "'dot', "]);
}

#[test]
fn lengths_that_are_asked_for_are_given() {
    assert_tried("def f(*parts):\n    if len(parts) == 4:\n        return 1\n", "f", &[", "]);
    let code = "def f(row: list[int]):\n    return 1 if len(row) == 12 else 0\n";
    assert!(proposed(code, "f").iter().any(|input| input.matches(',').count() == 11));
}

#[test]
fn keys_that_are_looked_up_are_given() {
    assert_tried("def f(row):\n    return row['name'] + row.get('city')\n", "f", &["'name': ", "'city': "]);
    assert_tried("def f(**options):\n    return options.get('depth')\n", "f", &["depth="]);
}

#[test]
fn an_object_of_no_class_of_the_file_has_what_is_used_of_it() {
    let code = "def f(head):\n    while head:\n        print(head.val)\n        head = head.next\n";
    assert_tried(code, "f", &["SimpleNamespace(next=None, val=", "SimpleNamespace(next=__import__"]);
}

#[test]
fn what_methods_do_with_an_attribute_says_what_the_constructor_takes() {
    let code = "
class Scale:
    def __init__(self, thing):
        self.thing = thing
    def doubled(self):
        return self.thing // 2
";
    let all = proposed(code, "Scale.doubled");
    let numbers =
        all.iter().filter(|input| input.starts_with("Scale(") && !input.contains(['[', '\''])).count();
    assert!(numbers * 2 > all.len(), "{all:?}");
}

#[test]
fn what_a_function_hands_on_is_what_others_take() {
    let code = "
def _first(thing):
    return thing.upper() if thing.startswith('ab') else thing.strip()
def f(thing):
    return _first(thing)
";
    let all = proposed(code, "f");
    let texts = all.iter().filter(|input| input.starts_with(['\'', '"'])).count();
    assert!(texts * 2 > all.len(), "{all:?}");
    assert_tried(code, "f", &["'ab'"]);
}

#[test]
fn a_method_that_changes_its_object_fills_it() {
    let code = "
class Sets:
    def __init__(self):
        self.parents = {}
    def merge(self, one, other):
        self.parents[one] = other
    def find(self, one):
        return self.parents[one]
";
    assert_tried(code, "Sets.find", &["it.merge("]);
}

#[test]
fn texts_are_made_of_the_symbols_that_the_code_knows() {
    let code = "def f(text: str):\n    return [1 for c in text if c in '([' or c == ')' or c == ']']\n";
    assert_tried(code, "f", &["(", "[", ")]"]);
}

#[test]
fn chance_knows_what_is_written_down_and_nothing_else() {
    let code =
        "def f(items: list, n=2.5, m=None):\n    return items[0].upper() + items.append(n) + m.strip()\n";
    let proposals = all(&Module::read(code).unwrap(), "f", &[], Guidance::None);
    let inputs: Vec<String> = proposals.into_iter().map(|proposal| proposal.input).collect();
    assert!(inputs.iter().all(|input| input.starts_with('[')), "{inputs:?}");
    assert!(inputs.iter().any(|input| input.contains(", m=[")), "{inputs:?}");
    assert!(inputs.iter().any(|input| input.starts_with("[1") || input.starts_with("[2")), "{inputs:?}");
}
