//! `s3://bucket/prefix`, taken apart.

use std::io;

pub(super) const SCHEME: &str = "s3://";

/// Where in S3 a store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: String,
    /// What every key begins with: empty, or ending in `/`.
    pub(super) prefix: String,
}

impl Place {
    pub(super) fn parse(uri: &str) -> io::Result<Place> {
        let refusal = || {
            let what = "that is no place in S3: write s3://bucket or s3://bucket/prefix";
            io::Error::new(io::ErrorKind::InvalidInput, what)
        };
        let path = uri.strip_prefix(SCHEME).ok_or_else(refusal)?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let bucket_is_sound = !bucket.is_empty() && bucket.chars().all(is_plain);
        let prefix_is_sound = prefix.is_empty()
            || !prefix.split('/').any(|part| matches!(part, "" | "." | "..")) && !prefix.contains('\0');
        if !bucket_is_sound || !prefix_is_sound {
            return Err(refusal());
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Place { bucket: bucket.to_owned(), prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_a_bucket_and_a_prefix() {
        for (uri, bucket, prefix) in [
            ("s3://b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://my.bucket-1/out", "my.bucket-1", "out/"),
            ("s3://b/a b/ü/", "b", "a b/ü/"),
        ] {
            let place = Place { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(Place::parse(uri).unwrap(), place, "{uri}");
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for uri in ["s3://", "s3:///x", "s3://b/../c", "s3://b//c", "s3://user:secret@b/c", "s3://b?x", "b/c"]
        {
            assert!(Place::parse(uri).unwrap_err().to_string().contains("s3://bucket/prefix"), "{uri}");
        }
    }
}
