//! What a finished dataset holds, for people to read.

use std::fmt::Write;
use std::time::Duration;

use dataset::Report;
use indicatif::{BinaryBytes, HumanCount};

use crate::paint::Paint;

const REASONS_SHOWN: usize = 10;
const MODULES_SHOWN: usize = 10;
/// Longer reasons are cut: a program may put anything into them.
const REASON_WIDTH: usize = 90;

/// A table of outcomes, the commonest reasons for failure, and the next command to type. Ends in a line break.
pub(super) fn summary(report: &Report, location: &str, paint: Paint) -> String {
    let mut text = String::new();
    outcomes(&mut text, report, paint);
    reasons(&mut text, report, paint);
    missing_modules(&mut text, report, paint);
    dropped(&mut text, report, paint);
    totals(&mut text, report, location);
    text
}

fn outcomes(text: &mut String, report: &Report, paint: Paint) {
    let rows = report.tally.rows;
    let mut outcomes: Vec<(&str, u64)> =
        report.tally.outcomes.iter().map(|(name, &count)| (name.as_str(), count)).collect();
    outcomes.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
    let name_width = outcomes.iter().map(|(name, _)| name.len()).fold("outcome".len(), usize::max);
    let count_width = HumanCount(rows).to_string().len().max("rows".len());

    let heading = format!("{:name_width$}  {:>count_width$}  {:>6}", "outcome", "rows", "share");
    line(text, &paint.bold(&heading));
    for (name, count) in outcomes {
        let share = 100.0 * count as f64 / rows.max(1) as f64;
        let padded = format!("{name:name_width$}");
        let painted = name.parse().map_or(padded.clone(), |outcome| paint.outcome(outcome, &padded));
        let count = HumanCount(count).to_string();
        line(text, &format!("{painted}  {count:>count_width$}  {share:>5.1}%"));
    }
}

fn reasons(text: &mut String, report: &Report, paint: Paint) {
    let reasons = report.tally.top_reasons(REASONS_SHOWN);
    let Some(&(_, most)) = reasons.first() else { return };
    let count_width = HumanCount(most).to_string().len().max("rows".len());
    text.push('\n');
    line(text, &paint.bold(&format!("{:>count_width$}  most frequent reasons", "rows")));
    for (reason, count) in reasons {
        let count = HumanCount(count).to_string();
        line(text, &format!("{count:>count_width$}  {}", shortened(reason)));
    }
}

/// What to install, most wanted first.
fn missing_modules(text: &mut String, report: &Report, paint: Paint) {
    let modules = report.tally.missing_modules(MODULES_SHOWN);
    let Some(&(_, most)) = modules.first() else { return };
    let count_width = HumanCount(most).to_string().len().max("programs".len());
    text.push('\n');
    line(text, &paint.bold(&format!("{:>count_width$}  lack a module", "programs")));
    for (module, count) in modules {
        line(text, &format!("{:>count_width$}  {}", HumanCount(count).to_string(), shortened(module)));
    }
}

/// What the job's filters kept from becoming rows.
fn dropped(text: &mut String, report: &Report, paint: Paint) {
    let mut dropped: Vec<(&str, u64)> =
        report.tally.dropped.iter().map(|(why, &count)| (why.as_str(), count)).collect();
    dropped.sort_by_key(|&(why, count)| (std::cmp::Reverse(count), why));
    let Some(&(_, most)) = dropped.first() else { return };
    let count_width = HumanCount(most).to_string().len().max("executions".len());
    text.push('\n');
    line(text, &paint.bold(&format!("{:>count_width$}  dropped by filters, because of", "executions")));
    for (why, count) in dropped {
        line(text, &format!("{:>count_width$}  {why}", HumanCount(count).to_string()));
    }
}

fn totals(text: &mut String, report: &Report, location: &str) {
    let tally = &report.tally;
    let ran = Duration::from_millis(report.finished_unix_ms.saturating_sub(report.started_unix_ms));
    let _ = write!(
        text,
        "\n{} from {} in {}: {}, {} in {}\n\nnext: et-coord inspect {location}\n",
        counted(tally.rows, "row"),
        counted(tally.sources, "program"),
        seconds(ran),
        counted(tally.events, "event"),
        BinaryBytes(tally.bytes),
        counted(report.parts, "part"),
    );
}

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push('\n');
}

pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// `12.3 s`, or `1:02:03` from ten minutes on.
fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 600 {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

/// One line of bounded width, whatever a program wrote: control characters could do things to a terminal.
fn shortened(reason: &str) -> String {
    let mut plain: String =
        reason.chars().take(REASON_WIDTH + 1).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if plain.chars().count() > REASON_WIDTH {
        plain.pop();
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use dataset::{JobId, Outcome, Tally};

    use super::*;

    fn report() -> Report {
        let mut tally = Tally { sources: 1200, bytes: 5 << 20, ..Tally::default() };
        for _ in 0..1150 {
            tally.count(Outcome::Returned, None, 1000);
        }
        for _ in 0..49 {
            tally.count(Outcome::Raised, Some("ModuleNotFoundError: No module named 'numpy'"), 10);
        }
        tally.count(Outcome::TimedOut, Some("it ran for longer than 10 s"), 100_000);
        Report {
            format_version: 1,
            job: JobId("j".to_owned()),
            parts: 1,
            started_unix_ms: 1000,
            finished_unix_ms: 13_345,
            tally,
        }
    }

    #[test]
    fn it_reads_as_a_table() {
        let expected = "\
outcome     rows   share
returned   1,150   95.8%
raised        49    4.1%
timed_out      1    0.1%

rows  most frequent reasons
  49  ModuleNotFoundError: No module named 'numpy'
   1  it ran for longer than 10 s

programs  lack a module
      49  numpy

1,200 rows from 1,200 programs in 12.3 s: 1,250,490 events, 5.00 MiB in 1 part

next: et-coord inspect out
";
        assert_eq!(summary(&report(), "out", Paint::plain()), expected);
    }

    #[test]
    fn what_filters_dropped_is_told_by_reason() {
        let mut report = report();
        report.tally.dropped = [("impure".to_owned(), 2), ("same_shape".to_owned(), 1500)].into();
        let told = summary(&report, "out", Paint::plain());
        let expected = "executions  dropped by filters, because of\n     1,500  same_shape\n         2  impure\n\n1,200 rows";
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn a_reason_cannot_reach_the_terminal_or_fill_it() {
        assert_eq!(shortened("a\x1b[2Jb\nc"), "a [2Jb c");
        let long = "x".repeat(500);
        assert_eq!(shortened(&long).chars().count(), REASON_WIDTH + 1);
        assert_eq!(shortened(&long[..REASON_WIDTH]), long[..REASON_WIDTH]);
    }

    #[test]
    fn long_runs_are_told_in_hours() {
        assert_eq!(seconds(Duration::from_millis(599_940)), "599.9 s");
        assert_eq!(seconds(Duration::from_secs(3723)), "1:02:03");
    }
}
