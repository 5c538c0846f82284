//! Frames of the Code World Model, read by the grammar of its prompting guide.

use std::collections::BTreeMap;

use trace::replay::Variables;
use trace::{EventKind, State};

use crate::states::{Texts, is_step};
use crate::traces::{each, pieces, render};

/// One frame as the guide has it.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    Call { locals: Texts, source: String },
    Line { locals: Texts, source: String },
    Return { source: String, value: String },
    Exception { source: String, value: String },
}

#[test]
fn frames_read_back_to_the_trace() {
    for settings in [&[][..], &["unchanged=collapsed"]] {
        each(|execution| {
            let Ok(examples) = render("cwm", settings, execution) else { return };
            let (prompt, completion) = pieces(&examples[0]);
            let code = check_context(prompt, execution.code);
            let (frames, is_whole) = read(completion);
            assert_eq!(is_whole, ended(execution), "{}", execution.path);
            let expected = expected(execution, &code);
            // Exceptions on their way through frames are decided in docs/styles.md, not in the guide.
            let mut frames = frames.into_iter().peekable();
            for wanted in expected {
                while matches!(frames.peek(), Some(Frame::Exception { .. }))
                    && !matches!(wanted, Frame::Exception { .. })
                {
                    frames.next();
                }
                assert_eq!(frames.next(), Some(wanted), "{}", execution.path);
            }
            assert_eq!(frames.next(), None, "{}", execution.path);
        });
    }
}

#[test]
fn the_last_frame_of_a_whole_trace_returns_the_output() {
    each(|execution| {
        let (Ok(examples), Some(output)) = (render("cwm", &[], execution), execution.output) else { return };
        if execution.incomplete || output.text.len() > 200 {
            return;
        }
        let (frames, _) = read(pieces(&examples[0]).1);
        let Some(Frame::Return { value, .. }) = frames.last() else { panic!("{frames:?}") };
        assert_eq!(value, output.text, "{}", execution.path);
    });
}

/// As docs/styles.md has it: the most episodes of an execution.
const MOST_EPISODES: usize = 256;

#[test]
fn episodes_tell_every_call_once_up_to_their_limit() {
    each(|execution| {
        let calls = execution.events.iter().filter(|event| event.kind == EventKind::Call).count();
        // Generators are called again, in this format, whenever they go on.
        let has_generators = execution.events.iter().any(|event| event.kind == EventKind::Resume);
        for share in ["0", "0.5", "1"] {
            let settings = [format!("step_in={share}"), "episodes=calls".to_owned()];
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            let Ok(examples) = render("cwm", &settings, execution) else { return };
            let told: usize =
                examples.iter().map(|example| pieces(example).1.matches("<|call_sep|>").count()).sum();
            let are_all = examples.len() < MOST_EPISODES;
            assert!(examples.len() <= MOST_EPISODES, "{}", execution.path);
            assert!(told == calls || has_generators || !are_all, "{told} of {calls} in {}", execution.path);
            if share == "0" {
                assert_eq!(examples.len(), calls.min(MOST_EPISODES), "{}", execution.path);
            }
        }
    });
}

/// The source's lines, after checking that the context is the source and one mark.
fn check_context(prompt: &str, code: &str) -> Vec<String> {
    let context = prompt
        .strip_prefix("<|begin_of_text|><|trace_context_start|>")
        .and_then(|rest| rest.strip_suffix("<|frame_sep|>"))
        .expect("a prompt is a context");
    assert_eq!(context.matches("  # << START_OF_TRACE\n").count(), 1);
    let lines: Vec<String> =
        context.replace("  # << START_OF_TRACE\n", "\n").lines().map(str::to_owned).collect();
    let code = code.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(lines, code.lines().collect::<Vec<_>>());
    lines
}

