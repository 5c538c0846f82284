//! Which lines are told, and which frames.

use super::check::{check, check_call, check_on};

#[test]
fn a_loop_comes_round_to_its_head() {
    check(
        "
        for i in range(2):
            x = i
        else:
            y = 0
        ",
        "
        call <module> 1; line 1; line 2 +i=0; line 1 +x=0; line 2 i=1; line 1 x=1; line 4
        return 4 None +y=0
        ",
    );
}

#[test]
fn a_loop_on_one_line_tells_the_line_each_time_round() {
    check(
        "
        n = 0
        while n < 2: n += 1
        for i in 'ab': n = i
        ",
        "
        call <module> 1; line 1; line 2 +n=0; line 2 n=1; line 3 n=2; line 3 +i='a' n='a'; line 3 i='b' n='b'
        return 3 None
        ",
    );
}

#[test]
fn branches_that_are_not_taken_are_not_told() {
    check_call(
        "
        def f(n):
            while True:
                n += 1
                if n == 2:
                    continue
                elif n > 3:
                    break
            return n
        ",
        "f",
        "1",
        "
        call f 1 +n=1; line 2; line 3; line 4 n=2; line 5; line 2
        line 3; line 4 n=3; line 6; line 2
        line 3; line 4 n=4; line 6; line 7; line 8; return 8 4
        end returned 4
        ",
    );
}

#[test]
fn a_statement_over_several_lines_tells_each_line_that_runs() {
    check(
        "
        x = [
            1,
            int('2'),
        ]
        y = (x
             + [3])
        ",
        "
        call <module> 1; line 2; line 3; line 1; line 5 +x=[1, 2]; line 6; line 5
        return 5 None +y=[1, 2, 3]
        ",
    );
}

#[test]
fn match_tells_the_patterns_that_it_tries() {
    check_call(
        "
        def f(x):
            match x:
                case [a]:
                    return a
                case {'k': v, **rest} if v:
                    return rest
                case _:
                    return None
        ",
        "f",
        "{'k': 1, 'l': 2}",
        "
        call f 1 +x={'k': 1, 'l': 2}; line 2; line 3; line 5; line 6 +rest={'l': 2} +v=1; return 6 {'l': 2}
        end returned {'l': 2}
        ",
    );
}

#[test]
fn with_comes_back_to_its_line_to_leave() {
    check(
        "
        class C:
            def __enter__(self): return 5
            def __exit__(self, *e): return True
        with C() as c:
            c += 1
        with C():
            raise ValueError('v')
        ",
        "
        call <module> 1; line 1
        call C 1; line 1; line 2; line 3; return 3 None
        line 4 +C=<class 'C'>
        call C.__enter__ 2 +self=C(); line 2; return 2 5
        line 5 +c=5; line 4 c=6
        call C.__exit__ 3 +e=(None, None, None) +self=C(); line 3; return 3 True
        line 6
        call C.__enter__ 2 +self=C(); line 2; return 2 5
        line 7; raise 7 ValueError: v; line 6
        call C.__exit__ 3 +e=(<class 'ValueError'>, ValueError('v'), <traceback>) +self=C(); line 3; return 3 True
        return 6 None
        ",
    );
}

#[test]
fn lambdas_and_nested_functions_are_frames() {
    check(
        "
        f = lambda x, y=2: x + y
        def g(a):
            def h():
                return f(a)
            return h()
        g(1)
        ",
        "
        call <module> 1; line 1; line 2 +f=<function <lambda>>; line 6 +g=<function g>
        call g 2 +a=1; line 3; line 5 +h=<function g.<locals>.h>
        call g.<locals>.h 3 +a=1; line 4
        call <lambda> 1 +x=1 +y=2; line 1; return 1 3
        return 4 3
        return 5 3
        return 6 None
        ",
    );
}

