//! A set of training text that is to be made: what was asked for, over which parts, in which steps.
//!
//! `perform` does one step, wherever that is; `crew` does all of them on one machine, or a share of them on each of
//! several.

use std::sync::{Arc, Mutex, PoisonError};

use dataset::{Dataset, ManifestPart, PartReader, Store};
use render::{Style, StyleError, find};

use crate::done;
use crate::error::RenderError;
use crate::layout::MANIFEST;
use crate::limit::{Bound, LengthLimit, sha256};
use crate::output::Form;
use crate::request::{Options, Request, versions};
use crate::seal::{self, Report};
use crate::select::Benchmarks;
use crate::shuffle::Scattered;
use crate::step::{Stage, Step};
use crate::tally::Tally;
use crate::{benchmarks, layout};

/// A set of training text that is to be made.
pub struct Rendering {
    traces: Dataset,
    pub(crate) store: Store,
    pub(crate) request: Request,
    pub(crate) style: Box<dyn Style>,
    pub(crate) bound: Option<Bound>,
    pub(crate) benchmarks: Benchmarks,
    pub(crate) parts: Vec<TracePart>,
    /// Where the examples of all parts are, once somebody has asked.
    scattered: Mutex<Option<Arc<Vec<Scattered>>>>,
}

/// A part of the traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TracePart {
    shard: u64,
    /// Executions in the parts before it.
    pub(crate) first: u64,
    pub(crate) rows: u64,
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
        let executions = parts.iter().map(|part| part.rows).sum();
        if request.needs_survey() && u32::try_from(executions).is_err() {
            return Err(RenderError::TooMany { executions });
        }
        request.claim(&store)?;
        Ok(Rendering { traces, store, request, style, bound, benchmarks, parts, scattered: Mutex::default() })
    }

    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Names this request for this place, and no other.
    pub fn id(&self) -> String {
        const DIGITS: usize = 16;
        let request = serde_json::to_string(&self.request).expect("numbers and texts are JSON");
        let mut id = sha256(format!("{}\n{request}", self.store.location()).as_bytes());
        id.truncate(DIGITS);
        id
    }

    /// The report, if the set is complete already.
    pub fn finished(&self) -> Result<Option<Report>, RenderError> {
        if self.store.exists(MANIFEST)? { seal::report(&self.store).map(Some) } else { Ok(None) }
    }

    /// The stages in order, each with how many steps it has, numbered from 0.
    pub fn stages(&self) -> Vec<(Stage, u64)> {
        let parts = self.parts.len() as u64;
        let mut stages = Vec::new();
        if self.request.needs_survey() {
            stages.extend([(Stage::Survey, parts), (Stage::Choose, 1)]);
        }
        if self.request.shuffle {
            stages.extend([(Stage::Scatter, parts), (Stage::Gather, self.buckets())]);
        } else {
            stages.push((Stage::Render, parts));
        }
        stages
    }

    /// The step at this position in the row of all steps.
    pub fn step(&self, position: u64) -> Option<Step> {
        let mut number = position;
        for (stage, count) in self.stages() {
            if number < count {
                return Some(Step { stage, number });
            }
            number -= count;
        }
        None
    }

    /// The positions of all steps that are done, in order.
    pub fn done(&self) -> Result<Vec<u64>, RenderError> {
        let stages = self.stages();
        // What the last stage builds on is cleared away when the set is complete.
        if self.store.exists(MANIFEST)? {
            return Ok((0..stages.iter().map(|(_, count)| count).sum()).collect());
        }
        let mut done = Vec::new();
        let mut first = 0;
        for (stage, count) in stages {
            for key in self.store.list(stage.folder())? {
                done.extend(
                    stage.number(&key?).filter(|number| *number < count).map(|number| first + number),
                );
            }
            first += count;
        }
        Ok(done)
    }

    pub fn is_done(&self, step: Step) -> Result<bool, RenderError> {
        Ok(self.store.exists(&step.key())? || self.store.exists(MANIFEST)?)
    }

    /// How many executions a step stands for. In each stage but [`Stage::Choose`], which stands for none, these add
    /// up to all that there are.
    pub fn weight(&self, step: Step) -> u64 {
        match step.stage {
            Stage::Survey | Stage::Render | Stage::Scatter => self.parts[step.number as usize].rows,
            Stage::Choose => 0,
            Stage::Gather => {
                let upto = |bucket: u64| {
                    u128::from(self.executions()) * u128::from(bucket) / u128::from(self.buckets())
                };
                (upto(step.number + 1) - upto(step.number)) as u64
            }
        }
    }

    /// Writes card, report and, last of all, the manifest, once every step is done. Sealing a set twice is harmless.
    pub fn seal(&self) -> Result<Report, RenderError> {
        let sealed = match self.finished()? {
            Some(report) => Ok(report),
            None => self.try_seal(),
        };
        // Another one may have sealed it meanwhile, and cleared away what this one was to read.
        let report = sealed.or_else(|error| self.finished()?.ok_or(error))?;
        seal::clean(&self.store)?;
        Ok(report)
    }

    fn try_seal(&self) -> Result<Report, RenderError> {
        let (files, mut tally) = if self.request.shuffle {
            let mut tally = Tally::default();
            self.scattered()?.iter().for_each(|part| tally.merge(&part.tally));
            (self.buckets(), tally)
        } else {
            (self.parts.len() as u64, Tally::default())
        };
        seal::seal(&self.store, &self.request, files, &mut tally)
    }

    pub(crate) fn executions(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Opens a part of the traces, by its position.
    pub(crate) fn open(&self, part: u64) -> Result<PartReader, RenderError> {
        Ok(self.traces.part(self.parts[part as usize].shard)?)
    }

    /// Files that examples are shuffled into: enough that one fits into memory.
    pub(crate) fn buckets(&self) -> u64 {
        /// Text is some ten to twenty times as large as the trace that it is made of.
        const TRACE_BYTES: u64 = 8 << 20;
        let bytes: u64 = self.parts.iter().map(|part| part.bytes).sum();
        bytes.div_ceil(TRACE_BYTES).max(1)
    }

    /// Where the examples of all parts are, which have been scattered.
    pub(crate) fn scattered(&self) -> Result<Arc<Vec<Scattered>>, RenderError> {
        let mut scattered = self.scattered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*scattered {
            return Ok(Arc::clone(known));
        }
        let parts = 0..self.parts.len() as u64;
        let index = |part| {
            let key = layout::scattered_index_key(part);
            let gone = || RenderError::Damaged { key: key.clone(), what: "it is gone".to_owned() };
            done::get(&self.store, &key)?.ok_or_else(gone)
        };
        let known = Arc::new(parts.map(index).collect::<Result<Vec<_>, RenderError>>()?);
        *scattered = Some(Arc::clone(&known));
        Ok(known)
    }
}
