//! The whole course of a rendering: survey, choice, texts, order, seal. Every step that is done stays done.

use std::sync::atomic::{AtomicBool, Ordering};

use dataset::{Dataset, ManifestPart, PartReader, Row, Store};
use render::{Style, StyleError, find};

use crate::done::{self, Done};
use crate::error::{Halt, RenderError};
use crate::execution::execution;
use crate::layout::{MANIFEST, done_key, scattered_index_key, survey_key};
use crate::limit::{Bound, Fitted, LengthLimit};
use crate::output::{Content, Files, Form, Record};
use crate::progress::{Phase, Progress};
use crate::request::{Options, Request, versions};
use crate::seal::{self, Report};
use crate::select::{Benchmarks, Split, Verdict};
use crate::share::Share;
use crate::shuffle::{self, Scatter, Scattered};
use crate::survey;
use crate::tally::Tally;
use crate::{benchmarks, parallel};

/// A set of training text that is to be made.
pub struct Rendering {
    traces: Dataset,
    store: Store,
    request: Request,
    style: Box<dyn Style>,
    bound: Option<Bound>,
    benchmarks: Benchmarks,
    parts: Vec<TracePart>,
}

/// A part of the traces.
#[derive(Debug, Clone, Copy)]
struct TracePart {
    shard: u64,
    /// Executions in the parts before it.
    first: u64,
    rows: u64,
    bytes: u64,
}

fn trace_parts(traces: &Dataset) -> Result<Vec<TracePart>, RenderError> {
    let mut first = 0;
    let parts = traces.manifest()?.map(|part| {
        let ManifestPart { shard, rows, bytes, .. } = part?;
        let part = TracePart { shard, first, rows, bytes };
        first += rows;
        Ok(part)
    });
    parts.collect()
}

/// How a rendering ended.
#[derive(Debug)]
pub enum Conclusion {
    Complete(Report),
    /// That was wished. The same rendering again goes on from there.
    Stopped,
}

