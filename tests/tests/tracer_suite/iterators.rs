//! How iterators that are made of others, and files, let see where they stand.

use super::check::{check, check_on, check_values};

#[test]
fn endless_iterators_read_as_the_call_that_goes_on_from_there() {
    check_values(
        "
        import itertools as it
        a, b, c, d = it.count(), it.count(5, 2), it.count(0.5, 0.25), it.count(1 << 70)
        e, f, g = it.repeat('x'), it.repeat([1], 3), it.repeat(None, 1)
        class Step(int):
            def __eq__(self, other): print('ran'); return True
        i = it.count(1, Step(1))
        for x in (a, b, c, d, f, g): next(x)
        ",
        &[
            ("a", "count", "count(1)"),
            ("b", "count", "count(7, 2)"),
            ("c", "count", "count(0.75, 0.25)"),
            ("d", "count", "count(1180591620717411303425)"),
            ("e", "repeat", "repeat('x')"),
            ("f", "repeat", "repeat([1], 2)"),
            ("g", "repeat", "repeat(None, 0)"),
            ("i", "count", "count(1, Step(1))"),
        ],
    );
}

#[test]
fn a_count_goes_on_beyond_what_a_word_holds() {
    check_values(
        "
        import itertools as it
        a, b = it.count((1 << 63) - 1), it.count((1 << 63) - 1)
        next(b)
        ",
        &[("a", "count", "count(9223372036854775807)"), ("b", "count", "count(9223372036854775808)")],
    );
}

#[test]
fn iterators_over_iterators_show_both() {
    check_values(
        "
        import itertools as it, operator
        def f(x): return x < 2
        def on(iterator, steps=1):
            for _ in range(steps): next(iterator, None)
            return iterator
        a, b, c = on(it.chain([1, 2], 'ab')), on(it.cycle([1, 2])), on(it.cycle([1, 2]), 3)
        d, e, g = on(it.islice(range(9), 2, 8, 3)), it.islice('abc', None), on(it.islice('ab', 1), 2)
        h, i = on(it.accumulate([1, 2, 3], operator.mul), 2), it.accumulate([1], initial=[7])
        j, k, l = on(it.takewhile(f, [1, 5])), on(it.takewhile(f, [1, 5]), 2), on(it.dropwhile(f, [1, 5, 6]))
        m, n, o = it.filterfalse(None, [0]), it.starmap(pow, [(1, 2)]), on(it.compress('abc', [0, 1, 1]))
        p, q = on(it.pairwise('abc')), on(it.zip_longest('abc', [1], fillvalue='-'), 2)
        r, s = on(it.groupby('aab')), on(it.groupby([1, 3], f), 2)
        t = next(it.groupby('aab'))[1]
        u = on(it.chain([]))
        v = it.chain.from_iterable([[1]])
        ",
        &[
            ("a", "chain", "<chain <list_iterator 1 of [1, 2]> of <tuple_iterator 1 of ([1, 2], 'ab')>>"),
            ("b", "cycle", "<cycle of <list_iterator 1 of [1, 2]>>"),
            ("c", "cycle", "<cycle 1 of [1, 2]>"),
            ("d", "islice", "<islice slice(2, 5, 3) of <range_iterator of range(3, 9)>>"),
            ("e", "islice", "<islice slice(0, None, 1) of <str_ascii_iterator 0 of 'abc'>>"),
            ("g", "islice", "<islice done>"),
            ("h", "accumulate", "<accumulate <built-in function mul> 2 of <list_iterator 2 of [1, 2, 3]>>"),
            ("i", "accumulate", "<accumulate [7] of <list_iterator 0 of [1]>>"),
            ("j", "takewhile", "<takewhile <function f> of <list_iterator 1 of [1, 5]>>"),
            ("k", "takewhile", "<takewhile done>"),
            ("l", "dropwhile", "<dropwhile <function f> of <list_iterator 2 of [1, 5, 6]>>"),
            ("m", "filterfalse", "<filterfalse None of <list_iterator 0 of [0]>>"),
            ("n", "starmap", "<starmap <built-in function pow> of <list_iterator 0 of [(1, 2)]>>"),
            ("o", "compress", "<compress <list_iterator 2 of [0, 1, 1]> of <str_ascii_iterator 2 of 'abc'>>"),
            ("p", "pairwise", "<pairwise 'b' of <str_ascii_iterator 2 of 'abc'>>"),
            ("q", "zip_longest", "<zip_longest '-' of (<str_ascii_iterator 2 of 'abc'>, <NULL>)>"),
            ("r", "groupby", "<groupby 'a' of <str_ascii_iterator 1 of 'aab'>>"),
            ("s", "groupby", "<groupby <function f> False of <list_iterator 2 of [1, 3]>>"),
            ("t", "_grouper", "<_grouper 'a' of <groupby 'a' of <str_ascii_iterator 1 of 'aab'>>>"),
            ("u", "chain", "<chain done>"),
            ("v", "chain", "<chain of <list_iterator 0 of [[1]]>>"),
        ],
    );
}

