//! The execution that every style is shown with, in `--list-styles` and in the documentation.

use std::sync::LazyLock;

use trace::{Event, Value};

use crate::{Execution, notation};

const CODE: &str = "\
def clip(x, cap):
    if x > cap:
        return cap
    return x

def f(xs, cap):
    s = 0
    for x in xs:
        s += clip(x, cap)
    return s
";

static EVENTS: LazyLock<Vec<Event<'static>>> = LazyLock::new(|| {
    notation::events(
        "
        call f 6 | xs: list = [2, 9] | cap: int = 5 | global clip: function = <function clip>
        line f 7
        line f 8 | s: int = 0
        line f 9 | x: int = 2
        call clip 1 | x: int = 2 | cap: int = 5
        line clip 2
        line clip 4
        return clip 4 = int 2
        line f 8 | s: int = 2
        line f 9 | x: int = 9
        call clip 1 | x: int = 9 | cap: int = 5
        line clip 2
        line clip 3
        return clip 3 = int 5
        line f 8 | s: int = 7
        line f 10
        return f 10 = int 7
        ",
    )
});

/// A small execution with a loop, a branch and a call: `f([2, 9], 5)` returns 7.
pub fn sample() -> Execution<'static> {
    Execution {
        id: "0123456789abcdef0123456789abcdef",
        path: "total.py",
        code: CODE,
        entry: "f",
        input: Some("[2, 9], 5"),
        outcome: "returned",
        exception: None,
        output: Some(Value { type_name: "int", text: "7" }),
        stdout: "",
        stdout_truncated: false,
        pure: Some(true),
        deterministic: Some(true),
        incomplete: false,
        events: &EVENTS,
    }
}
