//! Which variables are told, where, and when.

use super::check::{check, check_call, check_on};

#[test]
fn an_assignment_shows_at_the_next_event() {
    check(
        "
        x = 1
        print(x)
        ",
        r"call <module> 1; line 1; line 2 +x=1; stdout '1\n'; return 2 None",
    );
}

#[test]
fn only_what_differs_is_told() {
    check(
        "
        x = [1]
        x = [1]
        x = (1,)
        x += (2,)
        a = b = 5
        a, b = b, 6
        ",
        "
        call <module> 1; line 1; line 2 +x=[1]; line 3; line 4 x=(1,); line 5 x=(1, 2)
        line 6 +a=5 +b=5; return 6 None b=6
        ",
    );
}

#[test]
fn a_type_alone_can_differ() {
    check(
        "
        class Meta(type): pass
        class A: pass
        B = A
        class A(metaclass=Meta): pass
        ",
        "
        call <module> 1; line 1
        call Meta 1; line 1; return 1 None
        line 2 +Meta=<class 'Meta'>
        call A 2; line 2; return 2 None
        line 3 +A=<class 'A'>; line 4 +B=<class 'A'>
        call A 4; line 4; return 4 None
        return 4 None A=<class 'A'>
        ",
    );
}

#[test]
fn deleted_variables_are_told_once_and_can_return() {
    check(
        "
        x = 1
        del x
        y = 2
        x = 1
        ",
        "call <module> 1; line 1; line 2 +x=1; line 3 -x; line 4 +y=2; return 4 None +x=1",
    );
    check_call(
        "
        def f(a, b):
            del a
            a = b
            del b
            return a
        ",
        "f",
        "1, [2]",
        "
        call f 1 +a=1 +b=[2]; line 2; line 3 -a; line 4 +a=[2]; line 5 -b; return 5 [2]
        end returned [2]
        ",
    );
}

#[test]
fn containers_mutated_in_place_show_at_any_depth() {
    check_call(
        "
        def f(x):
            x[0]['a'][1].append(3)
            x[0]['a'][1][0] = x
            del x[0]['a'][0]
            x[0]['a'][0].clear()
            x[0]['b'] = {1}
            x[0]['b'].add(2)
        ",
        "f",
        "[{'a': [0, [1, 2]]}]",
        "
        call f 1 +x=[{'a': [0, [1, 2]]}]
        line 2
        line 3 +x[0]['a'][1][2]=3
        line 4 x[0]['a'][1][0]=[...]
        line 5 -x[0]['a'][0]
        line 6 x=[{'a': [[]]}]
        line 7 +x[0]['b']={1}
        return 7 None +x[0]['b']{1}=2
        end returned None
        ",
    );
}

#[test]
fn every_name_of_a_mutated_object_shows_the_change() {
    check(
        "
        a = [1]
        b = a
        c = {'k': b}
        b.append(2)
        b = [1, 2]
        a.pop()
        ",
        "
        call <module> 1; line 1; line 2 +a=[1]; line 3 +b=[1]; line 4 +c={'k': [1]}
        line 5 +a[1]=2 +b[1]=2 +c['k'][1]=2; line 6; return 6 None -a[1] -c['k'][1]
        ",
    );
}

#[test]
fn a_callee_changes_its_callers_objects() {
    check_call(
        "
        def f(x):
            g(x)
            return len(x)
        def g(y):
            y.append(1)
        ",
        "f",
        "[]",
        "
        call f 1 +global:g=<function g> +x=[]; line 2
        call g 4 +y=[]; line 5; return 5 None +y[0]=1
        line 3 +x[0]=1; return 3 1
        end returned 1
        ",
    );
}

#[test]
fn globals_that_a_function_names_show_in_it_and_are_told_once() {
    check(
        "
        n = 0
        other = 1
        def f():
            global n, new
            n += 1
            new = [n]
        f()
        f()
        ",
        "
        call <module> 1; line 1; line 2 +n=0; line 3 +other=1; line 7 +f=<function f>
        call f 3; line 5; line 6 global:n=1; return 6 None +global:new=[1]
        line 8
        call f 3; line 5; line 6 global:n=2; return 6 None global:new[0]=2
        return 8 None
        ",
    );
}

