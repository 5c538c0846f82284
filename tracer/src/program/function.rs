//! A function of the source that is called with arguments which stand as Python text.

use std::ffi::CString;

use super::entry::{Call, INPUT};
use crate::python::{self, Owned, Result};

/// A generator does nothing until somebody asks. So it is asked, but not for ever.
const MAX_YIELDED: i64 = 100;

/// A function, and what has to be known to use what it returns. None of it can be changed by the calls themselves.
pub(super) struct Function {
    function: Owned,
    generator: Owned,
    coroutine: Owned,
    islice: Owned,
    most: Owned,
}

impl Function {
    /// The function of this name, which may be dotted; `None` if the namespace has no such thing that can be called.
    pub(super) fn find(name: &str, namespace: &Owned) -> Result<Option<Function>> {
        let mut names = name.split('.');
        let mut function = namespace.item(&python::text(names.next().unwrap_or_default())?);
        for name in names {
            let name = CString::new(name).unwrap_or_default();
            function = function.and_then(|owner| owner.attribute(&name).ok());
        }
        python::clear();
        let Some(function) = function.filter(Owned::is_callable) else { return Ok(None) };
        let types = python::import(c"types")?;
        Ok(Some(Function {
            function,
            generator: types.attribute(c"GeneratorType")?,
            coroutine: types.attribute(c"CoroutineType")?,
            islice: python::import(c"itertools")?.attribute(c"islice")?,
            most: python::int(MAX_YIELDED)?,
        }))
    }

    /// Makes the arguments; `None` if the text is no argument list.
    pub(super) fn arguments(&self, input: &str, namespace: &Owned) -> Result<Option<Owned>> {
        // Only the form is looked at here, so any name will do.
        if (Call { function: "f", input }).compile().is_err() {
            python::clear();
            return Ok(None);
        }
        let gather = python::text(&format!("(lambda *a, **k: (a, k))({input}\n)"))?;
        let gather = python::compile(&gather, INPUT, "eval", 0)?;
        python::evaluate(&gather, namespace).map(Some)
    }

    /// Calls it, and runs what comes back where that is a generator or a coroutine.
    pub(super) fn call(&self, arguments: &Owned) -> Result<Owned> {
        let value = self.function.call_with(arguments)?;
        if value.is_instance_of(self.coroutine.as_ptr()) {
            return python::import(c"asyncio")?.call_method(c"run", &[&value]);
        }
        if !value.is_instance_of(self.generator.as_ptr()) {
            return Ok(value);
        }
        python::to_list(&self.islice.call(&[&value, &self.most])?)
    }
}
