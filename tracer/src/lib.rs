//! The native tracer: one extension module for CPython 3.11, 3.12 and 3.13.
//!
//! What it writes is defined in `docs/trace.md`, how in `trace::wire`. From the interpreter to the log:
//!
//! - `events` receives events from the interpreter: `sys.monitoring`, or the C trace hook of 3.11.
//! - `tracer` keeps the stack of traced frames and turns each event into an item of the log; an `activation` is one of
//!   those frames, and `depth` says which calls are stepped into.
//! - `disassembly` says how the instructions of a code object read, and `opcodes` what they are called. `operands` tells
//!   the stack before one as far as it is new; `flow` is what an instruction leaves of it.
//! - `effects` sees what the program does to the world outside it; `intercept` stands in for built-in functions.
//! - `code` and `namespace` say which variables an event looks at.
//! - `watch` finds out whether a variable differs from what it was; `reach` says after which lines it need not look.
//! - `identity` numbers objects that can change, where that is asked for.
//! - `value` writes values as bounded text without running any code of the program.
//! - `log` writes into the memory that is shared with the worker.
//! - `layout` is the only place that knows how objects lie in memory.
//! - `interpreter` recognises the version at load, and refuses what the layouts do not describe.
//! - `program` runs one program from its request to its exit status; `zygote` forks a process for each;
//!   `module` is what Python sees.
//!
//! Two invariants hold everywhere: the thread holds the GIL, and an [`layout::Obj`] is alive. A borrowed one is
//! used only within the event in which it was read; what is kept for longer is a [`python::Owned`] or an
//! address that is compared and never followed.

mod activation;
mod code;
mod depth;
mod disassembly;
mod effects;
mod events;
mod flow;
mod identity;
mod intercept;
mod interpreter;
mod layout;
mod log;
mod module;
mod namespace;
mod opcodes;
mod operands;
mod program;
mod python;
mod reach;
mod tracer;
mod value;
mod watch;
mod zygote;
