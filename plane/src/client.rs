//! The caller's side: where the coordinator is, how to trust it, and how to be trusted.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{self, Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Response, Status};

use crate::connection::Roaming;
use crate::files::{self, FileError};
use crate::fresh::{Fresh, LOOK_EVERY};
use crate::token::{BadToken, Token, present};
use crate::version::{check_coordinator, tell};

/// A connection that cannot be made, and one whose other end vanished without a word, are given up after this: well
/// within the time of a lease, so that the call can be made again elsewhere.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The environment variables of [`Options`], which programs that are not meant must not inherit.
pub const VARIABLES: [&str; 4] = ["ET_TOKEN_FILE", "ET_CA", "ET_CERT", "ET_KEY"];

/// How to call a coordinator that is not open to everybody.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Security")]
pub struct Options {
    /// File with the token to show to the coordinator.
    #[arg(long, value_name = "FILE", env = "ET_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,

    /// Certificates of the authorities that may vouch for the coordinator, in PEM form [default: this system's].
    #[arg(long, value_name = "FILE", env = "ET_CA")]
    pub ca: Option<PathBuf>,

    /// Certificate to show to the coordinator, in PEM form.
    #[arg(long, value_name = "FILE", env = "ET_CERT")]
    pub cert: Option<PathBuf>,

    /// Private key of --cert, in PEM form.
    #[arg(long, value_name = "FILE", env = "ET_KEY")]
    pub key: Option<PathBuf>,
}

/// Why there is nobody to call.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error(
        "'{0}' is no address of a coordinator: give one such as http://127.0.0.1:7070 or https://et.example.org"
    )]
    Address(String),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the token file {} is of no use: {cause}", path.display())]
    Token { path: PathBuf, cause: BadToken },
    #[error("--cert and --key go together: give both or neither")]
    HalfIdentity,
    #[error(
        "{option} means something only where the coordinator's address begins with https://, which {address} does not"
    )]
    TlsWithoutHttps { option: &'static str, address: String },
    #[error("the certificates for {address} cannot be used: {cause}")]
    Tls { address: String, cause: String },
}

/// A coordinator that can be called, or several that stand for each other. Shows as its address.
#[derive(Clone)]
pub struct Target {
    address: String,
    endpoints: Arc<Fresh<Vec<Endpoint>>>,
    signature: Signature,
}

/// A connection to a coordinator: made when it is needed, and again, to the next one if there are several, when it is
/// lost. A name that stands for several is resolved anew each time.
pub type Connection = InterceptedService<Roaming, Signature>;

/// Adds the token and the version to every call.
#[derive(Clone)]
pub struct Signature(Option<Arc<Fresh<AsciiMetadataValue>>>);

impl Options {
    /// Reads all that is needed to call the coordinator at `address`, or those at several with commas between them.
    pub fn target(&self, address: &str) -> Result<Target, TargetError> {
        let signature = self.signature()?;
        let files = [&self.ca, &self.cert, &self.key].into_iter().flatten().cloned().collect();
        let (options, addresses) = (self.clone(), address.to_owned());
        let read = move || addresses.split(',').map(|address| options.endpoint(address.trim())).collect();
        let endpoints: Fresh<Vec<Endpoint>> = Fresh::read(files, LOOK_EVERY, read)?;
        let is_in_clear = |endpoint: &Endpoint| !is_https(endpoint) && !is_this_machine(endpoint);
        if signature.0.is_some() && endpoints.get().iter().any(is_in_clear) {
            tracing::warn!(%address, "the token travels in the clear: use https://");
        }
        Ok(Target { address: address.to_owned(), endpoints: Arc::new(endpoints), signature })
    }

    fn endpoint(&self, address: &str) -> Result<Endpoint, TargetError> {
        let endpoint = parse(address).ok_or_else(|| TargetError::Address(address.to_owned()))?;
        let is_https = is_https(&endpoint);
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PROBE_INTERVAL)
            .keep_alive_timeout(PROBE_TIMEOUT)
            .tcp_nodelay(true);
        if !is_https {
            self.expect_no_tls(address)?;
            return Ok(endpoint);
        }
        let unusable = |error: transport::Error| TargetError::Tls {
            address: address.to_owned(),
            cause: root_cause(&error),
        };
        endpoint.tls_config(self.tls()?).map_err(unusable)
    }

    fn signature(&self) -> Result<Signature, TargetError> {
        let Some(path) = &self.token_file else { return Ok(Signature(None)) };
        let file = path.clone();
        let read = move || {
            let text = files::read_secret("token file", &file)?;
            let token = Token::parse(text.trim());
            let token = token.map_err(|cause| TargetError::Token { path: file.clone(), cause })?;
            Ok::<_, TargetError>(token.to_metadata())
        };
        Ok(Signature(Some(Arc::new(Fresh::read(vec![path.clone()], LOOK_EVERY, read)?))))
    }

    fn tls(&self) -> Result<ClientTlsConfig, TargetError> {
        let tls = match &self.ca {
            Some(ca) => {
                let ca = files::read_certificates("certificate file", ca)?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let cert = files::read_certificates("certificate file", cert)?;
                let key = files::read_key("key file", key)?;
                Ok(tls.identity(Identity::from_pem(cert, key)))
            }
            (None, None) => Ok(tls),
            _ => Err(TargetError::HalfIdentity),
        }
    }

    fn expect_no_tls(&self, address: &str) -> Result<(), TargetError> {
        let given = [("--ca", &self.ca), ("--cert", &self.cert), ("--key", &self.key)];
        match given.into_iter().find(|(_, file)| file.is_some()) {
            Some((option, _)) => Err(TargetError::TlsWithoutHttps { option, address: address.to_owned() }),
            None => Ok(()),
        }
    }
}

