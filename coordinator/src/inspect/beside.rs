//! One trace beside its source: on the left the line that runs, on the right what came of it.
//!
//! A line event tells the changes that happened before it. People want them beside the line that made them,
//! so effects are gathered until the next line begins. Where calls came in between, the line stands again.

use std::collections::HashMap;
use std::io::{self, Write};

use dataset::Row;
use trace::{Change, ChangeKind, Event, EventKind, GapReason, Value};

use super::text::{fit, harmless, pad};
use crate::paint::Paint;

const NUMBER_COLUMNS: usize = 5;
const SEPARATOR: &str = " │ ";
/// Deeper frames are indented no further.
const DEEPEST_INDENT: usize = 6;

/// Writes at most `limit` rows of the trace under a heading that says what ran and how it ended.
pub(crate) fn show(
    row: &Row<'_>,
    columns: usize,
    limit: usize,
    paint: &Paint,
    out: &mut impl Write,
) -> io::Result<()> {
    heading(row, columns, paint, out)?;
    let source: Vec<&str> = row.code.lines().collect();
    // Source is cut sooner than what came of it, since effects take a row each.
    let both = columns - SEPARATOR.chars().count();
    let left = both * 5 / 9;
    let right = both - left;
    let steps = steps(&row.events);
    for step in steps.iter().take(limit) {
        let place = step.place(&source, left);
        let place = if step.again { paint.dim(&pad(&place, left)) } else { pad(&place, left) };
        let mut effects = step.effects.iter().map(|effect| fit(effect, right));
        let first = effects.next().unwrap_or_default();
        writeln!(out, "{}", format!("{place}{}{first}", paint.dim(SEPARATOR)).trim_end())?;
        for effect in effects {
            writeln!(out, "{}{}{effect}", pad("", left), paint.dim(SEPARATOR))?;
        }
    }
    if steps.len() > limit {
        writeln!(out, "… {} more rows; --limit 0 shows all", steps.len() - limit)?;
    }
    footing(row, columns, paint, out)
}

fn heading(row: &Row<'_>, columns: usize, paint: &Paint, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", paint.bold(&fit(&harmless(&row.source_path), columns)))?;
    let ended = paint.outcome(row.outcome, row.outcome.name());
    let events = row.events.len();
    let milliseconds = row.wall_us as f64 / 1000.0;
    writeln!(out, "{ended}, {events} events in {milliseconds:.1} ms, CPython {}", row.interpreter)?;
    if let Some(input) = &row.input {
        writeln!(out, "{}", fit(&harmless(&format!("input   {}({input})", row.entry)), columns))?;
    }
    writeln!(out)
}

fn footing(row: &Row<'_>, columns: usize, paint: &Paint, out: &mut impl Write) -> io::Result<()> {
    let mut facts = Vec::new();
    if let Some(output) = &row.output {
        facts.push(format!("output  {output}"));
    }
    if let Some(name) = &row.exception_type {
        facts.push(format!("raised  {name}: {}", row.exception_message.as_deref().unwrap_or_default()));
    }
    if let Some(code) = row.exit_code {
        facts.push(format!("exit    {code}"));
    }
    if let Some(signal) = row.signal {
        facts.push(format!("signal  {signal}"));
    }
    if row.trace_truncated {
        facts.push("tracing stopped before the program did".to_owned());
    }
    if row.trace_damaged {
        facts.push("the end of the trace is damaged".to_owned());
    }
    if !facts.is_empty() {
        writeln!(out)?;
    }
    facts.iter().try_for_each(|fact| writeln!(out, "{}", paint.dim(&fit(&harmless(fact), columns))))
}

/// One line of source at one moment, and what it led to until the next.
struct Step {
    frame: u32,
    depth: usize,
    /// 0 where no frame is entered.
    line: usize,
    /// First line of the frame's code, whose indentation is left out.
    code_line: usize,
    /// The line began earlier; calls came in between.
    again: bool,
    effects: Vec<String>,
}

impl Step {
    fn place(&self, source: &[&str], columns: usize) -> String {
        let Some(text) = self.line.checked_sub(1).and_then(|index| source.get(index)) else {
            return String::new();
        };
        let header = self.code_line.checked_sub(1).and_then(|index| source.get(index)).unwrap_or(text);
        let base = indentation(header).min(indentation(text));
        let depth = "· ".repeat(self.depth.min(DEEPEST_INDENT));
        let room = columns.saturating_sub(NUMBER_COLUMNS + 2);
        format!(
            "{:>NUMBER_COLUMNS$}  {}",
            self.line,
            fit(&harmless(&format!("{depth}{}", &text[base..])), room)
        )
    }
}

