//! `et-coord render`: training text from a dataset of traces.

mod fleet;
mod options;
mod styles;
mod summary;
mod watch;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use clap::Args;
use dataset::{Dataset, Store};
use training::{Conclusion, Progress, RenderError, Rendering, Report, Share};

use self::fleet::FleetOptions;
use self::options::RenderOptions;
use self::summary::summary;
use self::watch::Watch;
use super::console::Console;
use crate::paint::Paint;
use crate::signals::{Interrupt, Interrupts};

/// Makes training text of the traces in DATASET. The same command again goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RenderArgs {
    /// The dataset of traces, finished: a folder, or s3://bucket/prefix.
    #[arg(required_unless_present = "list_styles")]
    dataset: Option<String>,

    /// Where the text goes: a folder, or s3://bucket/prefix.
    #[arg(long, short, value_name = "URI", required_unless_present = "list_styles")]
    output: Option<String>,

    /// How a trace becomes text; see --list-styles.
    #[arg(long, value_name = "NAME", required_unless_present = "list_styles")]
    style: Option<String>,

    #[command(flatten)]
    options: RenderOptions,

    /// Show every style with its settings and an example.
    #[arg(long)]
    list_styles: bool,

    /// Parts to render side by side [default: the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Render only the K-th of N shares, from 0 on, and wait for the others: the same command on N machines.
    #[arg(long, value_name = "K/N")]
    share: Option<Share>,

    /// Print the report as JSON instead of a summary; on a fleet, the job's status.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    fleet: FleetOptions,
}

const EXAMPLES: &str = "\
Examples:
  et-coord render --list-styles
  et-coord render traces --style scratchpad --output text
  et-coord render traces --style cwm -o cwm --set depth=1 --max-tokens 8192 --tokenizer tokenizer.json
  et-coord render s3://traces/first --style qa -o s3://text/qa --format jsonl --shuffle --validation 0.01
  et-coord render s3://traces/first --style qa -o s3://text/qa --coordinator http://127.0.0.1:7070 --watch
  et-coord render traces --style direct -o text --similar-sources 1 --per-source 4 --benchmark cruxeval.jsonl";

pub(super) fn render(args: RenderArgs, console: Console) -> anyhow::Result<ExitCode> {
    let RenderArgs { dataset, output, style, options, list_styles, jobs, share, json, fleet } = args;
    let (Some(dataset), Some(output), Some(style), false) = (dataset, output, style, list_styles) else {
        io::stdout().write_all(styles::list(Paint::for_stdout()).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let options = options.resolve(style)?;
    if let Some(coordinator) = &fleet.coordinator {
        return fleet::submit(&fleet, coordinator, &dataset, &output, options, json, console);
    }
    let traces = Dataset::open(Store::open(&dataset)?)?;
    let rendering = Rendering::prepare(traces, Store::open(&output)?, options)?;
    if let Some(report) = rendering.finished()? {
        console.say(&format!("{output} is complete already; nothing was rendered"));
        show(&report, &output, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let threads = jobs.map_or_else(cores, usize::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended =
        runtime.block_on(supervise(rendering, share.unwrap_or(Share::WHOLE), threads, console.clone()));
    // Whatever is still written has lost its purpose.
    runtime.shutdown_background();
    match ended? {
        Ended::Complete(report) => {
            show(&report, &output, json)?;
            Ok(ExitCode::SUCCESS)
        }
        Ended::Stopped(by) => {
            console.say("stopped; the same command again goes on from what is done");
            Ok(ExitCode::from(by.exit_code()))
        }
    }
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

fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// How it ended for the one who asked.
enum Ended {
    Complete(Report),
    Stopped(Interrupt),
}

/// Renders on other threads, shows how far it is, and listens for the wish to stop. The second one does not wait.
async fn supervise(
    rendering: Rendering,
    share: Share,
    threads: usize,
    console: Console,
) -> anyhow::Result<Ended> {
    let mut interrupts = Interrupts::listen()?;
    let progress = Arc::new(Progress::default());
    let mut watch = Watch::new(progress.clone(), console.clone());
    let mut work = {
        let progress = progress.clone();
        tokio::task::spawn_blocking(move || rendering.run(share, threads, &progress))
    };
    let mut interrupted = None;
    loop {
        tokio::select! {
            ended = &mut work => {
                let conclusion: Result<Conclusion, RenderError> = ended.context("the rendering crashed")?;
                return Ok(match conclusion? {
                    Conclusion::Complete(report) => Ended::Complete(report),
                    Conclusion::Stopped => Ended::Stopped(interrupted.unwrap_or(Interrupt::Terminate)),
                });
            }
            interrupt = interrupts.next() => {
                if interrupted.replace(interrupt).is_some() {
                    return Ok(Ended::Stopped(interrupt));
                }
                progress.stop();
            }
            () = watch.tick() => {}
        }
    }
}
