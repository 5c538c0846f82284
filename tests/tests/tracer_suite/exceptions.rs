//! Where exceptions appear and which frames they leave.

use tests::tracers::Program;

use super::check::{ALL, accounts, check, check_call, check_on, check_values, dedented};

#[test]
fn an_exception_caught_by_the_caller_leaves_the_callee() {
    check_call(
        "
        def f():
            try:
                g()
            except ValueError as e:
                x = e
            return x
        def g():
            raise ValueError('v')
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3
        call g 7; line 8; raise 8 ValueError: v; unwind 8 ValueError: v
        line 4; line 5 +e=ValueError('v'); line 6 -e +x=ValueError('v'); return 6 ValueError('v')
        end returned ValueError('v')
        ",
    );
}

#[test]
fn an_exception_caught_where_it_was_raised_leaves_nothing() {
    check(
        "
        try:
            1 // 0
        except ZeroDivisionError:
            x = 1
        else:
            x = 2
        finally:
            y = 3
        ",
        "
        call <module> 1; line 1; line 2; raise 2 ZeroDivisionError: integer division or modulo by zero
        line 3; line 4; line 8 +x=1; return 8 None +y=3
        ",
    );
}

#[test]
fn an_uncaught_exception_leaves_every_frame_and_is_printed() {
    check_on(
        11..=12,
        "
        def f():
            {}['k']
        f()
        ",
        r#"
        call <module> 1; line 1; line 3 +f=<function f>
        call f 1; line 2; raise 2 KeyError: 'k'; unwind 2 KeyError: 'k'
        unwind 3 KeyError: 'k'
        stderr 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n    f()\n  File "main.py", line 2, in f\n    {}['k']\n    ~~^^^^^\nKeyError: 'k'\n'
        end raised KeyError: 'k'
        "#,
    );
}

#[test]
fn what_a_library_raises_appears_in_the_frame_that_called_it() {
    check_call(
        "
        import json
        def f(s):
            try:
                json.loads(s)
            except ValueError:
                pass
            try:
                int('x')
            except ValueError:
                return 0
        ",
        "f",
        "'{'",
        "
        call f 2 +global:json=<module 'json'> +s='{'; line 3; line 4
        raise 4 JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
        line 5; line 6; line 7; line 8
        raise 8 ValueError: invalid literal for int() with base 10: 'x'
        line 9; line 10; return 10 0
        end returned 0
        ",
    );
}

#[test]
fn a_bare_raise_and_the_end_of_finally_raise_nothing_new() {
    check_call(
        "
        def f():
            try:
                try:
                    g()
                finally:
                    x = 1
            except KeyError:
                return x
        def g():
            try:
                raise KeyError('k')
            except KeyError:
                raise
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3; line 4
        call g 9; line 10; line 11; raise 11 KeyError: 'k'; line 12; line 13; unwind 13 KeyError: 'k'
        line 6; line 7 +x=1; line 8; return 8 1
        end returned 1
        ",
    );
}

#[test]
fn after_a_bare_raise_the_exception_that_leaves_is_the_one_raised_again() {
    check_call(
        "
        def f():
            try:
                g()
            except ValueError:
                return 0
        def g():
            try:
                raise ValueError('first')
            except ValueError:
                try:
                    raise KeyError('second')
                except KeyError:
                    pass
                raise
        ",
        "f",
        "",
        "
        call f 1 +global:g=<function g>; line 2; line 3
        call g 6; line 7; line 8; raise 8 ValueError: first; line 9; line 10
        line 11; raise 11 KeyError: 'second'; line 12; line 13; line 14; unwind 14 ValueError: first
        line 4; line 5; return 5 0
        end returned 0
        ",
    );
}

#[test]
fn raising_the_same_object_again_by_name_is_a_raise() {
    check_call(
        "
        def f():
            try:
                raise ValueError('v')
            except ValueError as e:
                kept = e
            try:
                raise kept
            except ValueError:
                return 0
        ",
        "f",
        "",
        "
        call f 1; line 2; line 3; raise 3 ValueError: v; line 4; line 5 +e=ValueError('v')
        line 6 -e +kept=ValueError('v'); line 7; raise 7 ValueError: v; line 8; line 9; return 9 0
        end returned 0
        ",
    );
}

