//! One event, as every reader of a trace sees it.

use std::borrow::Cow;

/// Something that happened while a program ran.
///
/// Events that belong to a frame carry the variables of that frame which changed since the frame's last
/// event, so replaying the changes from the start gives the full state at every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The thread: 0 is the main one, the others follow in the order of their first events.
    pub thread: u32,
    /// The frame's number, in order of its call; the first traced frame is 0.
    pub frame: u32,
    /// The traced frame that called or resumed this one; `None` where there is none.
    pub parent: Option<u32>,
    /// How many traced frames lie below this one.
    pub depth: u32,
    /// Qualified name of the function, as in `co_qualname`; `<module>` for a script.
    pub function: &'a str,
    /// For a line event the line about to run, otherwise the line the frame stands on. Lines count from 1.
    pub line: u32,
    pub kind: EventKind<'a>,
    pub changes: Vec<Change<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// A frame begins; its changes are the arguments as bound.
    Call,
    /// A line is about to run.
    Line,
    /// A suspended generator or coroutine goes on, also when an exception is thrown into it.
    Resume,
    /// The frame is left with this value.
    Return(Value<'a>),
    /// The frame is suspended and hands out this value (`yield`, `await`).
    Yield(Value<'a>),
    /// An exception appears in this frame: raised by its own code or by something it called that is not
    /// traced. The value's type is the exception's, its text the message.
    Raise(Value<'a>),
    /// The frame is left by this exception.
    Unwind(Value<'a>),
    /// A bytecode instruction is about to run. On the heap, so that events of other kinds stay small.
    Instruction(Box<Instruction<'a>>),
    /// The program touched the world outside it.
    Effect(Effect<'a>),
    /// The program wrote to one of its standard streams; the bytes need not be UTF-8.
    Output(Stream, Cow<'a, [u8]>),
    /// Tracing was suspended here. `skipped` counts the events left out, where that is known.
    Gap { reason: GapReason, skipped: u64 },
}

impl EventKind<'_> {
    /// The name that this kind has in a dataset.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Call => "call",
            EventKind::Line => "line",
            EventKind::Resume => "resume",
            EventKind::Return(_) => "return",
            EventKind::Yield(_) => "yield",
            EventKind::Raise(_) => "raise",
            EventKind::Unwind(_) => "unwind",
            EventKind::Instruction(_) => "instruction",
            EventKind::Effect(_) => "effect",
            EventKind::Output(..) => "output",
            EventKind::Gap { .. } => "gap",
        }
    }
}

/// A value as text, next to its type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    pub type_name: &'a str,
    pub text: &'a str,
}

/// A bytecode instruction as `dis` lists it, with what it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// Bytes from the beginning of the frame's code.
    pub offset: u32,
    pub name: &'a str,
    /// What `dis` shows of its argument (`argrepr`, else the number); `None` where it takes none.
    pub argument: Option<&'a str>,
    /// The operand stack before it runs, the top last.
    pub stack: Vec<StackItem<'a>>,
}

/// One place of the operand stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackItem<'a> {
    /// No object, as `PUSH_NULL` leaves it.
    Null,
    Value(Value<'a>),
    /// The very object that the frame's local of this name holds; it reads as that was last told.
    Local(&'a str),
}

/// Something that the program did to the world outside it, or let it do to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect<'a> {
    pub kind: EffectKind,
    /// What it was done to, such as the path of a file.
    pub detail: &'a str,
}

/// What kind of contact with the world outside it an effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectKind {
    /// A file or folder was read or looked at.
    Read,
    /// A file or folder was made, changed or removed.
    Write,
    Network,
    /// Another process was started or signalled.
    Process,
    /// Environment variables, the working folder, users and the like.
    Environment,
    Time,
    Randomness,
    /// Machine code of other libraries, of which nobody sees what it does.
    Code,
}

impl EffectKind {
    pub const ALL: [EffectKind; 8] = [
        EffectKind::Read,
        EffectKind::Write,
        EffectKind::Network,
        EffectKind::Process,
        EffectKind::Environment,
        EffectKind::Time,
        EffectKind::Randomness,
        EffectKind::Code,
    ];

    /// The name that it has in a dataset.
    pub fn name(self) -> &'static str {
        match self {
            EffectKind::Read => "read",
            EffectKind::Write => "write",
            EffectKind::Network => "network",
            EffectKind::Process => "process",
            EffectKind::Environment => "environment",
            EffectKind::Time => "time",
            EffectKind::Randomness => "randomness",
            EffectKind::Code => "code",
        }
    }
}

/// A variable, or an element of one, that differs from what it was at the frame's last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'a> {
    pub scope: Scope,
    pub name: &'a str,
    /// Where it concerns one element rather than the whole: the path below the variable as Python text, such as
    /// `[17]`, `['k']` or `[2].items[0]`.
    pub element: Option<&'a str>,
    pub kind: ChangeKind,
    /// The value it has now; `None` exactly where it was deleted.
    pub value: Option<Value<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A local, cell or free variable of the event's frame; in a class body, a name bound in it.
    Local,
    /// A name bound in the program's module. One set for all frames, so that a change is told once.
    Global,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Local => "local",
            Scope::Global => "global",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    New,
    Modified,
    Deleted,
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::New => "new",
            ChangeKind::Modified => "modified",
            ChangeKind::Deleted => "deleted",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Why something of the program is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// The limit on events was reached, and tracing stopped.
    Events,
    /// The memory for events was full, and tracing stopped.
    Bytes,
    /// Little was left of a budget, so that calls from here are not stepped into.
    Depth,
}

impl GapReason {
    pub fn name(self) -> &'static str {
        match self {
            GapReason::Events => "events",
            GapReason::Bytes => "bytes",
            GapReason::Depth => "depth",
        }
    }
}

/// How the program's main code ended, in its own words; absent when it was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End<'a> {
    pub verdict: Verdict,
    /// What was returned or raised; for `Exited` the text is the exit code; empty for a script that ended.
    pub value: Value<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Returned,
    Raised,
    /// `SystemExit` left the main code.
    Exited,
    /// The source could not be compiled.
    SyntaxError,
    /// The source defines no function of the entry's name.
    NoEntry,
    /// The input is not an argument list.
    BadInput,
    /// It was stopped because it wrote more to its standard output or error than a file there may hold.
    OutputLimit,
}
