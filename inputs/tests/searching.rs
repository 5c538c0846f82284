//! Searches over small files, with a stand-in for the interpreter where one is needed.

use std::collections::BTreeSet;

use inputs::{
    Budget, Call, Decision, Ending, Guidance, Module, Observation, Origin, Proposal, ReadError, Search,
};

const BUDGET: Budget = Budget { tried: 40, kept: 8 };

fn read(code: &str) -> Module {
    Module::read(code).unwrap()
}

fn functions(code: &str) -> Vec<String> {
    read(code).functions().map(str::to_owned).collect()
}

/// Proposes until the search ends, and answers each proposal: as a probe, and where it is worth one, as an execution.
/// What was decided of each.
fn run(
    module: &Module,
    function: &str,
    calls: &[Call],
    answer: impl Fn(&Proposal) -> Observation,
) -> Vec<(Proposal, Decision)> {
    let search = Search::new(module, function, calls, BUDGET, Guidance::Coverage, 7);
    answer_all(search, &answer, &answer)
}

fn answer_all(
    mut search: Search<'_>,
    probe: impl Fn(&Proposal) -> Observation,
    execute: impl Fn(&Proposal) -> Observation,
) -> Vec<(Proposal, Decision)> {
    let mut told = Vec::new();
    loop {
        let batch = search.propose();
        if batch.is_empty() {
            break;
        }
        for proposal in batch {
            if search.is_over() {
                return told;
            }
            let mut decision = search.weigh(&proposal, &probe(&proposal));
            if decision == Decision::Keep {
                decision = search.observe(&proposal, &execute(&proposal));
            }
            told.push((proposal, decision));
        }
    }
    while let Some(proposal) = search.spare() {
        let decision = search.observe(&proposal, &execute(&proposal));
        let place = told.iter().position(|(before, _)| *before == proposal).unwrap();
        told[place].1 = decision;
    }
    told
}

/// It returned, reached these places, and gave its input back.
fn returned(proposal: &Proposal, reached: &[u64]) -> Observation {
    let result = proposal.input.bytes().fold(17, |hash, byte| hash * 31 % 1_000_003 + u64::from(byte));
    Observation { ending: Ending::Returned, reached: reached.to_vec(), result }
}

fn raised(exception: &str, line: u32) -> Observation {
    let ending = Ending::Raised { exception: exception.to_owned(), line };
    Observation { ending, reached: vec![u64::from(line)], result: 0 }
}

#[test]
fn functions_and_methods_that_can_be_called_alone_are_found() {
    let code = "
import abc
def plain(a): pass
async def later(a): pass
class Box:
    def __init__(self): pass
    def put(self, x): pass
    @staticmethod
    def make(n): pass
    @property
    def size(self): return 1
    @abc.abstractmethod
    def open(self): pass
    def __hidden(self): pass
class TestBox:
    def test_put(self): pass
if True:
    def conditional(): pass
def outer():
    def inner(): pass
";
    assert_eq!(functions(code), ["plain", "later", "conditional", "outer", "Box.put", "Box.make"]);
}

#[test]
fn what_is_no_python_or_too_large_is_not_read() {
    assert_eq!(Module::read("def f(:").err(), Some(ReadError::Syntax));
    assert_eq!(Module::read(&"x = 1\n".repeat(100_000)).err(), Some(ReadError::TooLarge));
}

#[test]
fn source_that_is_nested_as_deep_as_it_is_long_is_survived() {
    let depth = 60_000;
    for code in [
        format!("x = {}1{}", "(".repeat(depth), ")".repeat(depth)),
        format!("x = {}1", "-".repeat(depth)),
        format!("x = 1{}", "+1".repeat(depth)),
        format!("def f(a):\n    return a{}", ".b".repeat(depth)),
    ] {
        let _ = Module::read(&code);
    }
}

#[test]
fn the_same_answers_give_the_same_proposals() {
    let module = read("def f(a, b='x', *, c=None):\n    return [a] * len(b)\n");
    let once = || run(&module, "f", &[], |proposal| returned(proposal, &[1]));
    assert_eq!(once(), once());
    assert!(!once().is_empty());
}

#[test]
fn no_input_is_proposed_twice_and_no_budget_is_overdrawn() {
    let module = read("def f(a):\n    return a + 1\n");
    let told = run(&module, "f", &[], |_| raised("TypeError", 2));
    let inputs: BTreeSet<&str> = told.iter().map(|(proposal, _)| proposal.input.as_str()).collect();
    assert_eq!(inputs.len(), told.len());
    assert!(told.len() <= BUDGET.tried as usize);
    assert!(told.iter().all(|(_, decision)| *decision == Decision::Drop));
}

