//! Where a dataset lives: keys and bytes, whatever holds them.

mod error;
mod local;
mod memory;
mod recording;
mod s3;

use std::io::{self, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::file::reader::{ChunkReader, Length};

pub use error::{ErrorKind, StoreError};
use local::Local;
use memory::Simulated;
pub use memory::{Fate, Memory};
use recording::Recording;
pub use recording::{Calls, Operation};
use s3::Bucket;
pub(crate) use s3::is_s3;
pub use s3::{BadEndpoint, S3Keys, S3Settings};

/// A place for objects, named by `/`-separated keys. Cheap to clone; calls block.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Arc<dyn Backend>,
    location: Arc<str>,
}

impl Store {
    /// Opens the store that a user names: a folder, which need not exist yet, or `s3://bucket/prefix`. How to reach
    /// S3 is the process's setting, see [`S3Settings::install`]; nothing is asked of it yet.
    pub fn open(location: &str) -> Result<Store, StoreError> {
        if is_s3(location) {
            return Store::in_bucket(location, Bucket::open(location));
        }
        if let Some((scheme, _)) = location.split_once("://") {
            let what = format!("{scheme}:// is no place for datasets, give a folder or s3://bucket/prefix");
            let cause = io::Error::new(io::ErrorKind::Unsupported, what);
            return Err(StoreError::new("open", location, "", cause));
        }
        Ok(Store::local(Path::new(location)))
    }

    /// Opens `s3://bucket/prefix` over a connection of its own.
    pub fn open_s3(location: &str, settings: &S3Settings) -> Result<Store, StoreError> {
        Store::in_bucket(location, Bucket::open_with(location, settings))
    }

    fn in_bucket(location: &str, bucket: io::Result<Bucket>) -> Result<Store, StoreError> {
        let bucket = bucket.map_err(|cause| StoreError::new("open", location, "", cause))?;
        Ok(Store { backend: Arc::new(bucket), location: location.into() })
    }

    /// The store in a folder, which need not exist yet.
    pub fn local(folder: &Path) -> Store {
        let backend = Arc::new(Local::new(folder.to_owned()));
        Store { backend, location: folder.to_string_lossy().into() }
    }

    /// The store over `objects`, whose calls go as `fate` decides: for simulations.
    pub fn simulated(objects: &Memory, fate: Arc<dyn Fate>) -> Store {
        Store { backend: Arc::new(Simulated::new(objects, fate)), location: "memory".into() }
    }

    /// The same store, and a record of the calls that are made through it.
    pub fn recorded(self) -> (Store, Calls) {
        let calls = Calls::default();
        let backend = Arc::new(Recording::new(self.backend, calls.clone()));
        (Store { backend, location: self.location }, calls)
    }

    /// As it was opened, for messages.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Puts a small object. Whoever reads the key sees all of it, or what was there before.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.call("write", key, || {
            let mut upload = self.backend.create(key)?;
            upload.write_all(bytes)?;
            upload.finish()
        })
    }

    /// Begins an object that need not fit into memory. It appears under its key when it is finished.
    pub fn create(&self, key: &str) -> Result<ObjectWriter, StoreError> {
        let upload = self.call("write", key, || self.backend.create(key))?;
        Ok(ObjectWriter { upload, location: self.location.clone(), key: key.to_owned() })
    }

    /// Moves a finished local file into the store. The file is gone afterwards.
    pub fn put_file(&self, key: &str, file: &Path) -> Result<(), StoreError> {
        self.call("write", key, || self.backend.put_file(key, file))
    }

    /// Makes an attempt the part, unless there is one already: what stands at `part` is never replaced.
    /// Repeating it is harmless, also when the attempt has been deleted since.
    pub fn publish(&self, attempt: &str, part: &str) -> Result<Published, StoreError> {
        check_key(part).map_err(|cause| StoreError::new("publish", &self.location, part, cause))?;
        self.call("publish", attempt, || self.backend.publish(attempt, part))
    }

    /// The bytes of a small object.
    pub fn get(&self, key: &str) -> Result<Vec<u8>, StoreError> {
        self.call("read", key, || {
            let object = self.backend.read(key)?;
            let mut bytes = vec![0; object.size() as usize];
            object.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        })
    }

    /// Opens an object, to read any stretch of it.
    pub fn read(&self, key: &str) -> Result<Object, StoreError> {
        let bytes = self.call("read", key, || self.backend.read(key))?;
        Ok(Object::new(bytes, &self.location, key))
    }

    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.call("look for", key, || self.backend.exists(key))
    }

    /// The keys that begin with `folder`, which ends in `/` or is empty for all, in order of their bytes.
    pub fn list(
        &self,
        folder: &str,
    ) -> Result<impl Iterator<Item = Result<String, StoreError>> + Send + use<>, StoreError> {
        self.list_from(folder, Bound::Unbounded)
    }

    /// The same from a key on.
    pub fn list_from(
        &self,
        folder: &str,
        from: Bound<&str>,
    ) -> Result<impl Iterator<Item = Result<String, StoreError>> + Send + use<>, StoreError> {
        let failed = |location: &str, folder: &str, cause| StoreError::new("list", location, folder, cause);
        let (location, folder) = (self.location.clone(), folder.to_owned());
        let keys = self.backend.list(&folder, from).map_err(|cause| failed(&location, &folder, cause))?;
        Ok(keys.map(move |key| key.map_err(|cause| failed(&location, &folder, cause))))
    }

    /// Deletes an object. One that is not there is no error.
    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.call("delete", key, || self.backend.delete(key))
    }

    /// Removes what writers that crashed have left behind, and empty folders. Nobody may be writing.
    pub fn remove_leftovers(&self) -> Result<(), StoreError> {
        self.backend
            .remove_leftovers()
            .map_err(|cause| StoreError::new("clean up", &self.location, "", cause))
    }

    fn call<T>(
        &self,
        action: &'static str,
        key: &str,
        operation: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, StoreError> {
        check_key(key)
            .and_then(|()| operation())
            .map_err(|cause| StoreError::new(action, &self.location, key, cause))
    }
}

