//! A job as a YAML file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use dataset::{Distinct, Mode, Outcome};
use serde::Deserialize;
use trace::Granularity;

use super::filter_options::FilterKeys;
use super::job_options::minor;
use super::units::{duration, size};

/// What the file says. Its keys are the options' names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct JobFile {
    #[serde(default)]
    pub(super) sources: Vec<String>,
    pub(super) output: Option<String>,
    #[serde(default, deserialize_with = "parsed_minor")]
    pub(super) python: Option<String>,
    #[serde(default)]
    pub(super) map: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "parsed_duration")]
    pub(super) timeout: Option<Duration>,
    #[serde(default, deserialize_with = "parsed_duration")]
    pub(super) cpu_time: Option<Duration>,
    #[serde(default, deserialize_with = "parsed_size")]
    pub(super) memory: Option<u64>,
    #[serde(default, deserialize_with = "parsed_granularity")]
    pub(super) granularity: Option<Granularity>,
    #[serde(default)]
    pub(super) identities: bool,
    pub(super) max_events: Option<u64>,
    #[serde(default)]
    pub(super) mode: BTreeSet<Mode>,
    pub(super) runs: Option<PathBuf>,
    pub(super) tries: Option<u32>,
    pub(super) keep: Option<u32>,
    #[serde(default, deserialize_with = "parsed_duration")]
    pub(super) try_timeout: Option<Duration>,
    pub(super) proposals_model: Option<String>,
    pub(super) proposals_prompt: Option<PathBuf>,
    pub(super) seed: Option<u64>,
    pub(super) repeat: Option<u32>,
    #[serde(default)]
    pub(super) outcomes: BTreeSet<Outcome>,
    #[serde(default)]
    pub(super) pure: bool,
    #[serde(default)]
    pub(super) deterministic: bool,
    pub(super) fewest_events: Option<u64>,
    pub(super) most_events: Option<u64>,
    #[serde(default)]
    pub(super) distinct: BTreeSet<Distinct>,
    pub(super) shard_sources: Option<u64>,
    pub(super) priority: Option<i32>,
    pub(super) share: Option<u32>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

impl JobFile {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<JobFile> {
        let named = || format!("cannot read {}", path.display());
        let text = fs::read_to_string(path).with_context(named)?;
        serde_saphyr::from_str(&text).map_err(|error| {
            // Behind the first line it shows the file, which its reader has.
            let told = error.to_string();
            let sentence = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
            anyhow!("{} is no job: {sentence}", path.display())
        })
    }

    pub(super) fn filters(&self) -> FilterKeys {
        FilterKeys {
            outcomes: self.outcomes.clone(),
            pure: self.pure,
            deterministic: self.deterministic,
            fewest_events: self.fewest_events,
            most_events: self.most_events,
            distinct: self.distinct.clone(),
        }
    }
}

/// A number as well as a text: both `10` and `10s` are written without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(f64),
    Text(String),
}

fn parsed<'de, D, T>(deserializer: D, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let text = match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    };
    parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn parsed_minor<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    parsed(deserializer, minor)
}

fn parsed_duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    parsed(deserializer, duration)
}

fn parsed_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    parsed(deserializer, size)
}

fn parsed_granularity<'de, D>(deserializer: D) -> Result<Option<Granularity>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(serde::de::Error::custom)
}
