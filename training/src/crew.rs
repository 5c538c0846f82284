//! All steps of a rendering on this machine, or its share of them where several meet in the store.

use crate::error::{Halt, RenderError};
use crate::layout::MANIFEST;
use crate::output::FileEntry;
use crate::parallel;
use crate::progress::Progress;
use crate::rendering::Rendering;
use crate::seal::{self, Report};
use crate::share::Share;
use crate::step::{Stage, Step};

/// How a rendering ended.
#[derive(Debug)]
pub enum Conclusion {
    Complete(Report),
    /// That was wished. The same rendering again goes on from there.
    Stopped,
}

impl Rendering {
    /// Makes a share of the set on so many threads, each of which holds a row group of traces and one of text, and
    /// waits for the other shares. Ends early if `progress` is stopped.
    pub fn run(&self, share: Share, threads: usize, progress: &Progress) -> Result<Conclusion, RenderError> {
        let halt = match (Crew { rendering: self, share, threads, progress }).run() {
            Ok(report) => return Ok(Conclusion::Complete(report)),
            Err(Halt::Stopped) => return Ok(Conclusion::Stopped),
            Err(halt) => halt,
        };
        // A machine whose share is done early may find things gone that the last one cleared away.
        match (self.finished()?, halt) {
            (Some(report), _) => Ok(Conclusion::Complete(report)),
            (None, Halt::Failed(error)) => Err(error),
            (None, Halt::Overtaken | Halt::Stopped) => Ok(Conclusion::Stopped),
        }
    }
}

/// The threads that make a set.
struct Crew<'a> {
    rendering: &'a Rendering,
    share: Share,
    threads: usize,
    progress: &'a Progress,
}

impl Crew<'_> {
    fn run(&self) -> Result<Report, Halt> {
        let Crew { rendering, share, threads, progress } = *self;
        if rendering.finished()?.is_some() {
            return Ok(rendering.seal()?);
        }
        for (stage, count) in rendering.stages() {
            self.announce(stage, count)?;
            let steps = share.numbers(count);
            parallel::each(steps, threads, progress, |number| self.step(Step { stage, number }))?;
            share.wait(&rendering.store, (0..count).map(|number| stage.key(number)), progress)?;
        }
        if share.is_first() {
            return Ok(rendering.seal()?);
        }
        share.wait(&rendering.store, [MANIFEST.to_owned()].into_iter(), progress)?;
        Ok(seal::report(&rendering.store)?)
    }

    /// Says what is done next, and how much of it there is for us.
    fn announce(&self, stage: Stage, count: u64) -> Result<(), Halt> {
        let Crew { rendering, share, progress, .. } = *self;
        let total = match stage {
            Stage::Survey | Stage::Render | Stage::Scatter => {
                share.numbers(count).map(|number| rendering.weight(Step { stage, number })).sum()
            }
            Stage::Choose => rendering.executions(),
            Stage::Gather => share.of(rendering.scattered()?.iter().map(|part| part.tally.examples).sum()),
        };
        progress.begin(stage, total);
        Ok(())
    }

    fn step(&self, step: Step) -> Result<(), Halt> {
        let Crew { rendering, progress, .. } = *self;
        let Some(done) = rendering.found(step)? else {
            return rendering.make(step, progress).map(drop);
        };
        progress.done_before(match step.stage {
            Stage::Gather => done.files.iter().map(|file: &FileEntry| file.examples).sum(),
            _ => rendering.weight(step),
        });
        Ok(())
    }
}
