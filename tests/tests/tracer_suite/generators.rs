//! Frames that are suspended: generators, coroutines and asynchronous generators.

use tests::tracers::Program;

use super::check::{check, check_call, check_on, check_program};

#[test]
fn a_generator_keeps_its_frame_while_it_is_suspended() {
    check(
        "
        def g(n):
            while n:
                yield n
                n -= 1
            return 'end'
        for i in g(2):
            pass
        ",
        "
        call <module> 1; line 1; line 6 +g=<function g>
        call g 1 +n=2; line 2; line 3; yield 3 2
        line 7 +i=2; line 6
        resume 1 g 3; line 4; line 2 n=1; line 3; yield 3 1
        line 7 i=1; line 6
        resume 1 g 3; line 4; line 2 n=0; line 5; return 5 'end'
        return 6 None
        ",
    );
}

#[test]
fn two_generators_take_turns() {
    check_call(
        "
        def f():
            a, b = g('a'), g('b')
            return [next(a), next(b), next(a, 0), next(b, 0)]
        def g(x):
            yield x
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3 +a=<generator g not started> +b=<generator g not started>
        call g 4 +x='a'; line 5; yield 5 'a'
        call g 4 +x='b'; line 5; yield 5 'b'
        resume 1 g 5; return 5 None
        resume 2 g 5; return 5 None
        return 3 ['a', 'b', 0, 0] a=<generator g done> b=<generator g done>
        end returned ['a', 'b', 0, 0]
        ",
    );
}

#[test]
fn what_is_sent_shows_after_the_resumption() {
    check_call(
        "
        def f():
            a = g()
            next(a)
            a.send([1])
            return a
        def g():
            x = yield
            yield x
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3 +a=<generator g not started>
        call g 6; line 7; yield 7 None
        line 4 a=<generator g at line 7>
        resume 1 g 7; line 8 +x=[1]; yield 8 [1]
        line 5 a=<generator g at line 8>; return 5 <generator g at line 8>
        end returned <generator g at line 8>
        ",
    );
}

#[test]
fn an_exception_thrown_in_appears_after_the_resumption() {
    check_call(
        "
        def f():
            a = g()
            next(a)
            return a.throw(KeyError('k')), a
        def g():
            try:
                yield 1
            except KeyError as e:
                yield e
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3 +a=<generator g not started>
        call g 5; line 6; line 7; yield 7 1
        line 4 a=<generator g at line 7>
        resume 1 g 7; raise 7 KeyError: 'k'; line 8; line 9 +e=KeyError('k'); yield 9 KeyError('k')
        return 4 (KeyError('k'), <generator g at line 9>) a=<generator g at line 9>
        end returned (KeyError('k'), <generator g at line 9>)
        ",
    );
}

#[test]
fn an_exception_thrown_into_a_generator_that_has_not_begun_enters_and_leaves_it() {
    check_call(
        "
        def f():
            a = g()
            try:
                a.throw(ValueError)
            except ValueError:
                return 0
        def g():
            yield 1
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3 +a=<generator g not started>; line 4
        call g 7; raise 7 ValueError; unwind 7 ValueError
        line 5 a=<generator g done>; line 6; return 6 0
        end returned 0
        ",
    );
}

#[test]
fn closing_throws_generator_exit_in() {
    check_call(
        "
        def f():
            a = g()
            next(a)
            a.close()
        def g():
            try:
                yield 1
            finally:
                x = 2
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3 +a=<generator g not started>
        call g 5; line 6; line 7; yield 7 1
        line 4 a=<generator g at line 7>
        resume 1 g 7; raise 7 GeneratorExit; line 9; unwind 9 GeneratorExit +x=2
        return 4 None a=<generator g done>
        end returned None
        ",
    );
}

#[test]
fn closing_a_generator_that_would_not_notice_resumes_it_only_before_3_13() {
    let source = "
        def g():
            yield 1
        a = g()
        next(a)
        a.close()
        ";
    check_on(
        11..=12,
        source,
        "
        call <module> 1; line 1; line 3 +g=<function g>; line 4 +a=<generator g not started>
        call g 1; line 2; yield 2 1
        line 5 a=<generator g at line 2>
        resume 1 g 2; raise 2 GeneratorExit; unwind 2 GeneratorExit
        return 5 None a=<generator g done>
        ",
    );
    check_on(
        13..=13,
        source,
        "
        call <module> 1; line 1; line 3 +g=<function g>; line 4 +a=<generator g not started>
        call g 1; line 2; yield 2 1
        line 5 a=<generator g at line 2>; return 5 None a=<generator g done>
        ",
    );
}

#[test]
fn delegation_suspends_and_resumes_every_frame_and_ends_without_an_exception() {
    check_call(
        "
        def f():
            return list(outer())
        def outer():
            x = yield from inner()
            y = yield from [7]
            return x
        def inner():
            yield 5
            return 6
        ",
        "f",
        "",
        "
        call f 1 +global:outer=<function outer>; line 2
        call outer 3 +global:inner=<function inner>; line 4
        call inner 7; line 8; yield 8 5
        yield 4 5
        resume 1 outer 4
        resume 2 inner 8; line 9; return 9 6
        line 5 +x=6; yield 5 7
        resume 1 outer 5; line 6 +y=None; return 6 6
        return 2 [5, 7]
        end returned [5, 7]
        ",
    );
}

#[test]
fn a_generator_that_is_dropped_is_closed_only_before_3_13() {
    let program = Program::call("def f():\n    next(g())\ndef g():\n    yield 1\n", "f", "");
    let begin = "call f 1 +global:g=<function g>; line 2; call g 3; line 4; yield 4 1";
    let closed = "resume 1 g 4; raise 4 GeneratorExit; unwind 4 GeneratorExit";
    let end = "return 2 None; end returned None";
    check_program(11..=12, &program, &format!("{begin}; {closed}; {end}"));
    check_program(13..=13, &program, &format!("{begin}; {end}"));
}

