//! Objects as files of one folder: `buckets/NAME/KEY` with the key's `/` escaped, `uploads/ID/` for what is not
//! complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CommonPrefix, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult,
    CopySource, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput,
    DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, MultipartUpload, Object, PutObjectInput, PutObjectOutput, Range, StreamingBlob,
    Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use tokio_stream::StreamExt;

use crate::Faults;

/// As many as S3 names at once.
const PAGE: usize = 1000;

#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    faults: Faults,
    page: AtomicUsize,
    names: AtomicU64,
}

impl Folder {
    pub(crate) fn new(root: &Path, faults: Faults) -> io::Result<Folder> {
        for part in ["buckets", "uploads", "aside"] {
            fs::create_dir_all(root.join(part))?;
        }
        // A server that was killed has left names behind that must not be given again.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let names = AtomicU64::new(since_epoch.as_nanos() as u64);
        Ok(Folder(Arc::new(Inner { root: root.to_owned(), faults, page: AtomicUsize::new(PAGE), names })))
    }

    pub(crate) fn create_bucket(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.0.root.join("buckets").join(name))
    }

    pub(crate) fn set_page(&self, keys: usize) {
        self.0.page.store(keys, Ordering::Relaxed);
    }

    /// Id, bucket and key of each.
    pub(crate) fn uploads(&self) -> Vec<(String, String, String)> {
        let folders = fs::read_dir(self.0.root.join("uploads")).into_iter().flatten().flatten();
        let mut uploads: Vec<_> = folders
            .filter_map(|folder| {
                let id = folder.file_name().into_string().ok()?;
                let of = fs::read_to_string(folder.path().join("of")).ok()?;
                let (bucket, key) = of.split_once('/')?;
                Some((id, bucket.to_owned(), key.to_owned()))
            })
            .collect();
        uploads.sort_by(|one, other| (&one.2, &one.0).cmp(&(&other.2, &other.0)));
        uploads
    }

    fn fresh_name(&self) -> String {
        format!("{:016x}", self.0.names.fetch_add(1, Ordering::Relaxed))
    }

    fn bucket(&self, name: &str) -> S3Result<PathBuf> {
        let folder = self.0.root.join("buckets").join(name);
        if folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchBucket)) }
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        Ok(self.bucket(bucket)?.join(escaped(key)))
    }

    fn existing(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        let path = self.object(bucket, key)?;
        if path.is_file() { Ok(path) } else { Err(s3_error!(NoSuchKey)) }
    }

    fn upload(&self, id: &str) -> S3Result<PathBuf> {
        let folder = self.0.root.join("uploads").join(id);
        if !id.contains('/') && folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// Bytes appear at a path whole or not at all.
    fn place(&self, path: &Path, bytes: &[u8]) -> S3Result<ETag> {
        let aside = self.0.root.join("aside").join(self.fresh_name());
        fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path)).map_err(internal)?;
        tag(path)
    }

    fn source(&self, source: &CopySource) -> S3Result<PathBuf> {
        match source {
            CopySource::Bucket { bucket, key, .. } => self.existing(bucket, key),
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(s3_error!(NotImplemented)),
        }
    }
}

