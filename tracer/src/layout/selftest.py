"""Values and frames whose text and content are known; run by `selftest.rs` when the tracer is loaded.

`text`, `sees_frame` and `sees_namespace` are the tracer's. The name `wrong` is left bound to what, if anything,
it reads differently from what is there.
"""
import itertools
from collections import OrderedDict, defaultdict, deque, namedtuple
from enum import Enum, IntFlag


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def norm(self):
        return self.x


class Slots:
    __slots__ = ('y', 'x', '__z', 'unset')

    def __init__(self, x, y):
        self.x, self.y, self.__z = x, y, 7


class Both(Slots):
    pass


class Colour(Enum):
    RED = 1


class Right(IntFlag):
    R = 1
    W = 2


Pair = namedtuple('Pair', 'left right')


class Name(str):
    pass


class Stack(list):
    pass


class Failure(Exception):
    pass


def materialised():
    point = Point(5, 6)
    point.__dict__['z'] = 7
    return point


def replaced():
    point = Point(5, 6)
    point.__dict__ = {'w': 8}
    return point


def reordered():
    point = Point(8, 9)
    del point.x
    point.x = 10
    return point


def shrunk(size):
    table = {number: -number for number in range(size)}
    for number in range(size - 1):
        del table[number]
    return table


def both():
    both = Both(1, 2)
    both.w = 3
    return both


def moved():
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end('a')
    return ordered


def stepped(iterator, steps):
    for _ in range(steps):
        next(iterator)
    return iterator


async def unawaited():
    yield


def unfinished():
    yield


LINE = unfinished.__code__.co_firstlineno + 1


def begun():
    generator = unfinished()
    next(generator)
    return generator


def finished():
    generator = begun()
    generator.close()
    return generator


