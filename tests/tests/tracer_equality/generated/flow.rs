//! Programs that jump about: through loops, handlers, generators, coroutines, classes and callbacks.

use std::fmt::Write;

use tests::random::Random;
use tests::tracers::Program;

const PRELUDE: &str = "\
import contextlib
class Stop(Exception): pass
class Guard:
    def __init__(self, swallows): self.swallows = swallows
    def __enter__(self): return self.swallows
    def __exit__(self, *e): return self.swallows
    async def __aenter__(self): return await Wait(1)
    async def __aexit__(self, *e): return self.swallows
@contextlib.contextmanager
def guard(n):
    try:
        yield n
    except KeyError:
        n = None
    finally:
        n = [n]
class Mourned(Exception):
    def __del__(self): print('gone')
class Wait:
    def __init__(self, n): self.n = n
    def __await__(self):
        n = yield self.n
        return n
class Steps:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n <= 0: raise StopIteration(self.n)
        self.n -= 1
        return self.n
    def __aiter__(self): return self
    async def __anext__(self):
        if self.n <= 0: raise StopAsyncIteration
        self.n -= 1
        return await Wait(self.n)
async def take(it):
    return [x async for x in it]
def drive(co, n=0):
    try:
        while True:
            n = co.send(n if n else None)
    except StopIteration as stop:
        return stop.value
";

