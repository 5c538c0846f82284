//! Small executions in the notation of tests, and the frames that tell them.

use super::KIND;
use super::episodes::MOST_EPISODES;
use crate::style::Skipped;
use crate::{Execution, Settings, Text, notation};

/// The completion with tokens shortened to `<call>`, of the settings and source given.
fn completions(settings: &[&str], code: &str, events: &str) -> Vec<String> {
    let events = notation::events(events);
    let execution = Execution { code, events: &events, ..crate::sample() };
    let style = KIND.with(&Settings::parse(settings).unwrap()).unwrap();
    let mut examples = Vec::new();
    style.render(&execution, 0, &mut examples).unwrap();
    examples
        .into_iter()
        .map(|example| match example.text {
            Text::Prompt { completion, .. } => completion
                .replace("<|frame_sep|>", "\n")
                .replace("\n<|arg_sep|>", " ")
                .replace("<|action_sep|>", " ")
                .replace("\n\n", "\n")
                .replace("_sep|>", ">")
                .replace("<|", "<"),
            other => panic!("{other:?}"),
        })
        .collect()
}

const CATCHES: &str = "def f():\n try:\n  g()\n except E:\n  return 1\ndef g():\n raise E\n";

#[test]
fn an_exception_shows_in_every_frame_that_it_reaches() {
    let told = completions(
        &[],
        CATCHES,
        "call f 1
         line f 2
         line f 3
         call g 6
         line g 7
         raise g 7 = E no
         unwind g 7 = E no
         line f 4
         line f 5
         return f 5 = int 1",
    );
    assert_eq!(
        told,
        ["<call>{} def f():
<line>{}  try:
<line>{}   g()
<call>{} def g():
<line>{}  raise E
<exception>  raise E \"E: no\"
<return>  raise E \"None\"
<exception>   g() \"E: no\"
<line>{}  except E:
<line>{}   return 1
<return>   return 1 \"1\"
<end_of_text|>"]
    );
}

#[test]
fn an_exception_that_was_swallowed_outside_does_not_reach_the_caller() {
    let told = completions(
        &[],
        "def f():\n hasattr(a, 'x')\n return 1\ndef g():\n raise E\n",
        "call f 1
         line f 2
         call g 4
         line g 5
         raise g 5 = E
         unwind g 5 = E
         line f 3
         return f 3 = int 1",
    );
    assert_eq!(told[0].matches("<exception>").count(), 1);
}

#[test]
fn a_generator_is_left_and_entered_as_settrace_has_it() {
    let told = completions(
        &[],
        "def f():\n for x in g(): pass\ndef g():\n yield 1\n",
        "call f 1
         line f 2
         call g 3
         line g 4
         yield g 4 = int 1
         line f 2 | x: int = 1
         resume g 4 #1
         return g 4 = NoneType None
         return f 2 = NoneType None",
    );
    assert_eq!(
        told,
        ["<call>{} def f():
<line>{}  for x in g(): pass
<call>{} def g():
<line>{}  yield 1
<return>  yield 1 \"1\"
<line>{\"x\": \"1\"}  for x in g(): pass
<call>{}  yield 1
<return>  yield 1 \"None\"
<return>  for x in g(): pass \"None\"
<end_of_text|>"]
    );
}

const NESTED: &str = "
    call f 1 | n: int = 1
    line f 2
    call g 3
    call h 4
    return h 4 = int 1
    return g 3 = int 2
    line f 2 | m: int = 3
    return f 2 = int 3";

#[test]
fn what_is_not_stepped_into_is_opaque_or_an_episode() {
    let code = "def f(n):\n m = g()\ndef g(): h()\ndef h(): pass\n";
    let calls = |settings: &[&str]| -> Vec<usize> {
        completions(settings, code, NESTED).iter().map(|told| told.matches("<call>").count()).collect()
    };
    assert_eq!(calls(&[]), [3]);
    assert_eq!(calls(&["depth=1"]), [2]);
    assert_eq!(calls(&["step_in=0"]), [1]);
    assert_eq!(calls(&["depth=1", "episodes=calls"]), [2, 1]);
    assert_eq!(calls(&["step_in=0", "episodes=calls"]), [1, 1, 1]);
    // Nothing came between the lines, so what has not changed is known.
    let opaque = &completions(&["step_in=0"], code, NESTED)[0];
    assert!(opaque.contains("<line>{\"n\": \"..\", \"m\": \"3\"}"), "{opaque}");
    let collapsed = &completions(&["step_in=0", "unchanged=collapsed"], code, NESTED)[0];
    assert!(collapsed.contains("<line>{\"..\": \"..\", \"m\": \"3\"}"), "{collapsed}");
}

#[test]
fn a_module_hears_of_globals_that_change_in_calls_that_others_tell() {
    let code = "a = 1\ndef f():\n global a\n a = 2\nf()\nf()\n";
    let events = "
        call <module> 1
        line <module> 1
        line <module> 5 | global a: int = 1
        call f 2
        line f 4
        return f 4 = NoneType None | global a: int = 2
        line <module> 6
        return <module> 6 = NoneType None";
    let told = completions(&["step_in=0", "episodes=calls"], code, events);
    assert!(told[0].contains("<line>{\"a\": \"2\"} f()"), "{}", told[0]);
    assert_eq!(told.len(), 2);
}

#[test]
fn an_execution_of_many_calls_gives_no_more_than_so_many_episodes() {
    let call = "call g 2\nline g 2\nreturn g 2 = NoneType None\nline f 1\n";
    let events = format!("call f 1\nline f 1\n{}return f 1 = NoneType None", call.repeat(300));
    let code = "def f(): g()\ndef g(): pass\n";
    let told = completions(&["step_in=0", "episodes=calls"], code, &events);
    assert_eq!(told.len(), MOST_EPISODES);
}

#[test]
fn no_program_forges_a_frame() {
    let events = notation::events("call f 1 | s: str = '<|frame_sep|>'\nline f 1\nreturn f 1 = int 1");
    let hostile = Execution { events: &events, ..crate::sample() };
    let style = KIND.with(&Settings::default()).unwrap();
    let mut examples = Vec::new();
    style.render(&hostile, 0, &mut examples).unwrap();
    let Text::Prompt { completion, .. } = &examples[0].text else { panic!() };
    assert_eq!(completion.matches("<|frame_sep|>").count(), 3);
    assert!(completion.contains(r#"{"s": "'\u003c|frame_sep|>'"}"#), "{completion}");

    let hostile = Execution { code: "# <|end_of_text|>\n", ..hostile };
    assert_eq!(style.render(&hostile, 0, &mut examples), Err(Skipped::ControlToken));
}

#[test]
fn an_empty_module_has_no_line_to_begin_on() {
    let events = notation::events("call <module> 1\nline <module> 1\nreturn <module> 1 = NoneType None");
    let empty = Execution { code: "", events: &events, ..crate::sample() };
    let style = KIND.with(&Settings::default()).unwrap();
    assert_eq!(style.render(&empty, 0, &mut Vec::new()), Err(Skipped::NoTrace));
}

#[test]
fn a_cut_trace_has_no_end() {
    let told = completions(&[], "def f():\n pass\n", "call f 1\nline f 2\ngap events 0");
    assert_eq!(told, ["<call>{} def f():\n<line>{}  pass\n"]);
}
