//! How a job stands, for people and for scripts.

use std::collections::BTreeMap;
use std::io::{self, Write};

use dataset::Tally;
use indicatif::{HumanBytes, HumanCount};
use proto::v1;
use proto::v1::job_status::{Kind, State};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::summary::MODULES_SHOWN;
use crate::paint::Paint;

/// A job as `--json` shows it. Names are stable.
#[derive(Debug, Serialize)]
pub(super) struct JobJson {
    job: String,
    kind: &'static str,
    output: String,
    state: &'static str,
    message: String,
    priority: i32,
    share: u32,
    labels: BTreeMap<String, String>,
    sources_planned: u64,
    sources_done: u64,
    shards_planned: u64,
    shards_done: u64,
    shards_running: u64,
    shards_set_aside: u64,
    all_planned: bool,
    rows: u64,
    events: u64,
    bytes: u64,
    outcomes: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    /// What filters kept from becoming rows, by why.
    dropped: BTreeMap<String, u64>,
    leases: LeasesJson,
    submitted_unix_ms: u64,
    ended_unix_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct LeasesJson {
    expired: u64,
    lost: u64,
    released: u64,
    withdrawn: u64,
    failed: u64,
    adopted: u64,
    speculated: u64,
    speculated_first: u64,
}

impl From<v1::JobStatus> for JobJson {
    fn from(status: v1::JobStatus) -> JobJson {
        let state = state_word(status.state());
        let kind = match status.kind() {
            Kind::Trace => "trace",
            Kind::Render => "render",
        };
        let v1::Standing { priority, share, labels } = status.standing.unwrap_or_default();
        let tally = status.tally.unwrap_or_default();
        let v1::LeaseCounts {
            expired,
            lost,
            released,
            withdrawn,
            failed,
            adopted,
            speculated,
            speculated_first,
        } = status.leases.unwrap_or_default();
        JobJson {
            job: status.job,
            kind,
            output: status.output,
            state,
            message: status.message,
            priority,
            share,
            labels: labels.into_iter().collect(),
            sources_planned: status.sources_planned,
            sources_done: status.sources_done,
            shards_planned: status.shards_planned,
            shards_done: status.shards_done,
            shards_running: status.shards_running,
            shards_set_aside: status.shards_set_aside,
            all_planned: status.all_planned,
            rows: tally.rows,
            events: tally.events,
            bytes: tally.bytes,
            outcomes: tally.outcomes.into_iter().collect(),
            reasons: tally.reasons.into_iter().collect(),
            dropped: tally.dropped.into_iter().collect(),
            leases: LeasesJson {
                expired,
                lost,
                released,
                withdrawn,
                failed,
                adopted,
                speculated,
                speculated_first,
            },
            submitted_unix_ms: status.submitted_unix_ms,
            ended_unix_ms: (status.ended_unix_ms > 0).then_some(status.ended_unix_ms),
        }
    }
}

/// The word for a state, as it stands in JSON too.
pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Unknown => "unknown",
        State::Running => "running",
        State::Paused => "paused",
        State::Cancelled => "cancelled",
        State::Complete => "complete",
        State::Failed => "failed",
    }
}

/// Whether a job in this state will not change by itself.
pub(super) fn is_over(state: State) -> bool {
    matches!(state, State::Cancelled | State::Complete | State::Failed)
}

/// Writes a value as one JSON document.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    serde_json::to_writer_pretty(&mut stdout, value)?;
    writeln!(stdout)?;
    Ok(())
}

/// A table of jobs, one line for each.
pub(super) fn table(jobs: &[v1::JobStatus], paint: Paint) -> String {
    let header = ["job", "state", "done", "running", "output"].map(str::to_owned);
    let row = |status: &v1::JobStatus| {
        let state = state_word(status.state()).to_owned();
        let running = HumanCount(status.shards_running).to_string();
        [status.job.clone(), state, programs(status), running, status.output.clone()]
    };
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(jobs.iter().map(row)).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let padding = " ".repeat(width - cell.width());
            format!("{cell}{padding}")
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        text += &if index == 0 { paint.dim(line).to_string() } else { line.to_owned() };
        text.push('\n');
    }
    text
}

/// A job at length.
pub(super) fn details(status: &v1::JobStatus, paint: Paint) -> String {
    let standing = status.standing.clone().unwrap_or_default();
    let tally = status.tally.clone().unwrap_or_default();
    let leases = status.leases.unwrap_or_default();
    let reasons = Tally { reasons: tally.reasons.clone().into_iter().collect(), ..Tally::default() };
    let mut labels: Vec<String> =
        standing.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    labels.sort();
    let mut lines = vec![
        ("job", status.job.clone()),
        ("state", state_word(status.state()).to_owned()),
        ("output", status.output.clone()),
        (things(status.kind()), programs(status)),
        ("shards", shards(status)),
        ("written", written(status.kind(), &tally)),
        ("outcomes", counted(tally.outcomes.iter().map(|(name, count)| (name.as_str(), *count)))),
        ("dropped", counted(tally.dropped.iter().map(|(why, count)| (why.as_str(), *count)))),
        ("missing", counted(reasons.missing_modules(MODULES_SHOWN).into_iter())),
        ("standing", format!("priority {}, share {}", standing.priority, standing.share)),
    ];
    if !labels.is_empty() {
        lines.push(("asks for", labels.join(", ")));
    }
    let ended = [
        ("expired", leases.expired),
        ("lost", leases.lost),
        ("released", leases.released),
        ("withdrawn", leases.withdrawn),
        ("failed", leases.failed),
        ("adopted", leases.adopted),
        ("second copies", leases.speculated),
        ("second copies first", leases.speculated_first),
    ];
    lines.push(("leases", counted(ended.into_iter())));
    if !status.message.is_empty() {
        lines.push(("because", status.message.clone()));
    }
    let mut text = String::new();
    for (name, value) in lines {
        if !value.is_empty() {
            text += &format!("{} {value}\n", paint.dim(&format!("{name:>9}")));
        }
    }
    text
}

