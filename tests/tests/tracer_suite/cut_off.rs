//! Programs that do not come to their end. What was traced until then is kept. The reference dies with them, so the
//! native tracer stands alone.

use tests::tracers::{Account, Program, compact, interpreters, native, normalised};

use super::check::{check, dedented};

/// Checks the events of a script whose process ends without a word.
#[track_caller]
fn check_lost(source: &str, expected: &str) {
    for (minor, account, report) in traced(source) {
        let found = compact(&account.without_effects());
        assert_eq!(found, normalised(expected) + "; end missing", "on 3.{minor}: {report}");
    }
}

fn traced(source: &str) -> impl Iterator<Item = (u32, Account, String)> {
    let program = Program::script(dedented(source));
    interpreters().iter().map(move |interpreter| {
        let (account, ended) = native::trace(interpreter, &program);
        assert_eq!(account.disorder(), None);
        (interpreter.minor, account, ended.report)
    })
}

#[test]
fn a_program_that_leaves_at_once_keeps_what_came_before() {
    check_lost(
        "
        import os
        def f(x):
            print(x)
            os._exit(3)
        f(1)
        ",
        r"
        call <module> 1; line 1; line 2 +os=<module 'os'>; line 5 +f=<function f>
        call f 2 +x=1; line 3; stdout '1\n'; line 4
        ",
    );
}

#[test]
fn an_interpreter_that_crashes_keeps_what_came_before() {
    check_lost(
        "
        import ctypes
        x = 1
        ctypes.string_at(0)
        x = 2
        ",
        "call <module> 1; line 1; line 2 +ctypes=<module 'ctypes'>; line 3 +x=1",
    );
}

#[test]
fn a_program_that_ends_itself_by_a_signal_keeps_what_came_before() {
    check_lost(
        "
        import os, signal
        x = [1]
        os.kill(os.getpid(), signal.SIGKILL)
        ",
        "
        call <module> 1; line 1; line 2 +os=<module 'os'> +signal=<module 'signal'>; line 3 +x=[1]
        ",
    );
}

#[test]
fn the_handler_of_a_signal_is_a_frame_on_top_of_the_one_that_it_interrupts() {
    check(
        "
        import signal
        def f(number, _):
            _ = None
            x = number
        signal.signal(signal.SIGUSR1, lambda number, _: f(number, None))
        signal.raise_signal(signal.SIGUSR1)
        x = 1
        ",
        "
        call <module> 1; line 1; line 2 +signal=<module 'signal'>; line 5 +f=<function f>; line 6
        call <lambda> 5 +_=<frame> +number=10; line 5
        call f 2 +_=None +number=10; line 3; line 4; return 4 None +x=10
        return 5 None
        line 7; return 7 None +x=1
        ",
    );
}

#[test]
fn recursion_to_the_limit_is_traced_to_the_limit() {
    let source = "
        import sys
        sys.setrecursionlimit(500)
        def f(n):
            return f(n + 1)
        try:
            f(0)
        except RecursionError:
            print('too deep')
        ";
    for (minor, account, report) in traced(source) {
        let count = |kind: &str| account.events.iter().filter(|event| event.kind == kind).count();
        let depth = account.events.iter().map(|event| event.depth).max();
        let calls = count("call") as u32 - 1;
        assert_eq!(depth, Some(calls), "on 3.{minor}: {report}");
        assert!((480..=500).contains(&calls), "on 3.{minor} there are {calls} calls");
        assert_eq!(count("unwind") as u32, calls, "on 3.{minor}");
        assert!(account.end.is_some());
    }
}
