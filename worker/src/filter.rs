//! Decides which executions of a shard become rows, as the job's filters have it.
//!
//! What repeats is told from what came before in the same shard, so the same shard always gives the same rows.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use dataset::source::Source;
use dataset::{Distinct, Dropped, Filters, Limits, Outcome};

use crate::execute::Execution;
use crate::log::Log;
use crate::outcome::{Ending, Memory};
use crate::steps::{Steps, number};

/// The filters of a job, and what they have seen of a shard.
pub(crate) struct Filter<'a> {
    filters: &'a Filters,
    contents: HashSet<u64>,
    shapes: HashSet<u64>,
    source: OfSource,
}

/// What is known of the source at hand.
#[derive(Default)]
struct OfSource {
    /// Hashes of its lines, so that the same line in another file has the same.
    lines: Vec<u64>,
    /// Numbers of the steps that its rows took.
    reached: HashSet<u64>,
    /// What each of its functions gave, as long as that was always the same.
    outputs: HashMap<String, Outputs>,
    rows: u64,
    /// How the first execution ended that was dropped, if any was.
    dropped: Option<(Dropped, Option<Ending>)>,
}

enum Outputs {
    Always(u64),
    Vary,
}

/// What the filters look at.
pub(crate) struct Looks {
    ending: Ending,
    is_pure: bool,
    events: u64,
    /// Steps from one line to the next.
    steps: HashSet<u64>,
    /// The way that it took, by the texts of the lines.
    shape: u64,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(filters: &'a Filters) -> Filter<'a> {
        let source = OfSource::default();
        Filter { filters, contents: HashSet::new(), shapes: HashSet::new(), source }
    }

    /// Goes on to the next source.
    pub(crate) fn begin(&mut self, source: &Source) {
        self.source = OfSource::default();
        if self.filters.wants(Distinct::Shape) {
            self.source.lines = source.code().lines().map(|line| number(&line.trim())).collect();
        }
    }

    /// Whether an execution need not be made, because one of the same content was made before.
    pub(crate) fn is_known(&mut self, source_sha256: &str, entry: &str, input: Option<&str>) -> bool {
        let wanted = self.filters.wants(Distinct::Content);
        wanted && !self.contents.insert(number(&(source_sha256, entry, input)))
    }

    /// What the filters have to know of an execution; `None` where there are none.
    pub(crate) fn look(&self, execution: &Execution, limits: &Limits) -> Option<Looks> {
        (!self.filters.is_none()).then(|| Looks::at(execution, limits, &self.source.lines))
    }

    /// Why an execution of `entry` is dropped, as far as one run tells.
    pub(crate) fn judge(&self, entry: &str, looks: &Looks) -> Result<(), Dropped> {
        let Filters { outcomes, pure, fewest_events, most_events, .. } = self.filters;
        let wants = |distinct| self.filters.wants(distinct);
        let checks = [
            (!outcomes.is_empty() && !outcomes.contains(&looks.ending.outcome), Dropped::Outcome),
            (*pure && !looks.is_pure, Dropped::Impure),
            (fewest_events.is_some_and(|fewest| looks.events < fewest), Dropped::TooFewEvents),
            (most_events.is_some_and(|most| looks.events > most), Dropped::TooManyEvents),
            (wants(Distinct::Shape) && self.shapes.contains(&looks.shape), Dropped::SameShape),
            (
                wants(Distinct::Coverage) && looks.steps.is_subset(&self.source.reached),
                Dropped::NoNewCoverage,
            ),
            (wants(Distinct::Output) && self.source.is_constant(entry, looks), Dropped::ConstantOutput),
        ];
        match checks.into_iter().find(|(drops, _)| *drops) {
            Some((_, why)) => Err(why),
            None => Ok(()),
        }
    }

    /// The same, once it is known whether its runs were alike.
    pub(crate) fn judge_repeats(&self, deterministic: Option<bool>) -> Result<(), Dropped> {
        match self.filters.deterministic && deterministic != Some(true) {
            true => Err(Dropped::NotDeterministic),
            false => Ok(()),
        }
    }

    /// An execution becomes a row.
    pub(crate) fn keep(&mut self, entry: &str, looks: Option<Looks>) {
        self.source.rows += 1;
        let Some(looks) = looks else { return };
        self.shapes.insert(looks.shape);
        if let Some(output) = looks.output() {
            let outputs = self.source.outputs.entry(entry.to_owned()).or_insert(Outputs::Always(output));
            if matches!(outputs, Outputs::Always(before) if *before != output) {
                *outputs = Outputs::Vary;
            }
        }
        self.source.reached.extend(looks.steps);
    }

    /// An execution does not become a row. One that was not made has no looks.
    pub(crate) fn drop(&mut self, why: Dropped, looks: Option<Looks>) {
        self.source.dropped.get_or_insert_with(|| (why, looks.map(|looks| looks.ending)));
    }

    /// How the row of the source says that it has no other, if that is so.
    pub(crate) fn end(&mut self) -> Option<Ending> {
        let (why, ending) = self.source.dropped.take().filter(|_| self.source.rows == 0)?;
        Some(Ending::filtered(why, ending))
    }
}

impl OfSource {
    fn is_constant(&self, entry: &str, looks: &Looks) -> bool {
        match (self.outputs.get(entry), looks.output()) {
            (Some(Outputs::Always(before)), Some(output)) => *before == output,
            _ => false,
        }
    }
}

impl Looks {
    fn at(execution: &Execution, limits: &Limits, lines: &[u64]) -> Looks {
        let (mut events, mut steps, mut shape) = (0, Steps::default(), DefaultHasher::new());
        let log = Log::read(execution.log(), limits, |event| {
            events += 1;
            steps.take(event);
            let line = lines.get((event.line as usize).wrapping_sub(1));
            (discriminant(&event.kind), event.depth, event.function, line).hash(&mut shape);
        });
        let memory = Memory { peak: execution.peak_memory_bytes, limit: limits.memory_bytes };
        let ending = Ending::of(execution.ended, log.end, memory);
        ending.outcome.hash(&mut shape);
        Looks { ending, is_pure: execution.is_pure(), events, steps: steps.all, shape: shape.finish() }
    }

    /// Stands for what the entry gave, if it gave anything.
    fn output(&self) -> Option<u64> {
        (self.ending.outcome == Outcome::Returned).then_some(())?;
        self.ending.output.as_ref().map(number)
    }
}
