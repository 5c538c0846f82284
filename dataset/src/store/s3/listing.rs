//! Keys in the order of their bytes, page by page.

use std::io;
use std::ops::Bound;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

use super::Bucket;
use super::connection::wait;

/// Yields the keys of a store that begin with a folder. Holds one page.
#[derive(Debug)]
pub(super) struct Listing {
    bucket: Bucket,
    /// What all keys in the bucket begin with.
    prefix: String,
    /// Where the first page begins: after this key of the bucket.
    after: Option<String>,
    /// Keys of the bucket before this one are passed over.
    from: String,
    page: std::vec::IntoIter<String>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    /// The page that this token stands for.
    Page(String),
    End,
}

impl Listing {
    /// Reads the first page, so that a store that cannot be listed is told at once.
    pub(super) fn start(bucket: Bucket, folder: &str, from: Bound<&str>) -> io::Result<Listing> {
        let (after, from) = match from {
            Bound::Unbounded => (None, String::new()),
            Bound::Excluded(key) => (Some(bucket.full(key)), String::new()),
            Bound::Included(key) => {
                // A listing begins after a key. Hardly anything lies between this one and the key itself.
                let key = bucket.full(key);
                let shorter: String = key.chars().take(key.chars().count().saturating_sub(1)).collect();
                (Some(shorter).filter(|shorter| !shorter.is_empty()), key)
            }
        };
        let prefix = bucket.full(folder);
        let mut listing =
            Listing { bucket, prefix, after, from, page: Vec::new().into_iter(), next: Next::First };
        listing.turn_page()?;
        Ok(listing)
    }

    fn turn_page(&mut self) -> io::Result<()> {
        let token = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::Page(token) => Some(token),
            Next::End => return Ok(()),
        };
        let after = if token.is_none() { self.after.take() } else { None };
        let (bucket, prefix) = (self.bucket.clone(), self.prefix.clone());
        let page = wait(async move { page(&bucket, prefix, after, token).await })?;
        self.next = match page.next_continuation_token {
            Some(token) if page.is_truncated == Some(true) => Next::Page(token),
            _ => Next::End,
        };
        let is_encoded = page.encoding_type == Some(EncodingType::Url);
        let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let keys = keys.map(|key| if is_encoded { decoded(&key) } else { key });
        self.page = keys.collect::<Vec<_>>().into_iter();
        Ok(())
    }

    fn advance(&mut self) -> io::Result<Option<String>> {
        loop {
            for key in self.page.by_ref() {
                // Some tools put an empty object where a file system has a folder.
                if key < self.from || key.ends_with('/') {
                    continue;
                }
                if let Some(key) = key.strip_prefix(&self.bucket.place.prefix) {
                    return Ok(Some(key.to_owned()));
                }
            }
            if matches!(self.next, Next::End) {
                return Ok(None);
            }
            self.turn_page()?;
        }
    }
}

impl Iterator for Listing {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// A key as a listing writes it in a URL's way, with `+` for a space.
fn decoded(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

async fn page(
    bucket: &Bucket,
    prefix: String,
    after: Option<String>,
    token: Option<String>,
) -> io::Result<ListObjectsV2Output> {
    let request = bucket
        .connection
        .client()
        .list_objects_v2()
        .bucket(bucket.name())
        .prefix(prefix)
        // XML cannot hold every character that a key can.
        .encoding_type(EncodingType::Url)
        .set_start_after(after)
        .set_continuation_token(token);
    bucket.connection.ask(bucket.name(), request.send()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_urls_way_are_read_back() {
        for (written, key) in [
            ("a/b.py", "a/b.py"),
            ("a+b%2Bc%20d", "a b+c d"),
            ("%C3%A9%01%0A.py", "é\u{1}\n.py"),
            ("100%", "100%"),
            ("%zz%2", "%zz%2"),
        ] {
            assert_eq!(decoded(written), key);
        }
    }
}