/// What is counted of a job.
fn things(kind: Kind) -> &'static str {
    match kind {
        Kind::Trace => "programs",
        Kind::Render => "done",
    }
}

fn written(kind: Kind, tally: &v1::Tally) -> String {
    let (rows, bytes) = (HumanCount(tally.rows), HumanBytes(tally.bytes));
    match kind {
        Kind::Trace => format!("{rows} rows, {} events, {bytes}", HumanCount(tally.events)),
        Kind::Render => format!("{rows} examples, {bytes}"),
    }
}

/// `1,200 of 5,000 (24%)`
pub(super) fn programs(status: &v1::JobStatus) -> String {
    let (done, planned) = (status.sources_done, status.sources_planned);
    match (status.all_planned, planned) {
        (false, 0) => "listing".to_owned(),
        (false, _) => format!("{} of more than {}", HumanCount(done), HumanCount(planned)),
        (true, _) => {
            let percent = (100 * done).checked_div(planned).unwrap_or(100).min(100);
            format!("{} of {} ({percent}%)", HumanCount(done), HumanCount(planned))
        }
    }
}

fn shards(status: &v1::JobStatus) -> String {
    let mut text = format!(
        "{} of {} published, {} running",
        HumanCount(status.shards_done),
        HumanCount(status.shards_planned),
        HumanCount(status.shards_running)
    );
    if status.shards_set_aside > 0 {
        text += &format!(", {} set aside", HumanCount(status.shards_set_aside));
    }
    text
}

/// `returned 900, raised 300`, the largest first, without what is not there.
fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|(name, count), (other, than)| than.cmp(count).then(name.cmp(other)));
    let words: Vec<String> =
        counts.iter().map(|(name, count)| format!("{name} {}", HumanCount(*count))).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> v1::JobStatus {
        v1::JobStatus {
            job: "0123456789abcdef".to_owned(),
            output: "s3://traces/one".to_owned(),
            standing: Some(v1::Standing {
                priority: 1,
                share: 2,
                labels: [("pool".to_owned(), "numpy".to_owned())].into(),
            }),
            state: State::Running.into(),
            message: "no worker has reported to this coordinator lately".to_owned(),
            sources_planned: 5000,
            sources_done: 1200,
            shards_planned: 20,
            shards_done: 5,
            all_planned: true,
            shards_running: 3,
            shards_set_aside: 1,
            tally: Some(v1::Tally {
                rows: 1200,
                events: 90_000,
                bytes: 3 << 20,
                outcomes: [("returned".to_owned(), 1000), ("raised".to_owned(), 200)].into(),
                ..v1::Tally::default()
            }),
            submitted_unix_ms: 7,
            ended_unix_ms: 0,
            leases: Some(v1::LeaseCounts { expired: 2, ..v1::LeaseCounts::default() }),
            kind: Kind::Trace.into(),
        }
    }

    #[test]
    fn jobs_are_lines_of_a_table() {
        let expected = "\
job               state    done                  running  output
0123456789abcdef  running  1,200 of 5,000 (24%)  3        s3://traces/one
";
        assert_eq!(table(&[status()], Paint::plain()), expected);
    }

    #[test]
    fn a_job_at_length_leaves_out_what_is_not_there() {
        let expected = "      job 0123456789abcdef
    state running
   output s3://traces/one
 programs 1,200 of 5,000 (24%)
   shards 5 of 20 published, 3 running, 1 set aside
  written 1,200 rows, 90,000 events, 3.00 MiB
 outcomes returned 1,000, raised 200
 standing priority 1, share 2
 asks for pool=numpy
   leases expired 2
  because no worker has reported to this coordinator lately
";
        assert_eq!(details(&status(), Paint::plain()), expected);
    }

    #[test]
    fn the_modules_that_sources_lack_are_told_with_what_was_dropped() {
        let lacking = |module: &str| format!("ModuleNotFoundError: No module named '{module}'");
        let tally = v1::Tally {
            reasons: [(lacking("yaml"), 2), (lacking("torch.nn"), 1), (lacking("torch"), 3)].into(),
            dropped: [("duplicate".to_owned(), 9)].into(),
            ..v1::Tally::default()
        };
        let text = details(&v1::JobStatus { tally: Some(tally), ..status() }, Paint::plain());
        assert!(text.contains("\n  dropped duplicate 9\n  missing torch 4, yaml 2\n"), "{text}");
    }

    #[test]
    fn a_plan_that_has_no_end_yet_promises_none() {
        let status = v1::JobStatus { all_planned: false, ..status() };
        assert_eq!(programs(&status), "1,200 of more than 5,000");
        assert_eq!(programs(&v1::JobStatus::default()), "listing");
    }
}
