//! How values with parts of their own kind read, and how their changes are told.

use super::check::{check, check_call, check_returned, check_values};

#[test]
fn a_default_dict_shows_what_makes_its_values() {
    check_values(
        "
        import collections
        class Made:
            def __init__(self, start): self.start = start
            def __call__(self): return self.start
        class D(collections.defaultdict): pass
        def none(): pass
        D2 = collections.defaultdict
        a, b, c = D2(list, a=[1]), D2(), D2(None, {1: 2})
        d, e, f = D2(lambda: 0, a=1), D2(Made(3)), D2([].copy)
        g = D(int, x=1)
        h = D2(none)
        h['self'] = h
        ",
        &[
            ("a", "defaultdict", "defaultdict(<class 'list'>, {'a': [1]})"),
            ("b", "defaultdict", "defaultdict(None, {})"),
            ("c", "defaultdict", "defaultdict(None, {1: 2})"),
            ("d", "defaultdict", "defaultdict(<function <lambda>>, {'a': 1})"),
            ("e", "defaultdict", "defaultdict(<Made>, {})"),
            ("f", "defaultdict", "defaultdict(<built-in method copy>, {})"),
            ("g", "D", "D(<class 'int'>, {'x': 1})"),
            (
                "h",
                "defaultdict",
                "defaultdict(<function none>, {'self': defaultdict(<function none>, {...})})",
            ),
        ],
    );
}

#[test]
fn changes_of_a_default_dict_are_told_by_key() {
    check(
        "
        from collections import defaultdict
        d = defaultdict(list)
        d['a'].append(1)
        d['b']
        d['a'] += [2]
        d.default_factory = int
        del d['a']
        d = defaultdict(int, b=[])
        d = {'b': []}
        ",
        "
        call <module> 1; line 1
        line 2 +defaultdict=<class 'defaultdict'>
        line 3 +d=defaultdict(<class 'list'>, {})
        line 4 +d['a']=[1]
        line 5 +d['b']=[]
        line 6 +d['a'][1]=2
        line 7 d=defaultdict(<class 'int'>, {'a': [1, 2], 'b': []})
        line 8 -d['a']
        line 9
        return 9 None d={'b': []}
        ",
    );
}

#[test]
fn the_name_of_what_makes_values_is_compared() {
    check(
        "
        from collections import defaultdict
        def make(): return 0
        def other(): return 0
        d = defaultdict(make, a=1)
        make.__qualname__ = 'renamed'
        d.default_factory = other
        d.default_factory = None
        ",
        "
        call <module> 1; line 1
        line 2 +defaultdict=<class 'defaultdict'>
        line 3 +make=<function make>
        line 4 +other=<function other>
        line 5 +d=defaultdict(<function make>, {'a': 1})
        line 6 d=defaultdict(<function renamed>, {'a': 1}) make=<function renamed>
        line 7 d=defaultdict(<function other>, {'a': 1})
        return 7 None d=defaultdict(None, {'a': 1})
        ",
    );
}

#[test]
fn an_ordered_dict_reads_in_its_own_order() {
    check(
        "
        from collections import OrderedDict
        d = OrderedDict(a=1, b=2, c=3, e=5)
        d.move_to_end('a')
        d['b'] = 4
        d.move_to_end('a', last=False)
        d.popitem(last=False)
        del d['b']
        d['d'] = [d.keys()]
        ",
        "
        call <module> 1; line 1
        line 2 +OrderedDict=<class 'OrderedDict'>
        line 3 +d=OrderedDict({'a': 1, 'b': 2, 'c': 3, 'e': 5})
        line 4 -d['a'] +d['a']=1
        line 5 d['b']=4
        line 6 d=OrderedDict({'a': 1, 'b': 4, 'c': 3, 'e': 5})
        line 7 -d['a']
        line 8 -d['b']
        return 8 None +d['d']=[odict_keys(['c', 'e', 'd'])]
        ",
    );
}

