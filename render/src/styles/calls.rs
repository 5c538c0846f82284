//! The call tree: who called whom, when, and for how long, counted in steps.

use std::collections::HashMap;

use trace::{Event, EventKind};

use crate::level::Level;
use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, json, step};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "calls",
    summary: "the call tree as rows or as OpenTelemetry spans, times counted in steps",
    shape: Shape::Plain,
    parameters: &[Parameter {
        key: "form",
        default: "rows",
        meaning: "`rows`: a JSON object for each call; `spans`: one OTLP document in JSON",
    }],
    build,
};

#[derive(Clone, Copy)]
enum Form {
    Rows,
    Spans,
}

struct Calls {
    form: Form,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    let form = settings.choose("form", &[("rows", Form::Rows), ("spans", Form::Spans)])?;
    Ok(Box::new(Calls { form }))
}

impl Style for Calls {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        let calls = calls(execution.events);
        if calls.is_empty() {
            return Err(Skipped::NoTrace);
        }
        let out = match self.form {
            Form::Rows => rows(&calls),
            Form::Spans => spans(execution, &calls),
        };
        examples.push(Example { key: "calls".to_owned(), text: Text::Plain(out) });
        Ok(())
    }
}

/// One frame's life. Times are numbers of steps from the start of the trace.
struct Call<'a> {
    frame: u32,
    function: &'a str,
    caller: Option<(u32, &'a str)>,
    /// The line that the caller stood on.
    line: Option<u32>,
    depth: u32,
    start: u64,
    /// One past its last step.
    end: u64,
    /// The steps of the frame itself, without those of what it called.
    own: u64,
    ended: &'static str,
}

/// Every call in order.
fn calls<'a>(events: &[Event<'a>]) -> Vec<Call<'a>> {
    let mut calls: Vec<Call<'a>> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut lines: HashMap<u32, u32> = HashMap::new();
    let steps = events.iter().filter(|event| step::is_step(event) && Level::Line.shows(event));
    for (now, event) in (0..).zip(steps) {
        let place = match places.get(&event.frame) {
            Some(place) => *place,
            None => {
                let parent = event.parent.and_then(|parent| places.get(&parent));
                let caller = parent.map(|parent| (calls[*parent].frame, calls[*parent].function));
                places.insert(event.frame, calls.len());
                calls.push(Call {
                    frame: event.frame,
                    function: event.function,
                    caller,
                    line: event.parent.and_then(|parent| lines.get(&parent)).copied(),
                    depth: event.depth,
                    start: now,
                    end: now,
                    own: 0,
                    ended: "open",
                });
                calls.len() - 1
            }
        };
        let call = &mut calls[place];
        call.end = now + 1;
        call.own += 1;
        call.ended = match event.kind {
            EventKind::Return(_) => "returned",
            EventKind::Unwind(_) => "raised",
            EventKind::Yield(_) => "suspended",
            _ => "open",
        };
        lines.insert(event.frame, event.line);
    }
    calls
}

