//! scratchpad, compact and dynamic, read back.

use std::collections::BTreeMap;

use serde_json::Value;
use trace::{Change, ChangeKind, Event, EventKind, Scope, State};

use crate::states::{Step, Texts, steps, texts};
use crate::traces::{each, pieces, render};

#[test]
fn a_scratchpad_tells_the_state_at_every_step() {
    each(|execution| {
        let Ok(examples) = render("scratchpad", &[], execution) else { return };
        let (prompt, completion) = pieces(&examples[0]);
        check_program(prompt, execution.code);
        let (body, outcome) = body_and_outcome(completion);
        let told: Vec<Step> = body.iter().copied().filter(|line| !is_aside(line)).map(full_step).collect();
        assert_eq!(told, steps(execution), "{}", execution.path);
        check_outcome(outcome, execution);
        // The entry's own return says the same, as far as its text goes.
        if let (Some(output), Some(last)) = (execution.output, told.last())
            && output.text.len() < 200
        {
            assert_eq!(last.value.as_deref(), Some(output.text), "{}", execution.path);
        }
    });
}

#[test]
fn a_compact_text_replays_to_the_same_states() {
    each(|execution| {
        let Ok(examples) = render("compact", &[], execution) else { return };
        let (prompt, completion) = pieces(&examples[0]);
        check_program(prompt, execution.code);
        let (body, outcome) = body_and_outcome(completion);
        assert_eq!(replay(&body), steps(execution), "{}", execution.path);
        check_outcome(outcome, execution);
    });
}

#[test]
fn dynamic_states_chain_from_the_first_step_to_the_output() {
    each(|execution| {
        let Ok(examples) = render("dynamic", &["pairs=all"], execution) else { return };
        let expected = steps(execution);
        if execution.incomplete {
            return;
        }
        assert_eq!(examples.len(), expected.len() - 1, "{}", execution.path);
        let mut state = String::new();
        for (number, example) in examples.iter().enumerate() {
            let (prompt, completion) = pieces(example);
            let (program, asked) = prompt.rsplit_once("\nstate:\n").unwrap();
            check_program(&format!("{program}\n"), execution.code);
            let from = asked.strip_suffix("after 1 step:\n").unwrap();
            if number > 0 {
                assert_eq!(from, state, "a step begins where the one before ended");
            }
            check_acting(from, &expected[number]);
            state =
                completion.lines().skip_while(|line| is_aside(line)).fold(String::new(), |mut all, line| {
                    all.push_str(line);
                    all.push('\n');
                    all
                });
        }
        check_acting(&state, expected.last().unwrap());
    });
}

/// The acting frame of a state against the step.
fn check_acting(state: &str, expected: &Step) {
    let last = state.lines().last().unwrap();
    let acting = last.strip_prefix("> ").unwrap_or_else(|| panic!("the acting frame is last: {state}"));
    let mut words = acting.splitn(4, ' ');
    let mut word = || words.next().unwrap_or("");
    assert_eq!((word(), word(), word()), (&*expected.kind, &*expected.frame, &*expected.line.to_string()));
    let mut rest = word();
    if let Some(from) = rest.strip_prefix("from ") {
        rest = from.split_once(' ').map_or("", |(_, rest)| rest);
    }
    let (locals, rest) = object(rest);
    assert_eq!(locals, expected.locals, "{acting}");
    if let Some(value) = &expected.value {
        let (_, told) = rest.rsplit_once("-> ").unwrap();
        assert_eq!(serde_json::from_str::<String>(told).unwrap(), *value);
    }
    let globals = state.lines().next().and_then(|line| line.strip_prefix("global "));
    assert_eq!(globals.map(|globals| object(globals).0).unwrap_or_default(), expected.globals);
}

/// Each line of the prompt's program is the source's, with its number.
fn check_program(prompt: &str, code: &str) {
    let program = prompt.strip_prefix("program:\n").expect("a prompt begins with the program");
    let code = code.replace("\r\n", "\n").replace('\r', "\n");
    for (index, line) in code.lines().enumerate() {
        let told = program.lines().nth(index).unwrap();
        assert_eq!(told, format!("{}: {line}", index + 1));
    }
}

fn body_and_outcome(completion: &str) -> (Vec<&str>, &str) {
    let mut lines: Vec<&str> = completion.lines().collect();
    let outcome = lines.pop().and_then(|line| line.strip_prefix("outcome: ")).expect("an outcome is last");
    (lines, outcome)
}

fn check_outcome(told: &str, execution: &render::Execution<'_>) {
    let (name, text) = told.split_once(' ').map_or((told, None), |(name, text)| (name, Some(text)));
    assert_eq!(name, execution.outcome);
    if let Some(output) = execution.output {
        assert_eq!(serde_json::from_str::<String>(text.unwrap()).unwrap(), output.text);
    }
}