#[test]
fn calls_that_the_file_makes_come_first() {
    let code = r#"
def area(w, h):
    """
    >>> area(3, h=4)
    12
    """
    return w * h
size = [1, 2]
if __name__ == "__main__":
    area(5, size)
    area(unknown, 1)
"#;
    let module = read(code);
    let seen = Call::seen("area", [("w", "7"), ("h", "[8]")]).unwrap();
    let told = run(&module, "area", &[seen], |proposal| returned(proposal, &[]));
    let harvested = told.iter().filter(|(proposal, _)| proposal.origin == Origin::Harvested);
    let inputs: Vec<&str> = harvested.map(|(proposal, _)| proposal.input.as_str()).collect();
    assert_eq!(inputs, ["5, [1, 2]", "3, h=4", "w=7, h=[8]"]);
    assert!(told[3..].iter().all(|(proposal, _)| proposal.origin != Origin::Harvested));
}

#[test]
fn arguments_that_cannot_be_written_down_again_are_no_call() {
    assert_eq!(Call::seen("f", [("a", "<function g>")]), None);
    assert_eq!(Call::seen("f", [("a", "[1, … 8 more]")]), None);
}

#[test]
fn annotations_and_uses_decide_what_is_proposed_at_first() {
    let first = |code: &str| {
        let module = read(code);
        let told = run(&module, "f", &[], |proposal| returned(proposal, &[1]));
        told.into_iter().map(|(proposal, _)| proposal.input).collect::<Vec<_>>()
    };
    let most = |inputs: &[String], fits: fn(&str) -> bool| {
        inputs.iter().filter(|input| fits(input)).count() * 3 >= inputs.len() * 2
    };
    let texts = first("def f(s: str):\n    return s\n");
    assert!(most(&texts, |input| input.starts_with(['\'', '"'])), "{texts:?}");
    let lists = first(
        "def f(v):\n    v.sort()\n    for i in range(len(v)):\n        v[i] = v[i] * 2\n    v.append(3)\n",
    );
    assert!(most(&lists, |input| input.starts_with('[')), "{lists:?}");
    let nodes = first(
        "class Node:\n    def __init__(self, val):\n        self.val = val\n        self.next = None\n\
         def f(head):\n    while head:\n        head = head.next\n",
    );
    assert!(most(&nodes, |input| input.contains("Node(")), "{nodes:?}");
}

#[test]
fn literals_of_the_code_are_tried() {
    let module = read("def f(n):\n    if n == 48271:\n        return 'found'\n    return n\n");
    let told = run(&module, "f", &[], |proposal| {
        returned(proposal, if proposal.input == "48271" { &[9] } else { &[1] })
    });
    let found = told.iter().find(|(proposal, _)| proposal.input == "48271");
    assert_eq!(found.map(|(_, decision)| *decision), Some(Decision::Keep));
}

#[test]
fn what_reaches_nothing_new_takes_what_room_is_left_by_what_does() {
    let module = read("def f(n):\n    return n\n");
    let late = |number: usize| if number >= 20 { vec![1, number as u64] } else { vec![1] };
    let number = std::cell::Cell::new(0);
    let probe = |proposal: &Proposal| {
        number.set(number.get() + 1);
        returned(proposal, &late(number.get()))
    };
    let search = Search::new(&module, "f", &[], BUDGET, Guidance::Coverage, 7);
    let told = answer_all(search, probe, |proposal| returned(proposal, &late(number.get())));
    let kept: Vec<usize> = (0..told.len()).filter(|&place| told[place].1 == Decision::Keep).collect();
    // The first of all reaches something, and then the twentieth and each after it.
    assert_eq!(kept, [0, 19, 20, 21, 22, 23, 24, 25]);
    let told = run(&module, "f", &[], |proposal| returned(proposal, &[1]));
    assert_eq!(told.iter().filter(|(_, decision)| *decision == Decision::Keep).count(), BUDGET.kept as usize);
}

#[test]
fn one_result_is_kept_once() {
    let module = read("def f(n):\n    return 1\n");
    let told =
        run(&module, "f", &[], |_| Observation { ending: Ending::Returned, reached: vec![1], result: 5 });
    assert_eq!(told.iter().filter(|(_, decision)| *decision == Decision::Keep).count(), 1);
}

