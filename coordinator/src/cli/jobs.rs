//! `et-coord jobs`, `show`, `watch`, `pause`, `resume`, `cancel` and `failures`: asks a coordinator about jobs.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use indicatif::{HumanCount, ProgressDrawTarget, ProgressStyle};
use proto::v1;
use proto::v1::change_request::Change;
use proto::v1::job_status::State;
use serde::Serialize;
use tokio::time::Instant;

use super::client::{Client, ClientOptions, converse};
use super::console::Console;
use super::status::{JobJson, details, is_over, print_json, programs, state_word, table};
use crate::paint::Paint;
use crate::progress::Pace;

/// How often a watcher writes a line where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Pause before a watcher whose coordinator is gone asks another one; several may share an address.
const RECONNECT_AFTER: Duration = Duration::from_secs(2);
/// After so many of them in a row it gives up.
const RECONNECTS: usize = 15;

/// Lists the jobs that a coordinator knows.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  et-coord jobs --json | jq '.[] | select(.state == \"running\") | .job'")]
pub(super) struct JobsArgs {
    #[command(flatten)]
    asking: AskingOptions,
}

#[derive(Debug, Args)]
pub(super) struct AskingOptions {
    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    client: ClientOptions,
}

/// One job, and how to ask for it.
#[derive(Debug, Args)]
pub(super) struct JobArgs {
    /// Id of the job, or enough of its beginning.
    job: String,

    #[command(flatten)]
    asking: AskingOptions,
}