/// When a part came to be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Now,
    Before,
}

/// An object open for reading. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Object(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    bytes: Arc<dyn ReadAt>,
    location: Arc<str>,
    key: String,
    /// The last read that failed. Parquet's reader passes on no more than its text.
    failure: Mutex<Option<StoreError>>,
}

impl Object {
    fn new(bytes: Arc<dyn ReadAt>, location: &Arc<str>, key: &str) -> Object {
        let (location, key, failure) = (location.clone(), key.to_owned(), Mutex::new(None));
        Object(Arc::new(Opened { bytes, location, key, failure }))
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.0.bytes.size()
    }

    /// Fills `buffer` with the bytes at `offset`.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.bytes.read_exact_at(buffer, offset).inspect_err(|error| {
            // Who asks for bytes beyond the end has been misled by the object itself.
            if error.kind() != io::ErrorKind::UnexpectedEof {
                let cause = io::Error::new(error.kind(), error.to_string());
                let failure = StoreError::new("read", &self.0.location, &self.0.key, cause);
                *self.0.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            }
        })
    }

    /// The failure of the store that a read has met since this was last asked.
    pub(crate) fn take_failure(&self) -> Option<StoreError> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Reads from `offset` to the end, in stretches of a size that suits sequential reading.
    pub fn reader(&self, offset: u64) -> impl io::BufRead + Send + use<> {
        const STRETCH: usize = 256 << 10;
        io::BufReader::with_capacity(STRETCH, Cursor { object: self.clone(), offset })
    }
}

impl Length for Object {
    fn len(&self) -> u64 {
        self.size()
    }
}

impl ChunkReader for Object {
    type T = io::BufReader<Cursor>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        // What Parquet reads in this way are the few bytes of a page's header.
        const STRETCH: usize = 1 << 10;
        Ok(io::BufReader::with_capacity(STRETCH, Cursor { object: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // A damaged footer may ask for anything; memory is taken only for bytes that there are.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size()) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; length];
        self.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads an object from some place on.
#[derive(Debug)]
pub struct Cursor {
    object: Object,
    offset: u64,
}

impl io::Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.object.size().saturating_sub(self.offset);
        let count = left.min(buffer.len() as u64) as usize;
        self.object.read_exact_at(&mut buffer[..count], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// An object being written. Dropping it unfinished leaves nothing under its key.
pub struct ObjectWriter {
    upload: Box<dyn Upload>,
    location: Arc<str>,
    key: String,
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.upload.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.upload.flush()
    }
}

impl ObjectWriter {
    /// Makes the object appear under its key, whole and durable.
    pub fn finish(self) -> Result<(), StoreError> {
        self.upload.finish().map_err(|cause| StoreError::new("write", &self.location, &self.key, cause))
    }

    /// What an error while writing means for the store.
    pub fn error(&self, cause: io::Error) -> StoreError {
        StoreError::new("write", &self.location, &self.key, cause)
    }
}

/// What each kind of store does in its own way. Keys are checked before they come here.
trait Backend: Send + Sync + std::fmt::Debug {
    fn create(&self, key: &str) -> io::Result<Box<dyn Upload>>;
    fn put_file(&self, key: &str, file: &Path) -> io::Result<()>;
    fn publish(&self, attempt: &str, part: &str) -> io::Result<Published>;
    fn read(&self, key: &str) -> io::Result<Arc<dyn ReadAt>>;
    fn exists(&self, key: &str) -> io::Result<bool>;
    /// The keys that begin with a folder, from a key of the store on.
    fn list(&self, folder: &str, from: Bound<&str>) -> io::Result<Keys>;
    fn delete(&self, key: &str) -> io::Result<()>;
    fn remove_leftovers(&self) -> io::Result<()>;
}

type Keys = Box<dyn Iterator<Item = io::Result<String>> + Send>;

trait Upload: Write + Send {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

trait ReadAt: Send + Sync + std::fmt::Debug {
    fn size(&self) -> u64;
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Whether a store can hold an object of this key.
pub(crate) fn is_key(key: &str) -> bool {
    key.split('/').all(|part| !matches!(part, "" | "." | "..")) && !key.contains('\0')
}

/// Keys also come over the wire, so none may lead out of the store.
fn check_key(key: &str) -> io::Result<()> {
    if is_key(key) { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "that is no key")) }
}
