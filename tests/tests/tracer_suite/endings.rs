//! How programs end, where they begin, and what they print.

use tests::tracers::Program;

use super::check::{ALL, accounts, check, check_call, check_on, check_program, dedented};

#[test]
fn an_empty_source_is_a_program() {
    check_program(ALL, &Program::script(""), "call <module> 1; line 0; return 0 None");
}

#[test]
fn exit_codes_are_those_that_the_process_would_have() {
    for (raised, printed, code) in [
        ("SystemExit", "", 0),
        ("SystemExit(None)", "", 0),
        ("SystemExit(3)", "", 3),
        ("SystemExit(True)", "", 1),
        ("SystemExit(256)", "", 0),
        ("SystemExit(-1)", "", 255),
        ("SystemExit('why')", "stderr 'why\\n'; ", 1),
        ("SystemExit([1])", "stderr '[1]\\n'; ", 1),
    ] {
        let message = match raised.strip_prefix("SystemExit(").and_then(|rest| rest.strip_suffix(')')) {
            Some(argument) => format!("SystemExit: {}", argument.trim_matches('\'')),
            None => "SystemExit".to_owned(),
        };
        let events = format!("call <module> 1; line 1; raise 1 {message}; unwind 1 {message}; {printed}");
        check(&format!("raise {raised}\n"), &format!("{events}end exited {code}"));
    }
}

#[test]
fn sys_exit_unwinds_the_frames_that_call_it() {
    check(
        "
        import sys
        def f():
            try:
                sys.exit(2)
            finally:
                x = 1
        f()
        ",
        "
        call <module> 1; line 1; line 2 +sys=<module 'sys'>; line 7 +f=<function f>
        call f 2; line 3; line 4; raise 4 SystemExit: 2; line 6; unwind 6 SystemExit: 2 +x=1
        unwind 7 SystemExit: 2
        end exited 2
        ",
    );
}

#[test]
fn what_runs_after_the_end_is_not_traced_but_its_output_is() {
    check(
        "
        import atexit
        @atexit.register
        def late():
            print('late')
        print('early')
        ",
        r"
        call <module> 1; line 1; line 2 +atexit=<module 'atexit'>; line 3; line 2; line 3; line 5 +late=<function late>
        stdout 'early\n'; return 5 None; stdout 'late\n'
        ",
    );
}

#[test]
fn a_script_sees_the_module_that_it_would_be_untraced() {
    let source = "
        import linecache, traceback
        print(__name__, __spec__, __file__, type(__loader__).__name__, __loader__.path)
        try: exec('1 / 0')
        except ZeroDivisionError: print(traceback.format_exc().splitlines()[-2:])
        ";
    let expected = "__main__ None main.py SourceFileLoader main.py\n\
        ['  File \"<string>\", line 1, in <module>', 'ZeroDivisionError: division by zero']\n";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let output = account.events.iter().filter(|event| event.kind == "output");
        let printed: String = output.filter_map(|event| event.text.as_deref()).collect();
        assert_eq!(printed, expected, "{tracer} tells of this output");
    }
}

#[test]
fn output_stands_where_it_was_written() {
    check(
        r"
        import sys
        def f():
            print('a', 'b', sep='-', end='')
            sys.stdout.write('c\n')
            sys.stderr.write('d')
            print('e', file=sys.stderr)
            return 'f'
        print(f())
        sys.stdout.buffer.write(b'\xff\xe2\x82')
        sys.stdout.buffer.write(b'\xac')
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'>; line 8 +f=<function f>
        call f 2; line 3; stdout 'a-b'; line 4; stdout 'c\n'; line 5; stderr 'd'; line 6; stderr 'e\n'; line 7
        return 7 'f'
        stdout 'f\n'; line 9; stdout '<ff><e2><82>'; line 10; stdout '<ac>'; return 10 None
        "
        .replace("<ff><e2><82>", "\u{fffd}\u{fffd}")
        .replace("<ac>", "\u{fffd}")
        .as_str(),
    );
}