impl Rendering {
    /// Checks everything that can be checked before anything is rendered, and makes `store` the place of this set.
    /// Goes on with a set that was begun with the same options.
    pub fn prepare(traces: Dataset, store: Store, options: Options) -> Result<Rendering, RenderError> {
        if !traces.is_sealed()? {
            return Err(RenderError::Unfinished { location: traces.store().location().to_owned() });
        }
        let kind = find(&options.style)?;
        let mut settings = options.settings;
        settings.sort();
        let parsed = render::Settings::parse(&settings)
            .map_err(|error| StyleError::Setting { style: kind.name, error })?;
        let style = kind.with(&parsed)?;
        let form = options.form.unwrap_or(Form::of(kind.shape));
        form.check(kind.shape)?;
        let (limit, bound) = options.limit.map(LengthLimit::load).transpose()?.unzip();
        let (benchmarks, examined) = benchmarks::read(&options.benchmarks, options.benchmark_run)?;
        let (format_version, program) = versions();
        let request = Request {
            format_version,
            program,
            job: traces.id().clone(),
            style: options.style,
            settings,
            seed: options.seed,
            form,
            files: options.files,
            limit,
            selection: options.selection,
            examined: (!options.benchmarks.is_empty()).then_some(examined),
            shuffle: options.shuffle,
        };
        let parts = trace_parts(&traces)?;
        request.claim(&store)?;
        Ok(Rendering { traces, store, request, style, bound, benchmarks, parts })
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The report, if the set is complete already.
    pub fn finished(&self) -> Result<Option<Report>, RenderError> {
        if self.store.exists(MANIFEST)? { seal::report(&self.store).map(Some) } else { Ok(None) }
    }

    /// Makes a share of the set on so many threads, each of which holds a row group of traces and one of text, and
    /// waits for the other shares. Soon after `stop` is set it ends, without what is half done.
    pub fn run(
        &self,
        share: Share,
        threads: usize,
        progress: &Progress,
        stop: &AtomicBool,
    ) -> Result<Conclusion, RenderError> {
        let crew = Crew { rendering: self, share, threads, progress, stop };
        let halt = match crew.run() {
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

    fn executions(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Opens a part of the traces, by its position.
    fn open(&self, part: u64) -> Result<PartReader, RenderError> {
        Ok(self.traces.part(self.parts[part as usize].shard)?)
    }

    /// Files that examples are shuffled into: enough that one fits into memory.
    fn buckets(&self) -> u64 {
        /// Text is some ten to twenty times as large as the trace that it is made of.
        const TRACE_BYTES: u64 = 8 << 20;
        let bytes: u64 = self.parts.iter().map(|part| part.bytes).sum();
        bytes.div_ceil(TRACE_BYTES).max(1)
    }

    fn records(&self, row: &Row<'_>) -> Result<Fitted, render::Skipped> {
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

/// The threads that make a set.
struct Crew<'a> {
    rendering: &'a Rendering,
    share: Share,
    threads: usize,
    progress: &'a Progress,
    stop: &'a AtomicBool,
}

impl Crew<'_> {
    fn run(&self) -> Result<Report, Halt> {
        let Rendering { store, request, .. } = self.rendering;
        if let Some(report) = self.rendering.finished()? {
            seal::clean(store)?;
            return Ok(report);
        }
        let verdicts = self.choose()?;
        let parts = self.rendering.parts.len() as u64;
        self.progress.begin(Phase::Render, self.executions());
        let (mut tally, files) = if request.shuffle {
            let scattered = self.scatter(&verdicts)?;
            let buckets = self.rendering.buckets();
            self.gather(&scattered, buckets)?;
            let mut tally = Tally::default();
            scattered.iter().for_each(|part| tally.merge(&part.tally));
            (tally, buckets)
        } else {
            self.each(parts, done_key, |part| self.render(part, &verdicts))?;
            (Tally::default(), parts)
        };
        if !self.share.is_first() {
            self.share.wait(store, [MANIFEST.to_owned()].into_iter(), self.stop)?;
            return Ok(seal::report(store)?);
        }
        let report = seal::seal(store, request, files, &mut tally)?;
        seal::clean(store)?;
        Ok(report)
    }

    /// Does our share of some numbered work, and waits for the rest. A number is done when its key exists.
    fn each(
        &self,
        count: u64,
        key: fn(u64) -> String,
        work: impl Fn(u64) -> Result<(), Halt> + Sync,
    ) -> Result<(), Halt> {
        parallel::each(self.share.numbers(count), self.threads, self.stop, work)?;
        self.share.wait(&self.rendering.store, (0..count).map(key), self.stop)
    }

    /// Those in our share of the parts.
    fn executions(&self) -> u64 {
        let parts = &self.rendering.parts;
        self.share.numbers(parts.len() as u64).map(|part| parts[part as usize].rows).sum()
    }

    /// What becomes of each execution; empty where all are wanted.
    fn choose(&self) -> Result<Vec<Verdict>, Halt> {
        let Rendering { store, request, benchmarks, parts, .. } = self.rendering;
        if !request.selection.needs_survey(request.examined.is_some()) {
            return Ok(Vec::new());
        }
        let executions = self.rendering.executions();
        let count = u32::try_from(executions).map_err(|_| RenderError::TooMany { executions })?;
        self.progress.begin(Phase::Survey, self.executions());
        self.each(parts.len() as u64, survey_key, |part| {
            if store.exists(&survey_key(part))? {
                self.progress.done_before(parts[part as usize].rows);
                return Ok(());
            }
            survey::survey(store, part, &self.rendering.open(part)?, benchmarks, self.progress, self.stop)
        })?;
        let rows: Vec<u64> = parts.iter().map(|part| part.rows).collect();
        Ok(request.selection.decide(request.seed, count, |each| survey::scan(store, &rows, each))?)
    }

    /// Renders a part into files of its own.
    fn render(&self, part: u64, verdicts: &[Verdict]) -> Result<(), Halt> {
        let Rendering { store, request, parts, .. } = self.rendering;
        if store.exists(&done_key(part))? {
            self.progress.done_before(parts[part as usize].rows);
            return Ok(());
        }
        let mut files = Files::new(store, request.files, request.form, part);
        let tally = self.tell(part, verdicts, |split, record| Ok(files.append(split, &record)?))?;
        let done = Done { tally, files: files.finish()? };
        Ok(done::put(store, &done_key(part), &done)?)
    }

    /// Renders every part, each example to the place where a later step finds it.
    fn scatter(&self, verdicts: &[Verdict]) -> Result<Vec<Scattered>, Halt> {
        let Rendering { store, request, parts, .. } = self.rendering;
        let buckets = self.rendering.buckets();
        self.each(parts.len() as u64, scattered_index_key, |part| {
            if store.exists(&scattered_index_key(part))? {
                self.progress.done_before(parts[part as usize].rows);
                return Ok(());
            }
            let mut scatter = Scatter::create(store, part, buckets, request.seed)?;
            let tally = self.tell(part, verdicts, |split, record| Ok(scatter.append(split, &record)?))?;
            Ok(scatter.finish(tally)?)
        })?;
        Ok(shuffle::scattered(store, parts.len() as u64)?)
    }

    fn gather(&self, scattered: &[Scattered], buckets: u64) -> Result<(), Halt> {
        let Rendering { store, request, .. } = self.rendering;
        let examples = scattered.iter().map(|part| part.tally.examples).sum();
        self.progress.begin(Phase::Shuffle, self.share.of(examples));
        self.each(buckets, done_key, |bucket| {
            if let Some(done) = done::get::<Done>(store, &done_key(bucket))? {
                self.progress.done_before(done.files.iter().map(|file| file.examples).sum());
                return Ok(());
            }
            let mut files = Files::new(store, request.files, request.form, bucket);
            for (split, record) in shuffle::gather(store, scattered, bucket, request.seed)? {
                files.append(split, &record)?;
                self.progress.done(1);
            }
            let done = Done { tally: Tally::default(), files: files.finish()? };
            Ok(done::put(store, &done_key(bucket), &done)?)
        })
    }

    /// Gives every example of a part, and counts what becomes of its executions.
    fn tell(
        &self,
        part: u64,
        verdicts: &[Verdict],
        mut each: impl FnMut(Split, Record) -> Result<(), Halt>,
    ) -> Result<Tally, Halt> {
        let Rendering { request, parts, .. } = self.rendering;
        let first = parts[part as usize].first;
        let mut tally = Tally::default();
        for (member, stored) in (first as usize..).zip(self.rendering.open(part)?.whole_rows()) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Halt::Stopped);
            }
            self.progress.done(1);
            let stored = stored?;
            let split = match verdicts.get(member).copied().unwrap_or(Ok(Split::Train)) {
                Ok(split) => split,
                Err(why) => {
                    tally.leave_out(why.name());
                    continue;
                }
            };
            let row = stored.row()?;
            let fitted = match self.rendering.records(&row) {
                Ok(fitted) => fitted,
                Err(why) => {
                    tally.leave_out(why.name());
                    continue;
                }
            };
            tally.count(&fitted);
            for example in fitted.examples {
                let record = Record {
                    id: format!("{}/{}/{}", row.trace_id, request.style, example.key),
                    trace_id: row.trace_id.clone(),
                    source_path: row.source_path.clone(),
                    source_meta: row.source_meta.clone(),
                    content: Content::new(example.text, request.form),
                };
                self.progress.rendered(record.content.characters());
                each(split, record)?;
            }
        }
        Ok(tally)
    }
}
