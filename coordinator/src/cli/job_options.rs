//! What a job is asked to do, as flags and by a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use dataset::{ColumnMap, Executions, Filters, Job, Limits, Mapping, Mode, Proposals, Search};
use trace::Granularity;

use super::filter_options::FilterOptions;
use super::job_file::JobFile;
use super::run_list;
use super::units::{duration, size};

/// Sources in one shard: minutes of work at most for one slot, and enough that a part is worth a file.
const SHARD_SOURCES: u64 = 256;

/// The same where functions are searched, which executes each source some hundred times.
const SHARD_SOURCES_SEARCHED: u64 = 16;

const WALL: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct JobOptions {
    /// Folders of .py or .parquet files; files ending in .py, .jsonl (also .gz, .zst), .parquet, or .manifest or .txt
    /// for a list of .py files. Any of them may lie in S3.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,

    /// Where the dataset goes: a folder, or s3://bucket/prefix.
    #[arg(long, short, value_name = "DIR|URI")]
    output: Option<String>,

    /// YAML file with sources, output and any of these options by their names. Options given here win.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Column of Parquet files that holds the `code`, `input` or `id` of a row [default: by their usual names].
    #[arg(long, value_name = "NAME=COLUMN")]
    map: Vec<Mapping>,

    /// Wall-clock time that one program may take [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,

    /// Processor time that one program may take [default: as --timeout].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    cpu_time: Option<Duration>,

    /// Memory that one program may take [default: 1GiB].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,

    /// How finely programs are traced: program, call, line or instruction [default: line].
    #[arg(long, value_name = "HOW")]
    granularity: Option<Granularity>,

    /// Numbers each object that can change, so that the texts of values show which of them are one.
    #[arg(long)]
    identities: bool,

    /// Events after which a program runs on untraced [default: 100000].
    #[arg(long, value_name = "N")]
    max_events: Option<u64>,

    /// What is executed of each source: `script`, `cases` (its inputs and tests), `functions` (called with inputs
    /// that are searched for) [default: script,cases].
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    mode: Vec<Mode>,

    /// Arguments and standard inputs for all scripts: a file of lines like {"argv": ["-v"], "stdin": "text"}.
    #[arg(long, value_name = "FILE")]
    runs: Option<PathBuf>,

    /// Inputs tried for each function [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tries: Option<u32>,

    /// Inputs kept for each function, each of which becomes a row [default: 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,

    /// Processor time that one input may take, of which a probe of it has a fifth [default: 1s].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    try_timeout: Option<Duration>,

    /// Language model that proposes inputs of functions, too. Workers know where it is asked [default: none].
    #[arg(long, value_name = "NAME")]
    proposals_model: Option<String>,

    /// What the model is asked about a file: a text with {functions} and {code} in it [default: the usual question].
    #[arg(long, value_name = "FILE")]
    proposals_prompt: Option<PathBuf>,

    /// Another seed gives other inputs [default: 0].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Runs each program so often in all, and says in its row whether the runs were alike [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,

    /// Sources in one shard, which becomes one part [default: 256, or 16 where functions are searched].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    shard_sources: Option<u64>,

    #[command(flatten)]
    filters: FilterOptions,
}

/// How a job stands among others.
#[derive(Debug, Args)]
pub(super) struct StandingOptions {
    /// Jobs of a higher priority go first [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,

    /// Among jobs of one priority, workers are divided by their shares [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    share: Option<u32>,

    /// What a worker must have to run the job, such as python=3.13 or pool=numpy. May be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
}

/// How a job stands among others, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) priority: i32,
    pub(super) share: u32,
    pub(super) labels: BTreeMap<String, String>,
}

/// A job as it was asked for, every option with its value.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) job: Job,
    /// As the user wrote it.
    pub(super) output: String,
    /// The interpreter, if the file names one.
    pub(super) python: Option<String>,
    pub(super) standing: Standing,
}

