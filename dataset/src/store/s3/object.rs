//! An object open for reading, a stretch at a time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::Bytes;

use super::Bucket;
use super::connection::wait;
use crate::store::ReadAt;

/// How much the first request asks for: all of most objects.
const FIRST_BYTES: u64 = 64 << 10;

/// A shorter read gets this much around it, which answers the reads beside it. Reading a Parquet file is many short
/// reads, in one place for each column, and each request takes tens of milliseconds.
const WINDOW_BYTES: u64 = 1 << 20;
const WINDOWS: usize = 24;

/// Its size and tag are those of the moment when it was opened.
#[derive(Debug)]
pub(super) struct RemoteObject {
    bucket: Bucket,
    key: String,
    size: u64,
    /// What tells this version of the object from others.
    tag: Option<String>,
    /// What was read last, the latest at the end.
    windows: Mutex<VecDeque<Window>>,
}

#[derive(Debug, Clone)]
struct Window {
    offset: u64,
    bytes: Bytes,
}

impl Window {
    /// The stretch, if all of it lies here.
    fn stretch(&self, offset: u64, length: u64) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl RemoteObject {
    /// Asks for the object's beginning, and so learns its size.
    pub(super) fn open(bucket: Bucket, key: String) -> io::Result<RemoteObject> {
        let (asked, of) = (bucket.clone(), key.clone());
        let begun = wait(async move { asked.begin(&of).await })?;
        let Beginning { bytes, size, tag } = begun;
        let windows = Mutex::new(VecDeque::from([Window { offset: 0, bytes }]));
        Ok(RemoteObject { bucket, key, size, tag, windows })
    }

    fn known(&self, offset: u64, length: u64) -> Option<Bytes> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter().find_map(|window| window.stretch(offset, length))
    }

    fn fetch(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        let (bucket, key, tag) = (self.bucket.clone(), self.key.clone(), self.tag.clone());
        wait(async move { bucket.stretch(&key, tag, offset, length).await })
    }

    fn remember(&self, window: Window) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() == WINDOWS {
            windows.pop_front();
        }
        windows.push_back(window);
    }
}

impl ReadAt for RemoteObject {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(bytes) = self.known(offset, length) {
            buffer.copy_from_slice(&bytes);
            return Ok(());
        }
        if length >= WINDOW_BYTES {
            buffer.copy_from_slice(&self.fetch(offset, length)?);
            return Ok(());
        }
        // Near the end, what comes before is wanted next: a Parquet file is read from its last bytes backwards.
        let start = offset.min(self.size.saturating_sub(WINDOW_BYTES));
        let window = Window { offset: start, bytes: self.fetch(start, WINDOW_BYTES.min(self.size - start))? };
        let bytes = window.stretch(offset, length).expect("a window holds what it was made for");
        buffer.copy_from_slice(&bytes);
        self.remember(window);
        Ok(())
    }
}

struct Beginning {
    bytes: Bytes,
    size: u64,
    tag: Option<String>,
}

impl Bucket {
    async fn begin(&self, key: &str) -> io::Result<Beginning> {
        let range = format!("bytes=0-{}", FIRST_BYTES - 1);
        match self.get(key, None, range).await {
            Ok((answer, bytes)) => {
                let size = total_size(&answer).unwrap_or(bytes.len() as u64);
                Ok(Beginning { bytes, size, tag: answer.e_tag })
            }
            // An empty object has no first byte.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Beginning { bytes: Bytes::new(), size: self.size_of(key).await?, tag: None })
            }
            Err(error) => Err(error),
        }
    }

    async fn stretch(&self, key: &str, tag: Option<String>, offset: u64, length: u64) -> io::Result<Bytes> {
        let range = format!("bytes={offset}-{}", offset + length - 1);
        let (answer, bytes) = self.get(key, tag, range).await?;
        let begins_here = answer
            .content_range()
            .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok())
            .map_or(offset == 0, |start: u64| start == offset);
        if begins_here && bytes.len() as u64 == length {
            return Ok(bytes);
        }
        Err(io::Error::other("other bytes came than were asked for"))
    }

    /// A part of an object, whole. The client asks again only until an answer begins; what breaks off later is
    /// asked for again here.
    async fn get(
        &self,
        key: &str,
        tag: Option<String>,
        range: String,
    ) -> io::Result<(GetObjectOutput, Bytes)> {
        let pace = self.connection.pace();
        let mut pause = pace.first_pause;
        let mut attempt = 1;
        loop {
            match self.get_once(key, tag.clone(), range.clone()).await? {
                Ok(whole) => return Ok(whole),
                Err(broken) if attempt >= pace.attempts => return Err(broken),
                Err(_) => {
                    tokio::time::sleep(jittered(pause)).await;
                    pause = (pause * 2).min(pace.longest_pause);
                    attempt += 1;
                }
            }
        }
    }

    /// The inner error is that of an answer that broke off.
    async fn get_once(
        &self,
        key: &str,
        tag: Option<String>,
        range: String,
    ) -> io::Result<io::Result<(GetObjectOutput, Bytes)>> {
        let request = self.connection.client().get_object().bucket(self.name()).key(key).range(range);
        let broken = |cause: &dyn std::error::Error| {
            let cause = super::error::root_cause(cause);
            io::Error::other(format!("the answer broke off: {cause}"))
        };
        let whole = async {
            let mut answer = request.set_if_match(tag).send().await?;
            let expected = answer.content_length();
            let body = std::mem::take(&mut answer.body).collect().await;
            Ok(match body.map(|body| body.into_bytes()) {
                Ok(bytes) if expected.is_none_or(|length| length == bytes.len() as i64) => {
                    Ok((answer, bytes))
                }
                Ok(_) => Err(io::Error::other("the answer broke off")),
                Err(error) => Err(broken(&error)),
            })
        };
        self.connection.ask(self.name(), whole).await
    }
}

/// Of the whole object, as an answer about a part of it says.
fn total_size(answer: &GetObjectOutput) -> Option<u64> {
    match answer.content_range() {
        Some(range) => range.rsplit_once('/')?.1.parse().ok(),
        // Everything came, although a part was asked for.
        None => u64::try_from(answer.content_length()?).ok(),
    }
}

/// Something between nothing and `pause`, so that many who failed together do not ask together again.
pub(super) fn jittered(pause: std::time::Duration) -> std::time::Duration {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = RandomState::new().build_hasher().finish() >> 32;
    pause.mul_f64(random as f64 / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_answers_what_lies_in_it() {
        let window = Window { offset: 10, bytes: Bytes::from_static(b"abcde") };
        assert_eq!(window.stretch(10, 5).unwrap(), "abcde");
        assert_eq!(window.stretch(12, 2).unwrap(), "cd");
        assert_eq!(window.stretch(15, 0).unwrap(), "");
        for (offset, length) in [(9, 2), (14, 2), (16, 0), (u64::MAX, 1), (10, u64::MAX)] {
            assert_eq!(window.stretch(offset, length), None, "{offset} {length}");
        }
    }
}
