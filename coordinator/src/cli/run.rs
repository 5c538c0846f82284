//! `et-coord run`: a coordinator and its workers on this machine, from the sources to the finished dataset.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use dataset::{Dataset, Report, Store};
use telemetry::LogFormat;

use super::console::Console;
use super::job_options::{Asked, JobOptions, Standing};
use super::session::{Conclusion, Session};
use super::summary::{counted, summary};
use crate::local_workers::WorkerCommand;
use crate::paint::Paint;
use crate::queue::FailedShard;
use crate::service;

/// A worker whose coordinator is gone goes too, after this long.
const WORKER_PATIENCE_SECONDS: u64 = 30;

/// How many of the shards that failed are named in the last sentence.
const SET_ASIDE_NAMED: usize = 3;

/// Traces the programs in SOURCE… and writes the dataset to OUTPUT. The same command again goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArgs {
    #[command(flatten)]
    job: JobOptions,

    /// Worker processes to start here; 0 if others will come to --listen.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(..=1024))]
    workers: u16,

    /// Programs that each worker runs side by side [default: the cores, divided among the workers].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    slots: Option<u16>,

    /// Interpreter to run the programs: a version to look for, or a path [default: the worker's].
    #[arg(long, value_name = "VERSION|PATH")]
    python: Option<String>,

    /// Run programs even where this machine cannot confine them.
    #[arg(long)]
    allow_unconfined: bool,

    /// Address for workers to report to. Anyone who reaches it can take part.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Print the report as JSON instead of a summary.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  et-coord run programs/ --output traces
  et-coord run cases.jsonl.zst scripts/ -o traces --timeout 2s --memory 512MiB
  et-coord run s3://corpus/python -o s3://traces/first --map code=body
  et-coord run programs/ -o traces --workers 4 --slots 8 --python 3.12
  et-coord run programs/ -o traces --json > report.json";

/// What workers on this machine are told as this program was.
pub(super) struct ForWorkers {
    pub(super) log: Option<String>,
    pub(super) log_format: LogFormat,
    pub(super) s3_endpoint: Option<String>,
}

