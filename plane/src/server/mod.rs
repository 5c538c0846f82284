//! The coordinator's side: what is shown, what is asked for, and how much is taken.

mod guard;
mod rate;
mod roles;

use std::error::Error;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use tonic::codegen::http;
use tonic::metadata::MetadataMap;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tower::layer::util::{Identity as NoLayer, Stack};
use tower::util::MapResponseLayer;

pub use guard::Guard;
pub use roles::{BadTokens, Role};

use crate::files::{self, FileError};
use crate::fresh::{Fresh, LOOK_EVERY};
use crate::version::tell;
use rate::Rates;
use roles::Tokens;

/// Most bytes of a worker's report: hundreds of slots, each with its reasons for failure, stay well below.
pub const MAX_REPORT_BYTES: usize = 64 << 20;

/// Most bytes of anything that people ask for. Jobs are small, whatever they cover.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;

/// Calls that one connection may have under way; more wait. A worker has one.
const CALLS_AT_ONCE: usize = 64;

/// Who does not even greet within this time is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A caller whose machine vanished is found out within the sum of these.
const PROBE_INTERVAL: Duration = Duration::from_secs(15);
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections are asked to be made anew this often, so that a coordinator that joins others gets its share.
const CONNECTION_AGE: Duration = Duration::from_secs(600);

/// Who may call this coordinator, and how they are to be convinced of it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Security")]
pub struct Options {
    /// Certificate of this coordinator, in PEM form; callers must then use https://.
    #[arg(long, value_name = "FILE", env = "ET_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert, in PEM form.
    #[arg(long, value_name = "FILE", env = "ET_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Certificates of the authorities that vouch for callers, in PEM form; callers must then show a certificate.
    #[arg(long, value_name = "FILE", env = "ET_CLIENT_CA")]
    pub client_ca: Option<PathBuf>,

    /// File of tokens, of which callers must then show one: lines `submitter TOKEN` and `worker TOKEN`.
    #[arg(long, value_name = "FILE", env = "ET_TOKENS")]
    pub tokens: Option<PathBuf>,

    /// Let everybody who reaches this coordinator submit jobs and take part.
    #[arg(long)]
    pub insecure: bool,
}

/// Why a coordinator does not begin to listen.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Tokens(#[from] BadTokens),
    #[error("--tls-cert and --tls-key go together: give both or neither")]
    HalfIdentity,
    #[error("--client-ca needs --tls-cert and --tls-key: callers show certificates only over TLS")]
    ClientsWithoutTls,
    #[error("the certificates cannot be used: {0}")]
    Tls(String),
    #[error(
        "everybody who reaches {0} could submit jobs: give --tokens or --client-ca, or say --insecure if that is meant"
    )]
    Open(IpAddr),
    #[error("--insecure and {0} contradict each other: leave one out")]
    Contradiction(&'static str),
}

/// What a coordinator shows to its callers and asks of them.
#[derive(Clone)]
pub struct Plane {
    /// As it is shown by this server, and as the files say.
    tls: Option<(Arc<ServerTlsConfig>, Arc<Fresh<ServerTlsConfig>>)>,
    tokens: Option<Arc<Fresh<Tokens>>>,
    rates: Arc<Mutex<Rates>>,
}

/// A server all of whose replies say its version.
pub type VersionedServer = Server<Stack<MapResponseLayer<Stamp>, NoLayer>>;
type Stamp = fn(Reply) -> Reply;
type Reply = http::Response<tonic::body::Body>;

