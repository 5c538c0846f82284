//! Brings examples into a random order that the seed decides, in bounded memory.
//!
//! Each part's examples are spread over buckets by chance and kept aside, one object for each part. Then each bucket
//! is gathered from all parts, sorted by chance and written: one file in the end is one bucket.

use std::io::Write;

use dataset::{ObjectWriter, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::done;
use crate::error::RenderError;
use crate::layout::{scattered_index_key, scattered_key};
use crate::output::Record;
use crate::select::Split;
use crate::select::hash::{hash, join};
use crate::tally::Tally;

/// Bytes of text held before they are written.
const HELD_BYTES: usize = 32 << 20;

/// A part's examples, spread. Exists exactly if all of them are.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scattered {
    pub(crate) tally: Tally,
    frames: Vec<Frame>,
}

/// Some examples of a bucket: a stretch of the part's object, compressed by itself.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    bucket: u64,
    offset: u64,
    bytes: u64,
}

/// Spreads the examples of one part.
pub(crate) struct Scatter<'a> {
    store: &'a Store,
    part: u64,
    seed: u64,
    object: ObjectWriter,
    written: u64,
    frames: Vec<Frame>,
    held: Vec<Vec<u8>>,
    held_bytes: usize,
}

impl<'a> Scatter<'a> {
    pub(crate) fn create(
        store: &'a Store,
        part: u64,
        buckets: u64,
        seed: u64,
    ) -> Result<Scatter<'a>, StoreError> {
        let object = store.create(&scattered_key(part))?;
        let held = vec![Vec::new(); buckets as usize];
        Ok(Scatter { store, part, seed, object, written: 0, frames: Vec::new(), held, held_bytes: 0 })
    }

    pub(crate) fn append(&mut self, split: Split, record: &Record) -> Result<(), StoreError> {
        let bucket = (chance(self.seed, record) % self.held.len() as u64) as usize;
        let held = &mut self.held[bucket];
        let before = held.len();
        serde_json::to_writer(&mut *held, &(split, record)).expect("texts are JSON");
        held.push(b'\n');
        self.held_bytes += held.len() - before;
        if self.held_bytes >= HELD_BYTES { self.spill() } else { Ok(()) }
    }

    /// Makes the object appear, and then what tells of it.
    pub(crate) fn finish(mut self, tally: Tally) -> Result<(), StoreError> {
        self.spill()?;
        self.object.finish()?;
        done::put(self.store, &scattered_index_key(self.part), &Scattered { tally, frames: self.frames })
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        self.held_bytes = 0;
        for (bucket, held) in (0..).zip(&mut self.held).filter(|(_, held)| !held.is_empty()) {
            let frame = zstd::encode_all(held.as_slice(), 1).expect("there is memory for zstd");
            self.object.write_all(&frame).map_err(|cause| self.object.error(cause))?;
            let bytes = frame.len() as u64;
            self.frames.push(Frame { bucket, offset: self.written, bytes });
            self.written += bytes;
            held.clear();
        }
        Ok(())
    }
}

/// The examples of a bucket in their final order.
pub(crate) fn gather(
    store: &Store,
    scattered: &[Scattered],
    bucket: u64,
    seed: u64,
) -> Result<impl Iterator<Item = (Split, Record)> + use<>, RenderError> {
    let mut examples: Vec<(u64, Split, Record)> = Vec::new();
    for (part, index) in (0..).zip(scattered) {
        let key = scattered_key(part);
        let damaged = |what: String| RenderError::Damaged { key: key.clone(), what };
        let frames: Vec<&Frame> = index.frames.iter().filter(|frame| frame.bucket == bucket).collect();
        if frames.is_empty() {
            continue;
        }
        let object = store.read(&key)?;
        for frame in frames {
            let mut bytes = vec![0; frame.bytes as usize];
            object.read_exact_at(&mut bytes, frame.offset).map_err(|cause| damaged(cause.to_string()))?;
            let text = zstd::decode_all(bytes.as_slice()).map_err(|cause| damaged(cause.to_string()))?;
            for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                let (split, record): (Split, Record) =
                    serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
                examples.push((chance(seed, &record), split, record));
            }
        }
    }
    examples.sort_unstable_by(|one, other| (one.0, &one.2.id).cmp(&(other.0, &other.2.id)));
    Ok(examples.into_iter().map(|(_, split, record)| (split, record)))
}

/// Decides the bucket of an example and its place there.
fn chance(seed: u64, record: &Record) -> u64 {
    join(seed, hash(record.id.as_bytes()))
}