pub(super) fn run(args: RunArgs, workers: ForWorkers, console: Console) -> anyhow::Result<ExitCode> {
    let Asked { job, output, python, standing } = args.job.resolve(None)?;
    // Fails if there is nothing to run, before anything is written.
    drop(dataset::source::plan(&job, None)?);
    let python = args.python.clone().or(python);
    let worker = worker(&args, python.as_deref(), workers)?;
    let job = match args.workers {
        0 => job,
        _ => job.with_python(&minor_of(&worker.program, python.as_deref())?),
    };
    let place = absolute(&output)?;
    let _claim = claim(&place).with_context(|| format!("{output} is taken"))?;
    let dataset = Dataset::start(Store::open(&place)?, job.clone())?;
    if dataset.is_sealed()? {
        console.say(&format!("{output} is complete already; nothing was run"));
        show(&dataset.report()?, &output, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let Standing { priority, share, labels } = standing;
    let session = Session {
        asked: service::Asked { work: service::Work::Trace(job), output: place, priority, share, labels },
        listen: args.listen,
        worker,
        workers: args.workers.into(),
    };
    let conclusion = runtime.block_on(session.run(console.clone()));
    // Whatever still blocks has lost its purpose.
    runtime.shutdown_background();
    if matches!(conclusion, Err(_) | Ok(Conclusion::GaveUp(_))) {
        dataset.abandon_if_empty()?;
    }

    match conclusion? {
        Conclusion::Complete(report) => {
            show(&report, &output, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        Conclusion::Incomplete { set_aside, failures } => bail!(missing(set_aside, &failures)),
        Conclusion::GaveUp(reason) => bail!(reason),
        Conclusion::Stopped { by, programs, parts } => {
            let programs = counted(programs, "program");
            let parts = counted(parts, "part");
            console.say(&format!(
                "stopped with {programs} in {parts}; the same command again goes on from there"
            ));
            Ok(ExitCode::from(by.exit_code()))
        }
        Conclusion::StoppedAtOnce { by } => {
            console.say("stopped at once; the same command again goes on from what is published");
            Ok(ExitCode::from(by.exit_code()))
        }
    }
}

/// The minor version of the interpreter that workers here will run programs on. It is part of the job, so that one that
/// goes on does not mix two.
fn minor_of(worker: &Path, python: Option<&str>) -> anyhow::Result<String> {
    let told = Command::new(worker).arg("python").args(python).output();
    let told = told.with_context(|| format!("{} cannot be started", worker.display()))?;
    let [minor, complaint] =
        [told.stdout, told.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    if !told.status.success() {
        bail!("{}", complaint.strip_prefix("error: ").unwrap_or(&complaint));
    }
    Ok(minor)
}

/// Keeps other programs like this one from the same folder, as long as it is held or this process lives. A bucket
/// cannot be claimed, nor a folder whose file system knows no locks.
fn claim(place: &str) -> anyhow::Result<Option<File>> {
    if place.contains("://") || std::fs::create_dir_all(place).is_err() {
        return Ok(None);
    }
    let Ok(folder) = File::open(place) else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("another `et-coord run` is at work there: wait for its end, or choose another folder")
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(folder)),
    }
}

/// Workers need not run in this folder. A URI is the same everywhere.
pub(super) fn absolute(path: &str) -> anyhow::Result<String> {
    if path.contains("://") {
        return Ok(path.to_owned());
    }
    let path = std::path::absolute(path)?.into_os_string();
    path.into_string().map_err(|path| anyhow!("the name of {} is not UTF-8", path.display()))
}

/// What to start as a worker. It lies beside this program.
fn worker(args: &RunArgs, python: Option<&str>, told: ForWorkers) -> anyhow::Result<WorkerCommand> {
    let own = std::env::current_exe().context("cannot tell where et-coord lies")?;
    let program = own.with_file_name("et-worker");
    if args.workers > 0 && !program.is_file() {
        bail!("there is no {}: et-worker must lie beside et-coord", program.display());
    }
    let cores = available_parallelism().map_or(1, usize::from);
    let slots = args.slots.map_or((cores / usize::from(args.workers).max(1)).max(1), usize::from);
    let mut arguments: Vec<OsString> = vec![
        "--slots".into(),
        slots.to_string().into(),
        "--patience".into(),
        WORKER_PATIENCE_SECONDS.to_string().into(),
        "--log-format".into(),
        told.log_format.to_string().into(),
    ];
    if let Some(python) = python {
        arguments.extend(["--python".into(), python.into()]);
    }
    if let Some(endpoint) = told.s3_endpoint {
        arguments.extend(["--s3-endpoint".into(), endpoint.into()]);
    }
    if args.allow_unconfined {
        arguments.push("--allow-unconfined".into());
    }
    Ok(WorkerCommand { program, arguments, log: told.log })
}

fn show(report: &Report, output: &str, json: bool) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    if json {
        serde_json::to_writer_pretty(&mut stdout, report)?;
        writeln!(stdout)?;
    } else {
        write!(stdout, "{}", summary(report, output, Paint::for_stdout()))?;
    }
    Ok(())
}

/// One sentence about the shards that have no part.
fn missing(count: u64, failures: &[FailedShard]) -> String {
    let named: Vec<String> = failures
        .iter()
        .take(SET_ASIDE_NAMED)
        .map(|failed| format!("shard {} ({})", failed.shard, failed.reason))
        .collect();
    let rest = match count.saturating_sub(named.len() as u64) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!(
        "{} failed too often and {} missing from the dataset: {}{rest}; the same command again tries again",
        counted(count, "shard"),
        if count == 1 { "is" } else { "are" },
        named.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_are_missing_are_named() {
        let failed = |shard| FailedShard {
            shard,
            failures: 5,
            losses: 0,
            reason: "no disk".to_owned(),
            set_aside: true,
            sources: Vec::new(),
        };
        let failures: Vec<FailedShard> = (0..5).map(failed).collect();
        assert_eq!(
            missing(5, &failures),
            "5 shards failed too often and are missing from the dataset: shard 0 (no disk), shard 1 (no disk), \
             shard 2 (no disk) and 2 more; the same command again tries again"
        );
        assert_eq!(
            missing(1, &failures[..1]),
            "1 shard failed too often and is missing from the dataset: shard 0 (no disk); \
             the same command again tries again"
        );
    }
}