#[tonic::async_trait]
impl S3 for Folder {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let GetObjectInput { bucket, key, range, if_match, .. } = req.input;
        let path = self.existing(&bucket, &key)?;
        let (bytes, tag) = (fs::read(&path).map_err(internal)?, tag(&path)?);
        if let Some(ETagCondition::ETag(wanted)) = if_match
            && !self.0.faults.conditions_are_ignored()
            && wanted.value() != tag.value()
        {
            return Err(s3_error!(PreconditionFailed));
        }
        let size = bytes.len() as u64;
        let asked = range.map(|range: Range| range.check(size)).transpose()?;
        let content_range =
            asked.as_ref().map(|asked| format!("bytes {}-{}/{size}", asked.start, asked.end - 1));
        let asked = asked.unwrap_or(0..size);
        let bytes = Bytes::from(bytes).slice(asked.start as usize..asked.end as usize);
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(bytes.len() as i64),
            content_range,
            e_tag: Some(tag),
            last_modified: Some(modified(&path)?),
            body: Some(StreamingBlob::from(Body::from(bytes))),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let path = self.existing(&req.input.bucket, &req.input.key)?;
        let size = path.metadata().map_err(internal)?.len();
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(size as i64),
            e_tag: Some(tag(&path)?),
            last_modified: Some(modified(&path)?),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput { bucket, key, body, .. } = req.input;
        let path = self.object(&bucket, &key)?;
        let tag = self.place(&path, &whole(body).await?)?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(tag), ..PutObjectOutput::default() }))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let bytes = fs::read(self.source(&req.input.copy_source)?).map_err(internal)?;
        let tag = self.place(&self.object(&req.input.bucket, &req.input.key)?, &bytes)?;
        let result = CopyObjectResult { e_tag: Some(tag), ..CopyObjectResult::default() };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let path = self.object(&req.input.bucket, &req.input.key)?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(internal(error)),
            _ => Ok(S3Response::new(DeleteObjectOutput::default())),
        }
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let ListObjectsV2Input {
            bucket,
            prefix,
            delimiter,
            start_after,
            continuation_token,
            encoding_type,
            ..
        } = req.input;
        let folder = self.bucket(&bucket)?;
        let entries = fs::read_dir(&folder).map_err(internal)?.flatten();
        let prefix = prefix.unwrap_or_default();
        let after = continuation_token.map(|token| from_token(&token)).or(start_after).unwrap_or_default();
        let mut keys: Vec<String> = entries
            .filter_map(|entry| Some(unescaped(entry.file_name().to_str()?)))
            .filter(|key| key.starts_with(&prefix) && *key > after)
            .collect();
        keys.sort_unstable();
        let page = self.0.page.load(Ordering::Relaxed);
        let is_truncated = keys.len() > page;
        keys.truncate(page);
        let next = keys.last().map(|key| to_token(key)).filter(|_| is_truncated);
        let written = |key: &str| if encoding_type.is_some() { url_encoded(key) } else { key.to_owned() };
        let (mut folders, mut objects) = (Vec::new(), Vec::new());
        for key in keys {
            match delimiter.as_deref().and_then(|delimiter| folder_of(&key, &prefix, delimiter)) {
                Some(inner) => folders.push(written(inner)),
                // One that is deleted meanwhile is none.
                None => objects.extend(listed(&folder.join(escaped(&key)), written(&key)).ok()),
            }
        }
        folders.dedup();
        let listed = folders.len() + objects.len();
        let folders = folders.into_iter().map(|inner| CommonPrefix { prefix: Some(inner) });
        Ok(S3Response::new(ListObjectsV2Output {
            is_truncated: Some(is_truncated),
            next_continuation_token: next,
            common_prefixes: Some(folders.collect()),
            key_count: Some(listed as i32),
            contents: Some(objects),
            encoding_type,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let CreateMultipartUploadInput { bucket, key, .. } = req.input;
        self.bucket(&bucket)?;
        let id = self.fresh_name();
        let folder = self.0.root.join("uploads").join(&id);
        fs::create_dir(&folder)
            .and_then(|()| fs::write(folder.join("of"), format!("{bucket}/{key}")))
            .map_err(internal)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let UploadPartInput { upload_id, part_number, body, .. } = req.input;
        let path = self.upload(&upload_id)?.join(part_number.to_string());
        let tag = self.place(&path, &whole(body).await?)?;
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(tag), ..UploadPartOutput::default() }))
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let UploadPartCopyInput { copy_source, copy_source_range, upload_id, part_number, .. } = req.input;
        let bytes = fs::read(self.source(&copy_source)?).map_err(internal)?;
        let range = copy_source_range.unwrap_or_default();
        let (first, last) = range
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
            .and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)))
            .ok_or_else(|| s3_error!(InvalidArgument))?;
        let part = bytes.get(first..=last).ok_or_else(|| s3_error!(InvalidRange))?;
        let tag = self.place(&self.upload(&upload_id)?.join(part_number.to_string()), part)?;
        let result = CopyPartResult { e_tag: Some(tag), ..CopyPartResult::default() };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, .. } = req.input;
        let folder = self.upload(&upload_id)?;
        let mut bytes = Vec::new();
        for part in multipart_upload.and_then(|upload| upload.parts).unwrap_or_default() {
            let number = part.part_number.unwrap_or_default().to_string();
            bytes.extend(fs::read(folder.join(number)).map_err(|_| s3_error!(InvalidPart))?);
        }
        let tag = self.place(&self.object(&bucket, &key)?, &bytes)?;
        fs::remove_dir_all(folder).map_err(internal)?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(tag),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        fs::remove_dir_all(self.upload(&req.input.upload_id)?).map_err(internal)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
        let prefix = prefix.unwrap_or_default();
        let uploads = self.uploads().into_iter();
        let uploads = uploads.filter(|(_, of, key)| *of == bucket && key.starts_with(&prefix));
        let uploads = uploads.map(|(id, _, key)| MultipartUpload {
            key: Some(key),
            upload_id: Some(id),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

async fn whole(body: Option<StreamingBlob>) -> S3Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut body) = body else { return Ok(bytes) };
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| s3_error!(IncompleteBody))?);
    }
    Ok(bytes)
}

/// Tells one version of an object from the next.
fn tag(path: &Path) -> S3Result<ETag> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().map_err(internal)?;
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Ok(ETag::Strong(format!("{:x}-{seconds:x}-{nanoseconds:x}", metadata.ino())))
}

fn modified(path: &Path) -> S3Result<Timestamp> {
    Ok(path.metadata().and_then(|metadata| metadata.modified()).map_err(internal)?.into())
}

/// An object as a listing shows it.
fn listed(path: &Path, key: String) -> S3Result<Object> {
    let size = path.metadata().map_err(internal)?.len();
    Ok(Object {
        key: Some(key),
        size: Some(size as i64),
        e_tag: Some(tag(path)?),
        last_modified: Some(modified(path)?),
        ..Object::default()
    })
}

/// What a listing shows of a key that lies deeper than the delimiter allows.
fn folder_of<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let at = key[prefix.len()..].find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

fn internal(error: io::Error) -> s3s::S3Error {
    s3s::S3Error::with_source(s3s::S3ErrorCode::InternalError, Box::new(error))
}

/// A key as the name of a file. The order of keys is lost.
/// The key after which the next page begins, in letters that any answer can hold.
fn to_token(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_token(token: &str) -> String {
    let byte = |start| u8::from_str_radix(token.get(start..start + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..token.len()).step_by(2).filter_map(byte).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As S3 does where it is asked to.
fn url_encoded(key: &str) -> String {
    let mut encoded = String::new();
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => encoded.push(byte.into()),
            b' ' => encoded.push('+'),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn escaped(key: &str) -> String {
    key.replace('%', "%25").replace('/', "%2F")
}

fn unescaped(name: &str) -> String {
    name.replace("%2F", "/").replace("%25", "%")
}