#[test]
fn a_failure_is_kept_once_and_a_misfit_only_where_the_code_raises_it() {
    let module = read("def f(n):\n    if n:\n        raise TypeError('no')\n    return n[0]\n");
    let kept = |exception: &'static str, line: u32| {
        let told = run(&module, "f", &[], |_| raised(exception, line));
        told.iter().filter(|(_, decision)| *decision == Decision::Keep).count()
    };
    assert_eq!(kept("IndexError", 4), 1);
    assert_eq!(kept("TypeError", 4), 0);
    assert_eq!(kept("TypeError", 3), 1);
}

#[test]
fn a_function_that_reaches_limits_is_left_alone() {
    let module = read("def f(n):\n    while n: pass\n");
    let told = run(&module, "f", &[], |_| Observation { ending: Ending::Cut, reached: vec![1], result: 0 });
    assert_eq!(told.len(), 2);
}

#[test]
fn what_a_probe_promised_and_an_execution_does_not_hold_is_not_kept() {
    let module = read("def f(n):\n    return n\n");
    let search = Search::new(&module, "f", &[], BUDGET, Guidance::Coverage, 7);
    let executed = std::cell::Cell::new(0);
    let same = Observation { ending: Ending::Returned, reached: vec![1], result: 5 };
    let told = answer_all(
        search,
        |proposal| returned(proposal, &[1]),
        |_| {
            executed.set(executed.get() + 1);
            same.clone()
        },
    );
    assert_eq!(told.iter().filter(|(_, decision)| *decision == Decision::Keep).count(), 1);
    assert!(executed.get() <= 6, "probes that mislead cost {} executions", executed.get());
}

#[test]
fn what_was_too_long_to_probe_is_executed_where_it_is_new_until_one_does_not_end() {
    let module = read("def f(n):\n    while n: pass\n");
    let unfinished = Observation { ending: Ending::Unfinished, reached: vec![1], result: 0 };
    let executed = |ending: Ending| {
        let search = Search::new(&module, "f", &[], BUDGET, Guidance::Coverage, 7);
        let count = std::cell::Cell::new(0);
        let told = answer_all(
            search,
            |_| unfinished.clone(),
            |_| {
                count.set(count.get() + 1);
                Observation { ending: ending.clone(), reached: vec![1], result: 0 }
            },
        );
        assert!(told.len() > 2, "the function is not left alone");
        count.get()
    };
    assert_eq!(executed(Ending::Returned), 1);
    assert_eq!(executed(Ending::Cut), 1);
}

#[test]
fn a_function_without_parameters_is_called_once() {
    let module = read("def f():\n    return 1\n");
    let told = run(&module, "f", &[], |proposal| returned(proposal, &[1]));
    assert_eq!(told.iter().map(|(proposal, _)| proposal.input.as_str()).collect::<Vec<_>>(), [""]);
}

#[test]
fn without_guidance_nothing_is_harvested_mined_or_changed() {
    let code = "def f(n: int):\n    return n == 48271\nf(12345)\n";
    let module = read(code);
    let search = Search::new(&module, "f", &[], BUDGET, Guidance::None, 7);
    let answer = |proposal: &Proposal| returned(proposal, &[1]);
    for (proposal, _) in answer_all(search, answer, answer) {
        assert_eq!(proposal.origin, Origin::Typed);
        assert!(!["48271", "12345"].contains(&proposal.input.as_str()));
    }
}

#[test]
fn calls_are_read_from_what_somebody_wrote_and_come_first() {
    let module = read(
        "
class Stack:
    def __init__(self, items):
        self.items = items

    def push(self, item):
        self.items.append(item)


def add(a, b=1):
    return a + b
",
    );
    let proposed = |function: &str, text: &str| {
        let told = run(&module, function, &module.calls_in(text), |proposal| returned(proposal, &[1]));
        let proposals = told.into_iter().map(|(proposal, _)| proposal);
        let proposed = proposals.take_while(|proposal| proposal.origin == Origin::Proposed);
        proposed.map(|proposal| proposal.input).collect::<Vec<_>>()
    };
    let prose = "Sure! Here are calls:\n```python\nadd(1, b=[2])\nStack([1]).push(3)\nadd(open('x'), 1)\n\
                 __import__('os').system('true')\nadd(\n```\nadd(1, b=[2])\n";
    assert_eq!(proposed("add", prose), ["1, b=[2]"]);
    assert_eq!(proposed("Stack.push", prose), ["Stack([1]), 3"]);
    assert_eq!(proposed("Stack.push", "s = Stack([])\ns.push('a')"), ["Stack([]), 'a'"]);
    assert!(proposed("add", &"(".repeat(50_000)).is_empty());
    let many: String = (0..99).map(|number| format!("add({number})\n")).collect();
    assert_eq!(module.calls_in(&many).len(), 16);
}