#[test]
fn globals_that_only_a_callee_names_wait_for_it_or_for_the_module() {
    check(
        "
        seen = []
        def f():
            g()
            x = 1
        def g():
            seen.append(1)
        f()
        ",
        "
        call <module> 1; line 1; line 2 +seen=[]; line 5 +f=<function f>; line 7 +g=<function g>
        call f 2; line 3
        call g 5; line 6; return 6 None +global:seen[0]=1
        line 4; return 4 None +x=1
        return 7 None
        ",
    );
}

#[test]
fn a_global_deleted_in_a_function_is_deleted() {
    check(
        "
        n = 0
        def f():
            global n
            del n
        f()
        ",
        "
        call <module> 1; line 1; line 2 +n=0; line 5 +f=<function f>
        call f 2; line 4; return 4 None -global:n
        return 5 None
        ",
    );
}

#[test]
fn closures_show_their_cells_in_every_function_that_shares_them() {
    check_call(
        "
        def f(a):
            n = 0
            def g(b):
                nonlocal n
                n += a + b
                return n
            g(1)
            return g
        ",
        "f",
        "10",
        "
        call f 1 +a=10; line 2; line 3 +n=0; line 7 +g=<function f.<locals>.g>
        call f.<locals>.g 3 +a=10 +b=1 +n=0; line 5; line 6 n=11; return 6 11
        line 8 n=11; return 8 <function f.<locals>.g>
        end returned <function f.<locals>.g>
        ",
    );
}

#[test]
fn a_cell_that_is_not_bound_yet_is_no_variable() {
    check_call(
        "
        def f():
            g = lambda: x
            x = 1
            g()
            del x
        ",
        "f",
        "",
        "
        call f 1; line 2; line 3 +g=<function f.<locals>.<lambda>>; line 4 +x=1
        call f.<locals>.<lambda> 2 +x=1; line 2; return 2 1
        line 5; return 5 None -x
        end returned None
        ",
    );
}

#[test]
fn class_bodies_show_their_names_and_leave_out_dunders() {
    check(
        "
        class A:
            '''text'''
            x = 1
            __hidden__ = 2
            __slot = 3
            def m(self): pass
            del x
        ",
        "
        call <module> 1; line 1
        call A 1; line 1; line 2; line 3; line 4 +x=1; line 5; line 6 +_A__slot=3; line 7 +m=<function A.m>
        return 7 None -x
        return 1 None +A=<class 'A'>
        ",
    );
}

#[test]
fn a_class_body_shows_only_the_globals_that_it_declares() {
    check(
        "
        n = 1
        class A:
            global n
            n = 2
            m = n
        class B:
            m = n
        ",
        "
        call <module> 1; line 1; line 2 +n=1
        call A 2; line 2; line 4; line 5 global:n=2; return 5 None +m=2
        line 6 +A=<class 'A'>
        call B 6; line 6; line 7; return 7 None +m=2
        return 6 None +B=<class 'B'>
        ",
    );
}

#[test]
fn instances_show_their_attributes() {
    check(
        "
        class P:
            def __init__(self, x):
                self.x = x
                self.y = self
            def move(self):
                self.x += 1
        p = P(1)
        p.move()
        del p.y
        ",
        "
        call <module> 1; line 1
        call P 1; line 1; line 2; line 5; return 5 None +move=<function P.move>
        line 7 +P=<class 'P'>
        call P.__init__ 2 +self=P() +x=1; line 3; line 4 +self.x=1
        return 4 None +self.y=P(...)
        line 8 +p=P(x=1, y=P(...))
        call P.move 5 +self=P(x=1, y=P(...)); line 6; return 6 None self.x=2
        line 9 p.x=2
        return 9 None -p.y
        ",
    );
}

#[test]
fn arguments_are_shown_as_bound() {
    check_call(
        "
        def f(a, /, b, *c, d=4, **e): pass
        ",
        "f",
        "1, 2, 3, x=[5]",
        "
        call f 1 +a=1 +b=2 +c=(3,) +d=4 +e={'x': [5]}; line 1; return 1 None
        end returned None
        ",
    );
}

