//! Values of built-in types, as expressions.

use tests::random::Random;

/// A value of built-in types.
pub(super) fn plain(random: &mut Random, depth: u32) -> String {
    let atoms = [
        "0",
        "-7",
        "1 << 64",
        "-(1 << 1000)",
        "2.5",
        "1e22",
        "-1e-9",
        "float('inf')",
        "3.14159265358979",
        "5e-324",
        "2+3j",
        "-0j",
        "True",
        "None",
        "...",
        "''",
        "'a'",
        "'\"'",
        "'\\'\"'",
        "'\\\\ \\t\\x01\\xad\\u2028'",
        "'äß€😀'",
        "'\\ud800'",
        "b'\\xff\\n'",
        "b'\"'",
        "range(9)",
        "range(0, -5, -2)",
        "()",
        "frozenset()",
    ];
    if depth == 0 || random.below(3) == 0 {
        return atoms[random.below(atoms.len() as u64) as usize].to_owned();
    }
    let (first, second) = (plain(random, depth - 1), plain(random, depth - 1));
    match random.below(8) {
        0 => format!("({first},)"),
        1 => format!("({first}, {second})"),
        2 => format!("[[{first}], {second}][0]"),
        3 => format!("deque([{first}, {second}], 3)"),
        4 => format!("bytearray([1, 97, 255] * len(str({first})))"),
        5 => format!("{{'k': {first}, 1: [{second}]}}"),
        6 => format!("[{first}, {{'s', 2}}, set(), [frozenset([3.5])]]"),
        _ => format!("[{first}, {second}]"),
    }
}
