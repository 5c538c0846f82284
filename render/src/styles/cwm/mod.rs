//! The frames of the Code World Model's public prompting guide.

mod episodes;
mod teller;
#[cfg(test)]
mod tests;

use crate::level::check_lines;
use crate::source::Source;
use crate::style::{Parameter, Shape, Skipped, Style, StyleKind};
use crate::{Example, Execution, SettingError, Settings, Text, step};
use episodes::Episode;

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
