//! Objects that are told apart by numbers.

use std::collections::BTreeSet;

use tests::tracers::{Program, interpreters, native};
use trace::{Event, EventKind, Granularity, StackItem};

use super::check::{ALL, accounts, check_program, dedented};
use super::self_tracing::prints_as_untraced;

fn told_apart(source: &str) -> Program {
    Program { identities: true, ..Program::script(dedented(source)) }
}

#[track_caller]
fn check(source: &str, expected: &str) {
    check_program(ALL, &told_apart(source), expected);
}

/// Checks the texts of some of a script's variables as they are at its end. The function that is called with them shows
/// no object before them.
#[track_caller]
fn check_values(source: &str, expected: &[(&str, &str)]) {
    let names = expected.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let made = dedented(source).replace('\n', "\n    ");
    let source =
        format!("def shown({names}): pass\ndef make():\n    {made}\n    return {names},\nshown(*make())\n");
    let program = Program { granularity: Granularity::Call, ..told_apart(&source) };
    for (tracer, account) in accounts(ALL, &program) {
        let call = account
            .events
            .iter()
            .find(|event| event.kind == "call" && event.function == "shown")
            .expect("a call of `shown`");
        for (name, text) in expected {
            let told = call.changes.iter().find(|change| change.1 == *name);
            assert_eq!(
                told.and_then(|change| change.4.as_deref()),
                Some(*text),
                "{tracer} tells this of {name}"
            );
        }
    }
}

#[test]
fn two_names_of_one_list_show_one_number() {
    check(
        "
        a = [1, 2]
        b = a
        c = [1, 2]
        b.append(3)
        a += [4]
        a = a + [5]
        ",
        "
        call <module> 1; line 1; line 2 +a=#1[1, 2]; line 3 +b=#1[1, 2]
        line 4 +c=#2[1, 2]; line 5 +a[2]=3 +b[2]=3
        line 6 +a[3]=4 +b[3]=4; return 6 None a=#3[1, 2, 3, 4, 5]
        ",
    );
}