#[test]
fn keys_of_an_ordered_dict_are_not_asked_for_their_hash() {
    check_values(
        "
        from collections import OrderedDict
        class K:
            uses = 0
            def __hash__(self): K.uses += 1; return 1
            def __eq__(self, other): K.uses += 1; return self is other
        class O(OrderedDict): pass
        k = K()
        o = O([(k, 1), ('l', 2)])
        o.move_to_end(k)
        uses = K.uses
        p = o
        same = K.uses == uses
        ",
        &[("o", "O", "O({'l': 2, K(): 1})"), ("same", "bool", "True")],
    );
}

#[test]
fn named_tuples_show_their_fields() {
    check_values(
        "
        import collections, typing, time
        P = collections.namedtuple('P', 'x y')
        class T(typing.NamedTuple):
            a: int
            b: list = []
        class D(P):
            extra = 1
        class Liar(tuple):
            _fields = ('one', 2)
        class Short(tuple):
            _fields = ('one',)
        class Odd(tuple):
            _fields = ('a b', '')
        class Hidden(tuple):
            _fields = property(lambda self: print('ran'))
        a, b, c = P(1, [2]), T(1), D(1, 2)
        d, e, f, g = Liar((1, 2)), Short((1, 2)), Odd((1, 2)), Hidden((1,))
        h = collections.namedtuple('E', '')()
        i = collections.namedtuple('U', 'é _1', rename=True)(1, 2)
        j = time.gmtime(0)[:0], type(time.gmtime(0))((1,) * 9)
        ",
        &[
            ("a", "P", "P(x=1, y=[2])"),
            ("b", "T", "T(a=1, b=[])"),
            ("c", "D", "D(x=1, y=2)"),
            ("d", "Liar", "Liar((1, 2))"),
            ("e", "Short", "Short((1, 2))"),
            ("f", "Odd", r"Odd(a\x20b=1, =2)"),
            ("g", "Hidden", "Hidden((1,))"),
            ("h", "E", "E()"),
            ("i", "U", "U(é=1, _1=2)"),
            ("j", "tuple", "((), struct_time((1, 1, 1, 1, 1, 1, 1, 1, 1)))"),
        ],
    );
}

#[test]
fn changes_inside_a_named_tuple_are_told_by_field() {
    check(
        "
        from collections import namedtuple
        P = namedtuple('P', 'x y')
        p = P(1, [2])
        p.y.append(3)
        q = [p]
        q[0].y[0] = 5
        p = p._replace(x=2)
        P._fields = ('u', 'v')
        P._fields = ('no',)
        ",
        "
        call <module> 1; line 1
        line 2 +namedtuple=<function namedtuple>
        line 3 +P=<class 'P'>
        line 4 +p=P(x=1, y=[2])
        line 5 +p.y[1]=3
        line 6 +q=[P(x=1, y=[2, 3])]
        line 7 p.y[0]=5 q[0].y[0]=5
        line 8 p=P(x=2, y=[5, 3])
        line 9 p=P(u=2, v=[5, 3]) q[0]=P(u=1, v=[5, 3])
        return 9 None p=P((2, [5, 3])) q[0]=P((1, [5, 3]))
        ",
    );
}

