//! The compiled filters, run by an interpreter of their language, against the rules read one by one.

use super::super::{Program, rules};
use super::*;

/// What the kernel shows to a filter.
#[derive(Clone, Copy)]
struct Call {
    architecture: u32,
    number: u32,
    arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            NUMBER => self.number,
            ARCH => self.architecture,
            _ => {
                let (argument, half) = ((offset - ARGUMENTS) / 8, (offset - ARGUMENTS) % 8);
                (self.arguments[argument as usize] >> (half * 8)) as u32
            }
        }
    }
}

/// Runs a filter as the kernel does.
fn run(filter: &[sock_filter], call: Call) -> u32 {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let instruction = filter[at];
        let taken = match instruction.code {
            LOAD => {
                accumulator = call.word(instruction.k);
                0
            }
            AND => {
                accumulator &= instruction.k;
                0
            }
            JUMP => instruction.k as usize,
            IF_EQUAL if accumulator == instruction.k => instruction.jt.into(),
            IF_AT_LEAST if accumulator >= instruction.k => instruction.jt.into(),
            IF_EQUAL | IF_AT_LEAST => instruction.jf.into(),
            RETURN => return instruction.k,
            code => panic!("instruction {at} has the unknown code {code}"),
        };
        at += 1 + taken;
    }
}

/// What the rules say, by reading them in order.
fn expected(rules: &[Rule], otherwise: Action, number: u32, arguments: [u64; 6]) -> Action {
    let rule = rules.iter().find(|rule| rule.calls.contains(&number.into()));
    match rule.map(|rule| &rule.verdict) {
        None => otherwise,
        Some(Verdict::Always(action)) => *action,
        Some(Verdict::AllowIf { tests, otherwise }) => {
            let holds = |test: &Test| {
                let value = arguments[test.argument as usize] as u32 & test.mask;
                test.values.contains(&value)
            };
            if tests.iter().all(holds) { Action::Allow } else { *otherwise }
        }
    }
}

const PROGRAM: Program = Program { pid: 77, own_root: false };

/// Numbers that calls are given, and that rules test for.
fn interesting_values() -> Vec<u64> {
    let rules = [rules::zygote(), rules::program(PROGRAM)].concat();
    let tested = rules.iter().filter_map(|rule| match &rule.verdict {
        Verdict::AllowIf { tests, .. } => Some(tests.clone()),
        Verdict::Always(_) => None,
    });
    let mut values: Vec<u64> = tested.flatten().flat_map(|test| test.values).map(u64::from).collect();
    values.extend([0, 1, 2, 3, u64::MAX, u64::from(u32::MAX)]);
    values.extend(values.clone().iter().map(|value| value ^ 1));
    values.extend(values.clone().iter().map(|value| value | 1 << 32));
    values.sort_unstable();
    values.dedup();
    values
}

#[track_caller]
fn check_against_rules(rules: &[Rule], otherwise: Action) {
    let filter = compile(rules, otherwise);
    let values = interesting_values();
    let check = |number: u32, arguments: [u64; 6]| {
        let returned = run(&filter, Call { architecture: ARCHITECTURE, number, arguments });
        let expected = end(expected(rules, otherwise, number, arguments)).k;
        assert_eq!(returned, expected, "call {number} with {arguments:?}");
    };
    for number in (0..600).chain([10_000, 0x3FFF_FFFF]) {
        check(number, [0; 6]);
        check(number, [u64::MAX; 6]);
    }
    let looks_at_arguments = |rule: &&Rule| matches!(rule.verdict, Verdict::AllowIf { .. });
    for &call in rules.iter().filter(looks_at_arguments).flat_map(|rule| rule.calls) {
        for &value in &values {
            check(number(call), [value, 0, 0, 0, 0, 0]);
            check(number(call), [1, value, 0, 0, 0, 0]);
        }
    }
}

#[test]
fn filters_say_what_the_rules_say() {
    check_against_rules(&rules::zygote(), Action::Errno(libc::ENOSYS));
    check_against_rules(&rules::program(PROGRAM), Action::Allow);
    check_against_rules(&rules::program(Program { own_root: true, ..PROGRAM }), Action::Allow);
    check_against_rules(&[], Action::Allow);
}

#[test]
fn far_verdicts_are_reached() {
    let far = (0..300).map(|call| Rule {
        calls: vec![2 * call].leak(),
        verdict: Verdict::AllowIf {
            tests: vec![Test { argument: 0, mask: u32::MAX, values: vec![call as u32, 1000] }],
            otherwise: Action::Errno(call as i32),
        },
    });
    let far: Vec<Rule> = far.collect();
    assert!(compile(&far, Action::Kill).len() > 1000);
    check_against_rules(&far, Action::Kill);
}

#[test]
fn other_architectures_are_killed() {
    let filter = compile(&rules::zygote(), Action::Errno(libc::ENOSYS));
    let i386 = 0x4000_0003;
    for architecture in [i386, 0, ARCHITECTURE ^ 1] {
        let call = Call { architecture, number: number(libc::SYS_read), arguments: [0; 6] };
        assert_eq!(run(&filter, call), libc::SECCOMP_RET_KILL_PROCESS);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn x32_calls_are_killed() {
    let filter = compile(&rules::program(PROGRAM), Action::Allow);
    for number in [X32, X32 | number(libc::SYS_read), u32::MAX] {
        let call = Call { architecture: ARCHITECTURE, number, arguments: [0; 6] };
        assert_eq!(run(&filter, call), libc::SECCOMP_RET_KILL_PROCESS);
    }
}

/// The kernel refuses to say what it thinks of a filter other than by installing it.
#[test]
fn a_program_filter_is_short() {
    let length = compile(&rules::program(PROGRAM), Action::Allow).len();
    assert!(length < 150, "{length} instructions are installed for each program");
}
