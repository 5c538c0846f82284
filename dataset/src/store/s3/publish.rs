//! Server-side copies from an attempt to a part, and the end of uploads that nobody will finish.

use std::io;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::Bucket;
use crate::store::Published;

/// How much one request copies of an object that takes several.
const COPY_PART_BYTES: u64 = 1 << 30;

impl Bucket {
    /// Copies an attempt to the part's key unless something stands there. Only the holder of a fenced commit gets
    /// here, so that nobody else writes to this key between the look and the copy; a copy that is repeated writes
    /// the same bytes.
    pub(super) async fn copy_once(&self, attempt: &str, part: &str) -> io::Result<Published> {
        if self.stands(part).await? {
            return Ok(Published::Before);
        }
        match self.copy(attempt, part).await {
            // Whoever published it before has deleted the attempt since we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.stands(part).await? => {
                Ok(Published::Before)
            }
            copied => copied.map(|()| Published::Now),
        }
    }

    async fn stands(&self, key: &str) -> io::Result<bool> {
        match self.size_of(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> io::Result<()> {
        let size = self.size_of(from).await?;
        if size > self.connection.pace().copy_bytes {
            return self.copy_in_parts(from, to, size).await;
        }
        let request = self
            .connection
            .client()
            .copy_object()
            .copy_source(self.source(from))
            .bucket(self.name())
            .key(to)
            .customize()
            .config_override(self.connection.for_copies());
        self.connection.ask(self.name(), request.send()).await.map(drop)
    }

    async fn copy_in_parts(&self, from: &str, to: &str, size: u64) -> io::Result<()> {
        let upload = self.create_upload(to).await?;
        let copied = async {
            let mut parts = Vec::new();
            let step = COPY_PART_BYTES.min(self.connection.pace().copy_bytes);
            for (number, start) in (1..).zip((0..size).step_by(step as usize)) {
                let last = (start + step).min(size) - 1;
                parts.push(self.copy_part(&upload, from, to, number, start, last).await?);
            }
            self.complete_upload(to, &upload, parts, size).await
        };
        let copied = copied.await;
        if copied.is_err() {
            // What it leaves then is removed when the dataset is sealed.
            let _ = self.abort_upload(to, &upload).await;
        }
        copied
    }

    async fn copy_part(
        &self,
        upload: &str,
        from: &str,
        to: &str,
        number: i32,
        first: u64,
        last: u64,
    ) -> io::Result<CompletedPart> {
        let request = self
            .connection
            .client()
            .upload_part_copy()
            .copy_source(self.source(from))
            .copy_source_range(format!("bytes={first}-{last}"))
            .bucket(self.name())
            .key(to)
            .upload_id(upload)
            .part_number(number)
            .customize()
            .config_override(self.connection.for_copies());
        let answer = self.connection.ask(self.name(), request.send()).await?;
        let tag = answer.copy_part_result.and_then(|result| result.e_tag);
        Ok(CompletedPart::builder().part_number(number).set_e_tag(tag).build())
    }

    /// A key as the source of a copy is written: in a header, so percent-encoded.
    fn source(&self, key: &str) -> String {
        use std::fmt::Write;
        let mut source = format!("{}/", self.name());
        for byte in key.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    source.push(byte.into());
                }
                _ => write!(source, "%{byte:02X}").expect("a String takes any text"),
            }
        }
        source
    }

    pub(super) async fn create_upload(&self, key: &str) -> io::Result<String> {
        let request = self.connection.client().create_multipart_upload().bucket(self.name()).key(key);
        let answer = self.connection.ask(self.name(), request.send()).await?;
        answer.upload_id.ok_or_else(|| io::Error::other("the upload was given no id"))
    }

    pub(super) async fn complete_upload(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
        size: u64,
    ) -> io::Result<()> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self
            .connection
            .client()
            .complete_multipart_upload()
            .bucket(self.name())
            .key(key)
            .upload_id(upload)
            .multipart_upload(parts)
            .customize()
            .config_override(self.connection.for_copies());
        match self.connection.ask(self.name(), request.send()).await {
            // It was completed already, by a request whose answer was lost.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.size_of(key).await? == size => {
                Ok(())
            }
            completed => completed.map(drop),
        }
    }

    pub(super) async fn abort_upload(&self, key: &str, upload: &str) -> io::Result<()> {
        let request =
            self.connection.client().abort_multipart_upload().bucket(self.name()).key(key).upload_id(upload);
        match self.connection.ask(self.name(), request.send()).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Ends all uploads below the prefix that are neither complete nor aborted. Their parts are paid for and shown
    /// in no listing.
    pub(super) async fn abort_uploads(&self) -> io::Result<()> {
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let request = self
                .connection
                .client()
                .list_multipart_uploads()
                .bucket(self.name())
                .prefix(&self.place.prefix)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker);
            let page = self.connection.ask(self.name(), request.send()).await?;
            for upload in page.uploads() {
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) {
                    self.abort_upload(key, id).await?;
                }
            }
            if page.is_truncated != Some(true) || page.next_key_marker.is_none() {
                return Ok(());
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }
}
