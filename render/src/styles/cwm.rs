//! The frames of the Code World Model's public prompting guide.

use std::collections::{BTreeSet, HashMap};

use trace::{ChangeKind, Event, EventKind, Scope};

use crate::level::{Level, check_lines};
use crate::random::Random;
use crate::scopes::Scopes;
use crate::source::{Keyword, Source};
use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, json, step, text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "cwm",
    summary: "frames of the Code World Model: trace tokens, locals as JSON",
    shape: Shape::Prompt,
    parameters: &[
        Parameter {
            key: "unchanged",
            default: "names",
            meaning: "how variables without a change show: `names`, each as `\"x\": \"..\"`, or `collapsed`, \
                      all as one `\"..\": \"..\"`",
        },
        Parameter {
            key: "depth",
            default: "all",
            meaning: "how many calls below the entry are stepped into: a number from 1 up, or `all`",
        },
        Parameter {
            key: "step_in",
            default: "1",
            meaning: "the probability from 0 to 1 that a call is stepped into",
        },
        Parameter {
            key: "episodes",
            default: "entry",
            meaning: "`entry`: one example; `calls`: also one for each call that was not stepped into, up to 256 \
                      together",
        },
    ],
    build,
};

struct Cwm {
    collapsed: bool,
    depth: Option<usize>,
    step_in: f64,
    calls: bool,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    let collapsed = settings.choose("unchanged", &[("names", false), ("collapsed", true)])?;
    let depth = settings.count_or_all("depth")?;
    let step_in = settings.share_or("step_in", 1.0)?;
    let calls = settings.choose("episodes", &[("entry", false), ("calls", true)])?;
    Ok(Box::new(Cwm { collapsed, depth, step_in, calls }))
}

/// Each episode repeats the source, so the texts of an execution of many calls would not fit into memory.
const MOST_EPISODES: usize = 256;

/// Marks the line at which a trace begins.
const MARK: &str = "  # << START_OF_TRACE";

/// What must not stand in a program: a reader could not tell it from structure.
const TOKENS: [&str; 10] = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|trace_context_start|>",
    "<|frame_sep|>",
    "<|action_sep|>",
    "<|return_sep|>",
    "<|call_sep|>",
    "<|line_sep|>",
    "<|exception_sep|>",
    "<|arg_sep|>",
];

impl Style for Cwm {
    fn render(
        &self,
        execution: &Execution<'_>,
        seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        if TOKENS.iter().any(|token| execution.code.contains(token)) {
            return Err(Skipped::ControlToken);
        }
        check_lines(execution)?;
        let Some(entry) = execution.events.iter().find(|event| step::is_step(event)) else {
            return Err(Skipped::NoTrace);
        };
        let source = Source::new(execution.code);
        let mut told = Vec::new();
        for Episode { root, teller } in self.tell(execution, entry, seed, &source) {
            // The module of an empty source begins on a line that it does not have.
            let Some(first) = teller.first_line.filter(|first| source.has_line(*first)) else { continue };
            let prompt = context(&source, first);
            let mut completion = teller.out;
            if teller.over.contains(&root) {
                completion.push_str("<|end_of_text|>");
            }
            let key = format!("frame-{root}");
            told.push(Example { key, text: Text::Prompt { prompt, completion } });
        }
        if told.is_empty() {
            return Err(Skipped::NoTrace);
        }
        examples.append(&mut told);
        Ok(())
    }
}

/// What one example tells: a frame and what is stepped into from there.
struct Episode<'s> {
    root: u32,
    teller: Teller<'s>,
}

