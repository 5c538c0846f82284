//! Shows how far a rendering is: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, FormattedDuration, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Interval, interval_at};
use training::{Progress, Stage, Standing};

use crate::cli::console::Console;
use crate::progress::Pace;

const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(10);

const BAR: &str = "{bar:30.green} {msg}";

/// Shows the progress whenever it is time to. The bar goes with it.
pub(super) struct Watch {
    progress: Arc<Progress>,
    console: Console,
    ticks: Interval,
    on_terminal: bool,
    started: Instant,
    stage: Stage,
    pace: Pace,
}

impl Watch {
    pub(super) fn new(progress: Arc<Progress>, console: Console) -> Watch {
        let on_terminal = std::io::stderr().is_terminal();
        let every = if on_terminal { BAR_EVERY } else { LINE_EVERY };
        let ticks = interval_at(tokio::time::Instant::now() + every, every);
        let stage = progress.standing().stage;
        Watch { progress, console, ticks, on_terminal, started: Instant::now(), stage, pace: Pace::default() }
    }

    /// Waits until it is time to show something, and shows it.
    pub(super) async fn tick(&mut self) {
        self.ticks.tick().await;
        let now = self.progress.standing();
        if self.stage != now.stage {
            self.stage = now.stage;
            self.pace = Pace::default();
        }
        self.pace.note(self.started.elapsed(), now.done - now.done_before);
        let headline = headline(&now, &self.pace);
        if self.on_terminal {
            draw(self.console.bar(), &now, headline);
        } else {
            self.console.say(&headline);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.console.bar().finish_and_clear();
    }
}

fn draw(bar: &ProgressBar, now: &Standing, headline: String) {
    let style = ProgressStyle::with_template(BAR).expect("the template is well-formed");
    bar.set_style(style.progress_chars("━╸ "));
    bar.set_length(now.total);
    bar.set_position(now.done);
    bar.set_message(headline);
    if bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}

/// `rendering 1,234 of 5,000 executions (24%), 312/s, 00:00:12 left, 2,468 examples, 3.10 MiB`
fn headline(now: &Standing, pace: &Pace) -> String {
    let (doing, things) = match now.stage {
        Stage::Choose => return format!("choosing among {} executions", HumanCount(now.total)),
        Stage::Survey => ("looking at", "executions"),
        Stage::Render | Stage::Scatter => ("rendering", "executions"),
        Stage::Gather => ("shuffling", "examples"),
    };
    let percent = 100 * now.done / now.total.max(1);
    let mut text =
        format!("{doing} {} of {} {things} ({percent}%)", HumanCount(now.done), HumanCount(now.total));
    if let Some(per_second) = pace.per_second() {
        text += &format!(", {per_second:.0}/s");
    }
    if let Some(left) = pace.time_for(now.total.saturating_sub(now.done)) {
        text += &format!(", {} left", FormattedDuration(Duration::from_secs(left.as_secs() + 1)));
    }
    if matches!(now.stage, Stage::Render | Stage::Scatter) && now.examples > 0 {
        text += &format!(", {} examples, {}", HumanCount(now.examples), BinaryBytes(now.characters));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_how_far_and_how_long() {
        let mut pace = Pace::default();
        pace.note(Duration::ZERO, 0);
        pace.note(Duration::from_secs(2), 600);
        let now = Standing {
            stage: Stage::Render,
            total: 5000,
            done: 1250,
            done_before: 650,
            examples: 900,
            characters: 3 << 20,
        };
        assert_eq!(
            headline(&now, &pace),
            "rendering 1,250 of 5,000 executions (25%), 300/s, 00:00:13 left, 900 examples, 3.00 MiB"
        );
        let shuffle = Standing { stage: Stage::Gather, ..now };
        assert_eq!(headline(&shuffle, &Pace::default()), "shuffling 1,250 of 5,000 examples (25%)");
    }
}