#[test]
fn a_chained_exception_is_an_exception_of_its_own() {
    check_call(
        "
        def f():
            try:
                try:
                    raise ValueError('cause')
                except ValueError as e:
                    raise RuntimeError('effect', e) from e
            except RuntimeError as e:
                return e.__cause__
        ",
        "f",
        "",
        "
        call f 1; line 2; line 3; line 4; raise 4 ValueError: cause; line 5; line 6 +e=ValueError('cause')
        raise 6 RuntimeError: ('effect', ValueError('cause')); line 7 -e
        line 8 +e=RuntimeError('effect', ValueError('cause')); return 8 ValueError('cause') -e
        end returned ValueError('cause')
        ",
    );
}

#[test]
fn an_exception_passes_through_library_frames_in_silence() {
    check_call(
        "
        def f(a):
            try:
                return sorted(a, key=key)
            except LookupError:
                return None
        def key(x):
            raise LookupError(x)
        ",
        "f",
        "[1, 2]",
        "
        call f 1 +global:key=<function key> +a=[1, 2]; line 2; line 3
        call key 6 +x=1; line 7; raise 7 LookupError: 1; unwind 7 LookupError: 1
        line 4; line 5; return 5 None
        end returned None
        ",
    );
}

#[test]
fn an_exception_that_a_library_replaces_appears_anew() {
    check_call(
        "
        class A:
            def __getattr__(self, name):
                raise AttributeError(name)
        def f(a):
            try:
                return getattr(a, 'x', 1), a.y
            except AttributeError:
                return getattr(a, 'z', 2)
        ",
        "f",
        "A()",
        "
        call f 4 +a=A(); line 5; line 6
        call A.__getattr__ 2 +name='x' +self=A(); line 3; raise 3 AttributeError: x; unwind 3 AttributeError: x
        call A.__getattr__ 2 +name='y' +self=A(); line 3; raise 3 AttributeError: y; unwind 3 AttributeError: y
        line 7; line 8
        call A.__getattr__ 2 +name='z' +self=A(); line 3; raise 3 AttributeError: z; unwind 3 AttributeError: z
        return 8 2
        end returned 2
        ",
    );
}

#[test]
fn a_new_exception_is_a_raise_even_where_one_was_just_swallowed() {
    check_call(
        "
        class A:
            def __getattr__(self, name): raise AttributeError(name)
        def f(a):
            try:
                return getattr(a, 'x', None) or getattr(1, 'y')
            except AttributeError:
                return 2
        ",
        "f",
        "A()",
        "
        call f 3 +a=A(); line 4; line 5
        call A.__getattr__ 2 +name='x' +self=A(); line 2; raise 2 AttributeError: x; unwind 2 AttributeError: x
        raise 5 AttributeError: 'int' object has no attribute 'y'; line 6; line 7; return 7 2
        end returned 2
        ",
    );
}

#[test]
fn what_an_exception_holds_goes_when_the_program_lets_go_of_it() {
    let source = "
        def gen():
            try: yield 1
            finally: print('closed')
        def f():
            for x in (a for a in gen()): raise KeyError(x)
        try: f()
        except KeyError: print('caught')
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let output = account.events.iter().filter(|event| event.kind == "output");
        let printed: String = output.filter_map(|event| event.text.as_deref()).collect();
        assert_eq!(printed, "closed\ncaught\n", "{tracer} tells of this output");
    }
}

#[test]
fn an_exception_that_is_swallowed_goes_at_once() {
    let source = "
        class Mourned(Exception):
            def __del__(self): print('gone')
        class Guard:
            def __enter__(self): pass
            def __exit__(self, *e): return True
        def f():
            with Guard():
                raise Mourned
            print('after')
        f()
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let output = account.events.iter().filter(|event| event.kind == "output");
        let printed: String = output.filter_map(|event| event.text.as_deref()).collect();
        assert_eq!(printed, "gone\nafter\n", "{tracer} tells of this output");
    }
}

#[test]
fn a_with_statement_that_does_not_swallow_lets_the_exception_go_on() {
    check_call(
        "
        import contextlib
        @contextlib.contextmanager
        def c():
            try:
                yield 1
            finally:
                x = 2
        def f():
            try:
                with c():
                    raise KeyError(3)
            except KeyError:
                return 0
        ",
        "f",
        "",
        "
        call f 8 +global:c=<function c>; line 9; line 10
        call c 2; line 4; line 5; yield 5 1
        line 11; raise 11 KeyError: 3; line 10
        resume 1 c 5; raise 5 KeyError: 3; line 7; unwind 7 KeyError: 3 +x=2
        line 12; line 13; return 13 0
        end returned 0
        ",
    );
}

#[test]
fn a_return_in_finally_swallows_the_exception() {
    check_call(
        "
        def f():
            try:
                raise KeyError
            finally:
                return 1
        ",
        "f",
        "",
        "call f 1; line 2; line 3; raise 3 KeyError; line 5; return 5 1; end returned 1",
    );
}