impl Options {
    /// Reads all that is needed to listen at `ip`.
    pub fn load(&self, ip: IpAddr) -> Result<Plane, PlaneError> {
        let asks = match (&self.tokens, &self.client_ca) {
            (Some(_), _) => Some("--tokens"),
            (None, Some(_)) => Some("--client-ca"),
            (None, None) => None,
        };
        match asks {
            Some(option) if self.insecure => return Err(PlaneError::Contradiction(option)),
            None if !self.insecure && !ip.to_canonical().is_loopback() => return Err(PlaneError::Open(ip)),
            _ => {}
        }
        let tls = match self.tls()? {
            None => None,
            Some(_) => {
                let files = [&self.tls_cert, &self.tls_key, &self.client_ca];
                let files = files.into_iter().flatten().cloned().collect();
                let options = self.clone();
                let read =
                    move || Ok::<_, PlaneError>(options.tls()?.expect("there are files of certificates"));
                let tls = Arc::new(Fresh::read(files, LOOK_EVERY, read)?);
                Some((tls.get(), tls))
            }
        };
        if self.tokens.is_some() && tls.is_none() && !ip.to_canonical().is_loopback() {
            tracing::warn!("tokens travel in the clear: give --tls-cert and --tls-key");
        }
        let tokens = match &self.tokens {
            Some(path) => {
                let file = path.clone();
                let read = move || Tokens::read(&file);
                Some(Arc::new(Fresh::read(vec![path.clone()], LOOK_EVERY, read)?))
            }
            None => None,
        };
        Ok(Plane { tls, tokens, ..Plane::open() })
    }

    fn tls(&self) -> Result<Option<ServerTlsConfig>, PlaneError> {
        let (cert, key) = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) if self.client_ca.is_some() => return Err(PlaneError::ClientsWithoutTls),
            (None, None) => return Ok(None),
            _ => return Err(PlaneError::HalfIdentity),
        };
        let cert = files::read_certificates("certificate file", cert)?;
        let key = files::read_key("key file", key)?;
        let identity = Identity::from_pem(cert, key);
        let mut tls = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE_TIMEOUT);
        if let Some(ca) = &self.client_ca {
            let ca = files::read_certificates("certificate file", ca)?;
            tls = tls.client_ca_root(Certificate::from_pem(ca));
        }
        // A server is the only one to say whether these belong together.
        match Server::builder().tls_config(tls.clone()) {
            Ok(_) => Ok(Some(tls)),
            Err(error) => {
                let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                Err(PlaneError::Tls(cause))
            }
        }
    }
}

impl Plane {
    /// For a coordinator that only this machine can reach: everybody may call.
    pub fn open() -> Plane {
        Plane { tls: None, tokens: None, rates: Arc::default() }
    }

    /// Whether callers must use `https://`.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// A server with the walls that hold for every service: TLS, the version in each reply, and bounds on what one
    /// connection can take. Services get their [`Plane::guard`] one by one.
    pub fn server(&self) -> VersionedServer {
        let server = Server::builder();
        let server = match &self.tls {
            Some((tls, _)) => server
                .tls_config(ServerTlsConfig::clone(tls))
                .expect("these were tried when they were loaded"),
            None => server,
        };
        server
            // A reply is smaller than a packet and somebody waits for it.
            .tcp_nodelay(true)
            .concurrency_limit_per_connection(CALLS_AT_ONCE)
            .http2_keepalive_interval(Some(PROBE_INTERVAL))
            .http2_keepalive_timeout(Some(PROBE_TIMEOUT))
            .max_connection_age(CONNECTION_AGE)
            .layer(MapResponseLayer::new(stamp as Stamp))
    }

    /// Waits until the certificates have been replaced. Gives the same plane with the new ones, for a server that takes
    /// the place of this one.
    pub async fn renewed(&self) -> Plane {
        let Some((shown, files)) = &self.tls else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = files.get();
            if !Arc::ptr_eq(shown, &tls) {
                return Plane { tls: Some((tls, Arc::clone(files))), ..self.clone() };
            }
        }
    }

    /// Lets through those calls to a service that this role may make.
    pub fn guard(&self, role: Role) -> Guard {
        Guard::new(role, self.tokens.clone(), Arc::clone(&self.rates))
    }
}

fn stamp(reply: Reply) -> Reply {
    let (mut head, body) = reply.into_parts();
    let mut metadata = MetadataMap::from_headers(head.headers);
    tell(&mut metadata);
    head.headers = metadata.into_headers();
    Reply::from_parts(head, body)
}
