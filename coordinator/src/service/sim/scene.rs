//! What the simulated jobs are about. It is the same for every seed.

use std::sync::Arc;

use bytes::Bytes;
use dataset::{Job, Limits, PartHeader, PartWriter};
use tempfile::TempDir;

/// How many attempts at one shard differ from each other.
const VARIANTS: usize = 4;

pub(super) struct Scene {
    job: Job,
    id: String,
    /// For each shard, attempts that are told apart by their length.
    attempts: Vec<Vec<Bytes>>,
    _folder: TempDir,
}

impl Scene {
    /// A job whose plan is one segment.
    pub(super) fn small() -> Arc<Scene> {
        Scene::new(4)
    }

    /// One whose plan is more than one.
    pub(super) fn large() -> Arc<Scene> {
        Scene::new(20)
    }

    fn new(shards: usize) -> Arc<Scene> {
        let folder = tempfile::tempdir().unwrap();
        let cases = folder.path().join("cases.jsonl");
        std::fs::write(&cases, "{\"code\": \"pass\"}\n".repeat(shards)).unwrap();
        let job = Job::new(&[cases.to_str().unwrap().to_owned()], 1, Limits::default()).unwrap();
        let planned = dataset::source::plan(&job, None).unwrap();
        let attempts = planned.map(|shard| {
            let file = folder.path().join("part");
            let header = PartHeader { job: job.id(), shard: shard.unwrap() };
            PartWriter::create(&file, header).unwrap().finish().unwrap();
            let bytes = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            (0..VARIANTS).map(|variant| padded(&bytes, variant)).collect()
        });
        let attempts = attempts.collect();
        Arc::new(Scene { id: job.id().0, job, attempts, _folder: folder })
    }

    pub(super) fn job(&self) -> &Job {
        &self.job
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn shards(&self) -> u64 {
        self.attempts.len() as u64
    }

    /// What the attempt with this number at a shard holds.
    pub(super) fn attempt(&self, shard: u64, number: u64) -> Bytes {
        let variants = &self.attempts[shard as usize];
        variants[number as usize % variants.len()].clone()
    }
}

/// A Parquet file without rows is its magic number and its footer. Nobody looks between them.
fn padded(part: &[u8], bytes: usize) -> Bytes {
    let (magic, footer) = part.split_at(4);
    [magic, &vec![b' '; bytes], footer].concat().into()
}