#[test]
fn an_object_that_reads_the_same_is_a_change_of_a_variable_and_of_an_element() {
    check(
        "
        a = [[1], {}, (2, [3])]
        a = a[:]
        a[0] = [1]
        a[1] = {}
        a[2] = (2, a[2][1])
        a[2] = (2, [3])
        ",
        "
        call <module> 1; line 1; line 2 +a=#1[#2[1], #3{}, (2, #4[3])]
        line 3 a=#5[#2[1], #3{}, (2, #4[3])]; line 4 a[0]=#6[1]; line 5 a[1]=#7{}
        line 6; return 6 None a[2]=(2, #8[3])
        ",
    );
}

#[test]
fn a_number_goes_with_its_object_through_arguments_results_and_stacks() {
    let source = "
        def f(x):
            yield x
            return [x]
        a = []
        for b in f(a): pass
        def g(x): return x
        c = g(g(a))
        ";
    for (tracer, account) in accounts(ALL, &told_apart(source)) {
        let texts = account.events.iter().filter(|event| event.function != "<module>").filter_map(|event| {
            let of_changes =
                event.changes.iter().find(|change| change.1 == "x").and_then(|change| change.4.clone());
            of_changes.or_else(|| event.text.clone())
        });
        assert_eq!(
            texts.collect::<Vec<_>>(),
            ["#1[]", "#1[]", "#2[#1[]]", "#1[]", "#1[]", "#1[]", "#1[]"],
            "{tracer}"
        );
    }
    let program = Program { granularity: Granularity::Instruction, ..told_apart("a = []\n(a, [a])\n") };
    for (tracer, account) in accounts(ALL, &program) {
        let stacks = account.events.iter().flat_map(|event| event.stack.iter().flatten());
        let texts: BTreeSet<_> = stacks.filter_map(|item| item.2.as_deref()).collect();
        assert!(texts.contains("#1[]") && texts.contains("#2[#1[]]"), "{tracer} tells {texts:?}");
    }
}

#[test]
fn what_can_change_has_a_number_and_what_cannot_has_none() {
    check_values(
        "
        import array, collections, enum, io, itertools, types
        class P:
            def __init__(self): self.x = 1
            def f(self): pass
        class S:
            __slots__ = 'y',
        class L(list): pass
        class T(tuple): pass
        class E(enum.Enum): A = 1
        s = S(); s.y = []
        n = collections.namedtuple('N', 'z')([])
        changing = (P(), s, L([1]), {1}, bytearray(b'a'), array.array('i', [2]), collections.deque([3]),
            collections.OrderedDict(), collections.defaultdict(list), collections.Counter())
        moving = (iter([]), (0 for _ in ()), itertools.count(5), itertools.chain(), zip(), range(3).__iter__())
        fixed = (1, 'a', b'b', T((4,)), n, frozenset({5}), range(6), slice(7), E.A)
        named = (P, P.f, len, [].append, types, ValueError([]))
        views = ({}.keys(), {}.items(), types.MappingProxyType({}), memoryview(b''), object())
        ",
        &[
            (
                "changing",
                "(#1P(x=1), #2S(y=#3[]), #4L([1]), #5{1}, #6bytearray(b'a'), #7array('i', [2]), #8deque([3]), \
                 #9OrderedDict({}), #10defaultdict(<class 'list'>, {}), #11Counter({}))",
            ),
            (
                "moving",
                "(#12<list_iterator 0 of #13[]>, #14<generator make.<locals>.<genexpr> not started>, \
                 #15count(5), #16<chain of #17<tuple_iterator 0 of ()>>, #18<zip of ()>, \
                 #19<range_iterator of range(0, 3)>)",
            ),
            (
                "fixed",
                "(1, 'a', b'b', T((4,)), N(z=#20[]), frozenset({5}), range(0, 6), slice(None, 7, None), <E.A: 1>)",
            ),
            (
                "named",
                "(<class 'make.<locals>.P'>, <function make.<locals>.P.f>, <built-in function len>, \
                 <built-in method append>, <module 'types'>, ValueError(#21[]))",
            ),
            (
                "views",
                "(dict_keys([]), dict_items([]), mappingproxy(#22{}), <memoryview of b''>, <object>)",
            ),
        ],
    );
}

#[test]
fn sharing_and_cycles_say_where_they_lead() {
    check_values(
        "
        class Node:
            def __init__(self, next): self.next = next
        row = [0] * 3
        rows = [row] * 2
        loop = [1]
        loop.append(loop)
        first = Node(None)
        first.next = Node(first)
        twice = zip(*[iter([7, 8])] * 2)
        ",
        &[
            ("rows", "#3[#4[0, 0, 0], #4[0, 0, 0]]"),
            ("loop", "#5[1, #5[...]]"),
            ("first", "#1Node(next=#2Node(next=#1Node(...)))"),
            ("twice", "#6<zip of (#7<list_iterator 0 of #8[7, 8]>, #7<list_iterator 0 of #8[7, 8]>)>"),
        ],
    );
}

#[test]
fn a_cut_text_shows_as_much_with_numbers_as_without() {
    let source = "
        a = list(map(list, zip(range(300))))
        b = list(map(list, zip(range(200))))
        def f(x): return x
        f(a)
        f([['x' * 300] * 5])
        ";
    let (with, without) = (told_apart(source), Program::script(dedented(source)));
    for (with, without) in accounts(ALL, &with).into_iter().zip(accounts(ALL, &without)) {
        assert_eq!(with.1.events.len(), without.1.events.len());
        for (with, without) in with.1.events.iter().zip(&without.1.events) {
            let texts = |event: &tests::tracers::Event| -> Vec<String> {
                let changes = event.changes.iter().filter_map(|change| change.4.clone());
                changes.chain(event.text.clone()).collect()
            };
            let stripped: Vec<_> = texts(with).iter().map(|text| without_numbers(text)).collect();
            assert_eq!(stripped, texts(without));
        }
    }
}

/// A text that has no `#` of its own.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split('#');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|character: char| character.is_ascii_digit())
    })
}

/// Lists, dicts, instances, sets, iterators and generators are made where others have just ended. The interpreter gives
/// them the same memory again and again.
const ENDS: &str = "
    class P:
        def __init__(self, x): self.x = x
    class D(dict): pass
    def remade(make):
        x = make()
        y = None
        del x; y = make()
        y = None; y = make()
        return y
    for make in (list, dict, set, bytearray, D, lambda: [1], lambda: {'k': 1}, lambda: P([]), lambda: iter([]),
                 lambda: (n for n in 'ab')):
        for _ in range(3):
            remade(make)
            remade(make)
    held = [remade(list) for _ in range(100)]
    del held
    held = [remade(dict) for _ in range(100)]
    ";

#[test]
fn no_number_of_an_object_that_is_gone_is_given_again() {
    accounts(ALL, &told_apart(ENDS));
    let program = Program { granularity: Granularity::Instruction, ..told_apart(ENDS) };
    accounts(ALL, &program);
}

#[test]
fn numbers_count_up_in_the_order_of_the_trace() {
    for granularity in [Granularity::Call, Granularity::Line, Granularity::Instruction] {
        let program = Program { granularity, ..told_apart(ENDS) };
        for interpreter in interpreters() {
            let log = native::run(interpreter, &program);
            let mut most = 0;
            for event in &log.read().events {
                numbers(event).into_iter().for_each(|number| {
                    assert!(
                        number <= most + 1,
                        "{number} comes behind {most} on 3.{}: {event:?}",
                        interpreter.minor
                    );
                    most = most.max(number);
                });
            }
            assert!(most > 100, "only {most} objects are told apart");
        }
    }
}

