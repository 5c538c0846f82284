//! Lines after which the native tracer compares nothing, and lines that only look like those. Each program has a global
//! that takes long to compare, since the tracer asks only where it pays, and goes through its lines several times,
//! since it asks only about what runs again. What it tells is held against the tracer that always compares
//! everything.

use tests::tracers::Program;

use super::check::{ALL, accounts, dedented};

/// Checks that the tracers agree about a script.
#[track_caller]
pub(crate) fn check_agrees(source: &str) {
    let large = "large = {k: [k, [k]] for k in range(30)}\n";
    let told = accounts(ALL, &Program::script(format!("{large}{}", dedented(source))));
    for (tracer, account) in told {
        let lines = account.events.iter().filter(|event| event.kind == "line").count();
        assert!(lines > 20, "{tracer} tells of {lines} lines, which is too few to be asked about");
    }
}

#[test]
fn a_namespace_that_is_shown_changes_as_names_are_bound() {
    check_agrees(
        "
        for i in range(5):
            x = i + 1
            y = x * 2
        shown = [globals()]
        for i in range(5):
            x = i + 2
            y = x * 3
        def bind(n):
            global later
            for k in range(n):
                later = k
                other = k + 1
        bind(5)
        ",
    );
}

#[test]
fn an_iterator_that_a_variable_shows_moves_on() {
    check_agrees(
        "
        def f():
            it = iter([1, 2, 3, 4, 5, 6])
            for a in it:
                b = a + 1
            r = iter(range(7))
            holder = [r]
            for a in r:
                b = a + 1
            for n, a in enumerate([1, 2, 3, 4]):
                b = n
            return holder
        f()
        f()
        ",
    );
}

#[test]
fn another_string_at_the_same_address_is_another() {
    check_agrees(
        "
        def f():
            t = ''
            for i in range(20):
                s = 'b' * 290 + f'{i:010d}'
                u = s
                s = u[:1]
                t += f'{i}' * 20
                v = f'{i}{i!r}'
        f()
        f()
        ",
    );
}

#[test]
fn operators_that_change_their_operand_show() {
    check_agrees(
        "
        from collections import Counter, defaultdict
        def f():
            made, items, more, counted = defaultdict(list), [1, 2, 3], [4], Counter('abc')
            for i in range(6):
                x = made[i]
                items += more
                counted += counted
                items[0] = items[1]
                y = items[0] + items[-1]
                z = y in items
        f()
        f()
        ",
    );
}

#[test]
fn attributes_that_run_something_are_not_merely_read() {
    check_agrees(
        "
        from functools import cached_property
        seen = []
        class Point:
            level = 3
            def __init__(self, a): self.a = a
            @cached_property
            def area(self): return 2
            @property
            def double(self):
                seen.append(self.a)
                return self.a
            def __getattr__(self, name):
                seen.append(name)
                return len(seen)
        class Asked(Point):
            def __getattribute__(self, name):
                seen.append(name)
                return object.__getattribute__(self, name)
        def f(point):
            for i in range(4):
                v = point.a
                v = point.double
                v = point.level
                v = point.missing
                v = point.area
                v = point.area
                point.a = v
                v = point.a
        f(Point(1))
        f(Point(1))
        f(Asked(1))
        ",
    );
}

#[test]
fn a_class_that_gets_an_attribute_of_that_name_is_asked() {
    check_agrees(
        "
        seen = []
        class Node:
            def __init__(self, left):
                self.left = left
        node = Node(Node(None))
        def f():
            for i in range(4):
                k = node.left
                k = k.left
        f()
        f()
        Node.left = property(lambda self: seen.append(1))
        f()
        ",
    );
}

#[test]
fn what_a_finaliser_does_to_a_list_shows_when_its_object_is_replaced() {
    check_agrees(
        "
        import weakref
        seen = []
        class Thing: pass
        def f():
            for i in range(4):
                t = Thing()
                weakref.finalize(t, seen.append, i)
                t = i
                n = t
                for t in [Thing()]:
                    weakref.finalize(t, seen.append, i)
                    n = n + 1
                del t
        f()
        f()
        ",
    );
}

#[test]
fn frames_that_take_turns_see_what_the_others_changed() {
    check_agrees(
        "
        def steps(shared):
            n = 0
            while n < 4:
                n = n + 1
                shared.append(n)
                m = n
                yield n
                m = m + n
        def both():
            shared, total = [[0]], 0
            def add(n):
                nonlocal total
                total = total + n
                shared[0].append(n)
                total = total + 1
            a, b = steps(shared), steps(shared)
            for i in range(4):
                x = next(a)
                y = next(b)
                x, y = y, x
                add(x)
                z = x + y
        both()
        both()
        ",
    );
}

#[test]
fn lines_of_several_ways_are_followed_along_each() {
    check_agrees(
        "
        def f():
            log = []
            for i in range(5):
                x = i; y = x + 1 if x > 2 else x - 1
                z = (x < y < 10 and y) or (
                    x +
                    y)
                while x < 4: x += 1
                try:
                    q = 1 / (i - 2); r = q
                except ZeroDivisionError:
                    log.append('z')
                    q = 0
                u = log if i else None
                w = 'ab'[i % 2]
                if log and i == 3: continue
                x, y = y, x
        f()
        f()
        ",
    );
}
