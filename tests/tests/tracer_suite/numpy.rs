//! Arrays and scalars of numpy, where there is a Python that has it: that of the tests with the readers of others.

use std::path::Path;
use std::process::Command;

use tests::tracers::{Account, Interpreter, Program, native, reference};

use super::check::dedented;

/// None where there is no such Python with this module.
fn interpreter(module: &str) -> Option<Interpreter> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/readers/bin/python");
    let question = format!("import sys, {module}; print(sys.version_info.minor)");
    let answer = Command::new(&path).args(["-I", "-c", &question]).output();
    let minor = answer.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim_end().parse().ok());
    match minor {
        Some(minor) => Some(Interpreter { minor, path }),
        None => {
            eprintln!(
                "{} has no {module}: its values are left out; `make readers` sets it up",
                path.display()
            );
            None
        }
    }
}

fn told<'a>(account: &'a Account, name: &str) -> Option<(&'a str, &'a str)> {
    let call = account.events.iter().rfind(|event| event.kind == "call")?;
    let change = call.changes.iter().find(|change| change.1 == name)?;
    Some((change.3.as_deref()?, change.4.as_deref()?))
}

#[track_caller]
fn check(source: &str, expected: &[(&str, &str, &str)]) {
    check_with("numpy", "import numpy as np", source, expected);
}

/// Checks type and text of some variables at the end of a script that begins with imports of this module.
#[track_caller]
pub(crate) fn check_with(module: &str, imports: &str, source: &str, expected: &[(&str, &str, &str)]) {
    let Some(interpreter) = interpreter(module) else { return };
    let names = expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let program =
        Program::script(format!("{imports}\n{}def shown({names}): pass\nshown({names})\n", dedented(source)));
    let (fast, ended) = native::trace(&interpreter, &program);
    let slow = reference::trace(&interpreter, &program).unwrap_or_else(|ended| panic!("{}", ended.report));
    for &(name, type_name, text) in expected {
        assert_eq!(
            told(&fast, name),
            Some((type_name, text)),
            "the native tracer of {name}: {}",
            ended.report
        );
        assert_eq!(told(&slow, name), Some((type_name, text)), "the reference of {name}");
    }
}

#[test]
fn arrays_show_type_shape_and_a_corner() {
    check(
        "
        a, b = np.arange(6).reshape(2, 3), np.array([0.5, np.nan, -np.inf])
        c, d = np.array(7, dtype='u1'), np.zeros((0, 2), dtype=bool)
        e, f = np.arange(6, dtype='i2').reshape(2, 3).T[::-1], np.array([1.5 + 2j])
        g, h = np.array([0.1], dtype='f4'), np.array([[1.5, -65504]], dtype='f2')
        i, j = np.array(['ab', 'c']), np.array([b'ab'])
        k = np.array([None, [1], 'x'], dtype=object)
        l = np.array([1, 2], dtype='>i4')
        m = np.frombuffer(b'\\x01\\x02', dtype='u1')
        n = np.zeros(2, dtype='M8[s]')
        o = [np.array([1 << 63], dtype='u8')]
        p = np.zeros((1000, 1000))
        q = np.array([-1, 1], dtype='i8')
        ",
        &[
            ("a", "ndarray", "<ndarray int64 (2, 3) [[0, 1, 2], [3, 4, 5]]>"),
            ("b", "ndarray", "<ndarray float64 (3,) [0.5, nan, -inf]>"),
            ("c", "ndarray", "<ndarray uint8 () 7>"),
            ("d", "ndarray", "<ndarray bool (0, 2) []>"),
            ("e", "ndarray", "<ndarray int16 (3, 2) [[2, 5], [1, 4], [0, 3]]>"),
            ("f", "ndarray", "<ndarray complex128 (1,) [(1.5+2j)]>"),
            ("g", "ndarray", "<ndarray float32 (1,) [0.1]>"),
            ("h", "ndarray", "<ndarray float16 (1, 2) [[1.5, -65504.0]]>"),
            ("i", "ndarray", "<ndarray str (2,)>"),
            ("j", "ndarray", "<ndarray bytes (1,)>"),
            ("k", "ndarray", "<ndarray object (3,) [None, [1], 'x']>"),
            ("l", "ndarray", "<ndarray int32 (2,)>"),
            ("m", "ndarray", "<ndarray uint8 (2,) [1, 2]>"),
            ("n", "ndarray", "<ndarray datetime64 (2,)>"),
            ("o", "list", "[<ndarray uint64 (1,) [9223372036854775808]>]"),
            (
                "p",
                "ndarray",
                "<ndarray float64 (1000, 1000) [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, … 990 more], \
                 … 999 more]>",
            ),
            ("q", "ndarray", "<ndarray int64 (2,) [-1, 1]>"),
        ],
    );
}

#[test]
fn an_array_that_contains_itself_comes_to_an_end() {
    check(
        "
        a = np.array([None, 1], dtype=object)
        a[0] = a
        b = [a]
        ",
        &[
            ("a", "ndarray", "<ndarray object (2,) [<ndarray>, 1]>"),
            ("b", "list", "[<ndarray object (2,) [<ndarray>, 1]>]"),
        ],
    );
}

#[test]
fn scalars_read_as_what_they_stand_for() {
    check(
        "
        a, b, c = np.float64(0.1), np.float32(0.1), np.int8(-5)
        d, e, f = np.bool_(True), np.uint64(1 << 63), np.complex64(1 + 2j)
        g, h, i = np.str_('s'), np.datetime64('2020-01-01'), np.longlong(-1)
        ",
        &[
            ("a", "float64", "float64(0.1)"),
            ("b", "float32", "float32(0.1)"),
            ("c", "int8", "int8(-5)"),
            ("e", "uint64", "uint64(9223372036854775808)"),
            ("f", "complex64", "complex64((1+2j))"),
            ("g", "str_", "str_('s')"),
            ("h", "datetime64", "<datetime64>"),
            ("i", "longlong", "longlong(-1)"),
        ],
    );
}

#[test]
fn a_subclass_of_an_array_is_not_asked() {
    check(
        "
        class A(np.ndarray):
            def fail(self, *a): print('ran'); raise SystemExit
            __repr__ = __getitem__ = __len__ = __iter__ = tolist = fail
        a = np.zeros(2).view(A)
        ",
        &[("a", "A", "<A float64 (2,) [0.0, 0.0]>")],
    );
}
