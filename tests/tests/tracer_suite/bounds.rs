//! Limits on what is told.

use tests::tracers::{Program, compact, interpreters, native};
use trace::Bounds;

use super::check::{ALL, accounts, check_program, dedented};

fn bounded(source: &str, max_events: u64) -> Program {
    let mut program = Program::script(dedented(source));
    program.bounds.max_events = max_events;
    program
}

#[test]
fn past_the_limit_there_is_a_gap_and_the_program_runs_on() {
    let source = "
        x = 1
        def f():
            print('unseen')
            return x
        f()
        raise SystemExit(7)
        ";
    let begin = "call <module> 1; line 1; line 2 +x=1; line 5 +f=<function f>";
    check_program(ALL, &bounded(source, 4), &format!("{begin}; gap events 0; end exited 7"));
    check_program(ALL, &bounded(source, 5), &format!("{begin}; call f 2; gap events 0; end exited 7"));
    check_program(ALL, &bounded(source, 0), "gap events 0; end exited 7");
}

#[test]
fn a_program_that_reaches_the_limit_exactly_has_no_gap() {
    check_program(ALL, &bounded("x = 1", 3), "call <module> 1; line 1; return 1 None +x=1");
    check_program(ALL, &bounded("x = 1", 2), "call <module> 1; line 1; gap events 0");
}

#[test]
fn long_programs_are_told_whole_where_a_job_asks_for_it() {
    let loops = "total = 0\nfor number in range(100_000):\n    total += number\n";
    // The call and the first line; each time the loop's line and its body; the loop's end and the return.
    check_whole(loops, 2 + 2 * 100_000 + 2);
    // As many steps as the longest chain that models were known to follow in traces; each is a line, the call with
    // its line and return, and the loop's line.
    let chain = "state = 1\ndef step():\n    global state\n    state = state * 5 % 14057\nfor _ in range(14_055):\n    step()\n";
    check_whole(chain, 4 + 14_055 * 5 + 1);
}

#[track_caller]
fn check_whole(source: &str, events: usize) {
    let mut program = Program::script(source);
    program.bounds.max_events = 1_000_000;
    for interpreter in interpreters() {
        let (account, ended) = native::trace(interpreter, &program);
        let (minor, last) = (interpreter.minor, account.events.last().map(|event| event.kind.as_str()));
        assert_eq!((account.events.len(), last), (events, Some("return")), "on 3.{minor}: {}", ended.report);
        assert_eq!(account.disorder(), None);
    }
}

/// The depths that calls are stepped into near the end of a budget: first all, then one, then none.
#[test]
fn before_a_budget_ends_deep_calls_are_left_out() {
    let source = "
        def outer(n):
            return inner(n) + 1
        def inner(n):
            return n
        for n in range(8):
            outer(n)
        ";
    let begin = "call <module> 1; line 1; line 3 +outer=<function outer>; line 5 +inner=<function inner>";
    let line = |n: u32| format!("; line 6 {}n={n}", if n == 0 { "+" } else { "" });
    let call = |n: u32| format!("; call outer 1 +n={n}; line 2");
    let inner = |n: u32| format!("; call inner 3 +n={n}; line 4; return 4 {n}");
    let left_out = "; gap depth 0";
    let end = |n: u32| format!("; return 2 {}", n + 1);
    let mut expected = begin.to_owned();
    for n in 0..6 {
        expected += &(line(n) + &call(n) + &inner(n) + &end(n) + "; line 5");
    }
    // 54 events of 60 are told, then 58.
    expected += &(line(6) + &call(6) + left_out + &end(6) + "; line 5");
    expected += &(line(7) + left_out + "; line 5; return 5 None");
    check_program(ALL, &bounded(source, 60), &expected);
}

#[test]
fn a_generator_that_was_left_out_is_told_again_where_it_is_less_deep() {
    // When the last eighth of 64 events begins, the generator has run below two frames.
    let source = "
        def numbers():
            n = 0
            while True:
                n += 1
                yield n
        def deeper(each):
            return next(each)
        each = numbers()
        deeper(each)
        for _ in range(20):
            pass
        deeper(each)
        next(each)
        ";
    let left_out = "; line 7; gap depth 0; return 7 2; line 13";
    let told_again = "; resume 2 numbers 5 n=2; line 3; line 4; line 5 n=3; gap events 0";
    for (tracer, account) in accounts(ALL, &bounded(source, 64)) {
        let told = compact(&account);
        assert!(told.ends_with(&format!("{left_out}{told_again}")), "{tracer} tells {told:?}");
    }
}

#[test]
fn output_does_not_count() {
    check_program(ALL, &bounded("print(1)", 3), r"call <module> 1; line 1; stdout '1\n'; return 1 None");
}

#[test]
fn a_returned_value_is_told_even_past_the_limit() {
    let mut program = Program::call("def f(n): return list(range(n))\n", "f", "3");
    program.bounds.max_events = 1;
    check_program(ALL, &program, "call f 1 +n=3; gap events 0; end returned [0, 1, 2]");
}

#[test]
fn values_in_events_and_the_returned_value_have_budgets_of_their_own() {
    let mut program = Program::call("def f(s): return [s, s]\n", "f", "'abcdefghijklmnopqrstuvwxyz'");
    program.bounds = Bounds { value_chars: 20, output_chars: 40, ..program.bounds };
    check_program(
        ALL,
        &program,
        "
        call f 1 +s='abcdefghijklmnopqrst' … 6 more; line 1; return 1 […]
        end returned ['abcdefghijklmnopqrstuvwxyz', 'abcdefghijklmnop' … 10 more]
        ",
    );
}

#[test]
fn a_budget_of_nothing_leaves_names_numbers_and_the_beginnings_of_strings() {
    let mut program =
        Program::call("def f(a, b, c, d): return [a]\n", "f", "2**60 - 1, 2**60, [0], 'a' * 20");
    program.bounds = Bounds { value_chars: 0, output_chars: 0, ..program.bounds };
    check_program(
        ALL,
        &program,
        "
        call f 1 +a=1152921504606846975 +b=<int of 61 bits> +c=[…] +d='aaaaaaaaaaaaaaaa' … 4 more; line 1
        return 1 […]
        end returned […]
        ",
    );
}

#[test]
fn messages_of_exceptions_have_the_budget_of_values() {
    let mut program = Program::script("raise ValueError('abcdefghijklmnopqrstuvwxyz')\n");
    program.bounds = Bounds { value_chars: 20, output_chars: 1000, ..program.bounds };
    for (tracer, account) in accounts(ALL, &program) {
        assert_eq!(account.end.expect("an end").text, "abcdefghijklmnopqrst … 6 more", "{tracer}");
    }
}