impl Cwm {
    /// Tells all episodes in one pass over the events.
    fn tell<'s>(
        &self,
        execution: &Execution<'s>,
        entry: &Event<'s>,
        seed: u64,
        source: &'s Source<'s>,
    ) -> Vec<Episode<'s>> {
        let (roots, places) = self.episodes(execution, entry, Random::new(seed, execution.id, "cwm"));
        let begin = |root| Episode { root, teller: Teller::new(self.collapsed, source) };
        let mut episodes: Vec<Episode<'s>> = roots.into_iter().map(begin).collect();
        // Those whose reader knows the globals: a change in any frame concerns them.
        let mut in_module = BTreeSet::new();
        let mut scopes = Scopes::default();
        for event in execution.events {
            if !step::is_step(event) || !Level::Line.shows(event) {
                continue;
            }
            scopes.apply(event);
            for episode in &in_module {
                let Episode { teller, .. }: &mut Episode<'_> = &mut episodes[*episode];
                teller.notice(event);
            }
            if let Some(&Place { episode, .. }) = places.get(&event.frame) {
                let teller = &mut episodes[episode].teller;
                teller.notice(event);
                teller.tell(event, &scopes);
                if teller.is_in_module() {
                    in_module.insert(episode);
                } else {
                    in_module.remove(&episode);
                }
            }
            scopes.forget(event);
        }
        episodes
    }

    /// The frames that episodes begin with, and where each frame is told that is.
    fn episodes(
        &self,
        execution: &Execution<'_>,
        entry: &Event<'_>,
        mut random: Random,
    ) -> (Vec<u32>, HashMap<u32, Place>) {
        let mut roots = vec![entry.frame];
        let mut places = HashMap::from([(entry.frame, Place { episode: 0, depth: 0 })]);
        for event in execution.events.iter().filter(|event| event.kind == EventKind::Call) {
            if event.frame == entry.frame {
                continue;
            }
            let parent = event.parent.and_then(|parent| places.get(&parent).copied());
            let is_drawn = random.unit() < self.step_in;
            match parent {
                Some(Place { episode, depth }) if is_drawn && self.depth.is_none_or(|most| depth < most) => {
                    places.insert(event.frame, Place { episode, depth: depth + 1 });
                }
                _ if self.calls && roots.len() < MOST_EPISODES => {
                    places.insert(event.frame, Place { episode: roots.len(), depth: 0 });
                    roots.push(event.frame);
                }
                _ => (),
            }
        }
        (roots, places)
    }
}

/// Where a frame is told.
#[derive(Debug, Clone, Copy)]
struct Place {
    episode: usize,
    /// How deep it lies in it.
    depth: usize,
}

/// The source with the mark, up to the token that begins the trace.
fn context(source: &Source<'_>, entry_line: u32) -> String {
    let mut context = "<|begin_of_text|><|trace_context_start|>".to_owned();
    for (number, line) in source.lines() {
        context.push_str(line);
        if number == entry_line {
            context.push_str(MARK);
        }
        context.push('\n');
    }
    context.push_str("<|frame_sep|>");
    context
}

/// Writes the frames of one episode.
struct Teller<'s> {
    collapsed: bool,
    source: &'s Source<'s>,
    out: String,
    first_line: Option<u32>,
    /// The frame whose variables the reader knows from the steps since the last change of scope, and those
    /// that have changed since the latest of these steps.
    known: Option<Known<'s>>,
    /// The line each frame stands on.
    lines: HashMap<u32, u32>,
    /// An exception that left a frame, until it is seen whether its parent noticed.
    passing: Option<Passing>,
    over: BTreeSet<u32>,
}

struct Known<'s> {
    frame: u32,
    is_module: bool,
    changed: BTreeSet<&'s str>,
    /// A variable is gone, which a step that collapses the unchanged ones could not say.
    has_gone: bool,
}

struct Passing {
    into: u32,
    text: String,
}

