//! What a worker is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use telemetry::LogFormat;

use crate::labels::Label;

/// How long the coordinator may take to hear what is given back, once --drain-within is over. Whoever waits for this
/// worker to go has waited for its programs already.
pub(crate) const RELEASE_WITHIN: Duration = Duration::from_secs(3);

/// Runs shards of jobs for a coordinator.
///
/// Asked to stop, by SIGTERM or Ctrl-C, a worker takes nothing new and finishes what runs. What is not finished
/// within --drain-within, or when it is asked a second time, goes back to the coordinator. A third time ends the
/// worker at once.
#[derive(Debug, Clone, Parser)]
#[command(name = "et-worker", version)]
pub struct Config {
    /// Where the coordinator listens, for example http://127.0.0.1:7070. A name may stand for several,
    /// and several may stand here with commas between them.
    #[arg(long, value_name = "URL", env = "ET_COORDINATOR")]
    pub coordinator: String,

    /// Programs to run side by side [default: one for each core].
    #[arg(long, value_name = "N", env = "ET_SLOTS", value_parser = parse_slots)]
    pub slots: Option<usize>,

    /// What this worker can run, for jobs that ask for it; may be repeated. `python` is always there.
    #[arg(long = "label", value_name = "NAME=VALUE", env = "ET_LABELS", value_delimiter = ',')]
    pub labels: Vec<Label>,

    /// Interpreter to run them with, such as 3.12 or a path [default: the best one there is].
    #[arg(long, value_name = "VERSION|PATH")]
    pub python: Option<String>,

    /// The tracer [default: libet_tracer.so beside this program].
    #[arg(long, value_name = "PATH")]
    pub tracer: Option<PathBuf>,

    /// Folder for what programs write, and for parts until they are whole [default: the system's one].
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,

    /// S3 service that holds sources and datasets [default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else Amazon's].
    #[arg(long, value_name = "URL", env = "ET_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,

    /// Endpoint that speaks OpenAI's protocol, for jobs that ask a model for inputs: https://models.example.org/v1.
    #[arg(long, value_name = "URL", env = "ET_PROPOSALS_URL")]
    pub proposals_url: Option<String>,

    /// File with the key for that endpoint; it may change.
    #[arg(long, value_name = "FILE", env = "ET_PROPOSALS_KEY_FILE", requires = "proposals_url")]
    pub proposals_key_file: Option<PathBuf>,

    /// Requests to that endpoint in a minute, at most.
    #[arg(long, value_name = "N", env = "ET_PROPOSALS_PER_MINUTE", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub proposals_per_minute: u32,

    /// Run programs even where this machine cannot confine them.
    #[arg(long)]
    pub allow_unconfined: bool,

    /// How long a coordinator may be silent before it is given up.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_time)]
    pub patience: Duration,

    /// How log records are written to standard error.
    #[arg(long, value_name = "FORMAT", env = "ET_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// How long what runs may take when this worker is asked to stop. Kubernetes kills after 30s.
    #[arg(long, value_name = "TIME", env = "ET_DRAIN_WITHIN", default_value = "25s", value_parser = parse_time)]
    pub drain_within: Duration,

    #[command(flatten)]
    pub security: plane::client::Options,
}

fn parse_slots(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(slots @ 1..=1024) => Ok(slots),
        _ => Err("slots are a number from 1 to 1024".to_owned()),
    }
}

/// A number with `ms`, `s` or nothing, `m` or `h`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let refusal = || format!("`{text}` is no time: write 500ms, 25s, 10m or 1h");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| refusal())?;
    let ms = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    ms.filter(|ms| *ms <= LONGEST_TIME_MS).map(Duration::from_millis).ok_or_else(refusal)
}

/// A year. Clocks can be set to anything up to here.
const LONGEST_TIME_MS: u64 = 365 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
        let always = ["et-worker", "--coordinator", "http://127.0.0.1:7070"];
        Config::try_parse_from(always.iter().chain(arguments))
    }

    #[test]
    fn times_read_as_written() {
        for (text, ms) in
            [("500ms", 500), ("25s", 25_000), ("30", 30_000), ("10m", 600_000), ("1h", 3_600_000)]
        {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse_time("0s"), Ok(Duration::ZERO));
        for text in ["", "s", "-1s", "1.5s", "1 parsec", "99999999999999999999", "9999999h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_come_one_by_one_or_with_commas() {
        let labels = |arguments: &[&str]| config(arguments).unwrap().labels;
        assert_eq!(
            labels(&["--label", "pool=numpy", "--label", "zone=a"]),
            labels(&["--label", "pool=numpy,zone=a"])
        );
        let error = config(&["--label", "pool"]).unwrap_err().to_string();
        assert!(error.contains("a label reads NAME=VALUE"), "{error}");
    }

    #[test]
    fn a_worker_is_gone_before_kubernetes_kills_it() {
        let longest = config(&[]).unwrap().drain_within + RELEASE_WITHIN;
        assert!(longest < Duration::from_secs(30));
    }
}