CASES = [
    ('int', [0, -7, 1 << 29, 1 << 30, -(1 << 60), 10 ** 30],
     '[0, -7, 536870912, 1073741824, -1152921504606846976, 1000000000000000000000000000000]'),
    ('float', [1.5, 2j, True, None], '[1.5, 2j, True, None]'),
    ('str', ['a', 'é', '\u0416', '\U0001d54f', Name('n'), Name('\u0416')],
     "['a', 'é', '\u0416', '\U0001d54f', Name('n'), Name('\u0416')]"),
    ('bytes', [b'b', bytearray(b'c'), bytearray()], "[b'b', bytearray(b'c'), bytearray(b'')]"),
    ('list', [(), (1,), Stack([2]), []], '[(), (1,), Stack([2]), []]'),
    ('set', [{7}, set(), frozenset((8,)), frozenset()], '[{7}, set(), frozenset({8}), frozenset()]'),
    ('deque', deque(range(70), maxlen=70), 'deque([' + ', '.join(map(str, range(70))) + '], maxlen=70)'),
    ('dict', [{}, {'a': 1}, {1: 2}, shrunk(9)], "[{}, {'a': 1}, {1: 2}, {8: -8}]"),
    ('range', range(1, 9, 2), 'range(1, 9, 2)'),
    ('instance', [Point(1, 2), materialised(), replaced(), reordered()],
     '[Point(x=1, y=2), Point(x=5, y=6, z=7), Point(w=8), Point(y=9, x=10)]'),
    ('instance dict', Point(3, 4).__dict__, "{'x': 3, 'y': 4}"),
    ('exception', [Failure(1, 2), OSError(2, 'no', 'file')], "[Failure(1, 2), FileNotFoundError(2, 'no')]"),
    ('class', [int, Point], "[<class 'int'>, <class 'Point'>]"),
    ('function', [Point.norm, Point(1, 2).norm, len, [].append, iter],
     '[<function Point.norm>, <bound method Point.norm>, <built-in function len>, <built-in method append>, '
     '<built-in function iter>]'),
    ('module', __import__('sys'), "<module 'sys'>"),
    ('iterator', [iter([4, 7]), iter('ab'), iter({1: 2}), iter({5}), enumerate('a'), iter(range(2, 9, 3))],
     "[<list_iterator 0 of [4, 7]>, <str_ascii_iterator 0 of 'ab'>, <dict_keyiterator 0 of {1: 2}>, "
     "<set_iterator 0 of {5}>, <enumerate 0 of <str_ascii_iterator 0 of 'a'>>, <range_iterator of range(2, 11, 3)>]"),
    ('map', [map(len, ()), filter(None, ()), zip(())],
     '[<map <built-in function len> of (<tuple_iterator 0 of ()>,)>, <filter None of <tuple_iterator 0 of ()>>, '
     '<zip of (<tuple_iterator 0 of ()>,)>]'),
    ('view', [{1: 2}.keys(), {1: 2}.values(), {1: 2}.items(), slice(1, None)],
     '[dict_keys([1]), dict_values([2]), dict_items([(1, 2)]), slice(1, None, None)]'),
    ('generator', [begun(), finished()], '[<generator unfinished at line %d>, <generator unfinished done>]' % LINE),
    ('slots', [Slots(1, 2), both()], '[Slots(y=2, x=1, _Slots__z=7), Both(y=2, x=1, _Slots__z=7, w=3)]'),
    ('named tuple', Pair(1, 2), 'Pair(left=1, right=2)'),
    ('enumeration', [Colour.RED, Right.R | Right.W, Right(0)], '[<Colour.RED: 1>, <Right.R|W: 3>, <Right: 0>]'),
    ('OrderedDict', [moved(), moved().keys()], "[OrderedDict({'b': 2, 'a': 1}), odict_keys(['b', 'a'])]"),
    ('defaultdict', [defaultdict(list, a=1), defaultdict()], "[defaultdict(<class 'list'>, {'a': 1}), defaultdict(None, {})]"),
    ('memoryview', memoryview(b'abc')[1:], "<memoryview of b'bc'>"),
    ('async generator', unawaited(), '<async_generator unawaited not started>'),
    ('count', [itertools.count(3), itertools.count(1 << 70), itertools.count(1, 2), itertools.repeat(1, 2)],
     '[count(3), count(1180591620717411303424), count(1, 2), repeat(1, 2)]'),
    ('chain', [stepped(itertools.chain((1, 2), ()), 1), stepped(itertools.cycle((1, 2)), 3), itertools.islice((), 2, 5)],
     '[<chain <tuple_iterator 1 of (1, 2)> of <tuple_iterator 1 of ((1, 2), ())>>, <cycle 1 of [1, 2]>, '
     '<islice slice(2, 5, 1) of <tuple_iterator 0 of ()>>]'),
    ('accumulate', [stepped(itertools.accumulate((1, 2)), 2), stepped(itertools.groupby((1, 1)), 1)],
     '[<accumulate 3 of <tuple_iterator 2 of (1, 2)>>, <groupby 1 of <tuple_iterator 1 of (1, 1)>>]'),
    ('takewhile', [itertools.takewhile(len, ()), itertools.compress((), ()), itertools.starmap(len, ())],
     '[<takewhile <built-in function len> of <tuple_iterator 0 of ()>>, '
     '<compress <tuple_iterator 0 of ()> of <tuple_iterator 0 of ()>>, '
     '<starmap <built-in function len> of <tuple_iterator 0 of ()>>]'),
    ('pairwise', [stepped(itertools.pairwise((1, 2)), 1), itertools.zip_longest((), (), fillvalue=0)],
     '[<pairwise 2 of <tuple_iterator 2 of (1, 2)>>, '
     '<zip_longest 0 of (<tuple_iterator 0 of ()>, <tuple_iterator 0 of ()>)>]'),
    ('product', [stepped(itertools.product((1, 2), (3, 4)), 2), stepped(itertools.combinations((1, 2, 3), 2), 2),
                 stepped(itertools.permutations((1, 2, 3), 2), 2)],
     '[<product [0, 1] of ((1, 2), (3, 4))>, <combinations [0, 2] of (1, 2, 3)>, <permutations [0, 2] of (1, 2, 3)>]'),
    ('object', object(), '<object>'),
]


def known(sentinel, boxed):
    def inner():
        return boxed
    return sees_frame(known.__code__, sentinel, boxed)


def find_wrong():
    for what, value, expected in CASES:
        if text(value) != expected:
            return what
    if message(OSError(2, 'no', 'file', 0, 'other')) != "[Errno 2] no: 'file' -> 'other'":
        return 'OSError'
    if not known(object(), object()):
        return 'frame'

    class Body:
        seen = sees_namespace(locals())

    if not Body.seen:
        return 'namespace'


wrong = find_wrong()