impl<'s> Teller<'s> {
    fn new(collapsed: bool, source: &'s Source<'s>) -> Teller<'s> {
        Teller {
            collapsed,
            source,
            out: String::new(),
            first_line: None,
            known: None,
            lines: HashMap::new(),
            passing: None,
            over: BTreeSet::new(),
        }
    }

    /// Whether its reader knows the globals from a step of a module.
    fn is_in_module(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_module)
    }

    /// Keeps in mind what changes, in calls that are not shown, too.
    fn notice(&mut self, event: &'s Event<'s>) {
        let Some(known) = &mut self.known else { return };
        for change in &event.changes {
            let is_its_own = match change.scope {
                Scope::Local => event.frame == known.frame,
                Scope::Global => known.is_module,
            };
            if is_its_own {
                known.changed.insert(change.name);
                known.has_gone |= change.kind == ChangeKind::Deleted && change.element.is_none();
            }
        }
    }

    fn tell(&mut self, event: &Event<'_>, scopes: &Scopes<'_>) {
        self.first_line.get_or_insert(event.line);
        self.tell_passing(event);
        self.lines.insert(event.frame, event.line);
        match event.kind {
            EventKind::Call | EventKind::Resume => {
                self.known = None;
                self.observe("<|call_sep|>", event, scopes);
            }
            EventKind::Line => self.observe("<|line_sep|>", event, scopes),
            EventKind::Return(value) | EventKind::Yield(value) => self.leave(event.line, value.text),
            EventKind::Raise(exception) => self.except(event.line, &text::exception_text(exception)),
            EventKind::Unwind(exception) => {
                self.leave(event.line, "None");
                self.passing =
                    event.parent.map(|into| Passing { into, text: text::exception_text(exception) });
            }
            _ => (),
        }
        if matches!(event.kind, EventKind::Return(_) | EventKind::Unwind(_)) {
            self.over.insert(event.frame);
        }
    }

    /// An exception that left a frame appears in the one that called it, unless something between the two
    /// swallowed it: what the caller does next tells.
    fn tell_passing(&mut self, event: &Event<'_>) {
        let Some(passing) = self.passing.take() else { return };
        let Some(line) = self.lines.get(&passing.into).copied().filter(|_| passing.into == event.frame)
        else {
            return;
        };
        let handles = |line| {
            self.source.statement(line).is_some_and(|statement| {
                matches!(statement.keyword, Keyword::Except | Keyword::Finally | Keyword::With)
            })
        };
        let noticed = match event.kind {
            EventKind::Unwind(_) => true,
            EventKind::Line => handles(event.line) || self.is_first_of_finally(event.line),
            _ => false,
        };
        if noticed {
            self.except(line, &passing.text);
        }
    }

    /// Whether this line begins the body of a `finally`, whose own line has no event.
    fn is_first_of_finally(&self, line: u32) -> bool {
        self.source.statements().iter().any(|statement| {
            statement.keyword == Keyword::Finally
                && statement.body.as_ref().is_some_and(|body| self.source.begins_block(body, line))
        })
    }

    fn observe(&mut self, token: &str, event: &Event<'_>, scopes: &Scopes<'_>) {
        // A module's variables are its globals, and so are its locals to Python.
        let is_module = event.function == "<module>";
        self.out.push_str(token);
        if is_module {
            self.locals(event.frame, scopes.globals());
        } else {
            self.locals(event.frame, scopes.locals(event.frame));
        }
        self.action(event.line);
        self.out.push_str("<|frame_sep|>");
        self.known = Some(Known { frame: event.frame, is_module, changed: BTreeSet::new(), has_gone: false });
    }

    fn locals<'v>(&mut self, frame: u32, variables: impl Iterator<Item = (&'v str, &'v str)>) {
        let known = self.known.as_ref().filter(|known| known.frame == frame);
        let is_known = |name: &str| known.is_some_and(|known| !known.changed.contains(name));
        let may_collapse = self.collapsed && known.is_some_and(|known| !known.has_gone);
        let mut pairs = Vec::new();
        let mut collapsed = false;
        for (name, text) in variables {
            match is_known(name) {
                true if may_collapse => collapsed = true,
                true => pairs.push((name, "..")),
                false => pairs.push((name, text)),
            }
        }
        if collapsed {
            pairs.insert(0, ("..", ".."));
        }
        self.out.push('{');
        for (index, (name, text)) in pairs.into_iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            dumps(&mut self.out, name);
            self.out.push_str(": ");
            dumps(&mut self.out, text);
        }
        self.out.push('}');
    }

    fn action(&mut self, line: u32) {
        self.out.push_str("<|action_sep|>");
        self.out.push_str(self.source.line(line));
        self.out.push('\n');
    }

    fn leave(&mut self, line: u32, value: &str) {
        self.known = None;
        self.end("<|return_sep|>", line, value);
    }

    fn except(&mut self, line: u32, exception: &str) {
        self.end("<|exception_sep|>", line, exception);
    }

    fn end(&mut self, token: &str, line: u32, value: &str) {
        self.out.push_str(token);
        self.action(line);
        self.out.push_str("<|arg_sep|>");
        dumps(&mut self.out, value);
        self.out.push_str("<|frame_sep|>");
    }
}

/// A JSON string as `json.dumps` writes it, except that a token in it is broken by an escape, which reads
/// back to the same text.
fn dumps(out: &mut String, text: &str) {
    let mut quoted = String::new();
    json::ascii_string(&mut quoted, text);
    out.push_str(&quoted.replace("<|", "\\u003c|"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation;

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
}