/// Those in an event, in the order in which it is written.
fn numbers(event: &Event<'_>) -> Vec<u32> {
    let of_event = match &event.kind {
        EventKind::Return(value) | EventKind::Yield(value) => vec![value.text],
        EventKind::Instruction(instruction) => {
            let of_items = instruction.stack.iter().filter_map(|item| match item {
                StackItem::Value(value) => Some(value.text),
                StackItem::Null | StackItem::Local(_) => None,
            });
            of_items.collect()
        }
        _ => Vec::new(),
    };
    let of_changes = event.changes.iter().filter_map(|change| Some(change.value?.text));
    of_event.into_iter().chain(of_changes).flat_map(numbers_in).collect()
}

/// Those in a text that has no `#` of its own.
fn numbers_in(text: &str) -> Vec<u32> {
    let number = |part: &str| {
        let digits = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().expect("digits")
    };
    text.split('#').skip(1).map(number).collect()
}

#[test]
fn two_runs_give_the_same_numbers_to_the_byte() {
    let program = told_apart(ENDS);
    for interpreter in interpreters() {
        let (one, other) = (native::run(interpreter, &program), native::run(interpreter, &program));
        assert!(one.bytes() == other.bytes(), "two logs differ on 3.{}", interpreter.minor);
    }
}

#[test]
fn what_a_program_comes_to_has_no_numbers() {
    let source = dedented(
        "
        def f(x): return x
        def g(x): raise ValueError(x)
        ",
    );
    for (function, end) in [("f", "end returned [1, [2]]"), ("g", "end raised ValueError: [1, [2]]")] {
        let program = Program { identities: true, ..Program::call(source.clone(), function, "[1, [2]]") };
        for (tracer, account) in accounts(ALL, &program) {
            let told = tests::tracers::compact(&account);
            assert!(told.ends_with(end), "{tracer} tells {told}");
            assert!(told.contains("#1[1, #2[2]]"), "{tracer} tells {told}");
        }
    }
}

#[test]
fn deeply_nested_lists_and_dicts_end_as_without() {
    let source = "
        class Loud:
            def __del__(self): print('gone')
        def nest(make, depth):
            inner = Loud()
            for _ in range(depth): inner = make(inner)
            return inner
        class L(list): pass
        for make in (lambda x: [x], lambda x: {0: x}, lambda x: [(x,)], lambda x: L([x]), lambda x: [{0: L([x])}]):
            nested = nest(make, 100_000)
            del nested
            print('next')
        import weakref
        class W(list): pass
        w = W([W()])
        seen = weakref.ref(w[0])
        print(seen() is None)
        w.clear()
        print(seen() is None)
        ";
    let program = Program { granularity: Granularity::Call, ..told_apart(source) };
    for interpreter in interpreters() {
        let (account, ended) = native::trace(interpreter, &program);
        assert!(account.end.is_some_and(|end| end.verdict == "returned"), "{}", ended.report);
        let expected = "gone\nnext\n".repeat(5) + "False\nTrue\n";
        assert_eq!(String::from_utf8_lossy(&ended.stdout), expected, "on 3.{}", interpreter.minor);
    }
}

#[test]
fn a_program_notices_nothing_of_being_told_apart() {
    prints_as_untraced(&told_apart(
        "
        import collections, gc, sys, threading, tracemalloc, weakref
        class A:
            def __del__(self): print('gone', self.x)
        class B:
            def __del__(self): print('gone as another class')
        class Numbers(list): pass
        class Fields(dict): pass
        def make(x):
            a = A()
            a.x = x
            return a
        held = [make(1), {'k': make(2)}, collections.deque([make(3)]), Numbers([make(4)]), Fields(k=make(5))]
        print(len(held), [sys.getrefcount(item) for item in held])
        while held: held.pop()
        changed = make(6)
        changed.__class__ = B
        del changed
        ring = [make(7)]
        ring.append(ring)
        look = weakref.ref(ring[0])
        del ring
        print(look() is None, gc.collect() > 0, look() is None)
        tracemalloc.start()
        items = [[number] for number in range(100)]
        print(tracemalloc.get_object_traceback(items[50]) is not None)
        tracemalloc.stop()
        del items
        def work():
            nested = [make(8)]
            for _ in range(1000): nested = [{0: nested}]
        for _ in range(3):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        def deep(n):
            try: return deep(n + 1)
            except RecursionError: return n > 100
        print(deep(0))
        ",
    ));
}