#[test]
fn a_decorated_function_begins_at_its_decorator() {
    check(
        "
        def d(f):
            def w(*a):
                return f(*a) + 1
            return w
        @d
        def g(x):
            return x
        g(1)
        ",
        "
        call <module> 1; line 1; line 5 +d=<function d>; line 6; line 5
        call d 1 +f=<function g>; line 2; line 4 +w=<function d.<locals>.w>; return 4 <function d.<locals>.w>
        line 6
        line 8 +g=<function d.<locals>.w>
        call d.<locals>.w 2 +a=(1,) +f=<function g>; line 3
        call g 5 +x=1; line 7; return 7 1
        return 3 2
        return 8 None
        ",
    );
}

#[test]
fn callbacks_stand_in_the_frame_that_called_the_library() {
    check_call(
        "
        import functools
        def f(a):
            a.sort(key=key)
            b = list(map(key, a))
            return functools.reduce(lambda x, y: x + y, b)
        def key(x):
            return -x
        ",
        "f",
        "[1, 2]",
        "
        call f 2 +global:functools=<module 'functools'> +global:key=<function key> +a=[1, 2]; line 3
        call key 6 +x=1; line 7; return 7 -1
        call key 6 +x=2; line 7; return 7 -2
        line 4 a=[2, 1]
        call key 6 +x=2; line 7; return 7 -2
        call key 6 +x=1; line 7; return 7 -1
        line 5 +b=[-2, -1]
        call f.<locals>.<lambda> 5 +x=-2 +y=-1; line 5; return 5 -3
        return 5 -3
        end returned -3
        ",
    );
}

#[test]
fn library_code_is_opaque() {
    check(
        "
        import textwrap
        x = textwrap.dedent('  a')
        ",
        "call <module> 1; line 1; line 2 +textwrap=<module 'textwrap'>; return 2 None +x='a'",
    );
}

#[test]
fn code_made_by_exec_and_eval_is_opaque_but_what_it_calls_is_not() {
    check(
        "
        def f(x): return x
        exec('y = f(1)\\nz = 2')
        eval('f(y)')
        ",
        "
        call <module> 1; line 1; line 2 +f=<function f>
        call f 1 +x=1; line 1; return 1 1
        line 3 +y=1 +z=2
        call f 1 +x=1; line 1; return 1 1
        return 3 None
        ",
    );
}

#[test]
fn dunder_methods_that_operators_run_are_frames() {
    check(
        "
        class V:
            def __add__(self, o): return o
            def __getitem__(self, k): return k
            def __bool__(self): return False
        v = V()
        v + 1
        v[2:3]
        if v: pass
        ",
        "
        call <module> 1; line 1
        call V 1; line 1; line 2; line 3; line 4; return 4 None
        line 5 +V=<class 'V'>; line 6 +v=V()
        call V.__add__ 2 +o=1 +self=V(); line 2; return 2 1
        line 7
        call V.__getitem__ 3 +k=slice(2, 3, None) +self=V(); line 3; return 3 slice(2, 3, None)
        line 8
        call V.__bool__ 4 +self=V(); line 4; return 4 False
        return 8 None
        ",
    );
}

#[test]
fn properties_and_descriptors_are_frames() {
    check_call(
        "
        class A:
            @property
            def x(self):
                return 1
            @classmethod
            def c(cls): return cls
            @staticmethod
            def s(): return 2
        def f(a):
            return a.x, A.c(), A.s()
        ",
        "f",
        "A()",
        "
        call f 9 +global:A=<class 'A'> +a=A(); line 10
        call A.x 2 +self=A(); line 4; return 4 1
        call A.c 5 +cls=<class 'A'>; line 6; return 6 <class 'A'>
        call A.s 7; line 8; return 8 2
        return 10 (1, <class 'A'>, 2)
        end returned (1, <class 'A'>, 2)
        ",
    );
}

#[test]
fn functions_with_type_parameters_are_made_in_a_frame_of_their_own() {
    check_on(
        12..=13,
        "
        def f[T](x: T) -> T:
            return x
        f(1)
        ",
        "
        call <module> 1; line 1
        call <generic parameters of f> 1; line 1; return 1 <function f> +T=<TypeVar>
        line 3 +f=<function f>
        call f 1 +x=1; line 2; return 2 1
        return 3 None
        ",
    );
}