#[test]
fn writes_that_neighbour_each_other_are_one_event() {
    check(
        r"
        import sys
        sys.stdout.buffer.write(b'\xe2'), sys.stdout.buffer.write(b'\x82\xac'), print('!'); print(1)
        print(2)
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'>; stdout '€!\n1\n'; line 3; stdout '2\n'; return 3 None
        ",
    );
}

#[test]
fn a_replaced_stream_is_not_standard_output() {
    check(
        "
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()):
            print('unseen')
        print('seen')
        ",
        r"
        call <module> 1; line 1
        line 2 +contextlib=<module 'contextlib'> +io=<module 'io'>; line 3; line 2; line 4; stdout 'seen\n'
        return 4 None
        ",
    );
}

#[test]
fn a_source_that_does_not_compile_is_a_syntax_error() {
    for (source, message) in [
        ("x = \n", "SyntaxError: invalid syntax (main.py, line 1)"),
        (
            "if x:\ny\n",
            "IndentationError: expected an indented block after 'if' statement on line 1 (main.py, line 2)",
        ),
        ("# coding: no-such\n", "SyntaxError: unknown encoding: no-such"),
        ("return 1\n", "SyntaxError: 'return' outside function (main.py, line 1)"),
    ] {
        for (tracer, account) in accounts(ALL, &Program::script(source)) {
            let end = account.end.expect("an end");
            assert_eq!(end.verdict, "syntax_error", "{tracer}");
            let found = format!("{}: {}", end.type_name, end.text);
            assert!(found.starts_with(message), "{tracer} tells {found}");
            assert!(account.events.iter().all(|event| event.kind == "output"), "{tracer}");
        }
    }
}

#[test]
fn bytes_that_are_not_utf_8_do_not_compile() {
    for (tracer, account) in accounts(ALL, &Program::script(*b"x = '\xff'\n")) {
        assert_eq!(account.end.expect("an end").verdict, "syntax_error", "{tracer}");
    }
}

#[test]
fn a_nul_byte_does_not_compile() {
    for (tracer, account) in accounts(ALL, &Program::script(*b"x = 1\n\0\n")) {
        assert_eq!(account.end.expect("an end").verdict, "syntax_error", "{tracer}");
    }
}

#[test]
fn a_source_can_declare_its_encoding() {
    for source in [&b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"[..], b"\xef\xbb\xbfx = '\xc3\xa9'\n"] {
        for (tracer, account) in accounts(ALL, &Program::script(source)) {
            let last = account.events.last().expect("events");
            assert_eq!(last.changes[0].4.as_deref(), Some("'é'"), "{tracer}");
        }
    }
}

#[test]
fn the_program_sees_itself_as_main() {
    check(
        "
        import sys
        x = __name__, __file__, sys.argv, sys.modules['__main__'].__dict__ is globals()
        ",
        "
        call <module> 1; line 1; line 2 +sys=<module 'sys'>
        return 2 None +x=('__main__', 'main.py', ['main.py'], True)
        ",
    );
}

#[test]
fn a_call_is_traced_from_its_function_on() {
    check_call(
        "
        print('importing')
        k = 3
        def f(a, b=2, *c):
            return [a, b, c, k]
        ",
        "f",
        "k, *[4, 5]",
        r"
        stdout 'importing\n'
        call f 3 +global:k=3 +a=3 +b=4 +c=(5,); line 4; return 4 [3, 4, (5,), 3]
        end returned [3, 4, (5,), 3]
        ",
    );
}

#[test]
fn what_a_call_does_before_its_function_is_traced_too_if_it_is_of_the_source() {
    check_call(
        "
        def g(): return 1
        def f(a): return a
        ",
        "f",
        "g()",
        "
        call g 1; line 1; return 1 1
        call f 2 +a=1; line 2; return 2 1
        end returned 1
        ",
    );
}

