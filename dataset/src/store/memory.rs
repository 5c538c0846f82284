//! A store in memory, for simulations of those who use stores: whoever opens it decides what befalls each call.
//!
//! It is as weak as any object store that we bear with: to publish is to look and then to copy, and a listing may be
//! old.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Backend, Keys, Operation, Published, ReadAt, Upload};

/// The objects, which all stores that are opened on them share.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Objects>>);

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<String, Bytes>,
    /// How often leftovers were removed: uploads that were begun before are gone.
    cleanings: u64,
}

/// What befalls the calls of one store.
pub trait Fate: Send + Sync + fmt::Debug {
    /// The call is about to reach the store. After an error it never does.
    fn before(&self, operation: Operation, key: &str) -> io::Result<()>;

    /// The store has done it. After an error the caller does not hear of that.
    fn after(&self, operation: Operation, key: &str) -> io::Result<()>;

    /// Whether a listing shows this object yet.
    fn is_listed(&self, key: &str) -> bool;
}

impl Memory {
    /// The bytes of an object.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        self.lock().by_key.get(key).cloned()
    }

    /// Places an object without asking anybody.
    pub fn put(&self, key: &str, bytes: Bytes) {
        self.lock().by_key.insert(key.to_owned(), bytes);
    }

    /// All keys that begin with `folder`, in order.
    pub fn keys(&self, folder: &str) -> Vec<String> {
        let objects = self.lock();
        let from = objects.by_key.range(folder.to_owned()..);
        from.map(|(key, _)| key).take_while(|key| key.starts_with(folder)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One caller's view of the objects.
#[derive(Debug)]
pub(super) struct Simulated {
    objects: Memory,
    fate: Arc<dyn Fate>,
}

impl Simulated {
    pub(super) fn new(objects: &Memory, fate: Arc<dyn Fate>) -> Simulated {
        Simulated { objects: objects.clone(), fate }
    }

    fn call<T>(
        &self,
        operation: Operation,
        key: &str,
        call: impl FnOnce(&mut Objects) -> io::Result<T>,
    ) -> io::Result<T> {
        self.fate.before(operation, key)?;
        let answer = call(&mut self.objects.lock())?;
        self.fate.after(operation, key)?;
        Ok(answer)
    }
}

impl Backend for Simulated {
    fn create(&self, key: &str) -> io::Result<Box<dyn Upload>> {
        let (objects, fate) = (self.objects.clone(), Arc::clone(&self.fate));
        let cleanings = objects.lock().cleanings;
        let store = Simulated { objects, fate };
        Ok(Box::new(Unfinished { store, key: key.to_owned(), bytes: Vec::new(), cleanings }))
    }

    fn put_file(&self, key: &str, file: &Path) -> io::Result<()> {
        let bytes = std::fs::read(file)?;
        self.call(Operation::Put, key, |objects| {
            objects.by_key.insert(key.to_owned(), bytes.into());
            Ok(())
        })?;
        std::fs::remove_file(file)
    }

    fn publish(&self, attempt: &str, part: &str) -> io::Result<Published> {
        if self.exists(part)? {
            return Ok(Published::Before);
        }
        let copied = self.call(Operation::Publish, part, |objects| {
            let bytes = objects.by_key.get(attempt).cloned().ok_or(io::ErrorKind::NotFound)?;
            objects.by_key.insert(part.to_owned(), bytes);
            Ok(Published::Now)
        });
        match copied {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.exists(part)? => {
                Ok(Published::Before)
            }
            copied => copied,
        }
    }

    fn read(&self, key: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.call(Operation::Read, key, |objects| {
            let bytes = objects.by_key.get(key).cloned().ok_or(io::ErrorKind::NotFound)?;
            Ok(Arc::new(Held(bytes)) as Arc<dyn ReadAt>)
        })
    }

    fn exists(&self, key: &str) -> io::Result<bool> {
        self.call(Operation::Exists, key, |objects| Ok(objects.by_key.contains_key(key)))
    }

    fn list(&self, folder: &str, from: Bound<&str>) -> io::Result<Keys> {
        self.fate.before(Operation::List, folder)?;
        let is_from = |key: &str| match from {
            Bound::Included(first) => key >= first,
            Bound::Excluded(before) => key > before,
            Bound::Unbounded => true,
        };
        let keys =
            self.objects.keys(folder).into_iter().filter(|key| is_from(key) && self.fate.is_listed(key));
        let keys: Vec<io::Result<String>> = keys.map(Ok).collect();
        self.fate.after(Operation::List, folder)?;
        Ok(Box::new(keys.into_iter()))
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        self.call(Operation::Delete, key, |objects| {
            objects.by_key.remove(key);
            Ok(())
        })
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        self.call(Operation::RemoveLeftovers, "", |objects| {
            objects.cleanings += 1;
            Ok(())
        })
    }
}

struct Unfinished {
    store: Simulated,
    key: String,
    bytes: Vec<u8>,
    cleanings: u64,
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for Unfinished {
    fn finish(self: Box<Self>) -> io::Result<()> {
        let Unfinished { store, key, bytes, cleanings } = *self;
        store.call(Operation::Put, &key, |objects| {
            if objects.cleanings > cleanings {
                return Err(io::ErrorKind::NotFound.into());
            }
            objects.by_key.insert(key.clone(), bytes.into());
            Ok(())
        })
    }
}

#[derive(Debug)]
struct Held(Bytes);

impl ReadAt for Held {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset).ok().and_then(|start| self.0.get(start..)?.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
