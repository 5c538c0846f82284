//! Programs that build, share, change and take apart values of every kind.

use std::fmt::Write;

use tests::random::Random;
use tests::tracers::Program;

const PRELUDE: &str = "\
from array import array
from collections import deque, defaultdict, namedtuple, OrderedDict
from enum import Enum, IntFlag
from types import MappingProxyType
import itertools
class P:
    def __init__(self, x):
        self.x = x
    def __hash__(self):
        return 7
class Mourned(P):
    def __del__(self):
        print('gone')
calls = 0
class L(list): pass
class D(dict): pass
class Q(P):
    y = 5
class S:
    __slots__ = ('y', 'x', '__z')
    def __init__(self, x):
        self.x = x
class T(S): pass
N = namedtuple('N', 'x y')
class E(Enum):
    A = 1
    B = ('two', [2])
class F(IntFlag):
    R = 1
    W = 2
def gen(a):
    try:
        for x in list(a)[:2]:
            a = yield x
    finally:
        x = [a]
";

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A program, and how much of its values is shown: little, so that the cuts are met often.
pub(crate) fn program(seed: u64) -> Program {
    let mut generator = Generator { random: Random::new(seed), source: PRELUDE.to_owned() };
    generator.line(0, "def f(a, b):");
    generator.line(1, "c = d = e = None");
    generator.statements(1, 12);
    generator.line(1, "return b");
    generator.line(0, "def g(a, b):");
    generator.line(1, "global d, e, calls");
    generator.line(1, "c, calls = None, calls + 1");
    generator.line(1, "if calls > 30: return a");
    generator.statements(1, 8);
    generator.line(1, "return lambda: (a, c)");
    for name in NAMES {
        let value = generator.value(2);
        generator.guarded(0, &format!("{name} = {value}"), false);
    }
    generator.statements(0, 25);
    let mut program = Program::script(generator.source);
    program.bounds.value_chars = [40, 60, 100, 256][generator.random.below(4) as usize];
    program.bounds.max_events = 3_000;
    program
}

struct Generator {
    random: Random,
    source: String,
}

