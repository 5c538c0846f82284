//! Turns rules into a classic BPF program, as the kernel runs it before every system call.
//!
//! The number of the call is looked up by binary search, because the kernel tries a new filter on every
//! number when it is installed: on a linear filter that takes many times as long.

use libc::{c_long, sock_filter};

/// What becomes of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    /// The call does nothing and returns this error.
    Errno(i32),
    /// The process ends as if by SIGSYS.
    Kill,
}

/// What becomes of some system calls.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) calls: &'static [c_long],
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Always(Action),
    /// Allowed where all tests hold.
    AllowIf {
        tests: Vec<Test>,
        otherwise: Action,
    },
}

/// Holds where the low half of an argument, masked, is one of the values. All arguments tested are ints, so
/// the kernel disregards the high half as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    /// From 0.
    pub(super) argument: u32,
    pub(super) mask: u32,
    pub(super) values: Vec<u32>,
}

#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xC000_00B7;

/// Calls from this number on are x86-64's x32 calls, a second set that no rule speaks of.
#[cfg(target_arch = "x86_64")]
pub(super) const X32: u32 = 0x4000_0000;

// Where the parts of `struct seccomp_data` lie.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// The program for these rules. What no rule names gets `otherwise`; a call by another architecture's
/// numbers ends the process.
///
/// # Panics
/// If two rules name the same call.
pub(super) fn compile(rules: &[Rule], otherwise: Action) -> Vec<sock_filter> {
    let mut program = vec![load(ARCH), branch(IF_EQUAL, ARCHITECTURE, 1, 0), end(Action::Kill), load(NUMBER)];
    #[cfg(target_arch = "x86_64")]
    program.extend([branch(IF_AT_LEAST, X32, 0, 1), end(Action::Kill)]);
    program.extend(search(&ranges(rules, otherwise)));
    program
}

/// Calls from `first` up to the next range's share a verdict.
struct Range {
    first: u32,
    verdict: Verdict,
}

/// All numbers from 0, without gaps, in order.
fn ranges(rules: &[Rule], otherwise: Action) -> Vec<Range> {
    let mut named: Vec<(u32, &Verdict)> =
        rules.iter().flat_map(|rule| rule.calls.iter().map(|&call| (number(call), &rule.verdict))).collect();
    named.sort_by_key(|&(call, _)| call);

    let otherwise = Verdict::Always(otherwise);
    let mut ranges: Vec<Range> = Vec::new();
    let mut push = |first: u32, verdict: &Verdict| {
        if ranges.last().is_none_or(|last| last.verdict != *verdict) {
            ranges.push(Range { first, verdict: verdict.clone() });
        }
    };
    let mut next = 0;
    for (call, verdict) in named {
        assert!(call >= next, "two rules name system call {call}");
        if call > next {
            push(next, &otherwise);
        }
        push(call, verdict);
        next = call + 1;
    }
    push(next, &otherwise);
    ranges
}

fn number(call: c_long) -> u32 {
    u32::try_from(call).expect("system calls have small numbers")
}

/// Code that finds the range of the number in the accumulator and ends with its verdict.
fn search(ranges: &[Range]) -> Vec<sock_filter> {
    let [range] = ranges else {
        let (below, above) = ranges.split_at(ranges.len() / 2);
        let first_above = above[0].first;
        let (below, above) = (search(below), search(above));
        // A conditional jump reaches no further than 255 instructions.
        let mut code = match u8::try_from(below.len()) {
            Ok(distance) => vec![branch(IF_AT_LEAST, first_above, distance, 0)],
            Err(_) => vec![branch(IF_AT_LEAST, first_above, 0, 1), jump(below.len())],
        };
        code.extend(below);
        code.extend(above);
        return code;
    };
    match &range.verdict {
        Verdict::Always(action) => vec![end(*action)],
        Verdict::AllowIf { tests, otherwise } => {
            let mut code = vec![end(Action::Allow), end(*otherwise)];
            for test in tests.iter().rev() {
                let mut tested = test_code(test, code.len() - 1);
                tested.append(&mut code);
                code = tested;
            }
            code
        }
    }
}

/// Code that goes on behind itself where the test holds, else jumps over `to_refusal` instructions more.
fn test_code(test: &Test, to_refusal: usize) -> Vec<sock_filter> {
    let mut code = vec![load(ARGUMENTS + 8 * test.argument)];
    if test.mask != u32::MAX {
        code.push(sock_filter { code: AND, jt: 0, jf: 0, k: test.mask });
    }
    for (at, &value) in test.values.iter().enumerate() {
        let distance = u8::try_from(test.values.len() - at).expect("a test has few values");
        code.push(branch(IF_EQUAL, value, distance, 0));
    }
    code.push(jump(to_refusal));
    code
}

fn load(offset: u32) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn branch(code: u16, value: u32, if_true: u8, if_false: u8) -> sock_filter {
    sock_filter { code, jt: if_true, jf: if_false, k: value }
}

fn jump(distance: usize) -> sock_filter {
    let distance = u32::try_from(distance).expect("filters are short");
    sock_filter { code: JUMP, jt: 0, jf: 0, k: distance }
}

fn end(action: Action) -> sock_filter {
    let value = match action {
        Action::Allow => libc::SECCOMP_RET_ALLOW,
        Action::Errno(error) => libc::SECCOMP_RET_ERRNO | error.cast_unsigned(),
        Action::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    sock_filter { code: RETURN, jt: 0, jf: 0, k: value }
}

#[cfg(test)]
mod tests;