fn parse(address: &str) -> Option<Endpoint> {
    let endpoint = Endpoint::from_shared(address.to_owned()).ok()?;
    let uri = endpoint.uri();
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()).then_some(endpoint)
}

fn is_https(endpoint: &Endpoint) -> bool {
    endpoint.uri().scheme_str() == Some("https")
}

fn is_this_machine(endpoint: &Endpoint) -> bool {
    let host = endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']']);
    let ip = if host == "localhost" { Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { host.parse() };
    ip.is_ok_and(|ip| ip.is_loopback())
}

impl Target {
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect(&self) -> Connection {
        self.connect_to(0)
    }

    /// Connects to the first coordinator that can be reached, for callers who ask once and not again.
    pub async fn reach(&self) -> Connection {
        let endpoints = self.endpoints.get();
        for (at, endpoint) in endpoints.iter().enumerate() {
            // Where there is only one, a call says best why it cannot be reached.
            if endpoints.len() > 1 && endpoint.connect().await.is_ok() {
                return self.connect_to(at);
            }
        }
        self.connect_to(0)
    }

    fn connect_to(&self, at: usize) -> Connection {
        InterceptedService::new(Roaming::new(Arc::clone(&self.endpoints), at), self.signature.clone())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.address)
    }
}

impl Interceptor for Signature {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        tell(request.metadata_mut());
        if let Some(token) = &self.0 {
            present(request.metadata_mut(), AsciiMetadataValue::clone(&token.get()));
        }
        Ok(request)
    }
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The coordinator does not want this call, and will not the next time.
    #[error("{0}")]
    Refused(String),
    /// Nobody answered, or not now. Asking again later can help.
    #[error("{0}")]
    NoAnswer(String),
}

/// What a coordinator answered. A reply of another release is a refusal.
pub fn answer<T>(answered: Result<Response<T>, Status>) -> Result<T, CallError> {
    match answered {
        Ok(response) => match check_coordinator(response.metadata()) {
            Ok(()) => Ok(response.into_inner()),
            Err(other) => Err(CallError::Refused(other.to_string())),
        },
        Err(status) if is_passing(status.code()) => Err(CallError::NoAnswer(cause(&status))),
        Err(status) => Err(CallError::Refused(cause(&status))),
    }
}

/// Whether such a failure may be gone the next time. Connections that break are `Unknown` or `Unavailable`.
fn is_passing(code: Code) -> bool {
    match code {
        Code::Unknown
        | Code::Unavailable
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// The coordinator's own words, else what lies at the bottom of a call that did not reach it, for example
/// `Connection refused (os error 111)`.
fn cause(status: &Status) -> String {
    match status.source() {
        Some(source) => root_cause(source),
        None => status.message().to_owned(),
    }
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_how_they_are_called() {
        let target = |address: &str| Options::default().target(address);
        for address in [
            "http://127.0.0.1:7070",
            "http://[::1]:7070",
            "http://coordinator.et.svc",
            "http://a:1,http://b:2",
        ] {
            assert_eq!(target(address).unwrap().to_string(), address);
        }
        for address in ["", "somewhere", "127.0.0.1:7070", "http://", "redis://x", "http://a,", "http://a,b"]
        {
            assert!(matches!(target(address), Err(TargetError::Address(_))), "{address}");
        }
    }

    #[test]
    fn half_an_identity_is_refused() {
        let options = Options { key: Some("key.pem".into()), ..Options::default() };
        let error = options.target("http://127.0.0.1:7070").unwrap_err().to_string();
        assert!(error.starts_with("--key means something only where"), "{error}");
    }

    #[test]
    fn a_token_file_must_hold_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let target = |path: PathBuf| {
            let options = Options { token_file: Some(path), ..Options::default() };
            options.target("http://127.0.0.1:7070")
        };
        let path = folder.path().join("token");
        let error = target(path.clone()).unwrap_err().to_string();
        assert!(error.contains("could not be read: No such file"), "{error}");
        std::fs::write(&path, " \n").unwrap();
        let error = target(path.clone()).unwrap_err().to_string();
        assert!(error.ends_with("is of no use: it is empty"), "{error}");
        std::fs::write(&path, "two words\n").unwrap();
        let error = target(path.clone()).unwrap_err().to_string();
        assert!(!error.contains("two words"), "{error}");
        std::fs::write(&path, "s3cret\n").unwrap();
        let shown = format!("{:?}", target(path).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let answered = |status| answer::<()>(Err(status)).unwrap_err();
        let busy = answered(Status::resource_exhausted("too many calls"));
        assert_eq!(busy, CallError::NoAnswer("too many calls".to_owned()));
        let unknown = answered(Status::unauthenticated("a token is needed"));
        assert_eq!(unknown, CallError::Refused("a token is needed".to_owned()));
    }

    #[test]
    fn a_reply_without_a_version_is_refused() {
        let error = answer(Ok(Response::new(()))).unwrap_err();
        assert!(matches!(error, CallError::Refused(_)), "{error}");
    }
}
