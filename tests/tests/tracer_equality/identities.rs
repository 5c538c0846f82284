//! Both tracers tell the same objects apart.

use tests::tracers::{Program, interpreters};
use trace::Granularity;

use super::agreement::compare_all;
use super::foreign::{calls, programs_of_every_style};
use super::generated::random_programs;

/// The reference holds lists and dicts to tell them apart, so nothing may notice when one of these ends.
pub(crate) fn told_apart(programs: Vec<(String, Program)>) -> Vec<(String, Program)> {
    let told = |program: Program| {
        let source = String::from_utf8_lossy(&program.source).replace("def __del__", "def is_not_called");
        Program { identities: true, source: source.into_bytes(), ..program }
    };
    programs.into_iter().map(|(name, program)| (name, told(program))).collect()
}

#[test]
fn objects_of_every_style_of_program_agree() {
    let programs = told_apart(programs_of_every_style(5_000));
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

#[test]
fn objects_of_random_programs_agree() {
    for granularity in [Granularity::Line, Granularity::Call, Granularity::Instruction] {
        let mut programs = told_apart(random_programs(16));
        programs.iter_mut().for_each(|(_, program)| program.granularity = granularity);
        for interpreter in interpreters() {
            let left_out = compare_all(interpreter, &programs);
            assert!(left_out.len() * 10 <= programs.len(), "{left_out:#?}");
        }
    }
}

#[test]
fn objects_of_calls_agree() {
    let programs = told_apart(calls().into_iter().step_by(3).collect());
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}
