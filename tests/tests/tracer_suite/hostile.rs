//! Programs whose objects object to being looked at. None of their code may run because they are traced.

use tests::tracers::Program;

use super::check::{ALL, accounts, check, check_call, check_values, dedented};

#[test]
fn no_method_runs_to_show_or_compare_a_value() {
    check(
        "
        class Evil:
            def fail(self, *a, **k): print('ran')
            __repr__ = __str__ = __eq__ = __ne__ = __hash__ = __bool__ = __len__ = __iter__ = fail
            __getattribute__ = __getattr__ = __format__ = __lt__ = __contains__ = __index__ = fail
            __int__ = __float__ = __sizeof__ = __dir__ = __reduce_ex__ = __getstate__ = __del__ = fail
        x = object.__new__(Evil)
        y = [x, (x,)]
        object.__setattr__(x, 'a', 1)
        ",
        "
        call <module> 1; line 1
        call Evil 1; line 1; line 2; line 3 +fail=<function Evil.fail>; line 4; line 5; return 5 None
        line 6 +Evil=<class 'Evil'>; line 7 +x=Evil(); line 8 +y=[Evil(), (Evil(),)]
        return 8 None +x.a=1 y=[Evil(a=1), (Evil(a=1),)]
        ",
    );
}

#[test]
fn a_metaclass_is_not_asked() {
    check_values(
        "
        class Meta(type):
            def fail(cls, *a): print('ran'); raise SystemExit
            __instancecheck__ = __subclasscheck__ = __eq__ = __hash__ = __repr__ = __getattribute__ = fail
            __name__ = property(fail)
        class A(metaclass=Meta): pass
        a = type.__call__(A)
        b = A
        c = [A, a]
        ",
        &[("a", "A", "A()"), ("b", "Meta", "<class 'A'>"), ("c", "list", "[<class 'A'>, A()]")],
    );
}

#[test]
fn a_class_that_lies_about_itself_is_not_believed() {
    check_values(
        "
        class Liar:
            __class__ = int
            __dict__ = property(lambda self: print('ran'))
        class Renamed: pass
        Renamed.__name__ = 'New'
        Renamed.__qualname__ = 'Q.New'
        a = Liar()
        a.x = 1
        b, c = Renamed(), Renamed
        ",
        &[("a", "Liar", "Liar(x=1)"), ("b", "New", "New()"), ("c", "type", "<class 'Q.New'>")],
    );
}

#[test]
fn methods_of_built_in_types_that_are_overridden_do_not_run() {
    check_values(
        "
        class Base:
            def fail(self, *a): print('ran'); return 0
            __iter__ = __len__ = __getitem__ = __repr__ = __str__ = __int__ = __index__ = items = keys = fail
            __eq__ = __hash__ = __add__ = __float__ = __bool__ = bit_length = fail
        class L(Base, list): pass
        class D(Base, dict): pass
        class S(Base, str): pass
        class I(Base, int): pass
        class T(Base, tuple): pass
        class F(Base, float): pass
        class Y(Base, bytes): pass
        a, b, c, d = L([1, 2]), D(a=1), S('s'), I(7)
        e, f, g = T((1,)), F(2.5), Y(b'y')
        class E(Exception):
            args = property(lambda self: print('ran'))
            __str__ = __repr__ = Base.fail
        h = E('x')
        ",
        &[
            ("a", "L", "L([1, 2])"),
            ("b", "D", "D({'a': 1})"),
            ("c", "S", "S('s')"),
            ("d", "I", "I(7)"),
            ("e", "T", "T((1,))"),
            ("f", "F", "F(2.5)"),
            ("g", "Y", "Y(b'y')"),
            ("h", "E", "E('x')"),
        ],
    );
}

#[test]
fn the_message_of_an_exception_is_made_without_its_str() {
    check_call(
        "
        class E(ValueError):
            def __str__(self): print('ran'); return 'lie'
        def f():
            try:
                raise E('true', 1)
            except E:
                return 0
        ",
        "f",
        "",
        "
        call f 3 +global:E=<class 'E'>; line 4; line 5; raise 5 E: ('true', 1); line 6; line 7; return 7 0
        end returned 0
        ",
    );
}

#[test]
fn keys_that_collide_with_names_are_not_compared() {
    check(
        "
        class K(str):
            def __eq__(self, other): print('ran'); return True
            __hash__ = str.__hash__
        class P: pass
        p = P()
        p.x = 1
        p.__dict__[K('y')] = 2
        ",
        "
        call <module> 1; line 1
        call K 1; line 1; line 2; line 3; return 3 None
        line 4 +K=<class 'K'>
        call P 4; line 4; return 4 None
        line 5 +P=<class 'P'>; line 6 +p=P(); line 7 +p.x=1; return 7 None
        ",
    );
}

#[test]
fn a_namespace_that_is_no_dict_is_left_alone() {
    let source = "
        import collections
        class Meta(type):
            def __new__(m, name, bases, space): return type.__new__(m, name, bases, dict(space))
            def __prepare__(*a): return collections.UserDict()
        class A(metaclass=Meta):
            x = 1
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let body: Vec<_> = account.events.iter().filter(|event| event.function == "A").collect();
        assert_eq!(body.len(), 4, "{tracer}");
        assert!(body.iter().all(|event| event.changes.is_empty()), "{tracer}");
    }
}

#[test]
fn a_deleted_object_can_look_back_while_it_is_deleted() {
    check_call(
        "
        class A:
            def __del__(self):
                gone.append(self.x)
        gone = []
        def f():
            a = A()
            a.x = 1
            a = None
            return gone
        ",
        "f",
        "",
        "
        call f 5 +global:A=<class 'A'> +global:gone=[]; line 6; line 7 +a=A(); line 8 +a.x=1
        call A.__del__ 2 +self=A(x=1); line 3; return 3 None +global:gone[0]=1
        line 9 a=None; return 9 [1]
        end returned [1]
        ",
    );
}
