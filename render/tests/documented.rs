//! docs/styles.md against the code: every style has its section, and its example is what the style makes.

use std::path::Path;

use render::{Text, kinds};

#[test]
fn every_example_is_what_its_style_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/styles.md");
    let document = std::fs::read_to_string(path).unwrap();
    for kind in kinds() {
        let section = section(&document, kind.name);
        let expected: Vec<(&str, String)> = match kind.example().text {
            Text::Plain(text) => vec![("example", text)],
            Text::Prompt { prompt, completion } => vec![("prompt", prompt), ("completion", completion)],
            Text::Messages(messages) => {
                messages.into_iter().map(|message| (message.role.name(), message.content)).collect()
            }
        };
        let expected: Vec<(&str, String)> = expected
            .into_iter()
            .map(|(role, text)| (role, text.strip_suffix('\n').unwrap_or(&text).to_owned()))
            .collect();
        let shown: Vec<(&str, String)> =
            blocks(section).into_iter().filter(|(role, _)| *role != "grammar").collect();
        assert_eq!(shown, expected, "docs/styles.md, {}", kind.name);
    }
}

#[test]
fn every_setting_is_documented_with_its_style() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/styles.md");
    let document = std::fs::read_to_string(path).unwrap();
    for kind in kinds() {
        for parameter in kind.parameters {
            let named = format!("{}=", parameter.key);
            let common = &document[..document.find("\n## direct\n").unwrap()];
            let is_named = section(&document, kind.name).contains(&named) || common.contains(&named);
            assert!(is_named, "{} of {}", parameter.key, kind.name);
        }
    }
}

/// The text from the heading of this name to the next.
fn section<'d>(document: &'d str, name: &str) -> &'d str {
    let heading = format!("\n## {name}\n");
    let begin = document.find(&heading).unwrap_or_else(|| panic!("docs/styles.md has no {name}"));
    let rest = &document[begin + heading.len()..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

/// The blocks that are fenced as `text ROLE`.
fn blocks(section: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        if let Some(role) = line.strip_prefix("```text ") {
            let content: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((role, content.join("\n")));
        }
    }
    blocks
}
