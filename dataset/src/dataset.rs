//! The life of one dataset: begun or gone on with, planned, filled part by part, sealed.

use serde::Deserialize;

use crate::card::card;
use crate::layout::{ATTEMPTS, CARD, FORMAT_VERSION, JOB, MANIFEST, PARTS, part_key, shard_of_part};
use crate::manifest::ManifestWriter;
use crate::{
    ErrorKind, Job, JobId, Manifest, ManifestError, ManifestPart, PartError, PartReader, Plan, PlanError,
    Published, Report, Shards, Store, StoreError, Tally,
};

/// A dataset and the job that makes it.
#[derive(Debug, Clone)]
pub struct Dataset {
    store: Store,
    job: Job,
    id: JobId,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{location} holds the dataset of job {there}, and this is job {asked}, with other {differences}: \
         choose another folder, or ask for the same as before"
    )]
    AnotherJob { location: String, there: JobId, asked: JobId, differences: String },
    #[error("{location} is neither empty nor a dataset: choose another folder")]
    NotEmpty { location: String },
    #[error("there is no dataset in {location}")]
    NoDataset { location: String },
    #[error(
        "{location} is of format {version}, and this program knows formats up to {FORMAT_VERSION}: use a newer one"
    )]
    Newer { location: String, version: u32 },
    #[error("{JOB} in {location} is damaged: {what}")]
    Damaged { location: String, what: String },
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Part(#[from] PartError),
    #[error("planning has not ended")]
    Unplanned,
    #[error("shard {0} has no part yet")]
    MissingPart(u64),
    #[error("{0} is the part of another job or shard")]
    ForeignPart(String),
}

impl SealError {
    /// Whether the store may do better in a while. What is absent may be so because another coordinator is sealing.
    pub fn may_pass(&self) -> bool {
        match self {
            SealError::Store(error)
            | SealError::Plan(PlanError::Store(error))
            | SealError::Part(PartError::Store(error)) => {
                matches!(error.kind(), ErrorKind::Other | ErrorKind::NotFound)
            }
            SealError::Plan(_)
            | SealError::Part(_)
            | SealError::Unplanned
            | SealError::MissingPart(_)
            | SealError::ForeignPart(_) => false,
        }
    }
}

/// When a job ran, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub started_unix_ms: u64,
    pub finished_unix_ms: u64,
}

impl Dataset {
    /// Begins the dataset of `job`, or goes on with it if the store holds it already.
    pub fn start(store: Store, job: Job) -> Result<Dataset, OpenError> {
        if let Some(dataset) = Dataset::begun(&store, &job)? {
            return Ok(dataset);
        }
        if store.list("")?.next().transpose()?.is_some() {
            // What is there now may be this very dataset, which somebody else has just begun.
            return Dataset::begun(&store, &job)?
                .ok_or_else(|| OpenError::NotEmpty { location: store.location().to_owned() });
        }
        let text = serde_json::to_string_pretty(&job).expect("numbers and texts are JSON");
        store.put(JOB, format!("{text}\n").as_bytes())?;
        let id = job.id();
        Ok(Dataset { store, job, id })
    }

