//! The plan as it is stored: segments of shards, each written once.

use std::iter::Peekable;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::layout::{FORMAT_VERSION, MAX_SHARDS, PLAN, segment_key};
use crate::source::{self, SourceError};
use crate::{ErrorKind, Job, Shard, Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} is damaged: {what}", key = segment_key(*segment))]
    Damaged { segment: u64, what: String },
    #[error("the sources make more than {MAX_SHARDS} shards: give each shard more sources")]
    TooManyShards,
}

/// The stored shards of a dataset, in order.
pub struct Shards {
    store: Store,
    segment: u64,
    last: Option<Shard>,
    loaded: std::vec::IntoIter<Shard>,
    complete: bool,
    failed: bool,
}

impl Shards {
    pub(crate) fn new(store: Store) -> Shards {
        Shards {
            store,
            segment: 0,
            last: None,
            loaded: Vec::new().into_iter(),
            complete: false,
            failed: false,
        }
    }

    /// Whether the end of the plan is stored. Known once the iterator has ended.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn next_ordinal(&self) -> u64 {
        self.last.as_ref().map_or(0, |shard| shard.ordinal + 1)
    }

    /// The next stored segment; `None` where there is none.
    fn next_segment(&mut self) -> Result<Option<Vec<Shard>>, PlanError> {
        if self.complete {
            return Ok(None);
        }
        let Some((shards, is_last)) = load(&self.store, self.segment, self.next_ordinal())? else {
            return Ok(None);
        };
        self.segment += 1;
        self.complete = is_last;
        if let Some(last) = shards.last() {
            self.last = Some(last.clone());
        }
        Ok(Some(shards))
    }
}

impl Iterator for Shards {
    type Item = Result<Shard, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(shard) = self.loaded.next() {
                return Some(Ok(shard));
            }
            if self.failed {
                return None;
            }
            match self.next_segment() {
                Ok(shards) => self.loaded = shards?.into_iter(),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// A dataset's whole plan: first what is stored of it, then what is planned now, and stored as it is planned.
pub struct Plan {
    job: Job,
    stored: Shards,
    planner: Option<Peekable<Planner>>,
}

type Planner = Box<dyn Iterator<Item = Result<Shard, SourceError>> + Send>;

impl Plan {
    pub(crate) fn new(store: Store, job: Job) -> Plan {
        Plan { job, stored: Shards::new(store), planner: None }
    }

    /// The next shards, up to 1000, which are stored by the time they are returned; `None` at the end of the
    /// plan. After an error, a new [`Plan`] goes on from what is stored.
    pub fn next_segment(&mut self) -> Result<Option<Vec<Shard>>, PlanError> {
        if let Some(shards) = self.stored.next_segment()? {
            return Ok(Some(shards));
        }
        if self.stored.complete {
            return Ok(None);
        }
        let Shards { store, segment, last, .. } = &self.stored;
        let planner = match &mut self.planner {
            Some(planner) => planner,
            None => {
                let planner: Planner = Box::new(source::plan(&self.job, last.as_ref())?);
                self.planner.insert(planner.peekable())
            }
        };
        let shards: Vec<Shard> =
            planner.by_ref().take(shards_in_segment(*segment)).collect::<Result<_, _>>()?;
        if shards.last().is_some_and(|shard| shard.ordinal >= MAX_SHARDS) {
            return Err(PlanError::TooManyShards);
        }
        let is_last = planner.peek().is_none();
        save(store, *segment, self.stored.next_ordinal(), &shards, is_last)?;
        self.stored.next_segment()
    }
}

/// The first segments are smaller, so that work begins before much is planned.
fn shards_in_segment(segment: u64) -> usize {
    match segment {
        0 => 16,
        1 => 64,
        2 => 256,
        _ => 1000,
    }
}

/// The first line of a segment.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format_version: u32,
    segment: u64,
    /// Ordinal of the first shard.
    first: u64,
    shards: u64,
    /// No segment follows.
    last: bool,
    /// Of everything after this line.
    sha256: String,
}

fn save(store: &Store, segment: u64, first: u64, shards: &[Shard], last: bool) -> Result<(), PlanError> {
    let mut body = Vec::new();
    for shard in shards {
        body.extend(to_line(shard));
    }
    let header = Header {
        format_version: FORMAT_VERSION,
        segment,
        first,
        shards: shards.len() as u64,
        last,
        sha256: hex(&Sha256::digest(&body)),
    };
    let text = [to_line(&header), body].concat();
    store.put(&segment_key(segment), &text)?;
    Ok(())
}

fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("numbers and texts are JSON");
    line.push(b'\n');
    line
}

/// A segment's shards, the first of which must be `first`, and whether it is the last segment.
fn load(store: &Store, segment: u64, first: u64) -> Result<Option<(Vec<Shard>, bool)>, PlanError> {
    let text = match store.get(&segment_key(segment)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return ensure_end(store, segment).map(|()| None);
        }
        Err(error) => return Err(error.into()),
    };
    parse(&text, segment, first).map(Some).map_err(|what| PlanError::Damaged { segment, what })
}

fn parse(text: &[u8], segment: u64, first: u64) -> Result<(Vec<Shard>, bool), String> {
    let end = text.iter().position(|&byte| byte == b'\n').ok_or("its first line does not end")?;
    let (head, body) = (&text[..end], &text[end + 1..]);
    let header: Header = serde_json::from_slice(head).map_err(|error| format!("its first line: {error}"))?;
    if header.format_version > FORMAT_VERSION {
        return Err(format!(
            "it is of format {}, this program knows {FORMAT_VERSION}",
            header.format_version
        ));
    }
    if hex(&Sha256::digest(body)) != header.sha256 {
        return Err("its hash is not that of its shards".to_owned());
    }
    let shards: Vec<Shard> = serde_json::Deserializer::from_slice(body)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let in_order = (first..).zip(&shards).all(|(ordinal, shard)| shard.ordinal == ordinal);
    if !in_order || (header.segment, header.first, header.shards) != (segment, first, shards.len() as u64) {
        return Err("its shards are not the next ones".to_owned());
    }
    Ok((shards, header.last))
}

/// A segment is missing: fine at the end of what is planned, damage elsewhere.
fn ensure_end(store: &Store, segment: u64) -> Result<(), PlanError> {
    let key = segment_key(segment);
    for later in store.list(PLAN)? {
        if later? > key {
            return Err(PlanError::Damaged { segment, what: "it is missing".to_owned() });
        }
    }
    Ok(())
}