fn steps(events: &[Event<'_>]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut code_lines: HashMap<u32, usize> = HashMap::new();
    for event in events {
        if event.kind == EventKind::Call {
            code_lines.insert(event.frame, event.line as usize);
        }
        let step = |line: usize, again, effects| Step {
            frame: event.frame,
            depth: event.depth as usize,
            line,
            code_line: code_lines.get(&event.frame).copied().unwrap_or_default(),
            again,
            effects,
        };
        let line = event.line as usize;
        let changes = event.changes.iter().map(change);
        match event.kind {
            EventKind::Call => {
                let called = format!("call {}", harmless(event.function));
                steps.push(step(line, false, std::iter::once(called).chain(changes).collect()));
                continue;
            }
            EventKind::Resume => steps.push(step(line, true, vec!["resume".to_owned()])),
            _ => {}
        }
        let effects: Vec<String> = changes.chain(consequence(&event.kind)).collect();
        match steps.last_mut() {
            Some(step) if step.frame == event.frame => step.effects.extend(effects),
            _ if effects.is_empty() => {}
            _ => {
                let began = last_line(&steps, event.frame).unwrap_or(line);
                steps.push(step(began, true, effects));
            }
        }
        if event.kind == EventKind::Line {
            steps.push(step(line, false, Vec::new()));
        }
    }
    steps
}

/// Where a frame stood when it was last seen.
fn last_line(steps: &[Step], frame: u32) -> Option<usize> {
    steps.iter().rev().find(|step| step.frame == frame).map(|step| step.line)
}

fn change(change: &Change<'_>) -> String {
    let (name, element) = (harmless(change.name), harmless(change.element.unwrap_or_default()));
    match (change.kind, change.value) {
        (ChangeKind::Deleted, _) | (_, None) => format!("del {name}{element}"),
        (_, Some(value)) => format!("{name}{element} = {}", harmless(value.text)),
    }
}

/// What an event itself says, beyond its changes.
fn consequence(kind: &EventKind<'_>) -> Option<String> {
    let exception = |value: &Value<'_>| harmless(&format!("{}: {}", value.type_name, value.text));
    match kind {
        EventKind::Call | EventKind::Line | EventKind::Resume | EventKind::Instruction(_) => None,
        EventKind::Effect(effect) => Some(format!("{} {}", effect.kind.name(), harmless(effect.detail))),
        EventKind::Return(value) => Some(format!("return {}", harmless(value.text))),
        EventKind::Yield(value) => Some(format!("yield {}", harmless(value.text))),
        EventKind::Raise(value) => Some(format!("raises {}", exception(value))),
        EventKind::Unwind(value) => Some(format!("leaves by {}", exception(value))),
        EventKind::Output(stream, bytes) => {
            let written = String::from_utf8_lossy(bytes);
            Some(format!("{} {}", stream.name(), harmless(&format!("{written:?}"))))
        }
        EventKind::Gap { reason: GapReason::Depth, .. } => Some("… calls from here are not told".to_owned()),
        EventKind::Gap { reason, .. } => Some(format!("… tracing stops here (limit on {})", reason.name())),
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use trace::Scope;

    use super::*;

    fn event<'a>(frame: u32, line: u32, kind: EventKind<'a>, changes: &[(&'a str, &'a str)]) -> Event<'a> {
        let changes = changes.iter().map(|&(name, text)| Change {
            scope: Scope::Local,
            name,
            element: None,
            kind: ChangeKind::New,
            value: Some(Value { type_name: "int", text }),
        });
        let function = if frame == 0 { "<module>" } else { "double" };
        let changes = changes.collect();
        Event { thread: 0, frame, parent: None, depth: frame, function, line, kind, changes }
    }

    /// Steps as lines of `line effects`, with a `'` behind a line that stands again.
    fn told(events: &[Event<'_>]) -> Vec<String> {
        let told = |step: &Step| {
            let again = if step.again { "'" } else { "" };
            format!("{}{again} {}", step.line, step.effects.join("; ")).trim_end().to_owned()
        };
        steps(events).iter().map(told).collect()
    }

    #[test]
    fn effects_stand_beside_the_line_that_made_them() {
        let events = [
            event(0, 1, EventKind::Call, &[]),
            event(0, 1, EventKind::Line, &[]),
            event(0, 2, EventKind::Line, &[("x", "1")]),
            event(0, 2, EventKind::Return(Value { type_name: "NoneType", text: "None" }), &[("y", "2")]),
        ];
        assert_eq!(told(&events), ["1 call <module>", "1 x = 1", "2 y = 2; return None"]);
    }

    #[test]
    fn line_stands_again_after_the_calls_that_it_made() {
        let events = [
            event(0, 5, EventKind::Line, &[]),
            event(1, 1, EventKind::Call, &[("n", "4")]),
            event(1, 2, EventKind::Line, &[]),
            event(1, 2, EventKind::Return(Value { type_name: "int", text: "8" }), &[]),
            event(0, 6, EventKind::Line, &[("x", "8")]),
        ];
        assert_eq!(told(&events), ["5", "1 call double; n = 4", "2 return 8", "5' x = 8", "6"]);
    }

    #[test]
    fn what_a_program_printed_cannot_steer_the_terminal() {
        let written = b"\x1b[2J".as_slice().into();
        let events = [event(0, 1, EventKind::Output(trace::Stream::Stdout, written), &[])];
        assert_eq!(told(&events), [r#"1' stdout "\u{1b}[2J""#]);
    }
}