#[test]
fn members_of_enumerations_read_as_their_repr() {
    check_values(
        "
        import enum
        class Colour(enum.Enum):
            RED = 1
            GREEN = ('g', [2])
        class Number(enum.IntEnum):
            ONE = 1
        class Word(enum.StrEnum):
            A = 'a'
        class Right(enum.Flag):
            R = 1
            W = 2
        class Bits(enum.IntFlag):
            X = 4
        class Loud(enum.Enum):
            A = 1
            def __repr__(self): print('ran')
            @property
            def value(self): print('ran')
        class Odd(enum.Enum): A = 1
        a, b, c, d = Colour.RED, Colour.GREEN, Number.ONE, Word.A
        e, f, g, h = Right.R | Right.W, Right(0), Bits.X | 32, Loud.A
        i = {Colour.RED: [Colour.GREEN]}
        j = Odd.A
        j._value_ = j
        k = Colour
        ",
        &[
            ("a", "Colour", "<Colour.RED: 1>"),
            ("b", "Colour", "<Colour.GREEN: ('g', [2])>"),
            ("c", "Number", "<Number.ONE: 1>"),
            ("d", "Word", "<Word.A: 'a'>"),
            ("e", "Right", "<Right.R|W: 3>"),
            ("f", "Right", "<Right: 0>"),
            ("h", "Loud", "<Loud.A: 1>"),
            ("i", "dict", "{<Colour.RED: 1>: [<Colour.GREEN: ('g', [2])>]}"),
            ("j", "Odd", "<Odd.A: <Odd.A>>"),
            ("k", "EnumType", "<class 'Colour'>"),
        ],
    );
}

#[test]
fn a_member_changes_as_a_whole() {
    check_call(
        "
        import enum
        class C(enum.Enum): A = [1]
        def f(c):
            l = [c]
            c.value.append(2)
            c._name_ = 'B'
            return c
        ",
        "f",
        "C.A",
        "
        call f 3 +c=<C.A: [1]>
        line 4
        line 5 +l=[<C.A: [1]>]
        line 6 c=<C.A: [1, 2]> l[0]=<C.A: [1, 2]>
        line 7 c=<C.B: [1, 2]> l[0]=<C.B: [1, 2]>
        return 7 <C.B: [1, 2]>
        end returned <C.B: [1, 2]>
        ",
    );
}

#[test]
fn slots_are_attributes() {
    check_values(
        "
        import dataclasses, fractions, weakref
        class A:
            __slots__ = ('y', 'x', '__own')
            def __init__(self): self.x, self.__own = 1, [2]
        class B(A):
            __slots__ = ['b', 'a']
        class C(B): pass
        class One:
            __slots__ = 'only'
        class None_:
            __slots__ = ()
        class Weak:
            __slots__ = ('x', '__weakref__', '__dict__')
        class L(list):
            __slots__ = ('x',)
        class E(Exception):
            __slots__ = ('x',)
        @dataclasses.dataclass(slots=True)
        class P:
            name: str
            age: int
        a, b, c, d, e = A(), B(), C(), One(), None_()
        b.a, b.b = 1, 2
        c.y, c.z, c.b = 3, 4, 5
        d.only = d
        f = Weak()
        f.w, f.x = 1, 2
        g, h, i = L([1]), E(1), P('n', 5)
        j = fractions.Fraction(1, 2)
        ",
        &[
            ("a", "A", "A(x=1, _A__own=[2])"),
            ("b", "B", "B(x=1, _A__own=[2], b=2, a=1)"),
            ("c", "C", "C(y=3, x=1, _A__own=[2], b=5, z=4)"),
            ("d", "One", "One(only=One(...))"),
            ("e", "None_", "<None_>"),
            ("f", "Weak", "Weak(x=2, w=1)"),
            ("g", "L", "L([1])"),
            ("h", "E", "E(1)"),
            ("i", "P", "P(name='n', age=5)"),
            ("j", "Fraction", "Fraction(_numerator=1, _denominator=2)"),
        ],
    );
}

#[test]
fn changes_of_slots_are_told_by_attribute() {
    check(
        "
        class Node:
            __slots__ = ('value', 'next')
        n = Node()
        n.value = 1
        n.next = [n]
        n.value = 2
        n.next.append(3)
        del n.value
        del n.next
        class D(Node): pass
        n.__class__ = Node
        n = D()
        n.next = 1
        n.z = 2
        del n.next
        ",
        "
        call <module> 1; line 1
        call Node 1; line 1; line 2; return 2 None
        line 3 +Node=<class 'Node'>
        line 4 +n=Node()
        line 5 +n.value=1
        line 6 +n.next=[Node(...)]
        line 7 n.value=2
        line 8 +n.next[1]=3
        line 9 -n.value
        line 10 -n.next
        call D 10; line 10; return 10 None
        line 11 +D=<class 'D'>
        line 12
        line 13 n=D()
        line 14 +n.next=1
        line 15 +n.z=2
        return 15 None -n.next
        ",
    );
}

