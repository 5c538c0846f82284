//! Frames, series and indexes of pandas, where there is a Python that has it: that of the tests with the readers of
//! others.

use super::numpy::check_with;

#[track_caller]
fn check(source: &str, expected: &[(&str, &str, &str)]) {
    check_with("pandas", "import numpy as np, pandas as pd", source, expected);
}

#[test]
fn frames_show_their_shape_and_the_type_and_first_items_of_each_column() {
    check(
        "
        a = pd.DataFrame({1: [1, 2, 3], 2: [0.5, 1.5, np.nan], 3: [4, 5, 6]})
        b = pd.DataFrame({'x': range(1000)}, columns=pd.Index(['x'], dtype=object))
        c = pd.DataFrame(np.arange(40).reshape(2, 20))
        d = pd.DataFrame()
        e = pd.DataFrame({0: ['s', None], 1: pd.Categorical(['u', 'v'])}, dtype=object)
        f = pd.DataFrame({0: pd.Categorical(['u', 'v'])})
        g = pd.DataFrame({0: [1]})
        g[1] = 2.5
        ",
        &[
            (
                "a",
                "DataFrame",
                "<DataFrame (3, 3) {1: int64 [1, 2, 3], 2: float64 [0.5, 1.5, nan], 3: int64 [4, 5, 6]}>",
            ),
            ("b", "DataFrame", "<DataFrame (1000, 1) {'x': int64 [0, 1, 2, 3, 4, … 995 more]}>"),
            (
                "c",
                "DataFrame",
                "<DataFrame (2, 20) {0: int64 [0, 20], 1: int64 [1, 21], 2: int64 [2, 22], 3: int64 [3, 23], \
                 4: int64 [4, 24], 5: int64 [5, 25], 6: int64 [6, 26], 7: int64 [7, 27], … 12 more}>",
            ),
            ("d", "DataFrame", "<DataFrame (0, 0) {}>"),
            ("e", "DataFrame", "<DataFrame (2, 2) {0: object ['s', None], 1: object ['u', 'v']}>"),
            ("f", "DataFrame", "<DataFrame (2, 1) {0: Categorical}>"),
            ("g", "DataFrame", "<DataFrame (1, 2) {0: int64 [1], 1: float64 [2.5]}>"),
        ],
    );
}

#[test]
fn series_and_indexes_read_like_the_arrays_that_they_hold() {
    check(
        "
        a, b = pd.Series([1, 2], name='n'), pd.Series(['x', None], dtype=object)
        c, d, e = pd.Index([4, 7]), pd.RangeIndex(3), pd.RangeIndex(0, 9, 2)
        f, g = pd.Series(pd.Categorical(['u', 'v', 'u'])), pd.Series(pd.date_range('2020-01-01', periods=2))
        h = [pd.Series(range(100), dtype='i2')]
        ",
        &[
            ("a", "Series", "<Series 'n' int64 (2,) [1, 2]>"),
            ("b", "Series", "<Series object (2,) ['x', None]>"),
            ("c", "Index", "<Index int64 (2,) [4, 7]>"),
            ("d", "RangeIndex", "<RangeIndex of range(0, 3)>"),
            ("e", "RangeIndex", "<RangeIndex of range(0, 9, 2)>"),
            ("f", "Series", "<Series Categorical (3,)>"),
            ("g", "Series", "<Series DatetimeArray (2,)>"),
            (
                "h",
                "list",
                "[<Series int16 (100,) [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, … 83 more]>]",
            ),
        ],
    );
}

#[test]
fn a_frame_that_is_changed_in_place_shows_the_change() {
    check(
        "
        a = pd.DataFrame({0: [1, 2]})
        b = a
        a.loc[1, 0] = 5
        ",
        &[("b", "DataFrame", "<DataFrame (2, 1) {0: int64 [1, 5]}>")],
    );
}

#[test]
fn what_only_looks_like_a_frame_is_not_asked_and_does_not_mislead() {
    check(
        "
        def fail(*arguments): print('ran'); raise SystemExit
        class Mine(pd.DataFrame):
            __repr__ = __len__ = __getattr__ = __iter__ = fail
            shape = columns = dtypes = blocks = property(fail)
        made = pd.DataFrame({0: [1]})
        a = Mine._from_mgr(made._mgr, [])
        class Base: pass
        class DataFrame(Base):
            __module__ = 'pandas'
            blocks = axes = property(fail)
        b, c, d, e = DataFrame(), DataFrame(), DataFrame(), DataFrame()
        b._mgr = b
        class BlockManager(Base):
            __module__ = 'pandas._libs.internals'
            blocks = axes = property(fail)
        BlockManager.__name__ = 'pandas._libs.internals.BlockManager'
        c._mgr = BlockManager()
        d._mgr = made._mgr
        e._mgr = pd.DataFrame({0: [1]})._mgr
        e._mgr.blocks, e._mgr.axes = (e, 1), [fail]
        ",
        &[
            ("a", "Mine", "<Mine (1, 1) {0: int64 [1]}>"),
            ("b", "DataFrame", "DataFrame(_mgr=DataFrame(...))"),
            ("c", "DataFrame", "DataFrame(_mgr=pandas._libs.internals.BlockManager())"),
            ("d", "DataFrame", "<DataFrame (1, 1) {0: int64 [1]}>"),
        ],
    );
}
