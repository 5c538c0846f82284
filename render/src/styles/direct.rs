//! Code and input to result, and code and result to input; nothing of what happens between.

use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text};

pub(crate) const KIND: StyleKind = StyleKind {
    name: "direct",
    summary: "code and input to result, and code and result to input",
    shape: Shape::Prompt,
    parameters: &[Parameter {
        key: "predict",
        default: "both",
        meaning: "what the completion is: `output`, `input`, or `both` as two examples",
    }],
    build,
};

struct Direct {
    output: bool,
    input: bool,
}

fn build(settings: &Settings) -> Result<Box<dyn Style>, SettingError> {
    let (output, input) = settings
        .choose("predict", &[("both", (true, true)), ("output", (true, false)), ("input", (false, true))])?;
    Ok(Box::new(Direct { output, input }))
}

impl Style for Direct {
    fn render(
        &self,
        execution: &Execution<'_>,
        _seed: u64,
        examples: &mut Vec<Example>,
    ) -> Result<(), Skipped> {
        let result = result(execution)?;
        let code = execution.code.trim_end();
        let call = execution.call();
        if execution.input.is_none() && !self.output {
            return Err(Skipped::NoInput);
        }
        if self.output {
            let question = match execution.input {
                Some(_) => format!("# What comes of {call}?"),
                None => "# What does this print?".to_owned(),
            };
            let prompt = format!("{code}\n\n{question}\n");
            let completion = format!("{result}\n");
            examples.push(Example { key: "output".to_owned(), text: Text::Prompt { prompt, completion } });
        }
        if self.input && execution.input.is_some() {
            let question = format!("# Which call of {} gives this?\n{result}", execution.entry);
            let prompt = format!("{code}\n\n{question}\n");
            let completion = format!("{call}\n");
            examples.push(Example { key: "input".to_owned(), text: Text::Prompt { prompt, completion } });
        }
        Ok(())
    }
}

/// `return VALUE` or `raise TYPE: MESSAGE` for a call; for a script what it printed, then how it ended if
/// not well.
fn result(execution: &Execution<'_>) -> Result<String, Skipped> {
    let raised = execution.exception.map(|exception| match exception.text {
        "" => format!("raise {}", exception.type_name),
        message => format!("raise {}: {message}", exception.type_name),
    });
    match (execution.outcome, execution.input, execution.output) {
        ("returned", Some(_), Some(output)) if output.text.contains('…') => Err(Skipped::CutResult),
        ("returned", Some(_), Some(output)) => Ok(format!("return {}", output.text)),
        ("raised", Some(_), _) => raised.ok_or(Skipped::NoResult),
        ("returned" | "raised", None, _) if execution.stdout_truncated => Err(Skipped::CutResult),
        ("returned", None, _) => Ok(execution.stdout.trim_end_matches('\n').to_owned()),
        ("raised", None, _) => {
            let raised = raised.ok_or(Skipped::NoResult)?;
            let printed = execution.stdout.trim_end_matches('\n');
            Ok(if printed.is_empty() { raised } else { format!("{printed}\n{raised}") })
        }
        _ => Err(Skipped::NoResult),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use trace::Value;

    fn check(predict: &str, execution: &Execution<'_>, expected: &[(&str, &str)]) {
        let settings = Settings::parse([format!("predict={predict}")]).unwrap();
        let mut examples = Vec::new();
        KIND.with(&settings).unwrap().render(execution, 0, &mut examples).unwrap();
        let texts: Vec<(String, String)> = examples
            .into_iter()
            .map(|example| match example.text {
                Text::Prompt { prompt, completion } => (prompt, completion),
                other => panic!("{other:?}"),
            })
            .collect();
        let texts: Vec<(&str, &str)> = texts
            .iter()
            .map(|(prompt, completion)| {
                (prompt.strip_prefix(execution.code.trim_end()).unwrap(), completion.as_str())
            })
            .collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_call_is_asked_for_its_result_and_its_arguments() {
        let output = ("\n\n# What comes of f([2, 9], 5)?\n", "return 7\n");
        let input = ("\n\n# Which call of f gives this?\nreturn 7\n", "f([2, 9], 5)\n");
        check("both", &sample(), &[output, input]);
        check("output", &sample(), &[output]);
        check("input", &sample(), &[input]);
    }

    #[test]
    fn an_exception_is_a_result_and_the_prompt_does_not_tell_it() {
        let exception = Some(Value { type_name: "TypeError", text: "no" });
        let raised = Execution { outcome: "raised", exception, output: None, ..sample() };
        check("output", &raised, &[("\n\n# What comes of f([2, 9], 5)?\n", "raise TypeError: no\n")]);
    }

    #[test]
    fn a_script_is_asked_for_what_it_prints() {
        let script = Execution { entry: "<module>", input: None, output: None, stdout: "1\n2\n", ..sample() };
        check("both", &script, &[("\n\n# What does this print?\n", "1\n2\n")]);
    }

    #[test]
    fn what_has_no_whole_result_is_skipped() {
        let skipped = |predict: &str, execution: Execution<'_>| {
            let settings = Settings::parse([format!("predict={predict}")]).unwrap();
            KIND.with(&settings).unwrap().render(&execution, 0, &mut Vec::new()).unwrap_err()
        };
        let cut = Some(Value { type_name: "list", text: "[0, 1, … 997 more]" });
        assert_eq!(skipped("both", Execution { output: cut, ..sample() }), Skipped::CutResult);
        let outcome = "timed_out";
        assert_eq!(skipped("both", Execution { outcome, output: None, ..sample() }), Skipped::NoResult);
        assert_eq!(skipped("input", Execution { input: None, output: None, ..sample() }), Skipped::NoInput);
    }
}
