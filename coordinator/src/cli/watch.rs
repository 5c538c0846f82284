//! Shows how far a job is: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{FormattedDuration, HumanCount, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::{Instant, interval_at};

use super::console::Console;
use crate::progress::{Pace, Progress};
use crate::service::Snapshot;

const LINE_EVERY: Duration = Duration::from_secs(10);

const BAR: &str = "{bar:30.green} {msg}\n{prefix:.dim}";

/// The commonest outcomes that fit beside the rest.
const OUTCOMES_SHOWN: usize = 6;

/// Shows the job until nobody tells of it any more.
pub(super) async fn watch_job(job: watch::Receiver<Snapshot>, console: Console) {
    if std::io::stderr().is_terminal() {
        show_bar(job, console).await;
    } else {
        write_lines(job, console).await;
    }
}

async fn show_bar(mut job: watch::Receiver<Snapshot>, console: Console) {
    let style = ProgressStyle::with_template(BAR);
    let bar = console.bar();
    bar.set_style(style.expect("the template is well-formed").progress_chars("━╸ "));
    let mut pace = Pace::default();
    let started = Instant::now();
    while job.changed().await.is_ok() {
        let now = job.borrow_and_update().progress.clone();
        pace.note(started.elapsed(), now.sources_done_now());
        bar.set_length(now.sources_planned);
        bar.set_position(now.sources_done());
        bar.set_message(headline(&now, &pace));
        bar.set_prefix(outcomes(&now));
        // Before there is something to show, the bar would look full.
        if bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
    bar.finish_and_clear();
}

async fn write_lines(job: watch::Receiver<Snapshot>, console: Console) {
    let started = Instant::now();
    let mut pace = Pace::default();
    let mut ticks = interval_at(started + LINE_EVERY, LINE_EVERY);
    let mut until_over = job.clone();
    loop {
        pace.note(started.elapsed(), job.borrow().progress.sources_done_now());
        tokio::select! {
            _ = ticks.tick() => {}
            // Only the end of the sender makes this wait fail.
            _ = until_over.wait_for(|_| false) => return,
        }
        let now = job.borrow().progress.clone();
        pace.note(started.elapsed(), now.sources_done_now());
        console.say(&format!("{}: {}", headline(&now, &pace), outcomes(&now)));
    }
}

/// `1,234 of 5,000 programs (24%), 312/s, 00:00:12 left`
fn headline(progress: &Progress, pace: &Pace) -> String {
    let done = progress.sources_done();
    let planned = progress.sources_planned;
    if planned == 0 {
        return "listing sources".to_owned();
    }
    let mut text = if progress.all_planned {
        let percent = (100 * done / planned).min(100);
        format!("{} of {} programs ({percent}%)", HumanCount(done), HumanCount(planned))
    } else {
        format!("{} of more than {} programs", HumanCount(done), HumanCount(planned))
    };
    if let Some(per_second) = pace.per_second() {
        text += &format!(", {per_second:.*}/s", if per_second < 10.0 { 1 } else { 0 });
    }
    let left = pace.time_for(planned.saturating_sub(done)).filter(|_| progress.all_planned);
    match left {
        _ if progress.all_planned && progress.parts_done == progress.parts_planned => text += ", sealing",
        _ if progress.stopping => text += ", stopping",
        Some(left) => {
            text += &format!(", {} left", FormattedDuration(Duration::from_secs(left.as_secs() + 1)))
        }
        None => {}
    }
    text
}

/// `returned 900, raised 300, attempts failed 2`
fn outcomes(progress: &Progress) -> String {
    let mut outcomes = progress.outcomes();
    let rest: u64 = outcomes.iter().skip(OUTCOMES_SHOWN).map(|(_, count)| count).sum();
    outcomes.truncate(OUTCOMES_SHOWN);
    let mut parts: Vec<String> =
        outcomes.iter().map(|(name, count)| format!("{name} {}", HumanCount(*count))).collect();
    if rest > 0 {
        parts.push(format!("others {}", HumanCount(rest)));
    }
    for (what, count) in
        [("attempts failed", progress.failed_attempts), ("shards set aside", progress.set_aside)]
    {
        if count > 0 {
            parts.push(format!("{what} {}", HumanCount(count)));
        }
    }
    if parts.is_empty() {
        let workers = progress.workers;
        parts.push(if workers == 0 { "waiting for workers" } else { "no program has ended yet" }.to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use dataset::Tally;

    use super::*;

    fn tally(sources: u64, outcomes: &[(&str, u64)]) -> Tally {
        let outcomes = outcomes.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        Tally { sources, outcomes, ..Tally::default() }
    }

    fn pace(per_second: u64) -> Pace {
        let mut pace = Pace::default();
        pace.note(Duration::ZERO, 0);
        pace.note(Duration::from_secs(2), per_second * 2);
        pace
    }

    #[test]
    fn a_job_that_is_wholly_planned_tells_how_long_it_will_take() {
        let progress = Progress {
            sources_planned: 5000,
            parts_planned: 20,
            all_planned: true,
            sources_done_before: 1000,
            published: tally(200, &[]),
            at_work: tally(34, &[]),
            ..Progress::default()
        };
        assert_eq!(headline(&progress, &pace(300)), "1,234 of 5,000 programs (24%), 300/s, 00:00:13 left");
        let stopping = Progress { stopping: true, ..progress.clone() };
        assert_eq!(headline(&stopping, &pace(300)), "1,234 of 5,000 programs (24%), 300/s, stopping");
        let done = Progress { parts_done: 20, sources_done_before: 4766, ..progress };
        assert_eq!(headline(&done, &pace(300)), "5,000 of 5,000 programs (100%), 300/s, sealing");
    }

    #[test]
    fn a_job_that_is_still_planned_promises_nothing() {
        let progress = Progress { sources_planned: 5000, published: tally(20, &[]), ..Progress::default() };
        assert_eq!(headline(&progress, &pace(3)), "20 of more than 5,000 programs, 3.0/s");
        assert_eq!(headline(&Progress::default(), &Pace::default()), "listing sources");
    }

    #[test]
    fn outcomes_stand_in_order_of_their_number_and_do_not_grow_without_end() {
        let published = tally(9, &[("a", 1), ("b", 2000), ("c", 3), ("d", 4), ("e", 5), ("f", 6), ("g", 1)]);
        let at_work = tally(1, &[("c", 1)]);
        let progress =
            Progress { published, at_work, failed_attempts: 9, set_aside: 2, ..Progress::default() };
        let expected = "b 2,000, f 6, e 5, c 4, d 4, a 1, others 1, attempts failed 9, shards set aside 2";
        assert_eq!(outcomes(&progress), expected);
    }

    #[test]
    fn before_the_first_outcome_it_says_what_it_waits_for() {
        assert_eq!(outcomes(&Progress::default()), "waiting for workers");
        assert_eq!(outcomes(&Progress { workers: 1, ..Progress::default() }), "no program has ended yet");
    }
}