fn rows(calls: &[Call<'_>]) -> String {
    let mut out = String::new();
    for call in calls {
        out.push_str(&format!("{{\"call\": {}, \"callee\": ", call.frame));
        json::string(&mut out, call.function);
        match call.caller {
            Some((frame, function)) => {
                out.push_str(&format!(", \"caller_call\": {frame}, \"caller\": "));
                json::string(&mut out, function);
            }
            None => out.push_str(", \"caller_call\": null, \"caller\": null"),
        }
        let line = call.line.map_or("null".to_owned(), |line| line.to_string());
        out.push_str(&format!(
            ", \"line\": {line}, \"depth\": {}, \"start\": {}, \"time\": {}, \"own_time\": {}, \"ended\": \"{}\"}}\n",
            call.depth,
            call.start,
            call.end - call.start,
            call.own,
            call.ended
        ));
    }
    out
}

/// A step is shown as a microsecond, because spans know only times.
const STEP_NANOSECONDS: u64 = 1000;

fn spans(execution: &Execution<'_>, calls: &[Call<'_>]) -> String {
    let mut out = String::from(
        "{\"resourceSpans\": [{\"resource\": {\"attributes\": [{\"key\": \"code.file.path\", \"value\": {\"stringValue\": ",
    );
    json::string(&mut out, execution.path);
    out.push_str("}}]}, \"scopeSpans\": [{\"scope\": {\"name\": \"et\"}, \"spans\": [");
    for (index, call) in calls.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        out.push_str("{\"traceId\": ");
        json::string(&mut out, execution.id);
        out.push_str(&format!(", \"spanId\": \"{}\"", span_id(call.frame)));
        if let Some((parent, _)) = call.caller {
            out.push_str(&format!(", \"parentSpanId\": \"{}\"", span_id(parent)));
        }
        out.push_str(", \"name\": ");
        json::string(&mut out, call.function);
        // 1 is an internal span. 64-bit numbers are strings in OTLP's JSON.
        out.push_str(&format!(
            ", \"kind\": 1, \"startTimeUnixNano\": \"{}\", \"endTimeUnixNano\": \"{}\"",
            call.start * STEP_NANOSECONDS,
            call.end * STEP_NANOSECONDS
        ));
        out.push_str(", \"attributes\": [{\"key\": \"code.function.name\", \"value\": {\"stringValue\": ");
        json::string(&mut out, call.function);
        out.push_str("}}");
        if let Some(line) = call.line {
            out.push_str(&format!(
                ", {{\"key\": \"et.caller.line\", \"value\": {{\"intValue\": \"{line}\"}}}}"
            ));
        }
        // 2 is an error; nothing is said of what went well.
        out.push_str(if call.ended == "raised" { "], \"status\": {\"code\": 2}}" } else { "]}" });
    }
    out.push_str("]}]}]}\n");
    out
}

/// No span may have the number 0.
fn span_id(frame: u32) -> String {
    format!("{:016x}", u64::from(frame) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = "
        call f 1
        line f 2
        call g 5
        yield g 5 = int 1
        line f 3
        call h 8
        unwind h 8 = ValueError no
        line f 4
        return f 4 = int 1";

    fn render(form: Form) -> String {
        let events = crate::notation::events(EVENTS);
        let execution = Execution { events: &events, ..crate::sample() };
        let mut examples = Vec::new();
        Calls { form }.render(&execution, 0, &mut examples).unwrap();
        match examples.remove(0).text {
            Text::Plain(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_says_who_called_whom_when_and_for_how_long() {
        let text = render(Form::Rows);
        let rows: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{} {} {} {}+{} {} {}",
                    row["caller"],
                    row["callee"],
                    row["line"],
                    row["start"],
                    row["time"],
                    row["own_time"],
                    row["ended"]
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"null "f" null 0+9 5 "returned""#,
                r#""f" "g" 2 2+2 2 "suspended""#,
                r#""f" "h" 3 5+2 2 "raised""#,
            ]
        );
        // Own times add up to the whole.
        let own: u64 = rows.iter().map(|row| row["own_time"].as_u64().unwrap()).sum();
        assert_eq!(own, rows[0]["time"].as_u64().unwrap());
    }

    #[test]
    fn spans_are_one_tree() {
        let document: serde_json::Value = serde_json::from_str(&render(Form::Spans)).unwrap();
        let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!(spans.len(), 3);
        assert_eq!(spans[0]["parentSpanId"], serde_json::Value::Null);
        assert!(spans[1..].iter().all(|span| span["parentSpanId"] == spans[0]["spanId"]));
        assert_eq!(spans[2]["status"]["code"], 2);
        assert_eq!(spans[0]["endTimeUnixNano"], "9000");
        assert!(spans.iter().all(|span| span["traceId"].as_str().unwrap().len() == 32));
    }
}
