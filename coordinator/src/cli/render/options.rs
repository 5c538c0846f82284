//! The options that decide what the text is.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use training::{Caps, FileKind, Form, LengthLimit, Options, Overlong, Selection};

/// Tokens in a row from which on a program counts as taken from a benchmark.
const BENCHMARK_RUN: usize = 24;

#[derive(Debug, Args)]
pub(super) struct RenderOptions {
    /// A setting of the style; with @FILE as its value, what stands in the file.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Decides everything that is left to chance.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Which columns hold the text [default: what the style makes].
    #[arg(long = "as", value_name = "FORM", value_enum)]
    form: Option<FormArg>,

    /// What kind of files to write.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Parquet)]
    format: FormatArg,

    #[command(flatten)]
    length: LengthOptions,

    #[command(flatten)]
    selection: SelectionOptions,

    /// Bring the examples of all parts into one random order.
    #[arg(long)]
    shuffle: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Length")]
struct LengthOptions {
    /// Characters that an example may have.
    #[arg(long, value_name = "N", conflicts_with = "max_tokens")]
    max_chars: Option<usize>,

    /// Tokens that an example may have.
    #[arg(long, value_name = "N", requires = "tokenizer")]
    max_tokens: Option<usize>,

    /// The tokenizer.json that cuts texts into tokens.
    #[arg(long, value_name = "FILE", requires = "max_tokens")]
    tokenizer: Option<String>,

    /// What happens to a longer example.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OverlongArg::Drop)]
    overlong: OverlongArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
struct SelectionOptions {
    /// Keep at most N sources whose code is nearly the same.
    #[arg(long, value_name = "N")]
    similar_sources: Option<u64>,

    /// Keep at most N executions whose traces are nearly the same.
    #[arg(long, value_name = "N")]
    similar_traces: Option<u64>,

    /// Keep at most N executions of one source.
    #[arg(long, value_name = "N")]
    per_source: Option<u64>,

    /// Keep at most N executions that took the same steps between lines.
    #[arg(long, value_name = "N")]
    per_shape: Option<u64>,

    /// Keep at most N executions that ended alike after about as many events: this balances outcomes and lengths.
    #[arg(long, value_name = "N")]
    per_stratum: Option<u64>,

    /// Leave out programs that are in this file (.jsonl, .parquet or text), or share a run of tokens with it.
    #[arg(long = "benchmark", value_name = "FILE")]
    benchmarks: Vec<String>,

    /// How many tokens in a row are too many to share with a benchmark.
    #[arg(long, value_name = "N", default_value_t = BENCHMARK_RUN, requires = "benchmarks",
          value_parser = at_least_one)]
    benchmark_run: usize,

    /// Keep this share of the sources apart for validation, those that are nearly the same together.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    validation: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormArg {
    /// One column, `text`.
    Text,
    /// `prompt` and `completion`.
    Prompt,
    /// `messages`, a chat.
    Messages,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Parquet,
    /// JSON lines, compressed with zstd.
    Jsonl,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OverlongArg {
    /// It is left out.
    Drop,
    /// A plain text is cut into pieces at ends of lines.
    Window,
    /// The execution is told with fewer calls stepped into.
    Shrink,
}

impl RenderOptions {
    /// Reads the files that options name.
    pub(super) fn resolve(self, style: String) -> anyhow::Result<Options> {
        let settings = self.settings.iter().map(|setting| with_file(setting));
        Ok(Options {
            style,
            settings: settings.collect::<anyhow::Result<_>>()?,
            seed: self.seed,
            form: self.form.map(|form| match form {
                FormArg::Text => Form::Text,
                FormArg::Prompt => Form::Prompt,
                FormArg::Messages => Form::Messages,
            }),
            files: match self.format {
                FormatArg::Parquet => FileKind::Parquet,
                FormatArg::Jsonl => FileKind::Jsonl,
            },
            limit: self.length.limit()?,
            selection: Selection {
                caps: Caps {
                    similar_sources: self.selection.similar_sources,
                    similar_traces: self.selection.similar_traces,
                    per_source: self.selection.per_source,
                    per_shape: self.selection.per_shape,
                    per_stratum: self.selection.per_stratum,
                },
                validation: self.selection.validation,
            },
            benchmarks: self.selection.benchmarks,
            benchmark_run: self.selection.benchmark_run,
            shuffle: self.shuffle,
        })
    }
}

impl LengthOptions {
    fn limit(self) -> anyhow::Result<Option<LengthLimit>> {
        let overlong = match self.overlong {
            OverlongArg::Drop => Overlong::Drop,
            OverlongArg::Window => Overlong::Window,
            OverlongArg::Shrink => Overlong::Shrink,
        };
        let limit = |most| LengthLimit { most, tokenizer: self.tokenizer, overlong };
        match self.max_tokens.or(self.max_chars) {
            Some(0) => bail!("no example has a length of 0: give a larger limit"),
            most => Ok(most.map(limit)),
        }
    }
}

/// `key=@FILE` as `key=` and what stands in the file.
fn with_file(setting: &str) -> anyhow::Result<String> {
    let Some((key, file)) = setting.split_once("=@") else { return Ok(setting.to_owned()) };
    if key.contains('=') {
        return Ok(setting.to_owned());
    }
    let text = String::from_utf8(read(file)?).with_context(|| format!("{file} is not UTF-8"))?;
    Ok(format!("{key}={text}"))
}

fn read(file: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {file}"))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is no share: write a number from 0 to below 1, such as 0.01"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| count > 0);
    count.ok_or_else(|| format!("`{text}` is no count: write a number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_can_stand_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("templates");
        std::fs::write(&file, "a = b\n").unwrap();
        assert_eq!(with_file(&format!("t=@{}", file.display())).unwrap(), "t=a = b\n");
        assert_eq!(with_file("n=3").unwrap(), "n=3");
        assert_eq!(with_file("a=b=@c").unwrap(), "a=b=@c");
        assert!(with_file("t=@/no/such/file").unwrap_err().to_string().contains("/no/such/file"));
    }

    #[test]
    fn shares_are_below_one() {
        assert_eq!(share("0.25"), Ok(0.25));
        for text in ["1", "-0.1", "NaN", "half", ""] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
