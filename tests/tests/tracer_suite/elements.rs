//! Changes that are told by element.

use tests::tracers::{Event, Program};
use trace::Granularity;

use super::check::{ALL, accounts, check_call, check_values, dedented};

#[test]
fn lists_and_deques_tell_what_was_put_in_taken_out_and_replaced() {
    check_call(
        "
        from collections import deque
        def f():
            a = [1, 2, 3]
            a[1] = 5
            a.append(7)
            a.pop(0)
            a.insert(1, 'x')
            a[0] = [a[0]]
            q = deque([1, 2, 3, 4])
            q.append(5)
            q.popleft()
        ",
        "f",
        "",
        "
        call f 2 +global:deque=<class 'deque'>; line 3; line 4 +a=[1, 2, 3]; line 5 a[1]=5; line 6 +a[3]=7
        line 7 -a[0]; line 8 +a[1]='x'; line 9 a[0]=[5]
        line 10 +q=deque([1, 2, 3, 4]); line 11 +q[4]=5; return 11 None -q[0]
        end returned None
        ",
    );
}

#[test]
fn dicts_tell_keys_and_instances_attributes() {
    check_call(
        "
        class P: pass
        def f():
            d = {'a': 1, 'b': 2}
            d['a'] = 3
            d[1, 'k'] = [4]
            d[1, 'k'].append(5)
            del d['b']
            p = P()
            p.x = 1
            p.x += 1
            p.d = d
            d['a'] = 0
            del p.x
        ",
        "f",
        "",
        "
        call f 2 +global:P=<class 'P'>; line 3; line 4 +d={'a': 1, 'b': 2}; line 5 d['a']=3
        line 6 +d[(1, 'k')]=[4]; line 7 +d[(1, 'k')][1]=5; line 8 -d['b']
        line 9 +p=P(); line 10 +p.x=1; line 11 p.x=2; line 12 +p.d={'a': 3, (1, 'k'): [4, 5]}
        line 13 d['a']=0 p.d['a']=0; return 13 None -p.x
        end returned None
        ",
    );
}

#[test]
fn members_of_a_set_are_told_by_their_place_in_its_text() {
    check_call(
        "
        def f():
            s = {1, 5}
            s.add(3)
            s.discard(1)
            s.clear()
        ",
        "f",
        "",
        "call f 1; line 2; line 3 +s={1, 5}; line 4 +s{1}=3; line 5 -s{0}; return 5 None s=set()
        end returned None",
    );
}

#[test]
fn what_cannot_change_is_replaced_but_told_inside() {
    check_call(
        "
        def f():
            a = [(1, [2]), (3, 4)]
            a[0][1].append(5)
            a[1] = (3, 6)
            e = ValueError([1])
            e.args[0].append(2)
            a = [(1, [2, 5]), (3, 6), 7]
        ",
        "f",
        "",
        "
        call f 1; line 2; line 3 +a=[(1, [2]), (3, 4)]; line 4 +a[0][1][1]=5; line 5 a[1]=(3, 6)
        line 6 +e=ValueError([1]); line 7 +e.args[0][1]=2; return 7 None +a[2]=7
        end returned None
        ",
    );
}

#[test]
fn many_changes_at_once_are_told_as_the_whole() {
    check_call(
        "
        def f():
            a = [1, 2, 3, 4]
            a[:2] = 0, 0
            a.reverse()
            a = [4, 3, 0, 1]
        ",
        "f",
        "",
        "call f 1; line 2; line 3 +a=[1, 2, 3, 4]; line 4 a[0]=0 a[1]=0; line 5 a=[4, 3, 0, 0]
        return 5 None a[3]=1; end returned None",
    );
}

#[test]
fn keys_that_could_be_mistaken_are_told_with_their_dict() {
    check_call(
        "
        class K:
            pass
        def f():
            d = {K(): 1, 2: 3}
            d[2] = 4
            for k in d: d[k] = 5; break
            setattr(k, 'a b', 1)
        ",
        "f",
        "",
        "
        call f 3 +global:K=<class 'K'>; line 4; line 5 +d={K(): 1, 2: 3}; line 6 d[2]=4
        line 7 d={K(): 5, 2: 4} +k=K()
        return 7 None d={K(a\\x20b=1): 5, 2: 4} k=K(a\\x20b=1)
        end returned None
        ",
    );
}

#[test]
fn values_of_up_to_512_elements_show_them_all() {
    let all = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let cut = (0..67).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    check_values(
        "
        a, b = list(range(512)), list(range(513))
        c, d = [[0] * 255, [0] * 255], [[0] * 255, [0] * 256]
        e = ['x' * 240] * 40
        f = ['x' * 240] * 42
        ",
        &[
            ("a", "list", &format!("[{}]", all(512))),
            ("b", "list", &format!("[{cut}, … 446 more]")),
            ("c", "list", &format!("[[{0}], [{0}]]", vec!["0"; 255].join(", "))),
            ("d", "list", &format!("[[{}, … 170 more], … 1 more]", vec!["0"; 85].join(", "))),
            ("e", "list", &format!("[{}]", vec![format!("'{}'", "x".repeat(240)); 40].join(", "))),
            ("f", "list", &format!("['{}', '{}' … 224 more, … 40 more]", "x".repeat(240), "x".repeat(16))),
        ],
    );
}

