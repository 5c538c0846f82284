//! A store that remembers what was asked of it, so that tests can say how often.

use std::io::{self, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Backend, Keys, Published, ReadAt, Upload};

/// What was asked of a recorded store, in order. Clones share one record.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Vec<(Operation, String)>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An object was finished.
    Put,
    Publish,
    /// An object was opened for reading.
    Read,
    /// A stretch of an open object was read.
    ReadStretch,
    Exists,
    List,
    Delete,
    RemoveLeftovers,
}

impl Calls {
    /// The keys that `operation` was asked for, in order.
    pub fn of(&self, operation: Operation) -> Vec<String> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.0 == operation).map(|call| call.1.clone()).collect()
    }

    /// Forgets what was asked so far.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn add(&self, operation: Operation, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((operation, key.to_owned()));
    }
}

#[derive(Debug)]
pub(super) struct Recording {
    inner: Arc<dyn Backend>,
    calls: Calls,
}

impl Recording {
    pub(super) fn new(inner: Arc<dyn Backend>, calls: Calls) -> Recording {
        Recording { inner, calls }
    }
}

impl Backend for Recording {
    fn create(&self, key: &str) -> io::Result<Box<dyn Upload>> {
        let upload = self.inner.create(key)?;
        Ok(Box::new(RecordedUpload { upload, key: key.to_owned(), calls: self.calls.clone() }))
    }

    fn put_file(&self, key: &str, file: &Path) -> io::Result<()> {
        self.calls.add(Operation::Put, key);
        self.inner.put_file(key, file)
    }

    fn publish(&self, attempt: &str, part: &str) -> io::Result<Published> {
        self.calls.add(Operation::Publish, part);
        self.inner.publish(attempt, part)
    }

    fn read(&self, key: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.calls.add(Operation::Read, key);
        let object = self.inner.read(key)?;
        Ok(Arc::new(RecordedObject { object, key: key.to_owned(), calls: self.calls.clone() }))
    }

    fn exists(&self, key: &str) -> io::Result<bool> {
        self.calls.add(Operation::Exists, key);
        self.inner.exists(key)
    }

    fn list(&self, folder: &str, from: Bound<&str>) -> io::Result<Keys> {
        self.calls.add(Operation::List, folder);
        self.inner.list(folder, from)
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        self.calls.add(Operation::Delete, key);
        self.inner.delete(key)
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        self.calls.add(Operation::RemoveLeftovers, "");
        self.inner.remove_leftovers()
    }
}

struct RecordedUpload {
    upload: Box<dyn Upload>,
    key: String,
    calls: Calls,
}

impl Write for RecordedUpload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.upload.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.upload.flush()
    }
}

impl Upload for RecordedUpload {
    fn finish(self: Box<Self>) -> io::Result<()> {
        self.calls.add(Operation::Put, &self.key);
        self.upload.finish()
    }
}

#[derive(Debug)]
struct RecordedObject {
    object: Arc<dyn ReadAt>,
    key: String,
    calls: Calls,
}

impl ReadAt for RecordedObject {
    fn size(&self) -> u64 {
        self.object.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.calls.add(Operation::ReadStretch, &self.key);
        self.object.read_exact_at(buffer, offset)
    }
}
