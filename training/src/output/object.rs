//! An object of a store whose length and hash are known when it is finished.

use std::io::{self, Write};

use dataset::{ObjectWriter, Store, StoreError};
use sha2::{Digest, Sha256};

use crate::limit::hex;

pub(crate) struct HashedObject {
    object: ObjectWriter,
    hash: Sha256,
    bytes: u64,
}

impl HashedObject {
    pub(crate) fn create(store: &Store, key: &str) -> Result<HashedObject, StoreError> {
        Ok(HashedObject { object: store.create(key)?, hash: Sha256::new(), bytes: 0 })
    }

    /// What an error while writing means for the store.
    pub(crate) fn error(&self, cause: io::Error) -> StoreError {
        self.object.error(cause)
    }

    /// Makes the object appear. Gives its length in bytes and its SHA-256 as lower-case hex.
    pub(crate) fn finish(self) -> Result<(u64, String), StoreError> {
        self.object.finish()?;
        Ok((self.bytes, hex(&self.hash.finalize())))
    }
}

impl Write for HashedObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.object.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.object.flush()
    }
}
