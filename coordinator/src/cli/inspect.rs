//! `et-coord inspect`: lists the executions of a dataset, or shows one of them beside its source.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use dataset::{Dataset, Outcome, RowSummary};

use super::store_of;
use crate::inspect::{beside, json, list};
use crate::paint::Paint;

/// Below this many columns source and effects no longer fit side by side.
const NARROWEST: usize = 80;
/// Beyond this, lines get harder to follow from one column to the other.
const WIDEST: usize = 160;

/// Lists the executions of a dataset, or shows one beside its source.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  et-coord inspect my-traces
  et-coord inspect my-traces --outcome timed_out
  et-coord inspect my-traces sorting/quicksort.py
  et-coord inspect my-traces 5f0c1a2b --json | jq .events")]
pub(super) struct InspectArgs {
    /// The dataset: a folder, or s3://bucket/prefix.
    dataset: PathBuf,
    /// One execution: the beginning of its trace id, or the end of its source path.
    trace: Option<String>,
    /// Only executions that ended so, for example `raised`.
    #[arg(long, value_parser = parse_outcome, conflicts_with = "trace")]
    outcome: Option<Outcome>,
    /// Show so many executions, or so many rows of one trace; 0 for all.
    #[arg(long, default_value_t = 200, conflicts_with = "json")]
    limit: usize,
    /// One JSON object per execution, or one with all its events.
    #[arg(long)]
    json: bool,
}

pub(super) fn inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::open(store_of(&args.dataset)?)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match &args.trace {
        Some(wanted) => show(args, &dataset, wanted, &mut out),
        None => list(args, &dataset, &mut out),
    };
    match written.and_then(|()| Ok(out.flush()?)) {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        written => written.map(|()| ExitCode::SUCCESS),
    }
}

fn list(args: &InspectArgs, dataset: &Dataset, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = columns();
    let paint = Paint::for_stdout();
    let limit = if args.limit == 0 || args.json { usize::MAX } else { args.limit };
    let (mut shown, mut matching) = (0, 0);
    if !args.json {
        list::heading(&paint, out)?;
    }
    for (_, _, summary) in summaries(dataset)? {
        let summary = summary?;
        if args.outcome.is_some_and(|outcome| outcome != summary.outcome) {
            continue;
        }
        matching += 1;
        if shown == limit {
            continue;
        }
        shown += 1;
        if args.json {
            json::summary(&summary, out)?;
        } else {
            list::line(&summary, columns, &paint, out)?;
        }
    }
    if matching > shown {
        writeln!(out, "… {} more; --limit 0 shows all", matching - shown)?;
    }
    if matching == 0 && !args.json {
        writeln!(
            out,
            "no execution{}",
            args.outcome.map(|outcome| format!(" {outcome}")).unwrap_or_default()
        )?;
    }
    Ok(())
}

fn show(args: &InspectArgs, dataset: &Dataset, wanted: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let (shard, index) = find(dataset, wanted)?;
    let stored = dataset.part(shard)?.read(index)?;
    let row = stored.row()?;
    if args.json {
        json::row(&row, out)?;
    } else {
        let limit = if args.limit == 0 { usize::MAX } else { args.limit };
        beside::show(&row, columns(), limit, &Paint::for_stdout(), out)?;
    }
    Ok(())
}

/// Shard and position of the one execution that is meant.
fn find(dataset: &Dataset, wanted: &str) -> anyhow::Result<(u64, u64)> {
    let mut found: Vec<(u64, u64, RowSummary)> = Vec::new();
    for (shard, index, summary) in summaries(dataset)? {
        let summary = summary?;
        if summary.source_path == wanted || summary.trace_id == wanted {
            return Ok((shard, index));
        }
        let by_path = summary.source_path.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('/'));
        if by_path || (wanted.len() >= 6 && summary.trace_id.starts_with(wanted)) {
            found.push((shard, index, summary));
        }
        if found.len() > 10 {
            break;
        }
    }
    match found.as_slice() {
        [(shard, index, _)] => Ok((*shard, *index)),
        [] => bail!("no execution has a trace id that begins, or a source path that ends, with {wanted:?}"),
        several => {
            let names: Vec<_> =
                several.iter().map(|(_, _, one)| format!("{} ({})", one.source_path, one.trace_id)).collect();
            bail!("{wanted:?} fits more than one execution: {}", names.join(", "))
        }
    }
}

/// Every execution of the published parts: shard, position in its part, and the light columns.
fn summaries(
    dataset: &Dataset,
) -> anyhow::Result<impl Iterator<Item = (u64, u64, anyhow::Result<RowSummary>)> + use<>> {
    let dataset = dataset.clone();
    let shards = dataset.published()?;
    Ok(shards.flat_map(move |shard| {
        let rows = shard
            .map_err(anyhow::Error::from)
            .and_then(|shard| Ok((shard, dataset.part(shard)?.summaries()?)));
        let (shard, rows): (u64, Box<dyn Iterator<Item = anyhow::Result<RowSummary>>>) = match rows {
            Ok((shard, rows)) => (shard, Box::new(rows.map(|row| Ok(row?)))),
            Err(error) => (0, Box::new(std::iter::once(Err(error)))),
        };
        rows.zip(0..).map(move |(row, index)| (shard, index, row))
    }))
}

fn columns() -> usize {
    let terminal = io::stdout().is_terminal().then(rustix::stdio::stdout);
    let size = terminal.and_then(|stdout| rustix::termios::tcgetwinsize(stdout).ok());
    size.map_or(NARROWEST, |size| usize::from(size.ws_col).clamp(NARROWEST, WIDEST))
}

fn parse_outcome(name: &str) -> Result<Outcome, String> {
    let names = || Outcome::ALL.map(Outcome::name).join(", ");
    name.parse().map_err(|_| format!("the outcomes are {}", names()))
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