impl JobOptions {
    /// The job, from these options, the file that they name, and what is usual. The sources must exist.
    pub(super) fn resolve(&self, standing: Option<&StandingOptions>) -> anyhow::Result<Asked> {
        let file = self.config.as_deref().map(JobFile::read).transpose()?.unwrap_or_default();
        let granularity = self.granularity.or(file.granularity).unwrap_or_default();
        let repeat = self.repeat.or(file.repeat).unwrap_or(1);
        if repeat == 0 {
            bail!("`repeat` must be at least 1");
        }
        let filters = self.filters.resolve(file.filters(), granularity, repeat)?;
        let executions = self.executions(&file, filters)?;
        let sources = if self.sources.is_empty() { &file.sources } else { &self.sources };
        let output = self.output.clone().or(file.output);
        let output = output.ok_or_else(|| anyhow!("no output was named: say --output DIR"))?;
        let searches = executions.has(Mode::Functions);
        if searches && granularity < Granularity::Line {
            bail!(
                "`mode` functions finds inputs by the lines that they reach, which {} does not trace: say \
                 `granularity` line or instruction",
                granularity.name()
            );
        }
        let identities = self.identities || file.identities;
        if identities && granularity == Granularity::Program {
            bail!(
                "`identities` numbers the objects that a trace shows, and {granularity} traces none: say \
                 `granularity` call, line or instruction"
            );
        }
        let usual_sources = if searches { SHARD_SOURCES_SEARCHED } else { SHARD_SOURCES };
        let shard_sources = self.shard_sources.or(file.shard_sources).unwrap_or(usual_sources);
        if shard_sources == 0 {
            bail!("`shard-sources` must be at least 1");
        }
        let wall = self.timeout.or(file.timeout).unwrap_or(WALL);
        let cpu = self.cpu_time.or(file.cpu_time).unwrap_or(wall);
        let usual = Limits::default();
        let limits = Limits {
            wall_ms: wall.as_millis() as u64,
            cpu_ms: cpu.as_millis() as u64,
            memory_bytes: self.memory.or(file.memory).unwrap_or(usual.memory_bytes),
            max_events: self.max_events.or(file.max_events).unwrap_or(usual.max_events),
            ..usual
        };
        let of_file = file.map.iter().map(|(name, column)| format!("{name}={column}").parse());
        let mut mappings = of_file.collect::<Result<Vec<Mapping>, _>>()?;
        mappings.retain(|mapping| self.map.iter().all(|given| given.field != mapping.field));
        mappings.extend(self.map.iter().cloned());
        let job = Job::new(sources, shard_sources, limits)?.with_columns(ColumnMap::new(mappings)?);
        let job = job.with_granularity(granularity).with_identities(identities);
        let job = job.with_executions(executions).with_repeat(repeat);

        let asked = |of: fn(&StandingOptions) -> Option<u32>| standing.and_then(of);
        let share = asked(|options| options.share).or(file.share).unwrap_or(1);
        if share == 0 {
            bail!("`share` must be at least 1");
        }
        let mut labels = file.labels;
        labels.extend(standing.iter().flat_map(|options| options.labels.iter().cloned()));
        let priority = standing.and_then(|options| options.priority).or(file.priority).unwrap_or(0);
        Ok(Asked { job, output, python: file.python, standing: Standing { priority, share, labels } })
    }

    fn executions(&self, file: &JobFile, filters: Filters) -> anyhow::Result<Executions> {
        let usual = Executions::default();
        let modes = match (self.mode.is_empty(), file.mode.is_empty()) {
            (false, _) => self.mode.iter().copied().collect(),
            (true, false) => file.mode.clone(),
            (true, true) => usual.modes,
        };
        let search = Search {
            seed: self.seed.or(file.seed).unwrap_or(usual.search.seed),
            tried: self.tries.or(file.tries).unwrap_or(usual.search.tried),
            kept: self.keep.or(file.keep).unwrap_or(usual.search.kept),
            cpu_ms: self
                .try_timeout
                .or(file.try_timeout)
                .map_or(usual.search.cpu_ms, |time| time.as_millis() as u64),
        };
        if search.tried == 0 || search.kept == 0 {
            bail!("`tries` and `keep` must be at least 1");
        }
        let runs = self.runs.as_ref().or(file.runs.as_ref()).map(|path| run_list::read(path));
        let runs = runs.transpose()?.unwrap_or_default();
        if !runs.is_empty() && !modes.contains(&Mode::Script) {
            bail!("`runs` are given to scripts: say `mode` script, too");
        }
        let proposals = self.proposals(file)?;
        if proposals.is_some() && !modes.contains(&Mode::Functions) {
            bail!("a model proposes inputs of functions: say `mode` functions, too");
        }
        Ok(Executions { modes, search, runs, proposals, filters })
    }