#[test]
fn a_generator_that_raises_passes_the_exception_to_whoever_resumed_it() {
    check_call(
        "
        def f():
            try:
                for x in g():
                    y = x
            except ValueError:
                return x
        def g():
            yield 1
            raise ValueError('v')
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3
        call g 7; line 8; yield 8 1
        line 4 +x=1; line 3 +y=1
        resume 1 g 8; line 9; raise 9 ValueError: v; unwind 9 ValueError: v
        line 5; line 6; return 6 1
        end returned 1
        ",
    );
}

#[test]
fn stop_iteration_raised_in_a_generator_becomes_a_runtime_error() {
    let source = "
        def g():
            yield 1
            raise StopIteration(2)
        try:
            list(g())
        except RuntimeError: pass
        ";
    check_on(
        11..=11,
        source,
        "
        call <module> 1; line 1; line 4 +g=<function g>; line 5
        call g 1; line 2; yield 2 1
        resume 1 g 2; line 3; raise 3 StopIteration: 2; unwind 3 StopIteration: 2
        raise 5 RuntimeError: generator raised StopIteration; line 6
        return 6 None
        ",
    );
    check_on(
        12..=13,
        source,
        "
        call <module> 1; line 1; line 4 +g=<function g>; line 5
        call g 1; line 2; yield 2 1
        resume 1 g 2; line 3; raise 3 StopIteration: 2
        unwind 3 RuntimeError: generator raised StopIteration
        line 6; return 6 None
        ",
    );
}

#[test]
fn an_iterator_that_stops_its_loop_shows_no_exception_in_the_loop() {
    check_call(
        "
        class It:
            def __iter__(self): return self
            def __next__(self): raise StopIteration
        def f():
            for x in It(): pass
            try:
                next(It())
            except StopIteration:
                return 1
        ",
        "f",
        "",
        "
        call f 4 +global:It=<class 'It'>; line 5
        call It.__iter__ 2 +self=It(); line 2; return 2 It()
        call It.__next__ 3 +self=It(); line 3; raise 3 StopIteration; unwind 3 StopIteration
        line 6; line 7
        call It.__next__ 3 +self=It(); line 3; raise 3 StopIteration; unwind 3 StopIteration
        line 8; line 9; return 9 1
        end returned 1
        ",
    );
}

#[test]
fn stop_iteration_from_a_built_in_iterator_is_an_exception_where_next_was_called() {
    check_call(
        "
        def f(a):
            i = iter(a)
            try:
                next(i)
            except StopIteration:
                return 0
        ",
        "f",
        "[]",
        "
        call f 1 +a=[]; line 2; line 3 +i=<list_iterator 0 of []>; line 4; raise 4 StopIteration i=<list_iterator done>; line 5; line 6; return 6 0
        end returned 0
        ",
    );
}

#[test]
fn coroutines_are_resumed_by_their_event_loop() {
    check(
        "
        import asyncio
        async def sub(x):
            await asyncio.sleep(0)
            return x
        async def main():
            a = await sub(1)
            return a
        r = asyncio.run(main())
        ",
        "
        call <module> 1; line 1; line 2 +asyncio=<module 'asyncio'>; line 5 +sub=<function sub>
        line 8 +main=<function main>
        call main 5; line 6
        call sub 2 +x=1; line 3; yield 3 None
        yield 6 None
        resume 1 main 6
        resume 2 sub 3; line 4; return 4 1
        line 7 +a=1; return 7 1
        return 8 None +r=1
        ",
    );
}

#[test]
fn tasks_take_turns() {
    check(
        "
        import asyncio
        async def t(n):
            await asyncio.sleep(0)
            return n
        async def main():
            a = asyncio.create_task(t(1))
            b = await t(2)
            return await a + b
        r = asyncio.run(main())
        ",
        "
        call <module> 1; line 1; line 2 +asyncio=<module 'asyncio'>; line 5 +t=<function t>
        line 9 +main=<function main>
        call main 5; line 6; line 7 +a=<Task>
        call t 2 +n=2; line 3; yield 3 None
        yield 7 None
        call t 2 +n=1; line 3; yield 3 None
        resume 1 main 7
        resume 2 t 3; line 4; return 4 2
        line 8 +b=2; yield 8 <Task>
        resume 3 t 3; line 4; return 4 1
        resume 1 main 8; return 8 3
        return 9 None +r=3
        ",
    );
}

#[test]
fn asynchronous_generators_and_context_managers_are_frames_too() {
    check(
        "
        import asyncio
        async def g():
            yield 1
        class C:
            async def __aenter__(self): return 2
            async def __aexit__(self, *e): pass
        async def main():
            async with C() as c:
                async for x in g():
                    c += x
            return c
        r = asyncio.run(main())
        ",
        "
        call <module> 1; line 1; line 2 +asyncio=<module 'asyncio'>; line 4 +g=<function g>
        call C 4; line 4; line 5; line 6; return 6 None
        line 7 +C=<class 'C'>; line 12 +main=<function main>
        call main 7; line 8
        call C.__aenter__ 5 +self=C(); line 5; return 5 2
        line 9 +c=2
        call g 2; line 3; yield 3 1
        line 10 +x=1; line 9 c=3
        resume 4 g 3; return 3 None
        raise 9 StopAsyncIteration; line 8
        call C.__aexit__ 6 +e=(None, None, None) +self=C(); line 6; return 6 None
        line 11; return 11 3
        return 12 None +r=3
        ",
    );
}