/// Functions by kind; each may call those of a lower `n` only through `n - 1`, so that recursion ends.
const FUNCTIONS: [(Kind, &str); 6] = [
    (Kind::Plain, "f"),
    (Kind::Plain, "g"),
    (Kind::Generator, "gen"),
    (Kind::Generator, "gen2"),
    (Kind::Coroutine, "co"),
    (Kind::AsyncGenerator, "agen"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Generator,
    Coroutine,
    AsyncGenerator,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    indentation: usize,
    in_loop: bool,
    in_handler: bool,
    depth: u32,
}

impl Place {
    fn inside(self) -> Place {
        Place { indentation: self.indentation + 1, depth: self.depth + 1, ..self }
    }
}

pub(crate) fn program(seed: u64) -> Program {
    let mut generator = Generator { random: Random::new(seed), source: PRELUDE.to_owned() };
    for (kind, name) in FUNCTIONS {
        let (keyword, begin) = match kind {
            Kind::Plain => ("def", "if n <= 0: return x"),
            Kind::Generator => ("def", "yield n; x = n or x"),
            Kind::Coroutine => ("async def", "if n <= 0: return x"),
            Kind::AsyncGenerator => ("async def", "yield n; x = n or x"),
        };
        generator.line(0, &format!("{keyword} {name}(n, x=None):"));
        generator.line(1, begin);
        if matches!(kind, Kind::Generator | Kind::AsyncGenerator) {
            generator.line(1, "if n <= 0: return");
        }
        let place = Place { kind, indentation: 1, in_loop: false, in_handler: false, depth: 0 };
        generator.block(place, 5);
    }
    for call in ["f(2)", "g(2, 'x')", "list(gen(2))", "next(gen2(2))", "drive(co(2))", "drive(take(agen(2)))"]
    {
        generator.line(0, "try:");
        generator.line(1, &format!("r = {call}"));
        generator.line(0, "except Exception as e:");
        generator.line(1, "r = e");
    }
    let mut program = Program::script(generator.source);
    program.bounds.max_events = 2_500;
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

    fn block(&mut self, place: Place, most: u64) {
        for _ in 0..1 + self.random.below(most) {
            self.statement(place);
        }
    }

    fn statement(&mut self, place: Place) {
        let at = place.indentation;
        let (name, value) = (self.one(&["x", "y", "z"]), self.expression(place.kind));
        if place.depth > 3 || self.random.below(5) < 2 {
            let text = self.simple(place, name, &value);
            return self.line(at, &text);
        }
        match self.random.below(13) {
            0 | 1 => {
                self.line(at, &format!("if {value}:"));
                self.block(place.inside(), 2);
                if self.random.below(2) == 0 {
                    self.line(at, "else:");
                    self.block(place.inside(), 2);
                }
            }
            2 => {
                // A counter of its own, so that a loop inside cannot set it back.
                self.line(at, &format!("k{at} = 2"));
                self.line(at, &format!("while k{at}:"));
                self.line(at + 1, &format!("k{at} -= 1"));
                self.block(Place { in_loop: true, ..place.inside() }, 2);
            }
            3 | 4 => self.iteration(place, name),
            5..=7 => self.handlers(place, name),
            8 => {
                let manager = self.one(&["Guard(False)", "Guard(True)", "guard(n)", "Guard(0), guard(1)"]);
                self.line(at, &format!("with {manager} as {name}:"));
                self.block(place.inside(), 2);
            }
            9 if place.kind == Kind::Coroutine => {
                let manager = self.one(&["Guard(False)", "Guard(True)"]);
                self.line(at, &format!("async with {manager} as {name}:"));
                self.block(place.inside(), 2);
            }
            10 => {
                self.line(at, &format!("match {value}:"));
                self.line(at + 1, "case None | 0 | []:");
                self.block(Place { indentation: at + 2, ..place.inside() }, 1);
                self.line(at + 1, &format!("case [{name}, *_] if {name}:"));
                self.block(Place { indentation: at + 2, ..place.inside() }, 1);
                self.line(at + 1, "case _:");
                self.block(Place { indentation: at + 2, ..place.inside() }, 1);
            }
            11 => {
                self.line(at, "def inner(a=n):");
                self.line(at + 1, "nonlocal x");
                let plain = Place { kind: Kind::Plain, in_loop: false, in_handler: false, ..place.inside() };
                self.block(plain, 2);
                self.line(at + 1, "x = a");
                self.line(at, "inner()");
            }
            _ => {
                self.line(at, "class C:");
                self.line(at + 1, "for i in range(2): m = i");
                self.line(at + 1, &format!("{name} = 1"));
                self.line(at + 1, &format!("def __getattr__(self, a): raise AttributeError({name}, a)"));
                self.line(at, &format!("{name} = getattr(C(), 'missing', C.m)"));
            }
        }
    }

    fn iteration(&mut self, place: Place, name: &str) {
        let at = place.indentation;
        let is_async = place.kind == Kind::Coroutine && self.random.below(2) == 0;
        let (keyword, of) = if is_async {
            ("async for", self.one(&["agen(n - 1)", "Steps(2)", "agen(0)"]))
        } else {
            (
                "for",
                self.one(&[
                    "range(2)",
                    "gen(n - 1)",
                    "gen2(n - 1)",
                    "Steps(2)",
                    "(a for a in gen(n - 1))",
                    "'ab'",
                ]),
            )
        };
        self.line(at, &format!("{keyword} {name} in {of}:"));
        self.block(Place { in_loop: true, ..place.inside() }, 2);
        if self.random.below(3) == 0 {
            self.line(at, "else:");
            self.block(place.inside(), 1);
        }
    }

    fn handlers(&mut self, place: Place, name: &str) {
        let at = place.indentation;
        self.line(at, "try:");
        self.block(place.inside(), 2);
        let has_handler = self.random.below(4) > 0;
        if has_handler {
            let handler =
                self.one(&["KeyError", "(KeyError, Stop)", "Exception", "ValueError", "StopIteration"]);
            self.line(at, &format!("except {handler} as e:"));
            self.line(at + 1, &format!("{name} = type(e)"));
            self.block(Place { in_handler: true, ..place.inside() }, 2);
        }
        if !has_handler || self.random.below(3) == 0 {
            self.line(at, "finally:");
            // A jump out of `finally` would swallow what should end the loops.
            let last =
                Place { kind: Kind::Plain, in_loop: false, in_handler: false, depth: 9, ..place.inside() };
            self.line(at + 1, "y = n");
            let text = self.quiet(last, "z");
            self.line(at + 1, &text);
        }
    }

    /// A statement that goes on to the next.
    fn quiet(&mut self, place: Place, name: &str) -> String {
        let value = self.expression(place.kind);
        match self.random.below(4) {
            0 => format!("{name} = [{value}, x]"),
            1 => format!("for i in range(2): {name} = i"),
            2 => format!("print('{name}', end='')"),
            _ => format!("{name} = {value}"),
        }
    }

    fn simple(&mut self, place: Place, name: &str, value: &str) -> String {
        let returned = if place.kind == Kind::AsyncGenerator { String::new() } else { format!(" {value}") };
        match (self.random.below(16), place.kind) {
            (0, _) => format!("return{returned}"),
            (1, _) if place.in_loop => "break".to_owned(),
            (2, _) if place.in_loop => "continue".to_owned(),
            (3, _) if place.in_handler => self.one(&["raise", "raise Stop(n) from e", "raise e"]).to_owned(),
            (4, _) => {
                let error = self.one(&[
                    "KeyError(n)",
                    "Stop(x)",
                    "ValueError('v')",
                    "StopIteration(n)",
                    "LookupError",
                    "Mourned(x)",
                ]);
                format!("raise {error}")
            }
            (5, _) => format!("assert {value}, {name}"),
            (6, Kind::AsyncGenerator) => format!("{name} = await Wait({value})"),
            (6, _) => format!("del {name}"),
            (7 | 8, Kind::Generator | Kind::AsyncGenerator) => format!("{name} = yield {value}"),
            (9, Kind::Generator) => {
                format!("{name} = yield from {}", self.one(&["gen2(n - 1)", "[1, 2]", "Steps(1)"]))
            }
            (7..=9, Kind::Coroutine) => {
                format!("{name} = await {}", self.one(&["co(n - 1)", "Wait(n)", "take(agen(n - 1))"]))
            }
            (10, _) => "it = gen(n - 1); x = next(it); it.close()".to_owned(),
            (11, _) => format!("it = gen2(n - 1); next(it); {name} = it.throw(KeyError, KeyError(n))"),
            _ => self.quiet(place, name),
        }
    }

    fn expression(&mut self, kind: Kind) -> String {
        let expressions = [
            "n",
            "x",
            "0",
            "[n, x]",
            "f(n - 1)",
            "g(n - 1, x)",
            "(lambda: f(n - 1))()",
            "sorted([n, 1], key=lambda a: f(n - 1) or a)",
            "list(map(g, [n - 1]))",
            "[a for a in gen(n - 1) if a]",
            "{a: b for a in range(2) for b in Steps(1)}",
            "next(gen(n - 1), None)",
            "next(Steps(0))",
            "drive(co(n - 1))",
            "drive(take(agen(n - 1)))",
            "[\n        n,\n        f(\n            n - 1),\n    ]",
            "{}[n]",
            "1 // n",
        ];
        let expression = self.one(&expressions);
        if kind == Kind::Coroutine && self.random.below(4) == 0 {
            return self.one(&["await co(n - 1)", "[a async for a in Steps(n)]", "await Wait(x)"]).to_owned();
        }
        expression.to_owned()
    }
}