fn is_aside(line: &str) -> bool {
    ["output ", "error ", "effect ", "gap "].iter().any(|begin| line.starts_with(begin))
}

/// `kind frame line [object] [global object] [-> string]`
fn full_step(line: &str) -> Step {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap_or("").to_owned();
    let (kind, frame, number, rest) = (word(), word(), word(), word());
    let (locals, rest) = object(&rest);
    let (globals, rest) = rest.strip_prefix("global ").map_or((Texts::new(), rest), object);
    Step { kind, frame, line: number.parse().unwrap(), locals, globals, value: value(rest) }
}

/// The object that `text` begins with, if it does, and what follows.
fn object(text: &str) -> (Texts, &str) {
    let (changes, rest) = delta(text);
    (changes.into_iter().map(|(name, text)| (name, text.expect("a state has no null"))).collect(), rest)
}

fn delta(text: &str) -> (BTreeMap<String, Option<String>>, &str) {
    if !text.starts_with('{') {
        return (BTreeMap::new(), text);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(Value::Object(found))) = values.next() else { panic!("no object: {text}") };
    let rest = text[values.byte_offset()..].trim_start_matches(' ');
    let changes = found
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, Some(text)),
            Value::Null => (name, None),
            other => panic!("no text: {other}"),
        })
        .collect();
    (changes, rest)
}

fn value(rest: &str) -> Option<String> {
    rest.strip_prefix("-> ").map(|value| serde_json::from_str(value).unwrap())
}

/// The steps of a compact text with their states, by its own grammar. What it tells is put into events and
/// replayed.
fn replay(body: &[&str]) -> Vec<Step> {
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    let mut state = State::new();
    let mut current = String::new();
    let mut steps = Vec::new();
    for text in body.iter().filter(|line| !is_aside(line)) {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (kind, rest) = match word {
            "in" => {
                current = rest.to_owned();
                continue;
            }
            "call" | "resume" => {
                let mut words = rest.splitn(3, ' ');
                current = words.next().unwrap().to_owned();
                lines.insert(current.clone(), words.next().unwrap().parse().unwrap());
                (word, words.next().unwrap_or(""))
            }
            "return" | "yield" | "raise" | "unwind" => (word, rest),
            number => {
                lines.insert(current.clone(), number.parse().unwrap());
                ("line", rest)
            }
        };
        let mut told = Vec::new();
        let rest = changes(rest, Scope::Local, &mut told);
        let rest = match rest.strip_prefix("global ") {
            Some(rest) => changes(rest, Scope::Global, &mut told),
            None => rest,
        };
        let (_, frame) = current.rsplit_once('#').unwrap();
        let frame = frame.parse().unwrap();
        let event = Event {
            thread: 0,
            frame,
            parent: None,
            depth: 0,
            function: "",
            line: 0,
            kind: if kind == "call" { EventKind::Call } else { EventKind::Line },
            changes: told.iter().map(Told::change).collect(),
        };
        state.apply(&event);
        steps.push(Step {
            kind: kind.to_owned(),
            frame: current.clone(),
            line: lines[&current],
            locals: texts(state.locals(frame)),
            globals: texts(state.globals()),
            value: value(rest),
        });
    }
    steps
}

/// One change that a compact text tells.
struct Told {
    scope: Scope,
    /// The variable, with `+` before it and a path behind it where it is an element.
    place: String,
    text: Option<String>,
}

impl Told {
    fn change(&self) -> Change<'_> {
        let (place, is_new) = self.place.strip_prefix('+').map_or((&*self.place, false), |rest| (rest, true));
        let (name, element) = place.split_at(place.find(['[', '.', '{']).unwrap_or(place.len()));
        Change {
            scope: self.scope,
            name,
            element: (!element.is_empty()).then_some(element),
            kind: match &self.text {
                None => ChangeKind::Deleted,
                Some(_) if is_new => ChangeKind::New,
                Some(_) => ChangeKind::Modified,
            },
            value: self.text.as_deref().map(|text| trace::Value { type_name: "", text }),
        }
    }
}

/// Reads an object of variables and a list of elements, either of which may be absent; what follows.
fn changes<'t>(text: &'t str, scope: Scope, told: &mut Vec<Told>) -> &'t str {
    let (wholes, rest) = delta(text);
    told.extend(wholes.into_iter().map(|(place, text)| Told { scope, place, text }));
    let Some(list) = rest.strip_prefix("elements ") else { return rest };
    let mut values = serde_json::Deserializer::from_str(list).into_iter::<Vec<(String, Option<String>)>>();
    let elements = values.next().unwrap().unwrap();
    told.extend(elements.into_iter().map(|(place, text)| Told { scope, place, text }));
    list[values.byte_offset()..].trim_start_matches(' ')
}
