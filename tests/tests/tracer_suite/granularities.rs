//! How finely a program is traced.

use tests::tracers::Program;
use trace::Granularity;

use super::check::{ALL, check_program, dedented};

fn traced(granularity: Granularity, source: &str) -> Program {
    Program { granularity, ..Program::script(dedented(source)) }
}

const FACTORIAL: &str = "
    calls = 0
    def factorial(n):
        global calls
        calls += 1
        return n * factorial(n - 1) if n else 1
    print(factorial(2))
    ";

#[test]
fn calls_carry_their_arguments_and_what_they_give() {
    check_program(
        ALL,
        &traced(Granularity::Call, FACTORIAL),
        r"
        call <module> 1
        call factorial 2 +n=2
        call factorial 2 +n=1
        call factorial 2 +n=0
        return 2 1
        return 2 1
        return 2 2
        stdout '2\n'
        return 1 None
        ",
    );
}

#[test]
fn calls_tell_of_generators_and_exceptions() {
    let source = "
        def numbers():
            yield 1
            raise KeyError('x')
        try:
            for number in numbers():
                pass
        except KeyError:
            pass
        ";
    check_program(
        ALL,
        &traced(Granularity::Call, source),
        "
        call <module> 1
        call numbers 1; yield 1 1
        resume 1 numbers 1; raise 1 KeyError: 'x'; unwind 1 KeyError: 'x'
        return 1 None
        ",
    );
}

#[test]
fn a_program_without_steps_tells_what_it_wrote_and_how_it_ended() {
    check_program(ALL, &traced(Granularity::Program, FACTORIAL), r"stdout '2\n'");
    let mut call = Program::call("def f(n):\n    print(n)\n    return [n]\n", "f", "3");
    call.granularity = Granularity::Program;
    check_program(ALL, &call, r"stdout '3\n'; end returned [3]");
    let source = "raise ValueError('no')";
    let written = r#"stderr 'Traceback (most recent call last):\n  File "main.py", line 1, in <module>\n    raise ValueError('no')\nValueError: no\n'"#;
    check_program(
        ALL,
        &traced(Granularity::Program, source),
        &format!("{written}; end raised ValueError: no"),
    );
}

const SUM: &str = "
    def f(a, k):
        a.append(k)
        return a + [2]
    f([1], 7)
    ";

#[test]
fn instructions_show_the_stack_before_them() {
    check_program(
        13..=13,
        &traced(Granularity::Instruction, SUM),
        "
        call <module> 1; @0 RESUME 0
        line 1; @2 LOAD_CONST <code>; @4 MAKE_FUNCTION [<code>]; @6 STORE_NAME f [<function f>]
        line 4 +f=<function f>
        @8 LOAD_NAME f; @10 PUSH_NULL [<function f>]
        @12 LOAD_CONST 1 [<function f>, NULL]; @14 BUILD_LIST 1 [<function f>, NULL, 1]
        @16 LOAD_CONST 7 [<function f>, NULL, [1]]; @18 CALL 2 [<function f>, NULL, [1], 7]
        call f 1 +a=[1] +k=7; @0 RESUME 0
        line 2; @2 LOAD_FAST a; @4 LOAD_ATTR append + NULL|self [=a]
        @24 LOAD_FAST k [<method_descriptor>, =a]; @26 CALL 1 [<method_descriptor>, =a, 7]; @34 POP_TOP [None]
        line 3 +a[1]=7; @36 LOAD_FAST a; @38 LOAD_CONST 2 [=a]; @40 BUILD_LIST 1 [=a, 2]; @42 BINARY_OP + [=a, [2]]
        @46 RETURN_VALUE [[1, 7, 2]]; return 3 [1, 7, 2]
        @26 POP_TOP [[1, 7, 2]]; @28 RETURN_CONST None; return 4 None
        ",
    );
}

#[test]
fn a_local_that_has_changed_since_it_was_told_stands_for_itself_no_more() {
    let source = "
        def f(a):
            return (a.append(1), a, a.clear(), a)
        f([])
        ";
    for (tracer, account) in super::check::accounts(ALL, &traced(Granularity::Instruction, source)) {
        let built = account.events.iter().find(|event| event.type_name.as_deref() == Some("BUILD_TUPLE"));
        let stack = built.and_then(|event| event.stack.as_ref()).expect("a tuple is built");
        // The list reads again as it was told, and is the very object of the local in both places.
        let locals: Vec<_> = stack.iter().map(|item| item.0.as_deref()).collect();
        assert_eq!(locals, [None, Some("a"), None, Some("a")], "{tracer}");
        let is_clear = |text: Option<&str>| text.is_some_and(|text| text.contains("clear"));
        let changed =
            account.events.iter().find(|event| event.stack.is_some() && is_clear(event.text.as_deref()));
        let stack = changed.and_then(|event| event.stack.as_ref()).expect("the list is cleared");
        let list = (None, Some("list".to_owned()), Some("[1]".to_owned()));
        assert_eq!(stack.last(), Some(&list), "{tracer}");
    }
}

#[test]
fn instructions_count_as_events() {
    let mut program = traced(Granularity::Instruction, "x = 1");
    program.bounds.max_events = 3;
    check_program(ALL, &program, "call <module> 1; @0 RESUME 0; line 1; gap events 0");
}
