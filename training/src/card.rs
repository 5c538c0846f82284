//! The set's card: what people read first, and the YAML that tells `datasets` where the files are.

use std::fmt::Write;

use crate::output::Form;
use crate::request::Request;
use crate::seal::Report;

/// The text of `README.md`.
pub(crate) fn card(request: &Request, report: &Report) -> String {
    let mut splits = String::new();
    let mut sizes = String::new();
    for (split, total) in &report.splits {
        let (name, ending) = (split.name(), request.files.extension());
        line(&mut splits, &format!("  - split: {name}\n    path: data/{name}-*.{ending}"));
        line(&mut sizes, &format!("| `{name}` | {} | {} |", total.examples, total.characters));
    }
    let mut left_out = String::new();
    for (why, count) in &report.tally.left_out {
        line(&mut left_out, &format!("| `{why}` | {count} |"));
    }
    let settings = request.settings.iter().fold(String::new(), |text, setting| text + " " + setting);
    let columns = match request.form {
        Form::Text => "| `text` | what to learn |",
        Form::Prompt => {
            "| `prompt` | what is given |\n| `completion` | what to learn; prompt and completion make up the text |"
        }
        Form::Messages => "| `messages` | a chat: `role` (`user`, `assistant`) and `content` |",
    };
    let Request { style, seed, job, .. } = request;
    let (executions, rendered, examples) =
        (report.tally.executions, report.tally.rendered, report.tally.examples);
    format!(
        r#"---
configs:
- config_name: default
  data_files:
{splits}tags:
- code
- execution-traces
---

# Training text from execution traces

{examples} examples of {rendered} executions of Python programs, in style `{style}`{settings}, seed {seed}. The traces are those of job `{job}`.

```python
from datasets import load_dataset

examples = load_dataset("path/to/this/folder", split="train", streaming=True)
print(next(iter(examples)))
```

| split | examples | characters |
|---|---|---|
{sizes}
| column | what it holds |
|---|---|
| `id` | `TRACE_ID/STYLE/KEY`, the same in every run |
{columns}
| `trace_id`, `source_path` | lead back to the trace and to the program |
| `source_meta` | a JSON object of what came with the source: its licence, its repository |

Of {executions} executions, these gave no example:

| why | executions |
|---|---|
{left_out}"#
    )
}

fn line(text: &mut String, content: &str) {
    writeln!(text, "{content}").expect("a String takes any text");
}
