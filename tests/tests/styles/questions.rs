//! Every answer, worked out again from the events.

use std::collections::{BTreeMap, BTreeSet};

use render::{Execution, Role, Text};
use trace::{EventKind, State};

use crate::states::is_step;
use crate::traces::{each, render};

/// Wordings of the test's own, so that each question says what it asks.
const WORDINGS: [(&str, &str); 8] = [
    ("value", "ASK value {variable} {line} {nth}"),
    ("count", "ASK count {line}"),
    ("lines", "ASK lines"),
    ("loop", "ASK loop {line}"),
    ("calls", "ASK calls {function}"),
    ("returned", "ASK returned"),
    ("exception", "ASK exception"),
    ("printed", "ASK printed"),
];

#[test]
fn every_answer_follows_from_the_trace() {
    let templates: Vec<String> = WORDINGS
        .iter()
        .map(|(about, question)| {
            format!(r#"{{"about": "{about}", "question": "{question}", "answer": "{{answer}}"}}"#)
        })
        .collect();
    let templates = format!("templates=[{}]", templates.join(", "));
    let mut asked = BTreeMap::new();
    each(|execution| {
        let Ok(examples) = render("qa", &["questions=all", &templates], execution) else { return };
        let Text::Messages(messages) = &examples[0].text else { panic!("a chat is messages") };
        for pair in messages.chunks(2) {
            assert_eq!((pair[0].role, pair[1].role), (Role::User, Role::Assistant));
            let Some((_, question)) = pair[0].content.rsplit_once("ASK ") else { continue };
            let words: Vec<&str> = question.split(' ').collect();
            *asked.entry(words[0].to_owned()).or_insert(0) += 1;
            let answer = pair[1].content.as_str();
            assert!(holds(&words, answer, execution), "{question} {answer} {}", execution.path);
        }
    });
    let subjects: Vec<&str> = asked.keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> = WORDINGS.iter().map(|(about, _)| *about).collect();
    wanted.sort_unstable();
    assert_eq!(subjects, wanted, "everything was asked at least once");
}

fn holds(words: &[&str], answer: &str, execution: &Execution<'_>) -> bool {
    let runs: Vec<(usize, u32)> = execution
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.kind == EventKind::Line)
        .map(|(index, event)| (index, event.line))
        .collect();
    match *words {
        ["value", variable, line, nth] => {
            let nth: usize = nth.trim_end_matches(char::is_alphabetic).parse().unwrap();
            let line: u32 = line.parse().unwrap();
            let (index, _) = *runs.iter().filter(|(_, other)| *other == line).nth(nth - 1).unwrap();
            after(execution, index, variable).as_deref() == Some(answer)
        }
        ["count", line] => {
            let line: u32 = line.parse().unwrap();
            runs.iter().filter(|(_, other)| *other == line).count().to_string() == answer
        }
        ["lines"] => {
            let lines: BTreeSet<u32> = runs.iter().map(|(_, line)| *line).collect();
            lines.iter().map(u32::to_string).collect::<Vec<_>>().join(", ") == answer
        }
        // A round begins when the line after the header lies in the block below it: before the next line of
        // code that is not indented deeper.
        ["loop", line] => {
            let line: u32 = line.parse().unwrap();
            let code: Vec<&str> = execution.code.lines().collect();
            let indent = |line: u32| {
                let text = code[line as usize - 1];
                text.len() - text.trim_start().len()
            };
            let end = (line + 1..=code.len() as u32)
                .find(|later| !code[*later as usize - 1].trim().is_empty() && indent(*later) <= indent(line))
                .unwrap_or(u32::MAX);
            let rounds = runs.iter().filter(|(index, run)| {
                let event = &execution.events[*index];
                let next = execution.events[index + 1..]
                    .iter()
                    .find(|later| later.frame == event.frame && later.kind == EventKind::Line);
                *run == line && next.is_some_and(|next| next.line > line && next.line < end)
            });
            // A header of several lines is taken apart by the renderer alone.
            rounds.count().to_string() == answer || !code[line as usize - 1].trim_end().ends_with(':')
        }
        ["calls", function] => {
            let calls = execution.events.iter().filter(|event| event.kind == EventKind::Call);
            calls.filter(|event| event.function == function).count().to_string() == answer
        }
        ["returned"] => execution.output.is_some_and(|output| output.text == answer),
        ["exception"] => match execution.exception {
            Some(exception) => answer.starts_with(exception.type_name) && answer.ends_with(exception.text),
            None => answer == "none",
        },
        ["printed"] if execution.stdout.is_empty() => answer == "nothing",
        ["printed"] => execution.stdout.trim_end_matches('\n') == answer,
        _ => false,
    }
}

/// What `variable` reads after the line event at `index` has run its line: the state at the frame's next
/// line, or at its end.
fn after(execution: &Execution<'_>, index: usize, variable: &str) -> Option<String> {
    let frame = execution.events[index].frame;
    let mut state = State::new();
    let mut found = None;
    for (at, event) in execution.events.iter().enumerate().filter(|(_, event)| is_step(event)) {
        state.apply(event);
        if at > index && event.frame == frame {
            let known = state.locals(frame).get(variable).or_else(|| state.globals().get(variable));
            found = known.map(|variable| variable.text.clone());
            let is_over = matches!(event.kind, EventKind::Line | EventKind::Return(_) | EventKind::Unwind(_));
            if is_over {
                return found;
            }
        }
        state.forget(event);
    }
    found
}