#[test]
fn a_class_that_hides_its_slots_is_seen_through() {
    check_values(
        "
        class Base:
            __slots__ = ('x', 'y')
            def fail(self, *a): print('ran'); raise SystemExit
            __getattribute__ = __getattr__ = __repr__ = __eq__ = __hash__ = __dir__ = fail
        a = object.__new__(Base)
        Base.x.__set__(a, 1)
        class Changed:
            __slots__ = ('x', 'y')
        b = Changed()
        b.y, b.x = 1, 2
        Changed.__slots__ = ('y', 'x', 'z')
        class Other:
            __slots__ = ('y', 'x', 'z')
        c = Other()
        c.z, c.x, c.y = 1, 2, 3
        ",
        &[
            ("a", "Base", "Base(x=1)"),
            ("b", "Changed", "Changed(y=1, x=2)"),
            ("c", "Other", "Other(y=3, x=2, z=1)"),
        ],
    );
}

#[test]
fn plain_memory_reads_as_its_repr() {
    check_values(
        "
        import array
        class A(array.array): pass
        a, b, c = array.array('i', [1, -2]), array.array('d', [0.1]), array.array('B')
        d, e = array.array('Q', [1 << 63]), array.array('u', 'aé\\n')
        f, g = array.array('f', [0.5]), A('b', b'ab')
        h = [array.array('q', range(3))]
        i, j = memoryview(b'abcdef')[1:4], memoryview(bytearray(b'xy'))
        k, l = memoryview(array.array('h', [1, 2])), memoryview(b'abcdef')[::2]
        m = memoryview(b'a')
        m.release()
        ",
        &[
            ("a", "array", "array('i', [1, -2])"),
            ("b", "array", "array('d', [0.1])"),
            ("c", "array", "array('B')"),
            ("d", "array", "array('Q', [9223372036854775808])"),
            ("e", "array", r"array('u', 'aé\n')"),
            ("f", "array", "array('f', [0.5])"),
            ("g", "A", "A(array('b', [97, 98]))"),
            ("h", "list", "[array('q', [0, 1, 2])]"),
            ("i", "memoryview", "<memoryview of b'bcd'>"),
            ("j", "memoryview", "<memoryview of b'xy'>"),
            ("k", "memoryview", r"<memoryview of b'\x01\x00\x02\x00'>"),
            ("l", "memoryview", "<memoryview>"),
            ("m", "memoryview", "<memoryview>"),
        ],
    );
}

#[test]
fn an_array_changes_in_place() {
    check(
        "
        from array import array
        a = array('i', [1, 2])
        l = [a]
        a[0] = 5
        a.append(6)
        a = array('I', a)
        ",
        "
        call <module> 1; line 1
        line 2 +array=<class 'array'>
        line 3 +a=array('i', [1, 2])
        line 4 +l=[array('i', [1, 2])]
        line 5 a=array('i', [5, 2]) l[0]=array('i', [5, 2])
        line 6 a=array('i', [5, 2, 6]) l[0]=array('i', [5, 2, 6])
        return 6 None a=array('I', [5, 2, 6])
        ",
    );
}

#[test]
fn long_arrays_are_cut() {
    let ones = vec!["1"; 82].join(", ");
    check_returned(
        "
        import array
        a = array.array('i', [1]) * 1000
        b = array.array('u', 'x' * 300)
        ",
        &[
            ("a", "array", &format!("array('i', [{ones}, … 918 more])")),
            ("b", "array", &format!("array('u', '{}' … 55 more)", "x".repeat(245))),
        ],
    );
}