#[test]
fn an_exception_group_is_split_by_its_handlers() {
    check_on(
        12..=13,
        "
        def f():
            try:
                raise ExceptionGroup('g', [ValueError(1), KeyError(2)])
            except* ValueError as e:
                x = e
        try:
            f()
        except ExceptionGroup: pass
        ",
        "
        call <module> 1; line 1; line 6 +f=<function f>; line 7
        call f 1; line 2; line 3; raise 3 ExceptionGroup: ('g', [ValueError(1), KeyError(2)])
        line 4; line 5 +e=ExceptionGroup('g', [ValueError(1)])
        unwind 5 ExceptionGroup: ('g', [KeyError(2)]) -e +x=ExceptionGroup('g', [ValueError(1)])
        line 8; return 8 None
        ",
    );
}

#[test]
fn an_assertion_shows_what_it_says() {
    check_call(
        "
        def f(x):
            try:
                assert x, [x, 'must hold']
            except AssertionError:
                pass
            try:
                assert x
            except AssertionError:
                return 1
        ",
        "f",
        "0",
        "
        call f 1 +x=0; line 2; line 3; raise 3 AssertionError: [0, 'must hold']; line 4; line 5
        line 6; line 7; raise 7 AssertionError; line 8; line 9; return 9 1
        end returned 1
        ",
    );
}

#[test]
fn messages_are_made_from_the_arguments() {
    let cases = [
        ("ValueError()", "ValueError"),
        ("ValueError('a\\nb')", "ValueError: a\nb"),
        ("ValueError(['a'])", "ValueError: ['a']"),
        ("ValueError('a', 1)", "ValueError: ('a', 1)"),
        ("ValueError('x' * 300)", &format!("ValueError: {} … 44 more", "x".repeat(256))),
        ("ValueError('\\udc80')", "ValueError: \\udc80"),
        ("KeyError('a')", "KeyError: 'a'"),
        ("KeyError('a', 'b')", "KeyError: ('a', 'b')"),
        ("OSError(2, 'none')", "FileNotFoundError: [Errno 2] none"),
        ("OSError(2, 'none', 'f')", "FileNotFoundError: [Errno 2] none: 'f'"),
        ("OSError(2, 'none', 'f', None, b'g')", "FileNotFoundError: [Errno 2] none: 'f' -> b'g'"),
        ("OSError('none')", "OSError: none"),
        ("OSError('a', 'b')", "OSError: ('a', 'b')"),
        ("SyntaxError('bad', ('dir/m.py', 3, 1, 'x'))", "SyntaxError: bad (dir/m.py, line 3)"),
        ("SyntaxError('bad', (None, 3, 1, 'x'))", "SyntaxError: ('bad', (None, 3, 1, 'x'))"),
        ("IndentationError('bad')", "IndentationError: bad"),
        (
            "UnicodeDecodeError('utf-8', b'\\xff', 0, 1, 'why')",
            "UnicodeDecodeError: ('utf-8', b'\\xff', 0, 1, 'why')",
        ),
    ];
    let source: String = cases
        .iter()
        .map(|(raised, _)| format!("try: raise {raised}\nexcept BaseException: pass\n"))
        .collect();
    let program = Program::script(source);
    for (tracer, account) in accounts(ALL, &program) {
        let raised = account.events.iter().filter(|event| event.kind == "raise");
        let found: Vec<String> = raised
            .map(|event| {
                let (name, text) = (event.type_name.as_deref(), event.text.as_deref());
                let (name, text) = (name.expect("a type"), text.expect("a message"));
                if text.is_empty() { name.to_owned() } else { format!("{name}: {text}") }
            })
            .collect();
        let expected: Vec<&str> = cases.iter().map(|&(_, message)| message).collect();
        assert_eq!(found, expected, "{tracer} tells these");
    }
}

#[test]
fn exceptions_as_values_show_their_arguments() {
    check_values(
        "
        a = ValueError()
        b = KeyError('k', [1])
        class MyError(Exception):
            def __init__(self, x):
                self.x = x
        c = MyError(5)
        d = OSError(2, 'm', 'f')
        e = Exception()
        e.args = (e,)
        ",
        &[
            ("a", "ValueError", "ValueError()"),
            ("b", "KeyError", "KeyError('k', [1])"),
            ("c", "MyError", "MyError(5)"),
            ("d", "FileNotFoundError", "FileNotFoundError(2, 'm')"),
            ("e", "Exception", "Exception(Exception(...))"),
        ],
    );
}
