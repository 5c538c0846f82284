//! What a source itself asks to be executed.

use dataset::source::{Body, CALLED_FUNCTION, Case, SCRIPT_ENTRY, Source, TEST_ENTRY};
use dataset::{Executions, InputOrigin, Mode, Run};
use trace::{Entry, Given};

use crate::verdict::Expected;

/// What an execution is one of, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began<'a> {
    pub entry: &'a str,
    pub input: Option<&'a str>,
    pub origin: InputOrigin,
    pub expected: Expected<'a>,
}

impl<'a> Began<'a> {
    const SCRIPT: Began<'static> =
        Began { entry: SCRIPT_ENTRY, input: None, origin: InputOrigin::Script, expected: Expected::Unknown };

    /// What stands in the row of a source of which nothing ran.
    pub(crate) fn nothing(source: &'a Source) -> Began<'a> {
        match &source.body {
            Body::Call { input, .. } => Began::called(input, Expected::Unknown),
            Body::Script(_) | Body::Cases { .. } | Body::Unreadable { .. } => Began::SCRIPT,
        }
    }

    fn called(input: &'a str, expected: Expected<'a>) -> Began<'a> {
        Began { entry: CALLED_FUNCTION, input: Some(input), origin: InputOrigin::Case, expected }
    }
}

/// A source of which each assertion is a test of its own.
pub(crate) fn apart(mut source: Source) -> Source {
    if let Body::Cases { cases, .. } = &mut source.body {
        let each = std::mem::take(cases).into_iter().flat_map(|case| match case {
            Case::Test(statements) => inputs::apart(&statements).into_iter().map(Case::Test).collect(),
            run @ Case::Run { .. } => vec![run],
        });
        *cases = each.collect();
    }
    source
}

/// The executions that a source asks for, of those that the job wants.
pub(crate) fn asked<'a>(source: &'a Source, executions: &'a Executions) -> Vec<(Began<'a>, Entry<'a>)> {
    let script = || (Began::SCRIPT, Entry::Script(Given::default()));
    match &source.body {
        Body::Call { input, expected, .. } if executions.has(Mode::Cases) => {
            let expected = expected.as_deref().map_or(Expected::Unknown, Expected::Give);
            vec![(Began::called(input, expected), Entry::Call { function: CALLED_FUNCTION, input })]
        }
        Body::Cases { cases, .. } if executions.has(Mode::Cases) => cases.iter().map(case).collect(),
        Body::Script(_) if executions.has(Mode::Script) && !executions.runs.is_empty() => {
            executions.runs.iter().map(listed).collect()
        }
        Body::Script(_) | Body::Cases { .. } if executions.has(Mode::Script) => vec![script()],
        _ => Vec::new(),
    }
}

fn listed(run: &Run) -> (Began<'_>, Entry<'_>) {
    let began = Began { input: Some(run.text()), origin: InputOrigin::Listed, ..Began::SCRIPT };
    let arguments = run.argv().iter().map(String::as_str).collect();
    (began, Entry::Script(Given { arguments, stdin: run.stdin().as_bytes() }))
}

fn case(case: &Case) -> (Began<'_>, Entry<'_>) {
    match case {
        Case::Test(statements) => {
            let began = Began {
                entry: TEST_ENTRY,
                input: Some(statements.as_str()),
                origin: InputOrigin::Test,
                expected: Expected::Hold,
            };
            (began, Entry::Test { statements })
        }
        Case::Run { arguments, stdin, expected } => {
            let began = Began {
                entry: SCRIPT_ENTRY,
                input: Some(stdin.as_str()),
                origin: InputOrigin::Case,
                expected: expected.as_deref().map_or(Expected::Unknown, Expected::Write),
            };
            let arguments = arguments.iter().map(String::as_str).collect();
            (began, Entry::Script(Given { arguments, stdin: stdin.as_bytes() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: Body, modes: &[Mode]) -> Vec<(&'static str, InputOrigin)> {
        let source = Source {
            path: String::new(),
            id: String::new(),
            meta: String::new(),
            filename: String::new(),
            body,
        };
        let executions = Executions { modes: modes.iter().copied().collect(), ..Executions::default() };
        let name =
            |entry: &str| [SCRIPT_ENTRY, CALLED_FUNCTION, TEST_ENTRY].into_iter().find(|name| *name == entry);
        asked(&source, &executions)
            .iter()
            .map(|(began, _)| (name(began.entry).unwrap(), began.origin))
            .collect()
    }

    #[test]
    fn a_source_is_executed_as_its_job_wants() {
        let script = || Body::Script(Vec::new());
        let call = || Body::Call { code: String::new(), input: String::new(), expected: None };
        let both = || {
            let run = Case::Run { arguments: Vec::new(), stdin: "1".to_owned(), expected: None };
            Body::Cases { code: String::new(), cases: vec![Case::Test("assert f()".to_owned()), run] }
        };
        let usual = [Mode::Script, Mode::Cases];
        assert_eq!(of(script(), &usual), [("<module>", InputOrigin::Script)]);
        assert_eq!(of(call(), &usual), [("f", InputOrigin::Case)]);
        assert_eq!(of(both(), &usual), [("<test>", InputOrigin::Test), ("<module>", InputOrigin::Case)]);
        assert_eq!(of(both(), &[Mode::Script]), [("<module>", InputOrigin::Script)]);
        assert!(of(script(), &[Mode::Cases]).is_empty());
        assert!(of(call(), &[Mode::Script]).is_empty());
        assert!(of(both(), &[Mode::Functions]).is_empty());
    }
}
