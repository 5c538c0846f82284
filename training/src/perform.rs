//! Does one step. What it writes follows from the request alone, so it does not matter who does it, or how often.

use dataset::Row;

use crate::chosen;
use crate::done::{self, Done};
use crate::error::{Halt, RenderError};
use crate::execution::execution;
use crate::layout::MANIFEST;
use crate::limit::Fitted;
use crate::output::{Content, Files, Record};
use crate::progress::Watcher;
use crate::rendering::{Rendering, TracePart};
use crate::select::{Split, Verdict};
use crate::shuffle::{self, Scatter, Scattered};
use crate::step::{Stage, Step};
use crate::survey;
use crate::tally::Tally;

impl Rendering {
    /// Does a step, unless it is done, and says what has come of it. `None` if it is no longer wanted. All steps of
    /// the stages before it must be done.
    pub fn perform(&self, step: Step, watcher: &dyn Watcher) -> Result<Option<Done>, RenderError> {
        let done = match self.found(step)? {
            Some(done) => Ok(done),
            None => self.make(step, watcher),
        };
        match done {
            Ok(done) => Ok(Some(done)),
            Err(Halt::Stopped) => Ok(None),
            // What it builds on is cleared away when the set is complete.
            Err(Halt::Overtaken) => Ok(Some(Done::default())),
            Err(Halt::Failed(_)) if self.store.exists(MANIFEST)? => Ok(Some(Done::default())),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    /// What has come of a step that is done.
    pub(crate) fn found(&self, step: Step) -> Result<Option<Done>, RenderError> {
        let key = step.key();
        match step.stage {
            Stage::Survey | Stage::Choose => Ok(self.store.exists(&key)?.then(Done::default)),
            Stage::Scatter => {
                let scattered = done::get::<Scattered>(&self.store, &key)?;
                Ok(scattered.map(|Scattered { tally, .. }| Done { tally, files: Vec::new() }))
            }
            Stage::Render | Stage::Gather => done::get(&self.store, &key),
        }
    }

    /// Does a step.
    pub(crate) fn make(&self, step: Step, watcher: &dyn Watcher) -> Result<Done, Halt> {
        let Step { stage, number } = step;
        match stage {
            Stage::Survey => {
                survey::survey(&self.store, number, &self.open(number)?, &self.benchmarks, watcher)?;
                Ok(Done::default())
            }
            Stage::Choose => {
                let rows: Vec<u64> = self.parts.iter().map(|part| part.rows).collect();
                let count = u32::try_from(self.executions()).expect("so many can be selected from");
                let Rendering { store, request, .. } = self;
                let scan = |each: &mut dyn FnMut(u32, &_)| survey::scan(store, &rows, each);
                chosen::put(store, &request.selection.decide(request.seed, count, scan)?)?;
                Ok(Done::default())
            }
            Stage::Render => self.render(number, watcher),
            Stage::Scatter => self.scatter(number, watcher),
            Stage::Gather => self.gather(number, watcher),
        }
    }

    fn render(&self, part: u64, watcher: &dyn Watcher) -> Result<Done, Halt> {
        let mut files = self.files(part);
        let tally = self.tell(part, watcher, |split, record| Ok(files.append(split, &record)?))?;
        self.finish(part, tally, files)
    }

    fn scatter(&self, part: u64, watcher: &dyn Watcher) -> Result<Done, Halt> {
        let mut scatter = Scatter::create(&self.store, part, self.buckets(), self.request.seed)?;
        let tally = self.tell(part, watcher, |split, record| Ok(scatter.append(split, &record)?))?;
        scatter.finish(tally.clone())?;
        Ok(Done { tally, files: Vec::new() })
    }

    fn gather(&self, bucket: u64, watcher: &dyn Watcher) -> Result<Done, Halt> {
        let scattered = self.scattered()?;
        let mut files = self.files(bucket);
        for (split, record) in shuffle::gather(&self.store, &scattered, bucket, self.request.seed)? {
            if watcher.is_stopped() {
                return Err(Halt::Stopped);
            }
            files.append(split, &record)?;
            watcher.done(1);
        }
        self.finish(bucket, Tally::default(), files)
    }

    fn files(&self, number: u64) -> Files<'_> {
        Files::new(&self.store, self.request.files, self.request.form, number)
    }

    /// Makes the files of a number appear, and then what tells of them.
    fn finish(&self, number: u64, tally: Tally, files: Files<'_>) -> Result<Done, Halt> {
        let done = Done { tally, files: files.finish()? };
        done::put(&self.store, &crate::layout::done_key(number), &done)?;
        Ok(done)
    }

    /// Gives every example of a part, and counts what becomes of its executions.
    fn tell(
        &self,
        part: u64,
        watcher: &dyn Watcher,
        mut each: impl FnMut(Split, Record) -> Result<(), Halt>,
    ) -> Result<Tally, Halt> {
        let mut tally = Tally::default();
        for (verdict, stored) in self.verdicts(part)?.into_iter().zip(self.open(part)?.whole_rows()) {
            if watcher.is_stopped() {
                return Err(Halt::Stopped);
            }
            watcher.done(1);
            let stored = stored?;
            let split = match verdict {
                Ok(split) => split,
                Err(why) => {
                    tally.leave_out(why.name());
                    continue;
                }
            };
            let row = stored.row()?;
            let fitted = match self.fitted(&row) {
                Ok(fitted) => fitted,
                Err(why) => {
                    tally.leave_out(why.name());
                    continue;
                }
            };
            tally.count(&fitted);
            for example in fitted.examples {
                let record = Record {
                    id: format!("{}/{}/{}", row.trace_id, self.request.style, example.key),
                    trace_id: row.trace_id.clone(),
                    source_path: row.source_path.clone(),
                    source_meta: row.source_meta.clone(),
                    content: Content::new(example.text, self.request.form),
                };
                watcher.rendered(record.content.characters());
                each(split, record)?;
            }
        }
        Ok(tally)
    }

    /// What becomes of each execution of a part. All are wanted where nothing is selected.
    fn verdicts(&self, part: u64) -> Result<Vec<Verdict>, RenderError> {
        let TracePart { first, rows, .. } = self.parts[part as usize];
        if self.request.needs_survey() {
            chosen::get(&self.store, first, rows)
        } else {
            Ok(vec![Ok(Split::Train); rows as usize])
        }
    }

    fn fitted(&self, row: &Row<'_>) -> Result<Fitted, render::Skipped> {
        let execution = execution(row);
        let seed = self.request.seed;
        match &self.bound {
            Some(bound) => bound.render(self.style.as_ref(), &execution, seed),
            None => {
                let mut examples = Vec::new();
                self.style.render(&execution, seed, &mut examples)?;
                Ok(Fitted { examples, ..Fitted::default() })
            }
        }
    }
}
