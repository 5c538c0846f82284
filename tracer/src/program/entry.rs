//! Compiles a program and runs its entry.

use std::ptr::NonNull;

use trace::{Entry, Granularity, Request};

use super::function::Function;
use super::main_module::Role;
use super::{SharedLog, main_module, stdin, streams};
use crate::effects;
use crate::events::{self, Events};
use crate::layout::{Code, Dict, Version};
use crate::python::{self, Owned, Raised, Result};
use crate::tracer::Tracer;

/// How the program's main code ended.
pub(super) enum End {
    /// The source came to its end.
    Finished,
    /// Every call was made, and how each ended was told.
    Probed,
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
    let namespace = match prepare::<V>(request) {
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
    let program = Program { request, log, code: &code, namespace: &namespace };
    effects::begin();
    let end = match request.entry {
        Entry::Script(_) | Entry::Import => program.trace_source::<V>(),
        Entry::Call { function, input } => program.trace_call::<V>(Call { function, input }),
        Entry::Function { name, input } => program.trace_function::<V>(name, input),
        Entry::Probes { name, ref inputs, patience } => program.trace_probes::<V>(name, inputs, patience),
        Entry::Test { statements } => program.trace_test::<V>(statements),
    };
    end.unwrap_or_else(raised)
}

/// Gives the program its standard streams and its module.
fn prepare<V: Version>(request: &Request<'_>) -> Result<Owned> {
    let (role, arguments) = match &request.entry {
        Entry::Script(given) => {
            stdin::provide(given.stdin)?;
            (Role::Main, given.arguments.as_slice())
        }
        Entry::Call { .. } | Entry::Test { .. } => (Role::Main, [].as_slice()),
        Entry::Import | Entry::Function { .. } | Entry::Probes { .. } => (Role::Imported, [].as_slice()),
    };
    effects::install()?;
    events::prepare::<V>()?;
    streams::install::<V>()?;
    main_module::install(request.filename, role, arguments)
}

/// A compiled program.
pub(super) struct Program<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) log: SharedLog,
    pub(super) code: &'a Owned,
    pub(super) namespace: &'a Owned,
}

/// A call as Python text.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) function: &'a str,
    pub(super) input: &'a str,
}

impl Program<'_> {
    fn trace_source<V: Version>(&self) -> Result<End> {
        self.traced::<V>(|| python::evaluate(self.code, self.namespace))?;
        Ok(End::Finished)
    }

    /// Runs the source, then the call traced.
    fn trace_call<V: Version>(&self, call: Call<'_>) -> Result<End> {
        // Before the source can change what it is compiled with.
        let compiled = call.compile();
        if compiled.is_err() {
            python::clear();
        }
        python::evaluate(self.code, self.namespace)?;
        let function = self.namespace.item(&python::text(call.function)?);
        if !function.is_some_and(|function| function.is_callable()) {
            python::clear();
            return Ok(End::NoEntry);
        }
        let Ok(call) = compiled else { return Ok(End::BadInput) };
        Ok(End::Returned(self.traced::<V>(|| python::evaluate(&call, self.namespace))?))
    }

    /// Runs the source and makes the arguments, then calls the function traced.
    fn trace_function<V: Version>(&self, name: &str, input: &str) -> Result<End> {
        python::evaluate(self.code, self.namespace)?;
        let Some(function) = Function::find(name, self.namespace)? else { return Ok(End::NoEntry) };
        let Some(arguments) = function.arguments(input, self.namespace)? else { return Ok(End::BadInput) };
        Ok(End::Returned(self.traced::<V>(|| function.call(&arguments))?))
    }

    /// Runs the source, then the statements traced.
    fn trace_test<V: Version>(&self, statements: &str) -> Result<End> {
        python::evaluate(self.code, self.namespace)?;
        let Ok(statements) = python::compile(&python::text(statements)?, INPUT, "exec", 0) else {
            python::clear();
            return Ok(End::BadInput);
        };
        self.traced::<V>(|| python::evaluate(&statements, self.namespace))?;
        Ok(End::Finished)
    }

    /// Does something while the code of the source is traced.
    ///
    /// What other threads of the program do is traced on, so nothing of the tracing is ever undone.
    fn traced<V: Version>(&self, main: impl FnOnce() -> Result<Owned>) -> Result<Owned> {
        if self.request.granularity == Granularity::Program {
            return main();
        }
        let mut tracing = Tracing::<V>::begin(self.request, self.log, self.code, self.namespace)?;
        let result = tracing.run(main);
        std::mem::forget(tracing);
        result
    }
}

/// What tracebacks call code that stands in no file.
pub(super) const INPUT: &str = "<input>";

impl Call<'_> {
    /// Compiles the call to an expression, if it is a call of the function and nothing else.
    pub(super) fn compile(self) -> Result<Owned> {
        const ONLY_SYNTAX_TREE: i64 = 0x400;
        // A line break, so that a comment at the end of the input does not swallow the bracket.
        let source = python::text(&format!("{}({}\n)", self.function, self.input))?;
        let tree = python::compile(&source, INPUT, "eval", ONLY_SYNTAX_TREE)?.attribute(c"body")?;
        let ast = python::import(c"ast")?;
        let is_a = |node: &Owned, class: Owned| node.is_instance_of(class.as_ptr());
        if is_a(&tree, ast.attribute(c"Call")?) && is_a(&tree.attribute(c"func")?, ast.attribute(c"Name")?) {
            python::compile(&source, INPUT, "eval", 0)
        } else {
            Err(python::raise_os_error("not an argument list"))
        }
    }
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
    pub(super) fn run(&mut self, main: impl FnOnce() -> Result<Owned>) -> Result<Owned> {
        let result = main();
        // SAFETY: the interpreter runs this, and so does not report anything meanwhile.
        unsafe { self.tracer.as_mut() }.end_main();
        result
    }

    /// Makes ready for another run of main code, whose events are within the bounds of one.
    pub(super) fn begin_again(&mut self, request: &Request<'_>) {
        // SAFETY: the interpreter runs this, and so does not report anything meanwhile.
        unsafe { self.tracer.as_mut() }.begin_again(&request.bounds);
    }

    /// Nothing of the main thread is told until then.
    pub(super) fn pause(&mut self) {
        // SAFETY: as above.
        unsafe { self.tracer.as_mut() }.end_main();
    }

    /// Switches everything off again, where no thread is left that could be traced.
    pub(super) fn end(self) -> Result<()> {
        self.events.switch_off()?;
        // SAFETY: `begin` made it of a box, and nothing reports to it any more.
        drop(unsafe { Box::from_raw(self.tracer.as_ptr()) });
        Ok(())
    }
}
