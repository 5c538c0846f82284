//! Programs that trace themselves. The reference cannot follow them, so what they print is compared with what
//! they print untraced.

use tests::tracers::{Account, Program, interpreters, native, plain};

use super::check::{check, dedented};

/// The native tracer's accounts of a script that prints the same untraced.
#[track_caller]
pub(crate) fn undisturbed(source: &str) -> Vec<Account> {
    prints_as_untraced(&Program::script(dedented(source)))
}

#[track_caller]
pub(crate) fn prints_as_untraced(program: &Program) -> Vec<Account> {
    let run = |interpreter| {
        let (account, ended) = native::trace(interpreter, program);
        let plain = plain::run(interpreter, program);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&ended.stdout), text(&plain.stdout), "on 3.{}", interpreter.minor);
        assert_eq!(account.disorder(), None);
        account
    };
    interpreters().iter().map(run).collect()
}

pub(crate) fn lines(account: &Account, function: &str) -> Vec<u32> {
    let of_function = account.events.iter().filter(|event| event.function == function);
    of_function.filter(|event| event.kind == "line").map(|event| event.line).collect()
}

#[test]
fn a_program_finds_no_trace_function_but_its_own() {
    check(
        "
        import sys
        print(sys.gettrace(), sys.getprofile())
        ",
        r"call <module> 1; line 1; line 2 +sys=<module 'sys'>; stdout 'None None\n'; return 2 None",
    );
    undisturbed(
        "
        import sys
        def own(frame, event, argument): return own
        sys.settrace(own)
        print(sys.gettrace() is own)
        sys.settrace(None)
        print(sys.gettrace())
        ",
    );
}

#[test]
fn a_trace_function_of_the_programs_own_is_called_as_if_it_were_alone() {
    let accounts = undisturbed(
        "
        import sys, textwrap
        def own(frame, event, argument):
            if frame.f_code.co_name in ('f', 'g', 'dedent'):
                print(frame.f_code.co_name, event, frame.f_lineno, argument if event != 'exception' else argument[0])
            return own
        def f(x):
            for y in x:
                try:
                    g(y)
                except ZeroDivisionError:
                    x = y
            return x
        def g(y):
            yield y
            return 1 / y
        def h():
            f([0, 1])
            list(g(2))
            textwrap.dedent('  a')
        sys.settrace(own)
        h()
        sys.settrace(None)
        h()
        ",
    );
    for account in accounts {
        let lines = lines(&account, "h");
        assert_eq!(lines, [17, 18, 19, 17, 18, 19]);
    }
}

#[test]
fn a_trace_function_is_told_of_instructions_where_it_asks_for_them() {
    undisturbed(
        "
        import sys
        def own(frame, event, argument):
            frame.f_trace_opcodes = frame.f_code.co_name == 'f'
            print(event, frame.f_lineno, frame.f_lasti if event == 'opcode' else None)
            return own
        def f(x):
            try:
                return g(x)
            except KeyError:
                return -x
        def g(x):
            raise KeyError
        sys.settrace(own)
        f(1)
        sys.settrace(None)
        ",
    );
}

#[test]
fn a_trace_function_that_raises_is_taken_off_and_the_program_is_traced_on() {
    let accounts = undisturbed(
        "
        import sys
        def own(frame, event, argument):
            if event == 'line': raise KeyError(frame.f_lineno)
            return own
        def f():
            x = 1
            return x
        sys.settrace(own)
        try:
            f()
        except KeyError as error:
            print('caught', error, sys.gettrace())
        print(f())
        ",
    );
    for account in accounts {
        assert_eq!(lines(&account, "f").last(), Some(&7));
        assert_eq!(account.events.last().map(|event| event.kind.as_str()), Some("return"));
    }
}

#[test]
fn a_profile_function_sees_the_programs_calls_alone() {
    undisturbed(
        "
        import sys
        def own(frame, event, argument):
            print(event, frame.f_code.co_name, getattr(argument, '__name__', argument))
        def f(x):
            return len(x)
        sys.setprofile(own)
        f([1])
        sys.setprofile(None)
        f([1, 2])
        ",
    );
}

#[test]
fn settrace_refuses_what_it_always_refuses() {
    undisturbed(
        "
        import sys
        for arguments in (), (1, 2):
            try:
                sys.settrace(*arguments)
            except TypeError as error:
                print(error)
        ",
    );
}

#[test]
fn doctests_are_traced_to_the_last() {
    let accounts = undisturbed(
        "
        def f(x):
            '''
            >>> f(1)
            2
            '''
            return x + 1
        def g(x):
            '''
            >>> g(1)
            0
            '''
            return x - 1
        import doctest
        print(doctest.testmod())
        ",
    );
    for account in accounts {
        assert_eq!((lines(&account, "f"), lines(&account, "g")), (vec![6], vec![12]));
    }
}