    fn proposals(&self, file: &JobFile) -> anyhow::Result<Option<Proposals>> {
        let prompt = self.proposals_prompt.as_ref().or(file.proposals_prompt.as_ref());
        let Some(model) = self.proposals_model.clone().or_else(|| file.proposals_model.clone()) else {
            if prompt.is_some() {
                bail!("`proposals-prompt` is a question without a model: say `proposals-model`");
            }
            return Ok(None);
        };
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            match [Proposals::FUNCTIONS, Proposals::CODE].into_iter().find(|place| !text.contains(place)) {
                Some(place) => bail!("{} has no {place}, where that of a file would stand", path.display()),
                None => Ok(text),
            }
        };
        Ok(Some(Proposals { model, prompt: prompt.map(read).transpose()? }))
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(format!("`{text}` is no label: write NAME=VALUE")),
    }
}

/// A minor version, as in `3.13`.
pub(super) fn minor(text: &str) -> Result<String, String> {
    let is_minor = |text: &str| text.parse::<u8>().is_ok_and(|minor| minor.to_string() == text);
    match text.strip_prefix("3.").is_some_and(is_minor) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is no minor version of CPython, such as 3.13")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use clap::Parser;
    use dataset::{Distinct, Outcome};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        job: JobOptions,
        #[command(flatten)]
        standing: StandingOptions,
    }

    fn resolve(file: &str, flags: &str) -> anyhow::Result<Asked> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        fs::write(folder.path().join("a.py"), "").unwrap();
        fs::write(folder.path().join("job.yaml"), file.replace("HERE", place)).unwrap();
        let flags = flags.replace("HERE", place);
        let line = Line::try_parse_from(["et-coord"].into_iter().chain(flags.split_whitespace()))?;
        line.job.resolve(Some(&line.standing))
    }

    #[test]
    fn a_file_can_say_all_and_flags_win() {
        let file = "
sources: [HERE/a.py]
output: there
timeout: 2s
memory: 64MiB
granularity: call
max-events: 7
shard-sources: 9
priority: -1
share: 3
python: 3.12
labels: {pool: numpy}
";
        let asked = resolve(file, "--config HERE/job.yaml").unwrap();
        assert_eq!((asked.output.as_str(), asked.job.shard_sources), ("there", 9));
        let Limits { wall_ms, cpu_ms, memory_bytes, max_events, .. } = asked.job.limits;
        assert_eq!((wall_ms, cpu_ms, memory_bytes, max_events), (2000, 2000, 64 << 20, 7));
        assert_eq!(asked.job.granularity, Granularity::Call);
        assert_eq!((asked.standing.priority, asked.standing.share), (-1, 3));

        assert_eq!(asked.python.as_deref(), Some("3.12"));

        let flags = "--config HERE/job.yaml -o here --timeout 3s --granularity instruction --priority 5 --share 2 --label zone=a";
        let asked = resolve(file, flags).unwrap();
        assert_eq!((asked.output.as_str(), asked.job.limits.wall_ms), ("here", 3000));
        assert_eq!(asked.job.granularity, Granularity::Instruction);
        let standing = asked.standing;
        assert_eq!((standing.priority, standing.share, standing.labels["zone"].as_str()), (5, 2, "a"));
        assert_eq!(standing.labels["pool"], "numpy");
    }

    #[test]
    fn identities_are_asked_for_by_a_flag_or_a_file_and_need_a_trace() {
        let file = "sources: [HERE/a.py]\noutput: o\nidentities: true\n";
        assert!(resolve(file, "--config HERE/job.yaml").unwrap().job.identities);
        assert!(resolve("", "HERE/a.py -o o --identities").unwrap().job.identities);
        assert!(!resolve("", "HERE/a.py -o o").unwrap().job.identities);
        refused("", "HERE/a.py -o o --identities --granularity program", "say `granularity` call");
    }

    #[test]
    fn modes_and_budgets_come_from_flags_then_the_file_then_what_is_usual() {
        let file = "sources: [HERE/a.py]\noutput: o\nmode: [functions]\ntries: 9\nkeep: 3\ntry-timeout: 2s\nseed: 5\n";
        let of_file = resolve(file, "--config HERE/job.yaml").unwrap().job.executions;
        assert_eq!(of_file.modes, BTreeSet::from([Mode::Functions]));
        assert_eq!(of_file.search, Search { seed: 5, tried: 9, kept: 3, cpu_ms: 2000 });
        let flags = "--config HERE/job.yaml --mode script,cases --tries 7";
        let of_flags = resolve(file, flags).unwrap().job.executions;
        assert_eq!(of_flags.modes, BTreeSet::from([Mode::Script, Mode::Cases]));
        assert_eq!(of_flags.search, Search { tried: 7, ..of_file.search });
        assert_eq!(resolve("", "HERE/a.py -o o").unwrap().job.executions, Executions::default());
    }

    #[test]
    fn filters_come_from_flags_and_the_file_and_must_make_sense() {
        let file = "sources: [HERE/a.py]\noutput: o\noutcomes: [returned, raised]\npure: true\nmost-events: 90\ndistinct: [shape]\n";
        let of_file = resolve(file, "--config HERE/job.yaml").unwrap().job.executions.filters;
        let expected = Filters {
            outcomes: BTreeSet::from([Outcome::Returned, Outcome::Raised]),
            pure: true,
            most_events: Some(90),
            distinct: BTreeSet::from([Distinct::Shape]),
            ..Filters::default()
        };
        assert_eq!(of_file, expected);
        let flags = "--config HERE/job.yaml --outcomes timed_out --distinct content,output --fewest-events 3 --repeat 2 --deterministic";
        let of_flags = resolve(file, flags).unwrap().job.executions.filters;
        let expected = Filters {
            outcomes: BTreeSet::from([Outcome::TimedOut]),
            distinct: BTreeSet::from([Distinct::Content, Distinct::Output]),
            fewest_events: Some(3),
            deterministic: true,
            ..expected
        };
        assert_eq!(of_flags, expected);
        refused("", "HERE/a.py -o o --proposals-model m", "say `mode` functions");
        refused("", "HERE/a.py -o o --proposals-prompt HERE/a.py", "say `proposals-model`");
        refused(
            "",
            "HERE/a.py -o o --mode functions --proposals-model m --proposals-prompt HERE/a.py",
            "has no {functions}",
        );
        refused("", "HERE/a.py -o o --runs HERE/absent.jsonl", "cannot read");
        refused("", "HERE/a.py -o o --runs HERE/a.py", "lists nothing");
        refused("", "HERE/a.py -o o --deterministic", "say `repeat` 2");
        refused("", "HERE/a.py -o o --distinct coverage --granularity call", "looks at lines");
        refused(
            "",
            "HERE/a.py -o o --mode functions --granularity call",
            "say `granularity` line or instruction",
        );
        refused("", "HERE/a.py -o o --fewest-events 3 --most-events 2", "must not be more");
        refused("", "HERE/a.py -o o --distinct all", "say content, shape, coverage or output");
    }

    #[track_caller]
    fn refused(file: &str, flags: &str, words: &str) {
        let told = format!("{:#}", resolve(file, flags).unwrap_err());
        assert!(told.contains(words), "{told}");
        // What is wrong with a flag is told at length.
        assert!(!told.contains("job.yaml") || told.lines().count() == 1, "{told}");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let config = "--config HERE/job.yaml";
        refused("sources: [HERE/a.py]\noutptu: x\n", config, "outptu");
        refused("sources: [HERE/a.py\n", config, "job.yaml is no job");
        refused("sources: [HERE/a.py]\noutput: o\ntimeout: soon\n", config, "`soon` is no duration");
        refused("sources: [HERE/a.py]\noutput: o\ngranularity: fine\n", config, "`fine` is no granularity");
        refused("sources: [HERE/a.py]\noutput: o\nshare: 0\n", config, "`share` must be at least 1");
        refused(
            "sources: [HERE/a.py]\noutput: o\ntries: 0\n",
            config,
            "`tries` and `keep` must be at least 1",
        );
        refused("", "HERE/a.py -o x --mode everything", "`everything` is no mode");
        refused("sources: [HERE/a.py]\noutput: o\npython: 4\n", config, "`4` is no minor version of CPython");
        refused("sources: [HERE/a.py]\n", config, "no output was named");
        refused("output: o\n", config, "no source was named");
        refused("", "HERE/a.py -o x --config HERE/other.yaml", "cannot read");
        refused("", "HERE/a.py -o x --label python", "`python` is no label");
    }
}
