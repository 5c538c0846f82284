//! Writes the frames of one episode.

use std::collections::{BTreeSet, HashMap};

use trace::{ChangeKind, Event, EventKind, Scope};

use crate::scopes::Scopes;
use crate::source::{Keyword, Source};
use crate::{json, text};

/// What has been written, and what its reader knows by then.
pub(super) struct Teller<'s> {
    collapsed: bool,
    source: &'s Source<'s>,
    pub(super) out: String,
    pub(super) first_line: Option<u32>,
    /// The frame whose variables the reader knows from the steps since the last change of scope, and those
    /// that have changed since the latest of these steps.
    known: Option<Known<'s>>,
    /// The line each frame stands on.
    lines: HashMap<u32, u32>,
    /// An exception that left a frame, until it is seen whether its parent noticed.
    passing: Option<Passing>,
    /// The frames that are done.
    pub(super) over: BTreeSet<u32>,
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
    pub(super) fn new(collapsed: bool, source: &'s Source<'s>) -> Teller<'s> {
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
    pub(super) fn is_in_module(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_module)
    }

    /// Keeps in mind what changes, in calls that are not shown, too.
    pub(super) fn notice(&mut self, event: &'s Event<'s>) {
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

    pub(super) fn tell(&mut self, event: &Event<'_>, scopes: &Scopes<'_>) {
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
