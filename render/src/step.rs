//! How one event reads as a step, in the styles that tell a run step by step.

use trace::{Event, EventKind, Instruction, StackItem, Stream};

use crate::scopes::Scopes;
use crate::{json, text};

/// `clip#1`: the function and the frame's number, which tells two runs of one function apart.
pub(crate) fn frame(out: &mut String, event: &Event<'_>) {
    out.push_str(event.function);
    out.push('#');
    out.push_str(&event.frame.to_string());
}

/// `line f#0 9`: what happens, in which frame, on which line.
pub(crate) fn head(out: &mut String, event: &Event<'_>) {
    out.push_str(event.kind.name());
    out.push(' ');
    frame(out, event);
    out.push_str(&format!(" {}", event.line));
    if let EventKind::Instruction(it) = &event.kind {
        out.push(' ');
        instruction(out, it);
    }
}

/// `@18 BINARY_OP "+=" stack ["=s", "5", null]`: an instruction with its offset and argument, and the operand
/// stack before it, where `=s` is the object of the local `s` and `null` a place without an object.
pub(crate) fn instruction(out: &mut String, instruction: &Instruction<'_>) {
    out.push_str(&format!("@{} {}", instruction.offset, instruction.name));
    if let Some(argument) = instruction.argument {
        out.push(' ');
        json::string(out, argument);
    }
    out.push_str(" stack [");
    for (index, item) in instruction.stack.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        match item {
            StackItem::Null => out.push_str("null"),
            StackItem::Value(value) => json::string(out, value.text),
            StackItem::Local(name) => json::string(out, &format!("={name}")),
        }
    }
    out.push(']');
}

/// Full variables: ` {"x": "1"}` for locals, ` global {"N": "3"}` for globals; each only if there are any.
pub(crate) fn state(out: &mut String, frame: u32, scopes: &Scopes<'_>) {
    marked_object(out, " ", scopes.shown_locals(frame).map(|(name, text)| (name, Some(text))));
    marked_object(out, " global ", scopes.shown_globals().map(|(name, text)| (name, Some(text))));
}

/// `mark` and an object of `pairs`, or nothing where there are none.
pub(crate) fn marked_object<'a>(
    out: &mut String,
    mark: &str,
    pairs: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        out.push_str(mark);
        json::object(out, pairs);
    }
}

/// ` -> "7"`: the value that an event hands out or the exception that it tells of, if it does.
pub(crate) fn value(out: &mut String, event: &Event<'_>) {
    let text = match event.kind {
        EventKind::Return(value) | EventKind::Yield(value) => value.text.to_owned(),
        EventKind::Raise(exception) | EventKind::Unwind(exception) => text::exception_text(exception),
        _ => return,
    };
    out.push_str(" -> ");
    json::string(out, &text);
}

/// `output "hello\n"`, `error "…"`, `effect read "/etc/passwd"` or `gap 12`, as a line of its own; whether `event` is
/// one of these, which are no steps of a frame.
pub(crate) fn aside(out: &mut String, event: &Event<'_>) -> bool {
    match &event.kind {
        EventKind::Output(stream, bytes) => {
            out.push_str(match stream {
                Stream::Stdout => "output ",
                Stream::Stderr => "error ",
            });
            json::string(out, &String::from_utf8_lossy(bytes));
            out.push('\n');
        }
        EventKind::Effect(effect) => {
            out.push_str(&format!("effect {} ", effect.kind.name()));
            json::string(out, effect.detail);
            out.push('\n');
        }
        EventKind::Gap { skipped, .. } => out.push_str(&format!("gap {skipped}\n")),
        _ => return false,
    }
    true
}

/// Whether `event` is a step of a frame.
pub(crate) fn is_step(event: &Event<'_>) -> bool {
    !matches!(event.kind, EventKind::Effect(_) | EventKind::Output(..) | EventKind::Gap { .. })
}

/// Whether tracing was suspended at `event`.
pub(crate) fn is_gap(event: &Event<'_>) -> bool {
    matches!(event.kind, EventKind::Gap { .. })
}