#[test]
fn a_value_that_outgrows_its_elements_is_told_as_a_whole_from_then_on() {
    check_call(
        "
        def f(a):
            a.append(0)
            a.append(0)
            a.pop(); a.pop()
        ",
        "f",
        "[0] * 511",
        &format!(
            "call f 1 +a=[{all}]; line 2; line 3 +a[511]=0; line 4 a=[{cut}, … 428 more]
            return 4 None a=[{all}]; end returned None",
            all = vec!["0"; 511].join(", "),
            cut = vec!["0"; 85].join(", ")
        ),
    );
}

#[test]
fn a_large_object_that_is_handed_on_and_on_is_told_whole_while_that_can_be_afforded() {
    // 600 characters each time. The 32,768 that there are, and 16 more with each call, last for 56 calls, and for one
    // more when they have come together again.
    let source = "
        def f(values):
            return 0
        values = list(range(1000, 1100))
        for _ in range(100):
            f(values)
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let calls = account.events.iter().filter(|event| event.kind == "call" && event.function == "f");
        let texts = calls.map(|call| call.changes[0].4.as_deref().expect("an argument has a text"));
        let is_whole: Vec<bool> = texts.map(|text| !text.contains('…')).collect();
        let whole: Vec<usize> = (0..100).filter(|call| is_whole[*call]).collect();
        assert_eq!(whole, (0..56).chain([89]).collect::<Vec<_>>(), "{tracer}");
    }
}

#[test]
fn arguments_read_alike_at_the_granularities_of_lines_and_calls() {
    let source = "
        def f(values, more):
            more = [values, more]
            values[0] += 1
            return more
        values = list(range(1000, 1080))
        for turn in range(120):
            f(values, list(range(turn)))
        ";
    let [lines, calls] = [Granularity::Line, Granularity::Call].map(|granularity| {
        let program = Program { granularity, ..Program::script(dedented(source)) };
        accounts(ALL, &program).into_iter().map(|(tracer, account)| {
            let calls =
                account.events.into_iter().filter(|event| event.kind == "call" && event.function == "f");
            let locals =
                |event: Event| event.changes.into_iter().filter(|change| change.0 == "local").collect();
            (tracer, calls.map(locals).collect::<Vec<Vec<_>>>())
        })
    });
    for (of_lines, of_calls) in lines.zip(calls) {
        assert_eq!(of_lines, of_calls);
    }
}

#[test]
fn what_is_behind_a_cut_text_shows_when_the_text_changes() {
    let source = "
        def f(values):
            values[99] = 0
            values[0] = 0
            return 0
        values = list(range(1000, 1100))
        for _ in range(60):
            f(list(values))
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let changes = account.events.iter().filter(|event| event.function == "f" && event.kind != "call");
        let last: Vec<_> = changes.map(|event| event.changes.len()).collect();
        // Line 2, line 3 with the change at the end, line 4 with that in front, and the return.
        assert_eq!((&last[..4], &last[last.len() - 4..]), (&[0, 1, 1, 0][..], &[0, 0, 1, 0][..]), "{tracer}");
    }
}

#[test]
fn items_of_keys_count_as_elements() {
    // Three elements for each entry: 170 of them are 510.
    let source = "
        d = {}
        for n in range(175):
            d[n, n] = n
        ";
    for (tracer, account) in accounts(ALL, &Program::script(dedented(source))) {
        let changes = account.events.iter().flat_map(|event| &event.changes);
        let names: Vec<&str> = changes.map(|change| change.1.as_str()).filter(|name| *name != "n").collect();
        assert!(names[..1] == ["d"] && names[1..171].iter().all(|name| name.starts_with("d[(")), "{tracer}");
        assert_eq!(names[171..], ["d"; 5], "{tracer}");
    }
}

#[test]
fn what_has_elements_itself_comes_and_goes() {
    check_call(
        "
        def f():
            a = []
            a.append((1, 2))
            a.append([3])
            a[1].append({4: [5]})
            a[1][1][4].append(6)
            a.append((7, (8, 9)))
            a[0] = (1, 3)
            a.pop()
            a.pop(0)
            d = {}
            d['x'] = [1]
            d['x'].append(2)
        ",
        "f",
        "",
        "
        call f 1; line 2; line 3 +a=[]; line 4 +a[0]=(1, 2); line 5 +a[1]=[3]; line 6 +a[1][1]={4: [5]}
        line 7 +a[1][1][4][1]=6; line 8 +a[2]=(7, (8, 9)); line 9 a[0]=(1, 3); line 10 -a[2]; line 11 -a[0]
        line 12 +d={}; line 13 +d['x']=[1]; return 13 None +d['x'][1]=2
        end returned None
        ",
    );
}
