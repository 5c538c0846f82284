//! How values read.

use tests::tracers::Program;

use super::check::{ALL, accounts, check, check_returned, check_values};

/// Writes `count` times `part`, separated by commas.
fn repeated(part: &str, count: usize) -> String {
    vec![part; count].join(", ")
}

#[test]
fn plain_values_read_as_their_repr() {
    check_values(
        r#"
        a, b, c, d = None, True, ..., NotImplemented
        e, f, g = -17, 10**30, 0
        h, i, j, k, l = 1.0, -0.0, 1e16, 1.5e-7, 0.1 + 0.2
        m, n = float('nan'), -float('inf')
        o, p = 2j, complex(1, -0.0)
        q, r, s = 'it\'s', "\"'", 'a\n\x00\x7fé\u200b\udc80😀'
        t, u = b'\x00"a', bytearray(b'x')
        v, w = range(5), range(10, -10, -3)
        "#,
        &[
            ("a", "NoneType", "None"),
            ("b", "bool", "True"),
            ("c", "ellipsis", "Ellipsis"),
            ("d", "NotImplementedType", "NotImplemented"),
            ("e", "int", "-17"),
            ("f", "int", "1000000000000000000000000000000"),
            ("g", "int", "0"),
            ("h", "float", "1.0"),
            ("i", "float", "-0.0"),
            ("j", "float", "1e+16"),
            ("k", "float", "1.5e-07"),
            ("l", "float", "0.30000000000000004"),
            ("m", "float", "nan"),
            ("n", "float", "-inf"),
            ("o", "complex", "2j"),
            ("p", "complex", "(1-0j)"),
            ("q", "str", r#""it's""#),
            ("r", "str", r#"'"\''"#),
            ("s", "str", r"'a\n\x00\x7fé\u200b\udc80😀'"),
            ("t", "bytes", r#"b'\x00"a'"#),
            ("u", "bytearray", "bytearray(b'x')"),
            ("v", "range", "range(0, 5)"),
            ("w", "range", "range(10, -10, -3)"),
        ],
    );
}

#[test]
fn containers_read_as_their_repr() {
    check_values(
        "
        from collections import deque
        a, b = [], [1, [2]]
        c, d, e = (), (1,), (1, (2,))
        f, g = set(), {1}
        h, i = frozenset(), frozenset({1})
        j, k = {}, {1: {'a': None}, (2,): []}
        l, m, n = deque(), deque([1, 2]), deque([1, 2, 3], 2)
        o = {3, 1, 2}
        ",
        &[
            ("a", "list", "[]"),
            ("b", "list", "[1, [2]]"),
            ("c", "tuple", "()"),
            ("d", "tuple", "(1,)"),
            ("e", "tuple", "(1, (2,))"),
            ("f", "set", "set()"),
            ("g", "set", "{1}"),
            ("h", "frozenset", "frozenset()"),
            ("i", "frozenset", "frozenset({1})"),
            ("j", "dict", "{}"),
            ("k", "dict", "{1: {'a': None}, (2,): []}"),
            ("l", "deque", "deque([])"),
            ("m", "deque", "deque([1, 2])"),
            ("n", "deque", "deque([2, 3], maxlen=2)"),
            ("o", "set", "{1, 2, 3}"),
        ],
    );
}

#[test]
fn subclasses_of_built_in_types_show_their_name_around_the_base() {
    check_values(
        "
        import collections, enum
        class I(int): pass
        class S(str): pass
        class L(list): pass
        class F(frozenset): pass
        class D(collections.deque): pass
        class B(bytearray): pass
        class C(complex): pass
        class E(enum.IntEnum):
            ONE = 1
        class P(enum.Enum):
            ONE = 1
        N = collections.namedtuple('N', 'x y')
        a, b, c, d, e = I(5), S('s'), L([1]), F(), D([1], 3)
        f, g, h = B(b'b'), C(1j), E.ONE
        i, j = N(1, 2), collections.Counter('aab')
        k, l = collections.defaultdict(list, a=[1]), collections.OrderedDict(a=1, b=2)
        l.move_to_end('a')
        m, n = L(), F({1})
        o = True + I(0)
        c.attribute = 5
        ",
        &[
            ("a", "I", "I(5)"),
            ("b", "S", "S('s')"),
            ("c", "L", "L([1])"),
            ("d", "F", "F(frozenset())"),
            ("e", "D", "D(deque([1], maxlen=3))"),
            ("f", "B", "B(bytearray(b'b'))"),
            ("g", "C", "C(1j)"),
            ("h", "E", "<E.ONE: 1>"),
            ("i", "N", "N(x=1, y=2)"),
            ("j", "Counter", "Counter({'a': 2, 'b': 1})"),
            ("k", "defaultdict", "defaultdict(<class 'list'>, {'a': [1]})"),
            ("l", "OrderedDict", "OrderedDict({'b': 2, 'a': 1})"),
            ("m", "L", "L([])"),
            ("n", "F", "F(frozenset({1}))"),
            ("o", "int", "1"),
        ],
    );
}

#[test]
fn classes_functions_and_modules_show_their_qualified_names() {
    check_values(
        "
        import math, re, functools, types
        class Outer:
            class Inner: pass
            def m(self): pass
            @staticmethod
            def s(): pass
            @classmethod
            def c(cls): pass
        class Meta(type): pass
        class M(metaclass=Meta): pass
        def f():
            def g(): pass
            return g
        a, b, c = Outer.Inner, int, M
        d, e = Outer.m, Outer().m
        g, h, i = f(), lambda: 0, Outer.c
        j, k, l = len, [].append, math.sin
        m, n, o = re.compile('a').match, dict.fromkeys, str.upper
        p, q = (1).__add__, types.MethodType(len, [])
        r, s = functools.partial(f), types.ModuleType('made')
        t = Outer.s
        del s.__name__
        ",
        &[
            ("a", "type", "<class 'Outer.Inner'>"),
            ("b", "type", "<class 'int'>"),
            ("c", "Meta", "<class 'M'>"),
            ("d", "function", "<function Outer.m>"),
            ("e", "method", "<bound method Outer.m>"),
            ("g", "function", "<function f.<locals>.g>"),
            ("h", "function", "<function <lambda>>"),
            ("i", "method", "<bound method Outer.c>"),
            ("j", "builtin_function_or_method", "<built-in function len>"),
            ("k", "builtin_function_or_method", "<built-in method append>"),
            ("l", "builtin_function_or_method", "<built-in function sin>"),
            ("m", "builtin_method", "<built-in method match>"),
            ("n", "builtin_function_or_method", "<built-in method fromkeys>"),
            ("o", "method_descriptor", "<method_descriptor>"),
            ("p", "method-wrapper", "<method-wrapper>"),
            ("q", "method", "<method>"),
            ("r", "partial", "<partial>"),
            ("s", "module", "<module>"),
            ("t", "function", "<function Outer.s>"),
            ("math", "module", "<module 'math'>"),
        ],
    );
}

#[test]
fn instances_show_the_attributes_in_their_dict() {
    check_values(
        "
        import dataclasses, fractions, types, ast, datetime
        class Empty: pass
        class Slots:
            __slots__ = ('x',)
        class Both(Slots): pass
        @dataclasses.dataclass
        class Point:
            x: int
            y: list
        class Derived(Point): pass
        class Part(types.ModuleType): pass
        a, b, c = Empty(), Slots(), Both()
        b.x = c.x = 1
        c.y = 2
        d, e = Point(1, [2]), Derived(1, [Point(2, [])])
        f = fractions.Fraction(1, 2)
        g = types.SimpleNamespace(a=1)
        h = Empty()
        h.__dict__[5] = 6
        h.b = h.a = 7
        h.__dict__['not a name'] = 8
        i = ast.Constant(1)
        j = datetime.date(2020, 1, 1)
        k = Empty()
        k.__dict__ = {'z': 1}
        ",
        &[
            ("a", "Empty", "Empty()"),
            ("b", "Slots", "Slots(x=1)"),
            ("c", "Both", "Both(x=1, y=2)"),
            ("d", "Point", "Point(x=1, y=[2])"),
            ("e", "Derived", "Derived(x=1, y=[Point(x=2, y=[])])"),
            ("f", "Fraction", "Fraction(_numerator=1, _denominator=2)"),
            ("g", "SimpleNamespace", "<SimpleNamespace>"),
            ("h", "Empty", r"Empty(b=7, a=7, not\x20a\x20name=8)"),
            ("i", "Constant", "Constant(value=1)"),
            ("j", "date", "<date>"),
            ("k", "Empty", "Empty(z=1)"),
        ],
    );
}

#[test]
fn iterators_show_where_they_are_and_in_what() {
    check_values(
        "
        l = [4, 7, 9]
        a, b, c, d = iter(l), iter((1, 2)), iter('abc'), iter('€')
        e, f = reversed(l), reversed((1, 2))
        g, h, i = iter({1: 2, 3: 4}), iter({1: 2}.values()), iter({1: 2}.items())
        j, k = iter({5}), iter(range(3, 10, 2))
        m, n, o, p = enumerate(l), zip(l, 'ab'), map(len, l), filter(None, [])
        for x in (a, c, e, g, k, m): next(x)
        q = iter([])
        next(q, None)
        r = iter(range(1000))
        s = iter([0] * 1000)
        t, u = enumerate((), 1 << 63), reversed((3,))
        next(u)
        ",
        &[
            ("a", "list_iterator", "<list_iterator 1 of [4, 7, 9]>"),
            ("b", "tuple_iterator", "<tuple_iterator 0 of (1, 2)>"),
            ("c", "str_ascii_iterator", "<str_ascii_iterator 1 of 'abc'>"),
            ("d", "str_iterator", "<str_iterator 0 of '€'>"),
            ("e", "list_reverseiterator", "<list_reverseiterator 1 of [4, 7, 9]>"),
            ("f", "reversed", "<reversed 1 of (1, 2)>"),
            ("g", "dict_keyiterator", "<dict_keyiterator 1 of {1: 2, 3: 4}>"),
            ("h", "dict_valueiterator", "<dict_valueiterator 0 of {1: 2}>"),
            ("i", "dict_itemiterator", "<dict_itemiterator 0 of {1: 2}>"),
            ("j", "set_iterator", "<set_iterator 0 of {5}>"),
            ("k", "range_iterator", "<range_iterator of range(5, 11, 2)>"),
            ("m", "enumerate", "<enumerate 1 of <list_iterator 1 of [4, 7, 9]>>"),
            ("n", "zip", "<zip of (<list_iterator 0 of [4, 7, 9]>, <str_ascii_iterator 0 of 'ab'>)>"),
            ("o", "map", "<map <built-in function len> of (<list_iterator 0 of [4, 7, 9]>,)>"),
            ("p", "filter", "<filter None of <list_iterator 0 of []>>"),
            ("q", "list_iterator", "<list_iterator done>"),
            ("r", "range_iterator", "<range_iterator of range(0, 1000)>"),
            ("s", "list_iterator", &format!("<list_iterator 0 of [{}, … 980 more]>", repeated("0", 20))),
            ("t", "enumerate", "<enumerate 9223372036854775808 of <tuple_iterator 0 of ()>>"),
            ("u", "reversed", "<reversed done>"),
        ],
    );
}

#[test]
fn views_slices_and_generators_are_looked_through() {
    check_values(
        "
        def g(a):
            for x in a:
                yield x
        async def co(): pass
        a, b, c = {1: [2]}.keys(), {1: [2]}.values(), {1: [2]}.items()
        d = slice(1, None, 2)
        class P: pass
        e, f, h = g([1]), g([]), g([1])
        next(e); next(f, None)
        i = co()
        i.close()
        ",
        &[
            ("a", "dict_keys", "dict_keys([1])"),
            ("b", "dict_values", "dict_values([[2]])"),
            ("c", "dict_items", "dict_items([(1, [2])])"),
            ("d", "slice", "slice(1, None, 2)"),
            ("e", "generator", "<generator g at line 3>"),
            ("f", "generator", "<generator g done>"),
            ("h", "generator", "<generator g not started>"),
            ("i", "coroutine", "<coroutine co done>"),
        ],
    );
}

#[test]
fn everything_else_shows_its_class() {
    check_values(
        "
        import re, io, threading, decimal, itertools
        f, g = re.compile('a'), re.match('a', 'a')
        j, k = io.StringIO(), threading.Lock()
        l = property()
        n, o = itertools.tee([])[0], decimal.Decimal(1)
        p = list[int]
        ",
        &[
            ("f", "Pattern", "<Pattern>"),
            ("g", "Match", "<Match>"),
            ("j", "StringIO", "<StringIO>"),
            ("k", "lock", "<lock>"),
            ("l", "property", "<property>"),
            ("n", "_tee", "<_tee>"),
            ("o", "Decimal", "<Decimal>"),
            ("p", "GenericAlias", "<GenericAlias>"),
        ],
    );
}

#[test]
fn large_integers_show_their_size() {
    check_values(
        "
        a = (1 << 1024) - 1
        b = 1 << 1024
        c = -(1 << 1024)
        d = range(1 << 2000)
        e = [1 << 5000, True]
        a %= 1000
        ",
        &[
            ("a", "int", "215"),
            ("b", "int", "<int of 1025 bits>"),
            ("c", "int", "<int of 1025 bits>"),
            ("d", "range", "range(0, <int of 2001 bits>)"),
            ("e", "list", "[<int of 5001 bits>, True]"),
        ],
    );
}

#[test]
fn large_integers_that_are_returned_show_up_to_14000_bits() {
    let returned = |expression: &str| {
        let program = Program::call(format!("import sys\ndef f(): return {expression}\n"), "f", "");
        let accounts = accounts(ALL, &program);
        accounts.into_iter().map(|(_, account)| account.end.expect("an end").text).collect::<Vec<_>>()
    };
    let digits = |text: &String| text.len() > 4000 && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(returned("(1 << 14000) - 1").iter().all(digits));
    assert!(returned("1 << 14000").iter().all(|text| text == "<int of 14001 bits>"));
    let forbidden = returned("sys.set_int_max_str_digits(640) or 1 << 3000");
    assert!(forbidden.iter().all(|text| text == "<int of 3001 bits>"));
}

#[test]
fn long_strings_are_cut_and_say_by_how_much() {
    let x = "x".repeat(256);
    check_values(
        r"
        a = 'x' * 256
        b = 'x' * 257
        c = b'x' * 1256
        d = bytearray(b'x') * 256
        e = ['x' * 300]
        f = '\'' + '\n' * 300 + '\x22'
        class S(str): pass
        g = S('x' * 300)
        ",
        &[
            ("a", "str", &format!("'{x}'")),
            ("b", "str", &format!("'{x}' … 1 more")),
            ("c", "bytes", &format!("b'{x}' … 1000 more")),
            ("d", "bytearray", &format!("bytearray(b'{x}')")),
            ("e", "list", &format!("['{x}' … 44 more]")),
            ("f", "str", &format!(r#""'{}" … 46 more"#, r"\n".repeat(255))),
            ("g", "S", &format!("S('{x}' … 44 more)")),
        ],
    );
}

#[test]
fn a_string_late_in_a_value_still_shows_sixteen_characters() {
    let x = "x".repeat(240);
    check_returned(
        "
        a = ['x' * 240, 'abcdefghijklmnopqrstuvwxyz']
        b = ['x' * 240, 'abcdefghijklmnop']
        c = {'x' * 240: 'abcdefghijklmnopq', 1: 2}
        ",
        &[
            ("a", "list", &format!("['{x}', 'abcdefghijklmnop' … 10 more]")),
            ("b", "list", &format!("['{x}', 'abcdefghijklmnop']")),
            ("c", "dict", &format!("{{'{x}': 'abcdefghijklmnop' … 1 more, … 1 more}}")),
        ],
    );
}

#[test]
fn no_element_is_begun_past_the_budget() {
    // Written: a bracket, then `1, ` for each element; the mark stands where 256 characters are reached.
    check_returned(
        "
        a = [1] * 1000
        b = [1] * 86
        c = (1,) * 300
        d = dict.fromkeys(range(100))
        e = [[1] * 85, [2]]
        f = [[1] * 84, [2]]
        g = ['x' * 250, (1,), 2]
        h = ['x' * 249, (1,), 2]
        i = [10] + [1] * 84 + [2]
        ",
        &[
            ("a", "list", &format!("[{}, … 915 more]", repeated("1", 85))),
            ("b", "list", &format!("[{}, … 1 more]", repeated("1", 85))),
            ("c", "tuple", &format!("({}, … 215 more)", repeated("1", 85))),
            ("d", "dict", &{
                let items: Vec<String> = (0..27).map(|key| format!("{key}: None")).collect();
                format!("{{{}, … 73 more}}", items.join(", "))
            }),
            ("e", "list", &format!("[[{}], … 1 more]", repeated("1", 85))),
            ("f", "list", &format!("[[{}], [… 1 more]]", repeated("1", 84))),
            ("g", "list", &format!("['{}', (… 1 more), … 1 more]", "x".repeat(250))),
            ("h", "list", &format!("['{}', (1,), … 1 more]", "x".repeat(249))),
            ("i", "list", &format!("[10, {}, … 1 more]", repeated("1", 84))),
        ],
    );
}

#[test]
fn depth_is_bounded() {
    check_returned(
        "
        import collections
        class P: pass
        class L(list): pass
        def wrap(value):
            for _ in range(6): value = [value]
            return value
        p = P()
        p.x = 1
        a, b, c, d = wrap(1), wrap([]), wrap([1]), wrap((1,))
        e, f, g, h = wrap({1: 2}), wrap({1}), wrap(frozenset({1})), wrap(p)
        i, j, k = wrap(collections.deque([1])), wrap(L([1])), wrap(P())
        l, m = wrap(ValueError(1)), wrap(collections.deque([1], 1))
        n, o = wrap('s'), wrap(set())
        ",
        &[
            ("a", "list", "[[[[[[1]]]]]]"),
            ("b", "list", "[[[[[[[]]]]]]]"),
            ("c", "list", "[[[[[[[…]]]]]]]"),
            ("d", "list", "[[[[[[(…)]]]]]]"),
            ("e", "list", "[[[[[[{…}]]]]]]"),
            ("f", "list", "[[[[[[{…}]]]]]]"),
            ("g", "list", "[[[[[[frozenset({…})]]]]]]"),
            ("h", "list", "[[[[[[P(…)]]]]]]"),
            ("i", "list", "[[[[[[deque([…])]]]]]]"),
            ("j", "list", "[[[[[[L([…])]]]]]]"),
            ("k", "list", "[[[[[[P()]]]]]]"),
            ("l", "list", "[[[[[[ValueError(…)]]]]]]"),
            ("m", "list", "[[[[[[deque([…], maxlen=1)]]]]]]"),
            ("n", "list", "[[[[[['s']]]]]]"),
            ("o", "list", "[[[[[[set()]]]]]]"),
        ],
    );
}

#[test]
fn values_that_are_returned_may_be_64_deep() {
    let source = "def f(n):\n    x = [0]\n    for _ in range(n - 1): x = [x]\n    return x\n";
    for (depth, inner) in [(64, "0"), (65, "[…]")] {
        let program = Program::call(source, "f", &depth.to_string());
        for (tracer, account) in accounts(ALL, &program) {
            let expected = format!("{}{inner}{}", "[".repeat(64), "]".repeat(64));
            assert_eq!(account.end.expect("an end").text, expected, "{tracer}");
        }
    }
}

#[test]
fn cycles_are_marked() {
    check_values(
        "
        import collections
        class P: pass
        class L(list): pass
        class D(dict): pass
        a = [1]; a.append(a)
        b = {}; b['b'] = (b, [b])
        c = P(); c.me = c; c.l = [c]
        d = L(); d.append(d)
        e = collections.deque(maxlen=3); e.append(e)
        f = D(); f[1] = f
        g = ([],); g[0].append(g)
        h = [[], []]; h[0].append(h[1]); h[1].append(h[0])
        i = []; i.append(i); i.append(i)
        j = []; j.append([[[[[j]]]]])
        s = P(); s.f = frozenset({s})
        ",
        &[
            ("a", "list", "[1, [...]]"),
            ("b", "dict", "{'b': ({...}, [{...}])}"),
            ("c", "P", "P(me=P(...), l=[P(...)])"),
            ("d", "L", "L([L([...])])"),
            ("e", "deque", "deque([deque([...], maxlen=3)], maxlen=3)"),
            ("f", "D", "D({1: D({...})})"),
            ("g", "tuple", "([(...)],)"),
            ("h", "list", "[[[[...]]], [[[...]]]]"),
            ("i", "list", "[[...], [...]]"),
            ("j", "list", "[[[[[[[...]]]]]]]"),
            ("s", "P", "P(f=frozenset({P(...)}))"),
        ],
    );
}

#[test]
fn the_same_object_twice_is_no_cycle() {
    check_values("x = [1]\ny = [x, x, (x,)]\n", &[("y", "list", "[[1], [1], ([1],)]")]);
}

#[test]
fn long_names_are_cut() {
    let name = "n".repeat(200);
    check_values(
        "
        A = type('n' * 201, (), {})
        a = A()
        a.__dict__['n' * 300] = 1
        B = type('n' * 200, (), {})
        b = B()
        def f(): pass
        f.__qualname__ = 'a\\udc80' + 'n' * 198
        g = 1
        ",
        &[
            ("A", "type", &format!("<class '{name}…'>")),
            ("a", &format!("{name}…"), &format!("{name}…({name}…=1)")),
            ("b", &name, &format!("{name}()")),
            ("f", "function", &format!("<function a\\udc80{}>", &name[2..])),
        ],
    );
}

#[test]
fn a_yielded_and_a_returned_value_carry_their_types() {
    check(
        "
        def g():
            yield b'1'
            return {2}
        list(g())
        ",
        "
        call <module> 1; line 1; line 4 +g=<function g>
        call g 1; line 2; yield 2 b'1'
        resume 1 g 2; line 3; return 3 {2}
        return 4 None
        ",
    );
    for (tracer, account) in
        accounts(ALL, &Program::script("def g():\n    yield b'1'\n    return {2}\nlist(g())\n"))
    {
        let types = |kind: &str| {
            let mut events = account.events.iter().filter(|event| event.kind == kind);
            events.find_map(|event| event.type_name.clone())
        };
        assert_eq!((types("yield"), types("return")), (Some("bytes".into()), Some("set".into())), "{tracer}");
    }
}
