//! An object being written: small ones in one request, larger ones in parts that are sent as they fill.

use std::io::{self, Write};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tokio::task::JoinSet;

use super::Bucket;
use super::connection::wait;
use crate::store::Upload;

/// Parts of one object that are sent side by side. Memory is bounded by one more.
const PARTS_AT_ONCE: usize = 3;

/// The object appears when it is finished. Dropped before, it leaves nothing.
pub(super) struct S3Upload {
    bucket: Bucket,
    key: String,
    buffer: Vec<u8>,
    written: u64,
    /// Begun when the first part is full.
    parts: Option<Parts>,
}

struct Parts {
    upload: String,
    next_number: i32,
    sending: JoinSet<io::Result<CompletedPart>>,
    sent: Vec<CompletedPart>,
}

impl S3Upload {
    pub(super) fn begin(bucket: Bucket, key: String) -> S3Upload {
        S3Upload { bucket, key, buffer: Vec::new(), written: 0, parts: None }
    }

    fn part_bytes(&self) -> usize {
        self.bucket.connection.pace().part_bytes
    }

    /// Sends what is buffered, once there is room for it.
    fn send_part(&mut self) -> io::Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.buffer));
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => {
                let (bucket, key) = (bucket.clone(), key.clone());
                let upload = wait(async move { bucket.create_upload(&key).await })?;
                Parts { upload, next_number: 1, sending: JoinSet::new(), sent: Vec::new() }
            }
        };
        let (parts, sent) = wait(async move {
            let mut sent = Ok(());
            if parts.sending.len() >= PARTS_AT_ONCE {
                sent = parts.take_one().await;
            }
            let (upload, number) = (parts.upload.clone(), parts.next_number);
            parts.sending.spawn(async move { bucket.put_part(&key, &upload, number, bytes).await });
            parts.next_number += 1;
            (parts, sent)
        });
        self.parts = Some(parts);
        sent
    }

    fn put_whole(&mut self) -> io::Result<()> {
        let (bucket, key) = (self.bucket.clone(), self.key.clone());
        let bytes = Bytes::from(std::mem::take(&mut self.buffer));
        wait(async move {
            let request = bucket.connection.client().put_object().bucket(bucket.name()).key(key);
            let request = request.body(ByteStream::from(bytes));
            bucket.connection.ask(bucket.name(), request.send()).await.map(drop)
        })
    }

    fn complete(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        let (bucket, key, size) = (self.bucket.clone(), self.key.clone(), self.written);
        let (parts, completed) = wait(async move {
            let completed = async {
                while !parts.sending.is_empty() {
                    parts.take_one().await?;
                }
                parts.sent.sort_by_key(CompletedPart::part_number);
                bucket.complete_upload(&key, &parts.upload, parts.sent.clone(), size).await
            };
            let completed = completed.await;
            (parts, completed)
        });
        if completed.is_err() {
            self.parts = Some(parts);
        }
        completed
    }
}

impl Parts {
    /// Awaits the end of one part.
    async fn take_one(&mut self) -> io::Result<()> {
        let Some(sent) = self.sending.join_next().await else { return Ok(()) };
        self.sent.push(sent.map_err(io::Error::other)??);
        Ok(())
    }
}

impl Write for S3Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.part_bytes() - self.buffer.len();
        let taken = &bytes[..room.min(bytes.len())];
        self.buffer.extend_from_slice(taken);
        self.written += taken.len() as u64;
        if self.buffer.len() == self.part_bytes() {
            self.send_part()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload for S3Upload {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        match self.parts {
            Some(_) => self.complete(),
            None => self.put_whole(),
        }
    }
}

impl Drop for S3Upload {
    fn drop(&mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        let (bucket, key) = (self.bucket.clone(), std::mem::take(&mut self.key));
        wait(async move {
            // A part that arrives after the end of its upload would stay.
            parts.sending.shutdown().await;
            // What a failure leaves is removed when the dataset is sealed.
            let _ = bucket.abort_upload(&key, &parts.upload).await;
        });
    }
}

impl Bucket {
    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        bytes: Bytes,
    ) -> io::Result<CompletedPart> {
        let request = self
            .connection
            .client()
            .upload_part()
            .bucket(self.name())
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(bytes));
        let answer = self.connection.ask(self.name(), request.send()).await?;
        // Checksums go along where the client took them: a service either wants those of all parts or none.
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32)
            .set_checksum_crc64_nvme(answer.checksum_crc64_nvme)
            .build())
    }
}