    /// The dataset of `job`, if the store holds it; an error if it holds another.
    fn begun(store: &Store, job: &Job) -> Result<Option<Dataset>, OpenError> {
        match Dataset::open(store.clone()) {
            Ok(dataset) if dataset.job == *job => Ok(Some(dataset)),
            Ok(dataset) => Err(OpenError::AnotherJob {
                location: store.location().to_owned(),
                there: dataset.id,
                asked: job.id(),
                differences: differences(&dataset.job, job),
            }),
            Err(OpenError::NoDataset { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the dataset that the store holds.
    pub fn open(store: Store) -> Result<Dataset, OpenError> {
        let location = || store.location().to_owned();
        let text = match store.get(JOB) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(OpenError::NoDataset { location: location() });
            }
            Err(error) => return Err(error.into()),
        };
        let damaged =
            |error: serde_json::Error| OpenError::Damaged { location: location(), what: error.to_string() };
        // Its version decides what else may stand in it.
        let Version { format_version: version } = serde_json::from_slice(&text).map_err(damaged)?;
        if version > FORMAT_VERSION {
            return Err(OpenError::Newer { location: location(), version });
        }
        let job: Job = serde_json::from_slice(&text).map_err(damaged)?;
        let id = job.id();
        Ok(Dataset { store, job, id })
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// The plan from its first segment on, and beyond what is stored of it.
    pub fn plan(&self) -> Plan {
        Plan::new(self.store.clone(), self.job.clone())
    }

    /// What is stored of the plan.
    pub fn shards(&self) -> Shards {
        Shards::new(self.store.clone())
    }

    /// The shards whose parts are published, in order, by one listing.
    pub fn published(
        &self,
    ) -> Result<impl Iterator<Item = Result<u64, StoreError>> + Send + use<>, StoreError> {
        let keys = self.store.list(PARTS)?;
        Ok(keys.filter_map(|key| key.map(|key| shard_of_part(&key)).transpose()))
    }

    /// Makes the attempt the shard's part unless it has one, and deletes the attempt. May be repeated.
    pub fn publish(&self, shard: u64, attempt: &str) -> Result<Published, StoreError> {
        let published = self.store.publish(attempt, &part_key(shard))?;
        self.store.delete(attempt)?;
        Ok(published)
    }

    /// Opens the part of a shard.
    pub fn part(&self, shard: u64) -> Result<PartReader, PartError> {
        PartReader::open(&self.store, &part_key(shard))
    }

    /// Removes the dataset if it holds no part, so that a job that could not begin leaves nothing behind. Nobody
    /// may be working on it.
    pub fn abandon_if_empty(self) -> Result<(), StoreError> {
        if self.published()?.next().is_some() {
            return Ok(());
        }
        let keys = self.store.list("_et/")?.collect::<Result<Vec<_>, _>>()?;
        // While the job stands, what is left of the rest is still its dataset.
        for key in keys.iter().filter(|key| *key != JOB).map(String::as_str).chain([JOB]) {
            self.store.delete(key)?;
        }
        self.store.remove_leftovers()
    }

    /// Whether the manifest is written, the last thing that is.
    pub fn is_sealed(&self) -> Result<bool, StoreError> {
        self.store.exists(MANIFEST)
    }

    /// Writes card, report and, last of all, the manifest, once every planned shard has its part. Attempts that
    /// came too late are deleted.
    pub fn seal(&self, times: Times) -> Result<Report, SealError> {
        self.store.remove_leftovers()?;
        let mut manifest = ManifestWriter::create(&self.store, &self.id)?;
        let mut tally = Tally::default();
        let mut parts = 0;
        let mut shards = self.shards();
        for shard in &mut shards {
            let shard = shard?;
            let part = self.part(shard.ordinal).map_err(|error| match error {
                PartError::Store(error) if error.kind() == ErrorKind::NotFound => {
                    SealError::MissingPart(shard.ordinal)
                }
                error => error.into(),
            })?;
            if part.header().job != self.id || part.header().shard != shard {
                return Err(SealError::ForeignPart(part_key(shard.ordinal)));
            }
            manifest.append(&ManifestPart::of(&part)?)?;
            tally.merge(part.tally());
            parts += 1;
        }
        if !shards.is_complete() {
            return Err(SealError::Unplanned);
        }
        for attempt in self.store.list(ATTEMPTS)? {
            self.store.delete(&attempt?)?;
        }
        let Times { started_unix_ms, finished_unix_ms } = times;
        let report = Report {
            format_version: FORMAT_VERSION,
            job: self.id.clone(),
            parts,
            started_unix_ms,
            finished_unix_ms,
            tally,
        };
        self.store.put(CARD, card(&self.job, parts, &report.tally).as_bytes())?;
        report.write(&self.store)?;
        manifest.finish()?;
        Ok(report)
    }

    pub fn manifest(&self) -> Result<Manifest, ManifestError> {
        Manifest::open(&self.store)
    }

    pub fn report(&self) -> Result<Report, ManifestError> {
        Report::read(&self.store)
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// What two jobs ask differently, in words.
fn differences(one: &Job, other: &Job) -> String {
    let parts = [
        ("sources", one.sources != other.sources),
        ("columns", one.columns != other.columns),
        ("sources per shard", one.shard_sources != other.shard_sources),
        ("interpreter", one.python != other.python),
        ("granularity", one.granularity != other.granularity),
        ("identities", one.identities != other.identities),
        ("modes or search", one.executions != other.executions),
        ("repeat", one.repeat != other.repeat),
        ("limits", one.limits != other.limits),
    ];
    let differing: Vec<&str> = parts.into_iter().filter(|part| part.1).map(|part| part.0).collect();
    differing.join(" and ")
}
