//! Calls a function with one input after another, in one process, to learn what each call does.

use trace::Patience;

use super::deadline::Deadline;
use super::ending;
use super::entry::{End, Program, Tracing};
use super::function::Function;
use crate::layout::Version;
use crate::python::{self, Raised, Result};

impl Program<'_> {
    /// Runs the source, then makes the calls traced. How each of them ended is told behind its events.
    pub(super) fn trace_probes<V: Version>(
        &self,
        name: &str,
        inputs: &[&str],
        patience: Patience,
    ) -> Result<End> {
        python::evaluate(self.code, self.namespace)?;
        let Some(function) = Function::find(name, self.namespace)? else { return Ok(End::NoEntry) };
        let deadline = Deadline::new(patience)
            .map_err(|error| python::raise_os_error(&format!("no timer could be made: {error}")))?;
        let mut tracing = Tracing::<V>::begin(self.request, self.log, self.code, self.namespace)?;
        tracing.pause();
        let mut log = self.log;
        for input in inputs {
            if log.probe(self.request.bounds.max_events).is_err() {
                break;
            }
            deadline.restart();
            let end = self.probe(&function, input, &mut tracing);
            ending::tell::<V>(&end.unwrap_or_else(|Raised| End::Raised(python::take_exception())), log);
        }
        // Threads of the program may still be traced.
        std::mem::forget(tracing);
        Ok(End::Probed)
    }

    /// Makes one call, of which the arguments are made untraced.
    fn probe<V: Version>(&self, function: &Function, input: &str, tracing: &mut Tracing<V>) -> Result<End> {
        let Some(arguments) = function.arguments(input, self.namespace)? else { return Ok(End::BadInput) };
        tracing.begin_again(self.request);
        tracing.run(|| function.call(&arguments)).map(End::Returned)
    }
}
