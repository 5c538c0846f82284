//! Every style, for people to choose from.

use std::fmt::Write;

use render::{Shape, StyleKind, Text, kinds, sample};

use crate::paint::Paint;

/// The styles with their settings and what each makes of one small execution.
pub(super) fn list(paint: Paint) -> String {
    let sample = sample();
    let mut text = format!("Each style is shown with {}, where the program is\n\n", sample.call());
    push_indented(&mut text, sample.code);
    for kind in kinds() {
        let form = match kind.shape {
            Shape::Plain => "text",
            Shape::Prompt => "prompt and completion",
            Shape::Messages => "messages",
        };
        push(&mut text, &format!("\n{}: {} ({form})\n", paint.bold(kind.name), kind.summary));
        push_settings(&mut text, kind);
        text.push('\n');
        push_example(&mut text, &kind.example().text);
    }
    text
}

fn push_settings(text: &mut String, kind: &StyleKind) {
    for parameter in kind.parameters {
        let default = if parameter.default.is_empty() { "nothing" } else { parameter.default };
        push(text, &format!("  --set {}=…  {} [default: {default}]\n", parameter.key, parameter.meaning));
    }
}

fn push_example(text: &mut String, example: &Text) {
    match example {
        Text::Plain(plain) => push_indented(text, plain),
        Text::Prompt { prompt, completion } => {
            push_indented(text, prompt);
            push(text, "  ──\n");
            push_indented(text, completion);
        }
        Text::Messages(messages) => {
            for message in messages {
                push(text, &format!("  {}:\n", message.role.name()));
                push_indented(text, &message.content);
            }
        }
    }
}

fn push_indented(text: &mut String, content: &str) {
    for line in content.lines() {
        push(text, &format!("    {line}\n"));
    }
}

fn push(text: &mut String, content: &str) {
    text.write_str(content).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_is_listed_with_its_settings() {
        let list = list(Paint::plain());
        for kind in kinds() {
            assert!(list.contains(&format!("\n{}: {}", kind.name, kind.summary)), "{list}");
            for parameter in kind.parameters {
                assert!(
                    list.contains(&format!("--set {}=…  {}", parameter.key, parameter.meaning)),
                    "{list}"
                );
            }
        }
    }
}
