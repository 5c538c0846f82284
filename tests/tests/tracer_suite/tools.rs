//! Programs that reach for what the tracer rests on: other tools, the collector, frames and modules. They find what
//! they would find without it, and are traced to their ends all the same.

use tests::tracers::{Program, compact, interpreters, native};

use super::check::dedented;
use super::self_tracing::{lines, undisturbed};

/// Checks that a program prints the same untraced, and that the lines of its function `f` are those.
#[track_caller]
fn check(source: &str, expected: &[u32]) {
    for account in undisturbed(source) {
        assert_eq!(lines(&account, "f"), expected);
        assert_eq!(account.events.last().map(|event| event.kind.as_str()), Some("return"));
    }
}

/// Programs that use `sys.monitoring` say what they would print without it.
const MONITORING: &str = "
        import sys
        monitoring = getattr(sys, 'monitoring', None)
        if monitoring is None: raise SystemExit
";

#[test]
fn every_tool_is_free_for_the_program() {
    for account in undisturbed(&format!(
        "{MONITORING}
        def f(x):
            y = x
            return y
        for tool in range(6):
            print(tool, monitoring.get_tool(tool))
            monitoring.use_tool_id(tool, 'mine')
            monitoring.free_tool_id(tool)
            f(tool)
        for tool in range(5):
            monitoring.use_tool_id(tool, 'mine')
            f(tool)
        "
    )) {
        if account.events.iter().any(|event| event.function == "f") {
            assert_eq!(lines(&account, "f"), [6, 7].repeat(11));
        }
    }
}

#[test]
fn events_that_the_program_switches_off_are_its_own() {
    for account in undisturbed(&format!(
        "{MONITORING}
        def f(x):
            y = x
            return y
        for tool in range(6):
            try: monitoring.set_events(tool, 0)
            except ValueError as error: print(error)
            try: monitoring.set_local_events(tool, f.__code__, 0)
            except ValueError as error: print(error)
            for event in range(14):
                print(monitoring.register_callback(tool, 1 << event, None))
            monitoring.restart_events()
            f(tool)
        "
    )) {
        if account.events.iter().any(|event| event.function == "f") {
            assert_eq!(lines(&account, "f"), [6, 7].repeat(6));
        }
    }
}

#[test]
fn a_tool_of_the_programs_own_is_called_as_if_it_were_alone() {
    for account in undisturbed(&format!(
        "{MONITORING}
        def f(x):
            y = x
            return y
        events = monitoring.events
        monitoring.use_tool_id(4, 'mine')
        seen = []
        monitoring.register_callback(4, events.LINE, lambda code, line: seen.append(line))
        monitoring.set_local_events(4, f.__code__, events.LINE)
        f(1)
        print(seen, monitoring.get_local_events(4, f.__code__) == events.LINE, monitoring.get_tool(4))
        monitoring.set_local_events(4, f.__code__, 0)
        monitoring.free_tool_id(4)
        f(2)
        print(seen)
        "
    )) {
        if account.events.iter().any(|event| event.function == "f") {
            assert_eq!(lines(&account, "f"), [6, 7, 6, 7]);
        }
    }
}

#[test]
fn a_debugger_of_the_standard_library_steps_as_it_does_alone() {
    check(
        "
        import bdb
        class Debugger(bdb.Bdb):
            def user_line(self, frame):
                if frame.f_code.co_name == 'f': print(frame.f_lineno)
                self.set_step()
        def f(x):
            y = x
            return y
        Debugger().runcall(f, 1)
        f(2)
        ",
        &[7, 8, 7, 8],
    );
}

#[test]
fn a_debugger_that_reads_commands_finds_none_and_quits() {
    check(
        "
        import io, pdb
        def f(x):
            y = x
            return y
        debugger = pdb.Pdb(stdin=io.StringIO('n\\nc\\n'), stdout=io.StringIO(), nosigint=True, readrc=False)
        debugger.use_rawinput = False
        debugger.runcall(f, 1)
        f(2)
        ",
        &[3, 4, 3, 4],
    );
}