#[test]
fn recursion_gives_every_frame_its_own_variables() {
    check_call(
        "
        def f(n):
            if n == 0: return [n]
            r = f(n - 1)
            return r + [n]
        ",
        "f",
        "2",
        "
        call f 1 +global:f=<function f> +n=2; line 2; line 3
        call f 1 +n=1; line 2; line 3
        call f 1 +n=0; line 2; return 2 [0]
        line 4 +r=[0]; return 4 [0, 1]
        line 4 +r=[0, 1]; return 4 [0, 1, 2]
        end returned [0, 1, 2]
        ",
    );
}

#[test]
fn names_of_underscores_alone_and_names_that_are_none_are_left_out() {
    check(
        "
        _ = 1
        __ = 2
        ___ = 3
        __x = 4
        globals()['no name'] = 5
        globals()[6] = 7
        ",
        "
        call <module> 1; line 1; line 2 +_=1; line 3; line 4; line 5 +__x=4; line 6; return 6 None
        ",
    );
}

#[test]
fn comprehensions_have_frames_of_their_own_before_3_12() {
    let source = "
        def f(a):
            b = [x * y for x in a for y in a if x < y]
            return b
        ";
    let program = tests::tracers::Program::call(super::check::dedented(source), "f", "[1, 2]");
    super::check::check_program(
        11..=11,
        &program,
        "
        call f 1 +a=[1, 2]; line 2
        call f.<locals>.<listcomp> 2 +a=[1, 2]; line 2; line 2 +x=1 +y=1; line 2 y=2; line 2; line 2 x=2 y=1
        line 2 y=2; line 2; return 2 [2]
        line 3 +b=[2]; return 3 [2]
        end returned [2]
        ",
    );
    super::check::check_program(
        12..=13,
        &program,
        "
        call f 1 +a=[1, 2]; line 2; line 2 +x=1 +y=1; line 2 y=2; line 2; line 2 x=2 y=1; line 2 y=2; line 2
        line 3 +b=[2] -x -y; return 3 [2]
        end returned [2]
        ",
    );
}

#[test]
fn an_inlined_comprehension_of_a_module_shows_its_variables_as_locals() {
    let source = "
        x = 10
        a = [x for x in range(2)]
        print(x, a)
        ";
    check_on(
        11..=11,
        source,
        r"
        call <module> 1; line 1; line 2 +x=10
        call <listcomp> 2; line 2; line 2 +x=0; line 2 x=1; return 2 [0, 1]
        line 3 +a=[0, 1]; stdout '10 [0, 1]\n'; return 3 None
        ",
    );
    check_on(
        12..=13,
        source,
        r"
        call <module> 1; line 1; line 2 +x=10; line 2 +local:x=0; line 2 local:x=1
        line 3 +a=[0, 1] -local:x; stdout '10 [0, 1]\n'; return 3 None
        ",
    );
}

#[test]
fn a_comprehension_hides_a_variable_of_its_function_while_it_runs() {
    let source = "
        def f():
            x = 10
            a = [(lambda: x)() for x in [1]]
            return x
        f()
        ";
    check_on(
        12..=13,
        source,
        "
        call <module> 1; line 1; line 5 +f=<function f>
        call f 1; line 2; line 3 +x=10
        call f.<locals>.<lambda> 3 +x=1; line 3; return 3 1
        line 3 x=1; line 4 +a=[1] x=10; return 4 10
        return 5 None
        ",
    );
}

#[test]
fn the_walrus_binds_outside_of_its_comprehension() {
    check_on(
        12..=13,
        "
        def f(a):
            return [(y := x) for x in a], y
        f([1, 2])
        ",
        "
        call <module> 1; line 1; line 3 +f=<function f>
        call f 1 +a=[1, 2]; line 2
        line 2 +x=1 +y=1; line 2 x=2 y=2; return 2 ([1, 2], 2) -x
        return 3 None
        ",
    );
}