#[test]
fn combinations_show_which_positions_were_picked_last() {
    check_values(
        "
        import itertools as it
        def on(iterator, steps=1):
            for _ in range(steps): next(iterator, None)
            return iterator
        a, b, c = it.product('ab', [1, 2]), on(it.product('ab', [1, 2]), 3), on(it.product([1]), 2)
        d, e, f = it.combinations('abc', 2), on(it.combinations('abc', 2), 2), it.combinations('a', 2)
        g = on(it.combinations_with_replacement('ab', 2), 2)
        h, i, j = on(it.permutations('abc', 2), 3), it.permutations('ab'), on(it.permutations('ab', 0), 2)
        ",
        &[
            ("a", "product", "<product of (('a', 'b'), (1, 2))>"),
            ("b", "product", "<product [1, 0] of (('a', 'b'), (1, 2))>"),
            ("c", "product", "<product done>"),
            ("d", "combinations", "<combinations of ('a', 'b', 'c')>"),
            ("e", "combinations", "<combinations [0, 2] of ('a', 'b', 'c')>"),
            ("f", "combinations", "<combinations done>"),
            ("g", "combinations_with_replacement", "<combinations_with_replacement [0, 1] of ('a', 'b')>"),
            ("h", "permutations", "<permutations [1, 0] of ('a', 'b', 'c')>"),
            ("i", "permutations", "<permutations of ('a', 'b')>"),
            ("j", "permutations", "<permutations done>"),
        ],
    );
}

#[test]
fn batches_show_their_size() {
    check_on(
        12..=13,
        "
        from itertools import batched
        a = batched('abcde', 2)
        b = next(a)
        ",
        "
        call <module> 1; line 1
        line 2 +batched=<class 'batched'>
        line 3 +a=<batched 2 of <str_ascii_iterator 0 of 'abcde'>>
        return 3 None a=<batched 2 of <str_ascii_iterator 2 of 'abcde'>> +b=('a', 'b')
        ",
    );
}

#[test]
fn iterators_that_contain_themselves_come_to_an_end() {
    check_values(
        "
        import itertools as it
        l = []
        a = it.chain(l, [1])
        l.append(a)
        b = it.chain([2])
        for _ in range(100): b = it.chain(b)
        c = it.cycle(l)
        ",
        &[
            ("a", "chain", "<chain of <tuple_iterator 0 of ([<chain>], [1])>>"),
            ("b", "chain", "<chain of <tuple_iterator 0 of (<chain of <tuple_iterator>>,)>>"),
            ("c", "cycle", "<cycle of <list_iterator 0 of [<chain of <tuple_iterator>>]>>"),
        ],
    );
}

#[test]
fn an_iterator_moves_on_as_a_change() {
    check(
        "
        from itertools import islice
        a = islice([1, 2, 3], 2)
        next(a)
        b = [a]
        next(a)
        ",
        "
        call <module> 1; line 1
        line 2 +islice=<class 'islice'>
        line 3 +a=<islice slice(0, 2, 1) of <list_iterator 0 of [1, 2, 3]>>
        line 4 a=<islice slice(0, 1, 1) of <list_iterator 1 of [1, 2, 3]>>
        line 5 +b=[<islice slice(0, 1, 1) of <list_iterator 1 of [1, 2, 3]>>]
        return 5 None a=<islice slice(0, 0, 1) of <list_iterator 2 of [1, 2, 3]>> \
            b[0]=<islice slice(0, 0, 1) of <list_iterator 2 of [1, 2, 3]>>
        ",
    );
}

#[test]
fn asynchronous_generators_show_where_they_stand() {
    check_values(
        "
        async def g(): yield 1
        def on(awaitable):
            try: awaitable.send(None)
            except StopIteration: pass
        a, b, c = g(), g(), g()
        d = b.asend(None)
        on(d)
        on(c.aclose())
        ",
        &[
            ("a", "async_generator", "<async_generator g not started>"),
            ("b", "async_generator", "<async_generator g at line 1>"),
            ("c", "async_generator", "<async_generator g done>"),
            ("d", "async_generator_asend", "<async_generator_asend>"),
        ],
    );
}

#[test]
fn files_show_name_and_mode() {
    check_values(
        "
        import io, os
        a, b, c = open('made', 'w'), open('made', 'ab'), open('made', 'rb+')
        d, e = open('made'), open('made', 'rb', buffering=0)
        f = open('made')
        f.close()
        class Path(str): pass
        g = open(Path('made'), 'x' if False else 'r')
        h = open(e.fileno(), closefd=False)
        i = open('made', 'rb').detach()
        j = open('made')
        j.detach()
        k = io.BytesIO(b'a')
        ",
        &[
            ("a", "TextIOWrapper", "<TextIOWrapper 'made' mode w>"),
            ("b", "BufferedWriter", "<BufferedWriter 'made' mode a>"),
            ("c", "BufferedRandom", "<BufferedRandom 'made' mode r+>"),
            ("d", "TextIOWrapper", "<TextIOWrapper 'made' mode r>"),
            ("e", "FileIO", "<FileIO 'made' mode r>"),
            ("f", "TextIOWrapper", "<TextIOWrapper 'made' mode r closed>"),
            ("g", "TextIOWrapper", "<TextIOWrapper Path('made') mode r>"),
            ("i", "FileIO", "<FileIO 'made' mode r>"),
            ("j", "TextIOWrapper", "<TextIOWrapper>"),
            ("k", "BytesIO", "<BytesIO>"),
        ],
    );
}