/// Reads a completion, `..` resolved; whether the end of the text is marked.
fn read(completion: &str) -> (Vec<Frame>, bool) {
    let body = completion.strip_suffix("<|end_of_text|>");
    let is_whole = body.is_some();
    let mut frames = Vec::new();
    // What the reader knows of the scope that it is in.
    let mut known: Option<Texts> = None;
    let pieces: Vec<&str> = body.unwrap_or(completion).split("<|frame_sep|>").collect();
    let (last, pieces) = pieces.split_last().unwrap();
    assert_eq!(*last, "", "every step ends with its token");
    for piece in pieces {
        let (head, action) = piece.split_once("<|action_sep|>").expect("a step has an action");
        let (token, observation) = head.split_once("|>").unwrap();
        match token {
            "<|call_sep" | "<|line_sep" => {
                if token == "<|call_sep" {
                    known = None;
                }
                let locals = resolve(observation, known.as_ref());
                known = Some(locals.clone());
                let source = action.to_owned();
                frames.push(match token {
                    "<|call_sep" => Frame::Call { locals, source },
                    _ => Frame::Line { locals, source },
                });
            }
            "<|return_sep" | "<|exception_sep" => {
                assert_eq!(observation, "");
                let (source, value) = action.split_once("<|arg_sep|>").expect("a value follows");
                let (source, value) = (source.to_owned(), serde_json::from_str(value).unwrap());
                frames.push(if token == "<|return_sep" {
                    known = None;
                    Frame::Return { source, value }
                } else {
                    Frame::Exception { source, value }
                });
            }
            other => panic!("no step begins with {other}"),
        }
    }
    (frames, is_whole)
}

fn resolve(observation: &str, known: Option<&Texts>) -> Texts {
    let told: BTreeMap<String, String> = serde_json::from_str(observation).unwrap();
    assert!(observation.is_ascii(), "{observation}");
    let is_collapsed = told.contains_key("..");
    let mut locals = Texts::new();
    for (name, text) in told.iter().filter(|(name, _)| *name != "..") {
        let text = if text == ".." { &known.expect("something is known")[name] } else { text };
        locals.insert(name.clone(), text.clone());
    }
    if is_collapsed {
        for (name, text) in known.expect("something is known") {
            locals.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }
    locals
}

/// The frames that the trace gives by the guide's words, without exceptions that pass through.
fn expected(execution: &render::Execution<'_>, code: &[String]) -> Vec<Frame> {
    let mut state = State::new();
    let mut frames = Vec::new();
    for event in execution.events.iter().filter(|event| is_step(event)) {
        state.apply(event);
        let variables =
            if event.function == "<module>" { state.globals() } else { state.locals(event.frame) };
        let locals = || -> Texts { texts(variables) };
        let source = code.get(event.line as usize - 1).map_or("\n".to_owned(), |line| format!("{line}\n"));
        frames.push(match event.kind {
            EventKind::Call | EventKind::Resume => Frame::Call { locals: locals(), source },
            EventKind::Line => Frame::Line { locals: locals(), source },
            EventKind::Return(value) | EventKind::Yield(value) => {
                Frame::Return { source, value: value.text.to_owned() }
            }
            EventKind::Raise(exception) if exception.text.is_empty() => {
                Frame::Exception { source, value: exception.type_name.to_owned() }
            }
            EventKind::Raise(exception) => {
                Frame::Exception { source, value: format!("{}: {}", exception.type_name, exception.text) }
            }
            EventKind::Unwind(_) => Frame::Return { source, value: "None".to_owned() },
            _ => unreachable!("only steps are looked at"),
        });
        state.forget(event);
    }
    frames
}

fn texts(variables: &Variables) -> Texts {
    variables.iter().map(|(name, variable)| (name.clone(), variable.text.clone())).collect()
}

/// Whether the first frame ended in the trace.
fn ended(execution: &render::Execution<'_>) -> bool {
    let first = execution.events.iter().find(|event| is_step(event)).unwrap().frame;
    execution.events.iter().any(|event| {
        event.frame == first && matches!(event.kind, EventKind::Return(_) | EventKind::Unwind(_))
    })
}
