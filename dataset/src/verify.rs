//! Proves that every source is accounted for: lists the sources again and compares them with the parts.
//!
//! One shard is held in memory at a time.

use std::collections::{BTreeMap, HashSet};
use std::iter::Peekable;

use crate::layout::{PARTS, part_key};
use crate::source::{Listed, Listing, Location, SourceError};
use crate::{
    Dataset, ErrorKind, Job, Manifest, ManifestError, ManifestPart, PartError, PartReader, PlanError, Shard,
    Store, StoreError, Tally,
};

/// What was compared, and everything that is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Whether there is a manifest.
    pub sealed: bool,
    pub shards: u64,
    pub parts: u64,
    pub rows: u64,
    /// Sources that lie in the planned ranges now.
    pub sources_listed: u64,
    /// Those of them that have rows.
    pub sources_in_parts: u64,
    pub findings: Findings,
}

impl VerifyReport {
    /// Whether everything is as it should be.
    pub fn is_clean(&self) -> bool {
        self.findings.0.is_empty()
    }
}

/// A way in which a dataset is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The plan cannot be read, or has no end. What lies beyond was not verified.
    BrokenPlan,
    BrokenManifest,
    /// A planned shard has no part.
    MissingPart,
    /// A part cannot be read, or does not hold what it says.
    DamagedPart,
    /// A part is not the one that the manifest lists.
    ChangedPart,
    /// Something in `data/` is no part of the plan.
    StrayFile,
    /// A source in a planned range has no row.
    MissingSource,
    /// A row's source is not among those of its shard.
    UnknownSource,
    RepeatedTraceId,
    /// A source lies in no planned range: it appeared after the plan was made.
    UnplannedSource,
}

impl Finding {
    /// As people read it before a list.
    pub fn name(self) -> &'static str {
        match self {
            Finding::BrokenPlan => "broken plan",
            Finding::BrokenManifest => "broken manifest",
            Finding::MissingPart => "missing parts",
            Finding::DamagedPart => "damaged parts",
            Finding::ChangedPart => "parts that are not those of the manifest",
            Finding::StrayFile => "files in data/ that are no parts of the plan",
            Finding::MissingSource => "sources without a row",
            Finding::UnknownSource => "rows of sources that are not in their shard",
            Finding::RepeatedTraceId => "repeated trace ids",
            Finding::UnplannedSource => "sources that appeared after planning",
        }
    }
}

/// What was found of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(BTreeMap<Finding, Found>);

/// How often, and the first few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub count: u64,
    pub examples: Vec<String>,
}

impl Findings {
    const EXAMPLES: usize = 10;

    pub fn iter(&self) -> impl Iterator<Item = (Finding, &Found)> {
        self.0.iter().map(|(&finding, found)| (finding, found))
    }

    /// One for each kind, for people.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.iter().map(|(finding, Found { count, examples })| {
            let unnamed = count - examples.len() as u64;
            let more = if unnamed == 0 { String::new() } else { format!(", and {unnamed} more") };
            format!("{}: {}{more}", finding.name(), examples.join(", "))
        })
    }

    fn add(&mut self, finding: Finding, example: impl Into<String>) {
        let found = self.0.entry(finding).or_default();
        found.count += 1;
        if found.examples.len() < Self::EXAMPLES {
            found.examples.push(example.into());
        }
    }
}

/// The comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Lists the sources again and compares them with the dataset.
pub fn verify(dataset: &Dataset) -> Result<VerifyReport, VerifyError> {
    let mut verifier = Verifier {
        dataset,
        parts: Parts::of(dataset.store())?,
        sources: Sources::of(dataset.job())?,
        manifest: None,
        report: VerifyReport { sealed: dataset.is_sealed()?, ..VerifyReport::default() },
    };
    verifier.open_manifest()?;
    let mut shards = dataset.shards();
    for shard in &mut shards {
        match shard {
            Ok(shard) => verifier.compare(&shard)?,
            Err(PlanError::Store(error)) => return Err(error.into()),
            Err(error) => {
                verifier.report.findings.add(Finding::BrokenPlan, error.to_string());
                return Ok(verifier.report);
            }
        }
    }
    if !shards.is_complete() {
        verifier.report.findings.add(Finding::BrokenPlan, "planning has not ended");
        return Ok(verifier.report);
    }
    verifier.finish()
}