impl Generator {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.random.below(of.len() as u64) as usize]
    }

    fn line(&mut self, indentation: usize, text: &str) {
        writeln!(self.source, "{:1$}{text}", "", 4 * indentation).expect("a String takes any text");
    }

    fn statements(&mut self, indentation: usize, count: u64) {
        for _ in 0..count {
            match self.random.below(10) {
                0 => {
                    let of = self.path();
                    let head = format!("for {} in list({of})[:3]:", self.one(&NAMES));
                    self.guarded(indentation, &head, true);
                }
                1 => {
                    let head = format!("if {}:", self.path());
                    self.guarded(indentation, &head, true);
                }
                _ => {
                    let statement = self.statement();
                    self.guarded(indentation, &statement, false);
                }
            }
        }
    }

    /// A statement that may well fail.
    fn guarded(&mut self, indentation: usize, text: &str, is_head: bool) {
        self.line(indentation, "try:");
        self.line(indentation + 1, text);
        if is_head {
            let body = self.statement();
            self.line(indentation + 2, &body);
        }
        let handler =
            self.one(&["except Exception: pass", "except Exception as e: pass", "except LookupError: pass"]);
        self.line(indentation, handler);
        if handler.contains("Lookup") {
            self.line(indentation, "except Exception as d: raise_again = d");
        }
    }

    fn statement(&mut self) -> String {
        let (name, path, other) = (self.one(&NAMES), self.path(), self.path());
        let (value, key) = (self.value(2), self.key());
        match self.random.below(60) {
            0..=2 => format!("{name} = {value}"),
            3 | 4 => format!("{name} = {path}"),
            5 | 6 => format!("{path}.append({value})"),
            7 => format!("{path}.add({key})"),
            8 | 9 => format!("{path}[{key}] = {value}"),
            10 => format!("{path}[{key}] = {other}"),
            11 => format!("del {path}[{key}]"),
            12 => format!("{path}.{} = {value}", self.one(&["x", "y", "z"])),
            13 => format!("del {path}.x"),
            14 => {
                let method = ["clear", "pop", "popitem", "reverse", "popleft", "sort", "rotate", "copy"];
                format!("{path}.{}()", self.one(&method))
            }
            15 => format!("{path} += {value}"),
            16 => format!("{path}.extend({other})"),
            17 => format!("del {name}"),
            18 => format!("{name} = f({path}, {other}) if len({path}) < 3 else {path}"),
            19 => format!("{name} = g({path}, {value})"),
            20 => format!("{name} = [x for x in gen({path})]"),
            21 => format!("{name} = gen({path}); {name}.send(None); {name}.throw(KeyError({key}))"),
            22 => format!("{name} = {{str(k): {key} for k in range(3)}}; print(type({key}))"),
            23 => format!("{name} = sorted({path}, key=lambda k: -k)"),
            // What is freed and made again often lies where it lay before.
            24 => format!("for k in range(4): {path}[0] = [k]"),
            25 => format!("for k in range(4): {name} = ({{k: [k]}}, 'ab'[k:] * 20)"),
            26 => format!("for k in range(4): {name} = P([Mourned(k)])"),
            27 => format!("{path}.__dict__[{}] = {value}", self.one(&["'x'", "'w'", "3"])),
            28 => format!("{path}.__class__ = {}", self.one(&["P", "Q", "L", "Mourned"])),
            29 => format!(
                "{}.{} = '{name}'",
                self.one(&["P", "Q", "gen"]),
                self.one(&["__name__", "__qualname__"])
            ),
            30 => format!("{path}[1:2] = {value}"),
            31 => format!("{path}.insert(0, {path}.pop())"),
            32 => format!("{name} = {path}.setdefault({key}, {value})"),
            33 => format!("{path}[{key}] = {path}.pop({key})"),
            34 => format!("{name} = ValueError({value}, {other}); {name}.args += ({key},)"),
            35 => format!("{path}.discard({key}); {path}.add({key})"),
            36 => format!("{path}.sort(key=lambda k: len({name}))"),
            37 => format!("memoryview({path})[:1] = b'Z'"),
            38 => format!("exec('{name} = [{name}]', globals())"),
            39 => format!("{path}.pop({})", self.one(&["0", "-1", "1"])),
            40 => format!("del {path}[1:3]"),
            41 => format!("{path}[::2] = {path}[1::2]"),
            42 => format!("{path}.appendleft({value})"),
            43 => format!("{path}.rotate(1)"),
            44 => format!("{path}[0], {path}[-1] = {path}[-1], {path}[0]"),
            45 => format!("{path}[{}] += 1", self.one(&["0", "-1", "'k'"])),
            46 => format!("{path}.update({other})"),
            47 => format!("{name} = [{path}, {other}, {path}]"),
            48 => format!("{name} = [[0] * {} for _ in range(4)]", self.one(&["3", "127", "128"])),
            49 => format!("setattr({path}, {}, {value})", self.one(&["'odd name'", "'a.b'", "'args'"])),
            50 => format!("{path}.remove({key})"),
            51 | 52 => format!("next({path})"),
            53 => format!("{name} = next({path}), next({path}, {other})"),
            54 => format!("{path}.{}", self.one(&["close()", "__setstate__(1)", "send(None)"])),
            55 => format!("{path}.move_to_end({})", self.one(&["'k'", "1", "'k', False"])),
            56 => {
                format!("{path}.default_factory = {}", self.one(&["list", "None", "len", "lambda: 0", name]))
            }
            57 => format!("{name} = {path}._replace(x={value})"),
            58 => format!("{path}.{} = {value}", self.one(&["y", "_S__z", "_value_", "__class__"])),
            _ => format!("globals().update({name}={value}, z1={other})"),
        }
    }

    /// A variable or something inside one.
    fn path(&mut self) -> String {
        let mut path = self.one(&NAMES).to_owned();
        while self.random.below(3) == 0 {
            let key = self.key();
            path = match self.random.below(4) {
                0 => format!("{path}.x"),
                1 => format!("{path}.args"),
                2 => format!("{path}[0]"),
                _ => format!("{path}[{key}]"),
            };
        }
        path
    }

    fn key(&mut self) -> String {
        self.one(&["0", "1", "-1", "'k'", "'longer key'", "(1, 'k')", "2.5", "None", "P(1)"]).to_owned()
    }

    fn value(&mut self, depth: u32) -> String {
        if depth == 0 || self.random.below(3) == 0 {
            let atoms = [
                "0",
                "17",
                "-1",
                "1 << 70",
                "1 << 900",
                "2.5",
                "1e100",
                "True",
                "None",
                "'s'",
                "'it\\'s'",
                "'x' * 70",
                "b'b' * 50",
                "bytearray(b'q')",
                "range(3)",
                "()",
                "[]",
                "{}",
                "set()",
                "P",
                "len",
                "gen",
                "object()",
                "3j",
                "'\\udc80é'",
                "lambda: a",
                "[].append",
                "...",
                "'x' * 300",
                "[1] * 60",
                "deque()",
                "E.A",
                "E.B",
                "F.R | F.W",
                "array('i', [1, 2])",
                "array('d')",
                "memoryview(b'abc')[1:]",
                "itertools.count(3)",
                "itertools.permutations('abc', 2)",
            ];
            return self.one(&atoms).to_owned();
        }
        let (first, second, key, name) =
            (self.value(depth - 1), self.value(depth - 1), self.key(), self.one(&NAMES));
        match self.random.below(25) {
            0..=2 => format!("[{first}, {second}, {name}]"),
            3 => format!("({first}, {second})"),
            4 => format!("({first},)"),
            5 | 6 => format!("{{{key}: {first}, 1: {second}}}"),
            7 => format!("{{{key}, 5}}"),
            8 => format!("frozenset([{key}])"),
            9 => format!("deque([{first}, {second}], {})", self.one(&["None", "1", "5"])),
            10 => format!("{}({first})", self.one(&["P", "Mourned"])),
            11 => format!("L([{first}, {name}])"),
            12 => format!("D(k={first})"),
            13 => format!("defaultdict(list, k={first})"),
            14 => {
                let iterator = ["iter", "reversed", "enumerate", "gen", "zip"];
                format!("{}({name})", self.one(&iterator))
            }
            18 => format!("OrderedDict(k={first}, j={second})"),
            19 => format!(
                "defaultdict({}, {{{key}: {first}}})",
                self.one(&["None", "int", "lambda: 0", "P(1)"])
            ),
            20 | 21 => format!("{}({first})", self.one(&["S", "T"])),
            22 => format!("N({first}, {name})"),
            23 => {
                let iterator =
                    ["chain", "cycle", "accumulate", "pairwise", "groupby", "product", "zip_longest"];
                format!("itertools.{}({name})", self.one(&iterator))
            }
            24 => format!("itertools.islice({name}, {})", self.one(&["2", "0, 5, 2", "1, None"])),
            15 => format!("{}({first}, {name})", self.one(&["map", "filter", "zip", "slice"])),
            16 => format!("{name}.{}()", self.one(&["keys", "values", "items", "__iter__"])),
            _ => {
                let way = ["iter", "reversed", "enumerate", "MappingProxyType"];
                format!("{}({{{key}: {first}, 1: {second}}}{})", self.one(&way), self.one(&["", ".items()"]))
            }
        }
    }
}
