//! What a job gives to each of its scripts.

use serde::{Deserialize, Serialize};

/// Arguments and standard input of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Fields", into = "Fields")]
pub struct Run {
    argv: Vec<String>,
    stdin: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    argv: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stdin: String,
}

impl Run {
    pub fn new(argv: Vec<String>, stdin: String) -> Run {
        let fields = Fields { argv, stdin };
        let text = serde_json::to_string(&fields).expect("texts are JSON");
        Run { argv: fields.argv, stdin: fields.stdin, text }
    }

    /// Without the name of the script.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    pub fn stdin(&self) -> &str {
        &self.stdin
    }

    /// Both as a JSON object, as a row shows its input.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<Fields> for Run {
    fn from(fields: Fields) -> Run {
        Run::new(fields.argv, fields.stdin)
    }
}

impl From<Run> for Fields {
    fn from(run: Run) -> Fields {
        Fields { argv: run.argv, stdin: run.stdin }
    }
}