struct Verifier<'a> {
    dataset: &'a Dataset,
    parts: Parts,
    sources: Sources,
    manifest: Option<Peekable<Manifest>>,
    report: VerifyReport,
}

impl Verifier<'_> {
    fn open_manifest(&mut self) -> Result<(), VerifyError> {
        if !self.report.sealed {
            return Ok(());
        }
        match self.dataset.manifest() {
            Ok(manifest) if manifest.job() == self.dataset.id() => self.manifest = Some(manifest.peekable()),
            Ok(_) => self.report.findings.add(Finding::BrokenManifest, "it is that of another job"),
            Err(ManifestError::Store(error)) => return Err(error.into()),
            Err(error) => self.report.findings.add(Finding::BrokenManifest, error.to_string()),
        }
        Ok(())
    }

    fn compare(&mut self, shard: &Shard) -> Result<(), VerifyError> {
        self.report.shards += 1;
        let listed = self.sources.of_shard(shard, &mut self.report.findings)?;
        self.report.sources_listed += listed.len() as u64;
        let key = part_key(shard.ordinal);
        if !self.parts.pass(&key, &mut self.report.findings)? {
            self.report.findings.add(Finding::MissingPart, key);
            return Ok(());
        }
        self.report.parts += 1;
        match self.compare_part(shard, listed) {
            Err(PartError::Store(error)) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            Err(error) => {
                self.report.findings.add(Finding::DamagedPart, error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn compare_part(&mut self, shard: &Shard, listed: Vec<String>) -> Result<(), PartError> {
        let part = self.dataset.part(shard.ordinal)?;
        if part.header().job != *self.dataset.id() || part.header().shard != *shard {
            self.report
                .findings
                .add(Finding::DamagedPart, format!("{} is that of another shard or job", part.key()));
            return Ok(());
        }
        self.compare_with_manifest(&part)?;
        let mut seen =
            Seen { listed: listed.into_iter().map(|path| (path, false)).collect(), ..Seen::default() };
        for row in part.summaries()? {
            seen.add(&row?, part.key(), &mut self.report.findings);
        }
        self.report.rows += seen.tally.rows;
        let told = part.tally();
        let counts = |tally: &Tally| (tally.rows, tally.events, tally.outcomes.clone());
        if counts(told) != counts(&seen.tally) || part.rows() != told.rows {
            self.report
                .findings
                .add(Finding::DamagedPart, format!("{} holds other rows than it says", part.key()));
        }
        for (path, has_row) in seen.listed {
            if has_row {
                self.report.sources_in_parts += 1;
            } else {
                self.report.findings.add(Finding::MissingSource, path);
            }
        }
        Ok(())
    }

    fn compare_with_manifest(&mut self, part: &PartReader) -> Result<(), PartError> {
        let shard = part.header().shard.ordinal;
        let Some(manifest) = &mut self.manifest else { return Ok(()) };
        while let Some(listed) =
            manifest.next_if(|listed| !listed.as_ref().is_ok_and(|listed| listed.shard > shard))
        {
            match listed {
                Err(error) => self.report.findings.add(Finding::BrokenManifest, error.to_string()),
                Ok(listed) if listed.shard < shard => {}
                Ok(listed) => {
                    if listed != ManifestPart::of(part)? {
                        self.report.findings.add(Finding::ChangedPart, part.key());
                    }
                    return Ok(());
                }
            }
        }
        self.report.findings.add(Finding::ChangedPart, format!("{} is not in the manifest", part.key()));
        Ok(())
    }

    /// Looks at what is left over once all shards are compared.
    fn finish(mut self) -> Result<VerifyReport, VerifyError> {
        self.sources.pass_all(&mut self.report.findings)?;
        self.parts.pass_all(&mut self.report.findings)?;
        for listed in self.manifest.into_iter().flatten() {
            let told = match listed {
                Ok(listed) => format!("it lists {}, which is not planned", listed.key),
                Err(error) => error.to_string(),
            };
            self.report.findings.add(Finding::BrokenManifest, told);
        }
        Ok(self.report)
    }
}

/// The rows of one part, as far as they are read.
#[derive(Default)]
struct Seen {
    /// The shard's sources, and whether there was a row of them.
    listed: BTreeMap<String, bool>,
    trace_ids: HashSet<u128>,
    tally: Tally,
}

impl Seen {
    fn add(&mut self, row: &crate::RowSummary, part: &str, findings: &mut Findings) {
        self.tally.count(row.outcome, None, row.event_count);
        match self.listed.get_mut(&row.source_path) {
            Some(has_row) => *has_row = true,
            None => findings.add(Finding::UnknownSource, format!("{} in {part}", row.source_path)),
        }
        match u128::from_str_radix(&row.trace_id, 16) {
            Ok(id) if self.trace_ids.insert(id) => {}
            Ok(_) => findings.add(Finding::RepeatedTraceId, format!("{} in {part}", row.trace_id)),
            Err(_) => {
                findings.add(Finding::DamagedPart, format!("{part} has the trace id {:?}", row.trace_id))
            }
        }
    }
}

/// The keys in `data/`, passed in order.
struct Parts {
    keys: Peekable<Box<dyn Iterator<Item = Result<String, StoreError>>>>,
}

impl Parts {
    fn of(store: &Store) -> Result<Parts, StoreError> {
        let keys: Box<dyn Iterator<Item = _>> = Box::new(store.list(PARTS)?);
        Ok(Parts { keys: keys.peekable() })
    }

    /// Goes on to `key`. Whether it is there.
    fn pass(&mut self, key: &str, findings: &mut Findings) -> Result<bool, StoreError> {
        while let Some(found) =
            self.keys.next_if(|found| !found.as_ref().is_ok_and(|found| found.as_str() > key))
        {
            let found = found?;
            if found == key {
                return Ok(true);
            }
            findings.add(Finding::StrayFile, found);
        }
        Ok(false)
    }

    fn pass_all(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        for found in &mut self.keys {
            findings.add(Finding::StrayFile, found?);
        }
        Ok(())
    }
}

/// The sources of a job as they are now, passed in the order of the plan.
struct Sources {
    locations: std::vec::IntoIter<Location>,
    here: Option<(Location, Peekable<Listing>)>,
}

impl Sources {
    fn of(job: &Job) -> Result<Sources, SourceError> {
        let found = job.sources.iter().map(|path| Location::find(path, &job.columns));
        let locations: Vec<Location> = found.collect::<Result<_, _>>()?;
        Ok(Sources { locations: locations.into_iter(), here: None })
    }

    /// The names of the sources in a shard's range. Those before it lie in no range.
    fn of_shard(&mut self, shard: &Shard, findings: &mut Findings) -> Result<Vec<String>, SourceError> {
        while !self.here.as_ref().is_some_and(|(location, _)| location.holds(&shard.range)) {
            if !self.enter_next(findings)? {
                return Ok(Vec::new());
            }
        }
        let mut listed = Vec::new();
        let Some((_, listing)) = &mut self.here else { return Ok(listed) };
        let in_reach = |source: &Result<Listed, SourceError>| {
            !source.as_ref().is_ok_and(|source| shard.range.locate(&source.place).is_gt())
        };
        while let Some(source) = listing.next_if(in_reach) {
            let source = source?;
            if shard.range.locate(&source.place).is_lt() {
                findings.add(Finding::UnplannedSource, source.path);
            } else {
                listed.push(source.path);
            }
        }
        Ok(listed)
    }

    fn pass_all(&mut self, findings: &mut Findings) -> Result<(), SourceError> {
        while self.enter_next(findings)? {}
        Ok(())
    }

    /// Leaves the present location for the next one. What was left of it lies in no range.
    fn enter_next(&mut self, findings: &mut Findings) -> Result<bool, SourceError> {
        if let Some((_, rest)) = self.here.take() {
            for source in rest {
                findings.add(Finding::UnplannedSource, source?.path);
            }
        }
        let Some(location) = self.locations.next() else { return Ok(false) };
        let listing = location.list()?.peekable();
        self.here = Some((location, listing));
        Ok(true)
    }
}
