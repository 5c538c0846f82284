//! `et-coord submit`: asks a coordinator for a job.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use dataset::{Job, Shard};
use proto::v1;
use proto::v1::submit_request::Work;
use serde::Serialize;

use super::client::{ClientOptions, converse};
use super::console::Console;
use super::job_options::{Asked, JobOptions, Standing, StandingOptions, minor};
use super::jobs::follow;
use super::run::absolute;
use super::status::{JobJson, print_json};

/// The best interpreter to trace: its events cost least.
const PYTHON: &str = "3.13";

/// How many of a job's shards `--dry-run` shows.
const SHARDS_SHOWN: usize = 3;

/// Submits a job over SOURCE… to a coordinator. The same job again is the same job, and goes on if it had stopped.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SubmitArgs {
    #[command(flatten)]
    job: JobOptions,

    #[command(flatten)]
    standing: StandingOptions,

    /// Minor version of the CPython to run the programs; workers of another leave them alone [default: 3.13].
    #[arg(long, value_name = "VERSION", value_parser = minor)]
    python: Option<String>,

    /// Print the job with all its options and its first shards, and submit nothing.
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,

    /// Stay and show how the job goes, to its end.
    #[arg(long)]
    watch: bool,

    /// Print the job's status as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    client: ClientOptions,
}

const EXAMPLES: &str = "\
Examples:
  et-coord submit s3://corpus/python/ --output s3://traces/python --timeout 5s --watch
  et-coord submit --config job.yaml
  et-coord submit --config job.yaml --priority 5 --dry-run
  et-coord submit rows.jsonl.zst -o /mnt/traces --python 3.12 --label pool=numpy --json";

/// What `--dry-run` prints.
#[derive(Serialize)]
struct DryRun<'a> {
    id: String,
    output: String,
    priority: i32,
    share: u32,
    labels: &'a std::collections::BTreeMap<String, String>,
    job: &'a Job,
    first_shards: Vec<Shard>,
}

pub(super) fn submit(args: &SubmitArgs, console: Console) -> anyhow::Result<ExitCode> {
    let Asked { job, output, python, standing } = args.job.resolve(Some(&args.standing))?;
    let python = args.python.clone().or(python);
    let job = job.with_python(python.as_deref().unwrap_or(PYTHON));
    let output = absolute(&output)?;
    let Standing { priority, share, labels } = standing;
    if args.dry_run {
        let first_shards =
            dataset::source::plan(&job, None)?.take(SHARDS_SHOWN).collect::<Result<Vec<_>, _>>()?;
        let id = job.id().0;
        print_json(&DryRun { id, output, priority, share, labels: &labels, job: &job, first_shards })?;
        return Ok(ExitCode::SUCCESS);
    }
    let request = v1::SubmitRequest {
        work: Some(Work::Job(serde_json::to_string(&job)?)),
        output,
        standing: Some(v1::Standing { priority, share, labels: labels.into_iter().collect() }),
    };
    converse(async {
        let mut client = args.client.client().await?;
        let answered = client.control.submit(request).await;
        let status = client.answer(answered)?;
        if args.watch {
            return follow(&mut client, status.job, args.json, console).await;
        }
        if args.json {
            print_json(&JobJson::from(status))?;
        } else {
            println!("job {} is submitted", status.job);
            console.say(&format!("next: et-coord watch {}", short(&status.job)?));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Enough of a job's id to name it.
pub(super) fn short(id: &str) -> anyhow::Result<&str> {
    id.get(..8).ok_or_else(|| anyhow!("the coordinator answered with a job id that is none: {id}"))
}
