//! Changes against full states.

use std::collections::BTreeMap;

use tests::tracers::{
    Account, Event, Interpreter, Looked, Program, interpreters, native, reference, with_numbers_of,
};
use trace::State;
use trace::replay::{Variable, Variables};

use super::generated;
use super::identities::told_apart;

#[test]
fn replaying_the_changes_gives_the_state_at_every_event() {
    for interpreter in interpreters() {
        for seed in 1000..1010 {
            let seen = check(interpreter, &generated::data::program(seed));
            assert!(seen > 50, "the program of seed {seed} gives only {seen} states to compare");
        }
    }
}

#[test]
fn so_it_does_where_objects_are_told_apart() {
    for interpreter in interpreters() {
        let programs = (1010..1016).map(|seed| (seed.to_string(), generated::data::program(seed)));
        for (seed, program) in told_apart(programs.collect()) {
            let seen = check(interpreter, &program);
            assert!(seen > 50, "the program of seed {seed} gives only {seen} states to compare");
        }
    }
}

/// Returns how many states were compared.
fn check(interpreter: &Interpreter, program: &Program) -> usize {
    let told =
        reference::trace_with_states(interpreter, program).unwrap_or_else(|ended| panic!("{}", ended.report));
    let log = native::run(interpreter, program);
    let told = with_numbers_of(told, &Account::from(&log.read()).without_effects());
    let mut state = State::new();
    let mut compared = 0;
    for (event, told) in log.read().events.iter().zip(&told.events) {
        state.apply(event);
        if let Some(looked) = &told.state {
            compare(&state, told, looked);
            compared += 1;
        }
        state.forget(event);
    }
    compared
}

fn compare(state: &State, told: &Event, looked: &Looked) {
    assert_eq!(plain(state.locals(told.frame)), looked.local, "the locals at {told:?}");
    let globals = plain(state.globals());
    if told.function == "<module>" {
        assert_eq!(globals.len(), looked.global.len(), "a module looks at all globals");
    }
    for (name, variable) in &looked.global {
        assert_eq!(globals.get(name), variable.as_ref(), "the global {name} at {told:?}");
    }
}

fn plain(variables: &Variables) -> BTreeMap<String, (String, String)> {
    let pair = |variable: &Variable| (variable.type_name.clone(), variable.text.clone());
    variables.iter().map(|(name, variable)| (name.clone(), pair(variable))).collect()
}
