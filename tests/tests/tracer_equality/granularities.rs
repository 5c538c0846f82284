//! One program traced more and less finely: both tracers agree, and a coarser trace is a part of a finer one.

use tests::tracers::{Account, Event, Interpreter, Program, interpreters, native};
use trace::Granularity;

use super::agreement::{compare_all, on_all_processors};
use super::foreign::programs_of_every_style;
use super::generated::random_programs;

fn at(granularity: Granularity, programs: &[(String, Program)]) -> Vec<(String, Program)> {
    let at = |program: &Program| Program { granularity, ..program.clone() };
    programs.iter().map(|(name, program)| (name.clone(), at(program))).collect()
}

#[test]
fn instructions_agree() {
    for interpreter in interpreters() {
        let programs = at(Granularity::Instruction, &programs_of_every_style(3_000));
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

#[test]
fn instructions_of_random_programs_agree() {
    for interpreter in interpreters() {
        let programs = at(Granularity::Instruction, &random_programs(40));
        let left_out = compare_all(interpreter, &programs);
        assert!(left_out.len() * 10 <= programs.len(), "{left_out:#?}");
    }
}

#[test]
fn calls_agree() {
    for granularity in [Granularity::Program, Granularity::Call] {
        for interpreter in interpreters() {
            let mut programs = at(granularity, &programs_of_every_style(3_000));
            programs.extend(at(granularity, &random_programs(20)));
            let left_out = compare_all(interpreter, &programs);
            assert!(left_out.len() * 10 <= programs.len(), "{left_out:#?}");
        }
    }
}

#[test]
fn a_coarser_trace_is_a_part_of_a_finer_one() {
    let mut programs = programs_of_every_style(1_000_000);
    programs.retain(|(_, program)| program.source.len() < 4_000);
    programs.extend(random_programs(20));
    for interpreter in interpreters() {
        on_all_processors(&programs, |(name, program)| check_projections(interpreter, name, program));
    }
}

fn check_projections(interpreter: &Interpreter, name: &str, program: &Program) {
    let mut program = program.clone();
    program.bounds.max_events = 1_000_000;
    let traced = |granularity| {
        native::trace(interpreter, &Program { granularity, ..program.clone() }).0.without_effects()
    };
    let mut finer = traced(Granularity::Instruction);
    for granularity in [Granularity::Line, Granularity::Call, Granularity::Program] {
        let coarser = traced(granularity);
        if finer.events.len() >= 1_000_000 {
            return;
        }
        let projected = projected(finer, granularity, &program.source);
        let minor = interpreter.minor;
        if let Some(difference) = coarser.difference(&projected, &program.source) {
            panic!(
                "on 3.{minor}, {name} at {granularity} (left) is no part of the finer trace: {difference}"
            );
        }
        finer = coarser;
    }
}

/// What is left of the trace of a program at a coarser granularity.
fn projected(mut account: Account, granularity: Granularity, source: &[u8]) -> Account {
    let mut first_lines = std::collections::BTreeMap::new();
    let begins_class = |line: u32| {
        let line = source.split(|&byte| byte == b'\n').nth((line as usize).saturating_sub(1));
        line.is_some_and(|line| line.trim_ascii_start().starts_with(b"class "))
    };
    account.events.retain(|event| match event.kind.as_str() {
        "instruction" => granularity == Granularity::Instruction,
        "line" => granularity >= Granularity::Line,
        "output" | "effect" | "gap" => true,
        _ => granularity >= Granularity::Call,
    });
    // Outputs that nothing stands between any more are one.
    account.events.dedup_by(|next, before| {
        let is_one = next.kind == "output" && before.kind == "output" && next.type_name == before.type_name;
        if is_one {
            before.text.get_or_insert_default().push_str(next.text.as_deref().unwrap_or(""));
        }
        is_one
    });
    if granularity >= Granularity::Line {
        return account;
    }
    for event in &mut account.events {
        if event.kind == "call" {
            first_lines.insert(event.frame, event.line);
        }
        // Without line events a frame stays where it began; only calls tell of variables, their arguments.
        event.line = first_lines.get(&event.frame).copied().filter(|_| event.line != 0).unwrap_or(0);
        // What a metaclass has put into the body of its class is no argument.
        let has_arguments = event.kind == "call" && event.function != "<module>" && !begins_class(event.line);
        event.changes.retain(|change| has_arguments && change.0 == "local");
        if granularity == Granularity::Program {
            *event =
                Event { frame: 0, parent: None, depth: 0, function: String::new(), line: 0, ..event.clone() };
        }
    }
    account
}
