//! The pieces of text that several styles share: the program with its lines numbered, the run, the end.

use trace::{Change, ChangeKind, Value};

use crate::source::Source;
use crate::variables::is_definition;
use crate::{Execution, json};

/// `program:` and the source, each line after its number. The numbers are what steps refer to; and because
/// every line of the program begins with one, no program can forge what comes after it.
pub(crate) fn program(out: &mut String, source: &Source<'_>) {
    out.push_str("program:\n");
    for (number, line) in source.lines() {
        out.push_str(&format!("{number}: {line}\n"));
    }
}

/// `run: f([1, 2])`.
pub(crate) fn run(out: &mut String, execution: &Execution<'_>) {
    out.push_str("run: ");
    out.push_str(&one_line(&execution.call()));
    out.push('\n');
}

/// What a trace is asked for with: program and run.
pub(crate) fn trace_prompt(execution: &Execution<'_>) -> String {
    let mut prompt = String::new();
    program(&mut prompt, &Source::new(execution.code));
    run(&mut prompt, execution);
    prompt.push_str("trace:\n");
    prompt
}

/// `outcome: returned "7"`, with the whole value or the exception where there is one.
pub(crate) fn outcome(out: &mut String, execution: &Execution<'_>) {
    out.push_str("outcome: ");
    out.push_str(execution.outcome);
    let result = match (execution.output, execution.exception) {
        (Some(output), _) => Some(output.text.to_owned()),
        (None, Some(exception)) => Some(exception_text(exception)),
        (None, None) => None,
    };
    if let Some(result) = result {
        out.push(' ');
        json::string(out, &result);
    }
    out.push('\n');
}

/// `x=1, y='a'`: changed variables as comments show them, without what the source already says; a deleted one
/// as `del x`, an element as `xs[3]=1`, one that is put in as `+xs[3]=1`.
pub(crate) fn assignments<'a>(changes: impl IntoIterator<Item = &'a Change<'a>>) -> Option<String> {
    let told: Vec<String> = changes
        .into_iter()
        .filter(|change| match change.value {
            Some(value) => !is_definition(change.name, value.text),
            None => true,
        })
        .map(|change| {
            let place = place(change);
            match change.value {
                Some(value) => format!("{place}={}", one_line(value.text)),
                None => format!("del {place}"),
            }
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// `x` for a variable, `xs[3]` for an element of one, `+xs[3]` for an element that was not there before: in a
/// list it moves what follows.
pub(crate) fn place(change: &Change<'_>) -> String {
    match change.element {
        None => change.name.to_owned(),
        Some(element) if change.kind == ChangeKind::New => format!("+{}{element}", change.name),
        Some(element) => format!("{}{element}", change.name),
    }
}

/// `KeyError: 'a'`, or `StopIteration` where there is no message.
pub(crate) fn exception_text(exception: Value<'_>) -> String {
    match exception.text {
        "" => exception.type_name.to_owned(),
        message => format!("{}: {message}", exception.type_name),
    }
}

/// `text` with its line breaks written `\n` and `\r`.
pub(crate) fn one_line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\r', "\\r")
}
