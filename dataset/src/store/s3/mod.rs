//! A store in a bucket: any service that speaks S3, asked for no more than all of them do.
//!
//! Nothing rests on conditional writes, which some services ignore. Start at [`Bucket`]; `connection` holds what
//! all stores of a process share, and the other modules are one kind of request each.

mod connection;
mod error;
mod listing;
mod location;
mod object;
mod publish;
mod settings;
mod upload;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use connection::{Connection, wait};
use listing::Listing;
use location::Place;
use object::RemoteObject;
pub use settings::{BadEndpoint, S3Keys, S3Settings};
use upload::S3Upload;

use super::{Backend, Keys, Published, ReadAt, Upload};

/// Whether a location names a place in a bucket.
pub(crate) fn is_s3(location: &str) -> bool {
    location.starts_with(location::SCHEME)
}

/// The objects of a bucket below one prefix. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    connection: Arc<Connection>,
    place: Arc<Place>,
}

impl Bucket {
    /// The place that a URI like `s3://bucket/prefix` names, over the connection that the process shares.
    pub(super) fn open(uri: &str) -> io::Result<Bucket> {
        let place = Place::parse(uri)?;
        Ok(Bucket { connection: Connection::shared()?, place: place.into() })
    }

    /// The same over a connection of its own.
    pub(super) fn open_with(uri: &str, settings: &S3Settings) -> io::Result<Bucket> {
        let place = Place::parse(uri)?;
        let connection = Connection::new(settings, connection::Pace::default())?;
        Ok(Bucket { connection: connection.into(), place: place.into() })
    }

    fn name(&self) -> &str {
        &self.place.bucket
    }

    /// The key in the bucket of what has this key in the store.
    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.place.prefix)
    }

    /// The size of the object at a full key.
    async fn size_of(&self, key: &str) -> io::Result<u64> {
        let request = self.connection.client().head_object().bucket(self.name()).key(key);
        let head = self.connection.ask(self.name(), request.send()).await?;
        Ok(head.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0))
    }
}

impl Backend for Bucket {
    fn create(&self, key: &str) -> io::Result<Box<dyn Upload>> {
        Ok(Box::new(S3Upload::begin(self.clone(), self.full(key))))
    }

    fn put_file(&self, key: &str, file: &Path) -> io::Result<()> {
        let mut upload = S3Upload::begin(self.clone(), self.full(key));
        io::copy(&mut File::open(file)?, &mut upload)?;
        Box::new(upload).finish()?;
        fs::remove_file(file)
    }

    fn publish(&self, attempt: &str, part: &str) -> io::Result<Published> {
        let (bucket, attempt, part) = (self.clone(), self.full(attempt), self.full(part));
        wait(async move { bucket.copy_once(&attempt, &part).await })
    }

    fn read(&self, key: &str) -> io::Result<Arc<dyn ReadAt>> {
        Ok(Arc::new(RemoteObject::open(self.clone(), self.full(key))?))
    }

    fn exists(&self, key: &str) -> io::Result<bool> {
        let (bucket, key) = (self.clone(), self.full(key));
        match wait(async move { bucket.size_of(&key).await }) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &str, from: Bound<&str>) -> io::Result<Keys> {
        Ok(Box::new(Listing::start(self.clone(), folder, from)?))
    }

    fn delete(&self, key: &str) -> io::Result<()> {
        let (bucket, key) = (self.clone(), self.full(key));
        wait(async move {
            let request = bucket.connection.client().delete_object().bucket(bucket.name()).key(key);
            match bucket.connection.ask(bucket.name(), request.send()).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        let bucket = self.clone();
        wait(async move { bucket.abort_uploads().await })
    }
}