#[test]
fn profilers_and_the_tracer_of_the_standard_library_do_not_end_it() {
    check(
        "
        import cProfile, profile, trace
        def f(x):
            y = x
            return y
        cProfile.Profile().runcall(f, 1)
        profile.Profile().runcall(f, 2)
        trace.Trace(count=1, trace=0).runfunc(f, 3)
        f(4)
        ",
        &[3, 4, 3, 4, 3, 4, 3, 4],
    );
}

#[test]
fn the_collector_finds_nothing_to_take_it_apart_with() {
    check(
        "
        import gc, sys
        def f(x):
            y = x
            return y
        f(1)
        holders = gc.get_objects() + gc.get_referrers(f.__code__) + gc.get_referrers(globals())
        names = str(set(map(type, holders)))
        print('et_tracer.Callback' in names, 'PyCapsule' in names)
        gc.disable(); gc.collect(); gc.freeze(); gc.unfreeze(); gc.enable()
        f(2)
        ",
        &[3, 4, 3, 4],
    );
}

#[test]
fn variables_that_are_set_through_a_frame_show() {
    for account in undisturbed(
        "
        import ctypes, sys
        def set_x(frame):
            frame.f_locals['x'] = 7
            if sys.version_info < (3, 13):
                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        def f():
            x = 1
            set_x(sys._getframe())
            return x
        print(f())
        ",
    ) {
        let returned = account.events.iter().find(|event| event.kind == "return" && event.function == "f");
        assert_eq!(returned.and_then(|event| event.text.as_deref()), Some("7"));
    }
}

#[test]
fn a_jump_of_the_programs_own_shows_as_the_lines_that_run() {
    check(
        "
        import sys
        def own(frame, event, argument):
            if event == 'line' and frame.f_lineno == 8:
                frame.f_lineno = 9
            return own
        def f():
            x = 1
            x = 2
            return x
        sys.settrace(own)
        print(f())
        sys.settrace(None)
        print(f())
        ",
        &[7, 8, 7, 8, 9],
    );
}

#[test]
fn modules_that_are_deleted_or_emptied_are_not_missed() {
    check(
        "
        import sys, builtins
        def f(x):
            y = x
            return y
        f(1)
        for name in 'sys', 'builtins', 'threading', 'atexit', 'io', 'gc', '_thread', 'traceback':
            sys.modules.pop(name, None)
        import sys as other
        other.settrace(None); sys.settrace(None); sys.setprofile(None)
        vars(other).pop('settrace'); vars(sys).pop('gettrace', None); vars(sys).pop('monitoring', None)
        del builtins.compile, builtins.__import__
        f(2)
        ",
        &[3, 4, 3, 4],
    );
}

#[test]
fn a_library_that_takes_the_hook_without_asking_does_not_end_it() {
    check(
        "
        import ctypes
        def f(x):
            y = x
            return y
        f(1)
        ctypes.pythonapi.PyEval_SetTrace(None, None)
        ctypes.pythonapi.PyEval_SetProfile(None, None)
        f(2)
        ",
        &[3, 4, 3, 4],
    );
}

#[test]
fn a_source_that_replaces_what_the_tracer_calls_is_traced_when_its_function_is() {
    let source = "
        import builtins, sys
        def fail(*a, **k):
            print('ran')
            raise SystemExit
        def f(x):
            y = x
            return y
        for name in 'settrace', 'gettrace':
            setattr(sys, name, fail)
        monitoring = getattr(sys, 'monitoring', sys.implementation)
        for name in vars(monitoring).copy():
            if callable(getattr(monitoring, name)) and name[0] != '_':
                setattr(monitoring, name, fail)
        builtins.compile = builtins.__import__ = fail
        sys.modules['sys'] = sys.modules['ast'] = sys.modules['builtins'] = None
        ";
    for interpreter in interpreters() {
        let program = Program::call(dedented(source), "f", "1");
        let (account, ended) = native::trace(interpreter, &program);
        let report = format!("on 3.{}: {}", interpreter.minor, ended.report);
        assert_eq!(
            compact(&account),
            "call f 5 +x=1; line 6; line 7 +y=1; return 7 1; end returned 1",
            "{report}"
        );
    }
}