#[test]
fn a_generator_begun_before_the_call_is_entered_by_its_next_resumption() {
    check_call(
        "
        def g():
            x = 1
            yield x
            yield x + 1
        a = g()
        next(a)
        def f():
            return next(a), next(a, 3)
        ",
        "f",
        "",
        "
        call f 7 +global:a=<generator g at line 3>; line 8
        call g 1 +x=1; line 4; yield 4 2
        resume 1 g 4; return 4 None
        return 8 (2, 3) global:a=<generator g done>
        end returned (2, 3)
        ",
    );
}

#[test]
fn a_function_that_is_missing_is_no_entry() {
    check_call("x = 1", "f", "", "end no_entry");
    check_call("f = 1", "f", "", "end no_entry");
}

#[test]
fn anything_that_can_be_called_is_an_entry() {
    check_call(
        "
        class f:
            def __init__(self, x):
                self.x = x
        ",
        "f",
        "[1]",
        "
        call f.__init__ 2 +self=f() +x=[1]; line 3; return 3 None +self.x=[1]
        end returned f(x=[1])
        ",
    );
    check_call("f = len", "f", "'abc'", "end returned 3");
}

#[test]
fn an_input_that_is_no_argument_list_is_bad() {
    let source = "def f(*a, **k): return len(a) + len(k)";
    for input in ["1, (", "1), f(2", "1)(2", "1) if 0 else f(2", "x = ", "1 2", "**", "import os"] {
        check_call(source, "f", input, "end bad_input");
    }
    let called = |arguments: &str| format!("call f 1 {arguments}; line 1; return 1 1; end returned 1");
    check_call(source, "f", "x for x in [1]", &called("+a=(<generator <genexpr> not started>,) +k={}"));
    check_call(source, "f", "[1,\n 2], # two", &called("+a=([1, 2],) +k={}"));
    check_call(source, "f", "**{'b': 1}", &called("+a=() +k={'b': 1}"));
}

#[test]
fn an_input_that_raises_ends_the_call() {
    for (tracer, account) in accounts(ALL, &Program::call("def f(x): pass\n", "f", "undefined")) {
        let end = account.end.expect("an end");
        assert_eq!((end.verdict.as_str(), end.type_name.as_str()), ("raised", "NameError"), "{tracer}");
        assert_eq!(end.text, "name 'undefined' is not defined");
    }
}

#[test]
fn a_source_that_raises_or_exits_before_the_call_ends_there() {
    for (tracer, account) in accounts(ALL, &Program::call("def f(): pass\n1/0\n", "f", "")) {
        assert_eq!(account.end.expect("an end").type_name, "ZeroDivisionError", "{tracer}");
        assert!(account.events.iter().all(|event| event.kind == "output"), "{tracer}");
    }
    check_call("raise SystemExit(4)", "f", "", "end exited 4");
}

#[test]
fn an_uncaught_exception_of_a_call_is_printed_with_the_frames_below_it() {
    let source = "
        def f(x):
            raise ValueError(x)
        ";
    let expected = r#"
        call f 1 +x=5; line 2; raise 2 ValueError: 5; unwind 2 ValueError: 5
        stderr 'Traceback (most recent call last):\n  File "<input>", line 1, in <module>\n  File "main.py", line 2, in f\n    raise ValueError(x)\nValueError: 5\n'
        end raised ValueError: 5
        "#;
    check_program(ALL, &Program::call(dedented(source), "f", "5"), expected);
}

#[test]
fn an_excepthook_of_the_program_is_used() {
    check_on(
        ALL,
        "
        import sys
        sys.excepthook = lambda *e: print('hooked', e[1])
        1 // 0
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'>; line 3
        raise 3 ZeroDivisionError: integer division or modulo by zero
        unwind 3 ZeroDivisionError: integer division or modulo by zero
        stdout 'hooked integer division or modulo by zero\n'
        end raised ZeroDivisionError: integer division or modulo by zero
        ",
    );
}
