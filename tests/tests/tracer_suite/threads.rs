//! Programs with several threads. Threads take turns only where they wait for each other, so that the order of events
//! is always the same. What reads as a `Thread` shows its number in the system, so no variable holds one.

use tests::tracers::{Program, compact, interpreters, native, normalised};

use super::check::{ALL, accounts, check, dedented};

#[test]
fn a_thread_has_a_number_and_frames_of_its_own() {
    check(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        gate = threading.Lock().acquire
        gate()
        def f(x):
            gate()
            print(x)
        t = threading.Thread(target=f, args=(1,)).start
        t()
        gate.__self__.release()
        t.__self__.join()
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'> +threading=<module 'threading'>; line 3
        line 4 +gate=<built-in method acquire>; line 5; line 8 +f=<function f>; line 9 +t=<bound method Thread.start>
        @1 call f 5 +x=1; @1 line 6
        line 10; line 11
        @1 line 7; @1 stdout '1\n'; @1 return 7 None
        return 11 None
        ",
    );
}

#[test]
fn events_of_threads_that_take_turns_stand_in_the_order_in_which_they_happen() {
    check(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        ping, pong = threading.Semaphore(0).acquire, threading.Semaphore(0).acquire
        def f():
            for i in range(2):
                ping()
                pong.__self__.release()
        threading.Thread(target=f).start()
        for j in range(2):
            ping.__self__.release()
            pong()
        ",
        "
        call <module> 1; line 1; line 2 +sys=<module 'sys'> +threading=<module 'threading'>; line 3
        line 4 +ping=<bound method Semaphore.acquire> +pong=<bound method Semaphore.acquire>; line 8 +f=<function f>
        @1 call f 4; @1 line 5; @1 line 6 +i=0
        line 9; line 10 +j=0; line 11
        @1 line 7; @1 line 5; @1 line 6 i=1
        line 9; line 10 j=1; line 11
        @1 line 7; @1 line 5; @1 return 5 None
        line 9; return 9 None
        ",
    );
}

#[test]
fn a_thread_that_outlives_the_main_code_is_traced_to_its_end() {
    check(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        def f(join):
            join()
            x = 1
            print(x)
        threading.Thread(target=f, args=(threading.main_thread().join,)).start()
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'> +threading=<module 'threading'>; line 3; line 7 +f=<function f>
        @1 call f 3 +join=<bound method Thread.join>; @1 line 4
        return 7 None
        @1 line 5; @1 line 6 +x=1; @1 stdout '1\n'; @1 return 6 None
        ",
    );
}

#[test]
fn a_generator_keeps_its_frame_when_another_thread_resumes_it() {
    check(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        def g():
            yield 1
            yield 2
        it = g()
        next(it)
        t = threading.Thread(target=next, args=(it,)).start
        t()
        t.__self__.join()
        list(it)
        ",
        "
        call <module> 1; line 1; line 2 +sys=<module 'sys'> +threading=<module 'threading'>; line 3; line 6 +g=<function g>; line 7 +it=<generator g not started>
        call g 3; line 4; yield 4 1
        line 8 it=<generator g at line 4>; line 9 +t=<bound method Thread.start>
        @1 resume 1 g 4; @1 line 5; @1 yield 5 2
        line 10 it=<generator g at line 5>; line 11
        resume 1 g 5; return 5 None
        return 11 None it=<generator g done>
        ",
    );
}

#[test]
fn an_exception_in_a_thread_ends_that_thread_alone() {
    check(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        threading.excepthook = bool
        def f():
            raise KeyError('a')
        t = threading.Thread(target=f).start
        t()
        t.__self__.join()
        print('on')
        ",
        r"
        call <module> 1; line 1; line 2 +sys=<module 'sys'> +threading=<module 'threading'>; line 3; line 4; line 6 +f=<function f>
        line 7 +t=<bound method Thread.start>
        @1 call f 4; @1 line 5; @1 raise 5 KeyError: 'a'; @1 unwind 5 KeyError: 'a'
        line 8; line 9; stdout 'on\n'; return 9 None
        ",
    );
}

#[test]
fn threads_that_come_one_after_the_other_have_numbers_of_their_own() {
    let source = "
        import sys, threading
        sys.setswitchinterval(1000)
        def f(): pass
        for _ in range(5):
            t = threading.Thread(target=f).start
            t()
            t.__self__.join()
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let calls = account.events.iter().filter(|event| event.kind == "call" && event.function == "f");
        assert_eq!(calls.map(|call| call.thread).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{tracer}");
    }
}

/// The reference reaches only those that `threading` begins.
#[test]
fn threads_of_the_lowest_kind_are_traced_too() {
    let source = "
        import sys, _thread
        sys.setswitchinterval(1000)
        done = _thread.allocate_lock().acquire
        done()
        def f():
            done.__self__.release()
        _thread.start_new_thread(f, ())
        done()
        ";
    let expected = "
        call <module> 1; line 1; line 2 +_thread=<module '_thread'> +sys=<module 'sys'>; line 3
        line 4 +done=<built-in method acquire>; line 5; line 7 +f=<function f>; line 8
        @1 call f 5; @1 line 6; @1 return 6 None
        return 8 None
        ";
    for interpreter in interpreters() {
        let (account, _) = native::trace(interpreter, &Program::script(dedented(source)));
        assert_eq!(compact(&account), normalised(expected), "on 3.{}", interpreter.minor);
    }
}

#[test]
fn a_trace_function_for_threads_is_called_beside_the_tracer() {
    super::self_tracing::undisturbed(
        "
        import sys, threading
        sys.setswitchinterval(1000)
        def own(frame, event, argument):
            if frame.f_code.co_name == 'f':
                print(event, frame.f_lineno)
            return own
        def f():
            return 1
        threading.settrace(own)
        for _ in range(2):
            t = threading.Thread(target=f)
            t.start()
            t.join()
            threading.settrace(None)
        print(sys.gettrace())
        ",
    );
}