pub(super) fn jobs(args: &JobsArgs) -> anyhow::Result<ExitCode> {
    converse(async {
        let mut client = args.asking.client.client().await?;
        let answered = client.control.jobs(v1::JobsRequest {}).await;
        let jobs = client.answer(answered)?.jobs;
        if args.asking.json {
            print_json(&jobs.into_iter().map(JobJson::from).collect::<Vec<_>>())?;
        } else {
            print!("{}", table(&jobs, Paint::for_stdout()));
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn show(args: &JobArgs) -> anyhow::Result<ExitCode> {
    converse(async {
        let mut client = args.asking.client.client().await?;
        let answered = client.control.show(v1::JobName { job: args.job.clone() }).await;
        print_one(client.answer(answered)?, args.asking.json)?;
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn change(args: &JobArgs, change: Change) -> anyhow::Result<ExitCode> {
    converse(async {
        let mut client = args.asking.client.client().await?;
        let request = v1::ChangeRequest { job: args.job.clone(), change: change.into() };
        let answered = client.control.change(request).await;
        let status = client.answer(answered)?;
        if args.asking.json {
            print_json(&JobJson::from(status))?;
        } else {
            println!("job {} is {}", status.job, state_word(status.state()));
        }
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn watch(args: &JobArgs, console: Console) -> anyhow::Result<ExitCode> {
    converse(async {
        let mut client = args.asking.client.client().await?;
        follow(&mut client, args.job.clone(), args.asking.json, console).await
    })
}

/// A shard that failed, as `--json` shows it.
#[derive(Serialize)]
struct FailureJson {
    shard: u64,
    failures: u32,
    losses: u32,
    reason: String,
    set_aside: bool,
    sources: Vec<u64>,
}

pub(super) fn failures(args: &JobArgs) -> anyhow::Result<ExitCode> {
    converse(async {
        let mut client = args.asking.client.client().await?;
        let answered = client.control.failures(v1::JobName { job: args.job.clone() }).await;
        let failures = client.answer(answered)?.failures;
        if args.asking.json {
            let failures = failures.into_iter().map(|failure| {
                let v1::Failure { shard, failures, losses, reason, set_aside, sources } = failure;
                FailureJson { shard, failures, losses, reason, set_aside, sources }
            });
            print_json(&failures.collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        if failures.is_empty() {
            println!("no shard has failed");
        }
        for failure in failures {
            println!("{}", sentence(&failure));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// `shard 7 failed 2 times and lost 1 worker, is set aside: no disk`
fn sentence(failure: &v1::Failure) -> String {
    let v1::Failure { shard, failures, losses, reason, set_aside, sources } = failure;
    let times = |count: u32| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let mut what = Vec::new();
    if *failures > 0 {
        what.push(format!("failed {}", times(*failures)));
    }
    if *losses > 0 {
        what.push(format!("was lost with its worker {}", times(*losses)));
    }
    if !sources.is_empty() {
        let positions: Vec<String> = sources.iter().map(u64::to_string).collect();
        what.push(format!("runs without its sources {}", positions.join(", ")));
    }
    if *set_aside {
        what.push("is set aside".to_owned());
    }
    format!("shard {shard} {}: {reason}", what.join(", "))
}

fn print_one(status: v1::JobStatus, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&JobJson::from(status));
    }
    print!("{}", details(&status, Paint::for_stdout()));
    Ok(())
}

/// Shows how a job goes, to its end. A coordinator that goes away is asked again: another one may be there.
pub(super) async fn follow(
    client: &mut Client,
    job: String,
    json: bool,
    console: Console,
) -> anyhow::Result<ExitCode> {
    let mut view = View::new(console);
    let mut attempts = 0;
    let last = loop {
        match attend(client, &job, &mut view, &mut attempts).await {
            Ok(status) => break status,
            Err(error) if view.has_begun && attempts < RECONNECTS => {
                attempts += 1;
                view.console.say(&format!("{error:#}; asking again"));
                tokio::time::sleep(RECONNECT_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    };
    view.console.bar().finish_and_clear();
    let state = last.state();
    let message = last.message.clone();
    print_one(last, json)?;
    match state {
        State::Complete => Ok(ExitCode::SUCCESS),
        State::Failed => bail!("the job has failed: {message}"),
        state => bail!("the job is {}", state_word(state)),
    }
}

/// One stream of statuses, to the last one of the job.
async fn attend(
    client: &mut Client,
    job: &str,
    view: &mut View,
    attempts: &mut usize,
) -> anyhow::Result<v1::JobStatus> {
    let answered = client.control.watch(v1::JobName { job: job.to_owned() }).await;
    let mut statuses = client.answer(answered)?;
    loop {
        let message = statuses.message().await.map_err(|status| client.no_answer(status))?;
        let Some(status) = message else { bail!("the coordinator stopped answering") };
        *attempts = 0;
        view.show(&status);
        if is_over(status.state()) {
            return Ok(status);
        }
    }
}

/// What is shown while a job goes on.
struct View {
    console: Console,
    pace: Pace,
    started: Instant,
    last_line: Option<Instant>,
    has_begun: bool,
}

impl View {
    fn new(console: Console) -> View {
        View { console, pace: Pace::default(), started: Instant::now(), last_line: None, has_begun: false }
    }

    fn show(&mut self, status: &v1::JobStatus) {
        use std::io::IsTerminal;
        self.pace.note(self.started.elapsed(), status.sources_done);
        let headline = headline(status, &self.pace);
        if std::io::stderr().is_terminal() {
            self.show_bar(status, headline);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.console.say(&headline);
            self.last_line = Some(Instant::now());
        }
        self.has_begun = true;
    }

    fn show_bar(&self, status: &v1::JobStatus, headline: String) {
        let bar = self.console.bar();
        if !self.has_begun {
            let style = ProgressStyle::with_template("{bar:30.green} {msg}");
            bar.set_style(style.expect("the template is well-formed").progress_chars("━╸ "));
        }
        bar.set_length(status.sources_planned);
        bar.set_position(status.sources_done);
        bar.set_message(headline);
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

/// `1,234 of 5,000 (24%), 312/s, 3 shards running`
fn headline(status: &v1::JobStatus, pace: &Pace) -> String {
    let mut text = programs(status);
    if let Some(per_second) = pace.per_second() {
        text += &format!(", {per_second:.*}/s", if per_second < 10.0 { 1 } else { 0 });
    }
    let left = pace.time_for(status.sources_planned.saturating_sub(status.sources_done));
    if let Some(left) = left.filter(|_| status.all_planned) {
        let left = Duration::from_secs(left.as_secs() + 1);
        text += &format!(", {} left", indicatif::FormattedDuration(left));
    }
    text += &format!(", {} shards running", HumanCount(status.shards_running));
    if status.state() == State::Paused {
        text += ", paused";
    }
    if !status.message.is_empty() {
        text += &format!(" ({})", status.message);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let failure = v1::Failure {
            shard: 7,
            failures: 2,
            losses: 1,
            reason: "no disk".to_owned(),
            set_aside: true,
            sources: vec![3, 9],
        };
        assert_eq!(
            sentence(&failure),
            "shard 7 failed 2 times, was lost with its worker once, runs without its sources 3, 9, is set aside: no disk"
        );
    }
}
