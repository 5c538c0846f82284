//! Compiles a program and runs its entry.

use std::ptr::NonNull;

use trace::{Entry, Granularity, Request};

use super::{SharedLog, main_module, streams};
use crate::effects;
use crate::events::{self, Events};
use crate::layout::{Code, Dict, Version};
use crate::python::{self, Owned, Raised, Result};
use crate::tracer::Tracer;

/// How the program's main code ended.
pub(super) enum End {
    /// The source came to its end.
    Finished,
    /// The entry returned this value.
    Returned(Owned),
    /// This exception left it.
    Raised(Owned),
    /// The source could not be compiled: this was raised.
    Uncompiled(Owned),
    NoEntry,
    BadInput,
}

/// Runs the request's entry.
pub(super) fn run<V: Version>(request: &Request<'_>, log: SharedLog) -> End {
    let raised = |Raised| End::Raised(python::take_exception());
    let ready =
        effects::install().and_then(|()| events::prepare::<V>()).and_then(|()| streams::install::<V>());
    let namespace = match ready.and_then(|()| main_module::install(request.filename)) {
        Ok(namespace) => namespace,
        Err(error) => return raised(error),
    };
    main_module::write_source(request.filename, request.source);
    let code = python::bytes(request.source)
        .and_then(|source| python::compile(&source, request.filename, "exec", 0))
        .map_err(|Raised| python::take_exception());
    let code = match code {
        Ok(code) => code,
        Err(exception) => return End::Uncompiled(exception),
    };
    effects::begin();
    let end = match request.entry {
        Entry::Script => trace_script::<V>(request, log, &code, &namespace),
        Entry::Call { function, input } => {
            trace_call::<V>(request, log, &code, &namespace, Call { function, input })
        }
    };
    end.unwrap_or_else(raised)
}

/// Runs the source traced.
fn trace_script<V: Version>(
    request: &Request<'_>,
    log: SharedLog,
    code: &Owned,
    namespace: &Owned,
) -> Result<End> {
    traced::<V>(request, log, code, namespace, code)?;
    Ok(End::Finished)
}

#[derive(Clone, Copy)]
struct Call<'a> {
    function: &'a str,
    input: &'a str,
}

/// Runs the source, then the call traced.
fn trace_call<V: Version>(
    request: &Request<'_>,
    log: SharedLog,
    code: &Owned,
    namespace: &Owned,
    call: Call<'_>,
) -> Result<End> {
    // Before the source can change what it is compiled with.
    let compiled = call.compile();
    if compiled.is_err() {
        python::clear();
    }
    python::evaluate(code, namespace)?;
    let function = namespace.item(&python::text(call.function)?);
    if !function.is_some_and(|function| function.is_callable()) {
        python::clear();
        return Ok(End::NoEntry);
    }
    let Ok(call) = compiled else { return Ok(End::BadInput) };
    Ok(End::Returned(traced::<V>(request, log, code, namespace, &call)?))
}

impl Call<'_> {
    /// Compiles the call to an expression, if it is a call of the function and nothing else.
    fn compile(self) -> Result<Owned> {
        const ONLY_SYNTAX_TREE: i64 = 0x400;
        const NAME: &str = "<input>";
        // A line break, so that a comment at the end of the input does not swallow the bracket.
        let source = python::text(&format!("{}({}\n)", self.function, self.input))?;
        let tree = python::compile(&source, NAME, "eval", ONLY_SYNTAX_TREE)?.attribute(c"body")?;
        let ast = python::import(c"ast")?;
        let is_a = |node: &Owned, class: Owned| node.is_instance_of(class.as_ptr());
        if is_a(&tree, ast.attribute(c"Call")?) && is_a(&tree.attribute(c"func")?, ast.attribute(c"Name")?) {
            python::compile(&source, NAME, "eval", 0)
        } else {
            Err(python::raise_os_error("not an argument list"))
        }
    }
}

/// Evaluates `entry` in the namespace, and traces the code of `module`.
///
/// What other threads of the program do is traced on, so nothing of the tracing is ever undone.
fn traced<V: Version>(
    request: &Request<'_>,
    log: SharedLog,
    module: &Owned,
    namespace: &Owned,
    entry: &Owned,
) -> Result<Owned> {
    if request.granularity == Granularity::Program {
        return python::evaluate(entry, namespace);
    }
    let mut tracing = Tracing::<V>::begin(request, log, module, namespace)?;
    let result = tracing.evaluate(entry, namespace);
    std::mem::forget(tracing);
    result
}

/// The tracing of a program.
pub(super) struct Tracing<V: Version> {
    tracer: NonNull<Tracer<V>>,
    events: Events<V>,
}

impl<V: Version> Tracing<V> {
    /// Switches on what is reported of the code of `module`, which runs in the namespace.
    pub(super) fn begin(
        request: &Request<'_>,
        log: SharedLog,
        module: &Owned,
        namespace: &Owned,
    ) -> Result<Tracing<V>> {
        let (Some(module), Some(globals)) = (Code::of(module.obj()), Dict::of(namespace.obj())) else {
            unreachable!("`compile` returns a code object, and a module's namespace is a dict");
        };
        let tracer = Box::new(Tracer::<V>::new(log, module, globals, request)?);
        let tracer = NonNull::from(Box::leak(tracer));
        // SAFETY: nothing else uses the tracer, which stays where it is until the events are switched off.
        let events = unsafe { Events::switch_on(tracer.as_ptr()) }?;
        Ok(Tracing { tracer, events })
    }

    /// Runs the main code of the program.
    pub(super) fn evaluate(&mut self, entry: &Owned, namespace: &Owned) -> Result<Owned> {
        let result = python::evaluate(entry, namespace);
        // SAFETY: the interpreter runs this, and so does not report anything meanwhile.
        unsafe { self.tracer.as_mut() }.end_main();
        result
    }

    /// Switches everything off again, where no thread is left that could be traced.
    pub(super) fn end(self) -> Result<()> {
        self.events.switch_off()?;
        // SAFETY: `begin` made it of a box, and nothing reports to it any more.
        drop(unsafe { Box::from_raw(self.tracer.as_ptr()) });
        Ok(())
    }
}
