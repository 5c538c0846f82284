//! What a failed request means, in one clause.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Who was asked, and how often.
#[derive(Debug, Clone)]
pub(super) struct Answerer {
    /// `None` for Amazon's own service.
    pub(super) endpoint: Option<String>,
    pub(super) attempts: u32,
}

impl Answerer {
    fn name(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("Amazon S3")
    }
}

/// The kind tells absence, missing permission and a full store apart, as for files.
pub(super) fn explain<E>(error: SdkError<E>, from: &Answerer, bucket: &str) -> io::Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let name = from.name();
    match &error {
        SdkError::ServiceError(answer) => {
            refusal(answer.raw().status().as_u16(), answer.err().code(), answer.err().message(), from, bucket)
        }
        SdkError::TimeoutError(_) => timed_out(name),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => timed_out(name),
        SdkError::DispatchFailure(_) => {
            let what = format!("{name} cannot be reached: {}", root_cause(&error));
            io::Error::new(io::ErrorKind::NotConnected, what)
        }
        SdkError::ResponseError(answer) => broken_answer(answer.raw(), from, bucket, &error),
        _ => io::Error::other(format!("the request could not be made: {}", root_cause(&error))),
    }
}

/// An answer that is not what S3 says. A proxy's page of an error is still told by its status.
fn broken_answer(answer: &HttpResponse, from: &Answerer, bucket: &str, error: &dyn Error) -> io::Error {
    match answer.status().as_u16() {
        status @ 400.. => refusal(status, None, None, from, bucket),
        _ => io::Error::other(format!(
            "{} gave an answer that is not S3's: {}",
            from.name(),
            root_cause(error)
        )),
    }
}

fn refusal(
    status: u16,
    code: Option<&str>,
    message: Option<&str>,
    from: &Answerer,
    bucket: &str,
) -> io::Error {
    let name = from.name();
    match (code.unwrap_or_default(), status) {
        ("NoSuchBucket", _) => {
            io::Error::other(format!("there is no bucket {bucket} at {name}: create it, or name another"))
        }
        ("NoSuchKey" | "NotFound" | "NoSuchUpload", _) | ("", 404) => io::ErrorKind::NotFound.into(),
        (
            code @ ("InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "InvalidSecurity"
            | "AuthorizationHeaderMalformed"
            | "NotSignedUp"),
            _,
        ) => io::Error::other(format!(
            "{name} refuses the credentials ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )),
        ("AccessDenied", _) | ("", 401 | 403) => io::ErrorKind::PermissionDenied.into(),
        ("PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException", _)
        | ("", 301 | 307) => {
            io::Error::other(format!("the bucket {bucket} is in another region: set AWS_REGION to it"))
        }
        ("PreconditionFailed", _) | ("", 412) => io::Error::other("it has changed since it was opened"),
        ("InvalidRange", _) | ("", 416) => io::ErrorKind::UnexpectedEof.into(),
        (code, 507) | (code @ ("QuotaExceeded" | "XMinioStorageFull"), _) => {
            io::Error::new(io::ErrorKind::StorageFull, code.to_owned())
        }
        (code, 429 | 500..) => {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            let attempts = from.attempts;
            io::Error::other(format!("{name} answers {status}{code}, also when asked {attempts} times"))
        }
        (code, status) => {
            let message = message.map(|message| format!(": {message}")).unwrap_or_default();
            let code = if code.is_empty() { "refuses it" } else { code };
            io::Error::other(format!("{name} says {code} ({status}){message}"))
        }
    }
}

fn timed_out(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{name} does not answer in time"))
}

/// What lies at the bottom of an error, for example `Connection refused (os error 111)`.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
