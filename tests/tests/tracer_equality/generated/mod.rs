//! Random programs, the same in every run.

pub(crate) mod data;
pub(crate) mod flow;
mod plain;

use tests::random::Random;
use tests::tracers::{Program, interpreters, native};

use super::agreement::compare_all;

#[test]
fn programs_that_change_values_agree() {
    check(data::program);
}

#[test]
fn programs_that_jump_about_agree() {
    check(flow::program);
}

/// Some of either kind.
pub(crate) fn random_programs(count: u64) -> Vec<(String, Program)> {
    let program = |seed| if seed % 2 == 0 { data::program(seed) } else { flow::program(seed) };
    (0..count).map(|seed| (format!("the program of seed {seed}"), program(seed))).collect()
}

fn check(program: fn(u64) -> Program) {
    let programs: Vec<_> =
        (0..40).map(|seed| (format!("the program of seed {seed}"), program(seed))).collect();
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

#[test]
fn short_plain_values_read_as_their_repr() {
    let mut random = Random::new(3);
    let pairs: String =
        (0..300).map(|_| format!("x = {}\nprint(repr(x))\ndel x\n", plain::plain(&mut random, 3))).collect();
    let program = Program::script(format!("from collections import deque\n{pairs}"));
    for interpreter in interpreters() {
        let (account, ended) = native::trace(interpreter, &program);
        let (mut shown, mut compared) = ("", 0);
        for event in &account.events {
            let change = event.changes.iter().find(|change| change.1 == "x");
            shown = change.and_then(|change| change.4.as_deref()).unwrap_or(shown);
            let printed = event.text.as_deref().filter(|_| event.kind == "output");
            if let Some(repr) = printed.map(str::trim_end).filter(|repr| repr.chars().count() <= 256) {
                assert_eq!(shown, repr);
                compared += 1;
            }
        }
        assert!(compared > 200, "only {compared} values were compared: {}", ended.report);
    }
}
