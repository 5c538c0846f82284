//! An account as a line that a test can spell out by hand.
//!
//! ```text
//! call <module> 1; line 1; line 2 +x=1; stdout '1\n'; line 3; raise 3 KeyError: 'a'; return 4 None x=2 -y
//! ```
//!
//! An event shows its kind, its line, what it carries and what changed: `+` before a new variable, `-` before
//! a deleted one. Before an event of another thread than the main one stands its number: `@1 line 3`. `call` and `resume` show the function, `resume` also the frame: `resume 2 f 7`. The names of
//! variables of the other scope than the frame's usual one have a mark: `global:` in a function's frame or a
//! class body, `local:` in a module's. The end stands there unless a script ran to its end:
//! `end raised KeyError: 'a'`. Frames, parents and depths are left out: `Account::disorder` says whether they
//! follow from the order of the events.

use std::fmt::Write;

use super::account::{Account, End, Event, Item};

pub fn compact(account: &Account) -> String {
    let mut parts: Vec<String> = account.events.iter().map(shown).collect();
    match &account.end {
        None => parts.push("end missing".to_owned()),
        Some(End { verdict, type_name, text }) => {
            if verdict != "returned" || !type_name.is_empty() {
                parts
                    .push(format!("end {verdict} {}", value(verdict, type_name, text)).trim_end().to_owned());
            }
        }
    }
    parts.join("; ")
}

/// The same line as a test may lay it out: over several lines, which count as `; `.
pub fn normalised(expected: &str) -> String {
    let lines = expected.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

fn shown(event: &Event) -> String {
    let Event { kind, function, line, frame, .. } = event;
    let type_name = event.type_name.as_deref().unwrap_or("");
    let text = event.text.as_deref().unwrap_or("");
    let mut shown = match kind.as_str() {
        "call" => format!("call {function} {line}"),
        "resume" => format!("resume {frame} {function} {line}"),
        "output" => format!("{type_name} '{}'", text.replace('\\', "\\\\").replace('\n', "\\n")),
        "instruction" => instruction(event),
        "effect" => format!("effect {type_name} {text}"),
        "gap" => format!("gap {type_name} {text}"),
        "line" => format!("line {line}"),
        _ => format!("{kind} {line} {}", value(kind, type_name, text)),
    };
    if event.thread > 0 {
        shown.insert_str(0, &format!("@{} ", event.thread));
    }
    let usual_scope = if function == "<module>" { "global" } else { "local" };
    for (scope, name, change, _, text) in &event.changes {
        let mark = match change.as_str() {
            "new" => "+",
            "deleted" => "-",
            _ => "",
        };
        let scope = if scope == usual_scope { String::new() } else { format!("{scope}:") };
        let text = text.as_ref().map(|text| format!("={text}")).unwrap_or_default();
        write!(shown, " {mark}{scope}{name}{text}").expect("a String takes any text");
    }
    shown
}

/// Offset, name, argument, and the stack if there is something on it.
fn instruction(event: &Event) -> String {
    let item = |item: &Item| match item {
        (Some(local), ..) => format!("={local}"),
        (None, Some(_), Some(text)) => text.clone(),
        _ => "NULL".to_owned(),
    };
    let stack: Vec<String> = event.stack.iter().flatten().map(item).collect();
    let stack = if stack.is_empty() { String::new() } else { format!("[{}]", stack.join(", ")) };
    let (name, argument) = (event.type_name.as_deref(), event.text.as_deref());
    let parts = [name.unwrap_or(""), argument.unwrap_or(""), &stack];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("@{} {}", event.offset.unwrap_or(0), parts.join(" "))
}

fn value(kind: &str, type_name: &str, text: &str) -> String {
    match kind {
        "raise" | "unwind" | "raised" | "syntax_error" if text.is_empty() => type_name.to_owned(),
        "raise" | "unwind" | "raised" | "syntax_error" => format!("{type_name}: {text}"),
        _ => text.to_owned(),
    }
}
