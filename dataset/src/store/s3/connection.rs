//! The client that all stores of a process share, and the runtime that it works on.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Credentials, ProvideCredentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::{Client, config};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::S3Settings;
use super::error::{Answerer, explain};

/// What a request is allowed to take. The figures of [`Pace::default`] tell an unreachable service within about
/// ten seconds: six times the time to connect, with pauses of 1.5 s at most between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) attempts: u32,
    pub(super) connect: Duration,
    /// From the request to the first byte of its answer.
    pub(super) answer: Duration,
    /// The same for a copy, before which some services say nothing until it is done.
    pub(super) copy: Duration,
    /// The first pause after an answer of "slow down". It doubles from one to the next, up to the longest.
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    /// How much goes into one request. A larger object is written in parts of this size.
    pub(super) part_bytes: usize,
    /// The most that a service copies in one request.
    pub(super) copy_bytes: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            attempts: 6,
            connect: Duration::from_millis(1500),
            answer: Duration::from_secs(20),
            copy: Duration::from_secs(300),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(5),
            part_bytes: 16 << 20,
            copy_bytes: 5 << 30,
        }
    }
}

/// Requests under way at once, of all stores over one connection.
const IN_FLIGHT: usize = 64;

const DEFAULT_REGION: &str = "us-east-1";

/// Waits for nothing but the network, so two threads are plenty.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("s3")
        .enable_all()
        .build()
        .expect("a process that may not start threads cannot use S3")
});

/// Does something on the runtime and waits for it. Safe wherever blocking is, also inside another runtime.
pub(super) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    spawn(async move {
        // Nobody receives any more only if the caller's thread is gone.
        let _ = sender.send(future.await);
    });
    receiver.recv().expect("what is asked of S3 does not panic")
}

pub(super) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    RUNTIME.spawn(future);
}

#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    answerer: Answerer,
    pace: Pace,
    permits: Semaphore,
}

static SHARED: Mutex<Option<Arc<Connection>>> = Mutex::new(None);

impl Connection {
    /// The one that is made of the process's settings, when it is first needed.
    pub(super) fn shared() -> io::Result<Arc<Connection>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*shared {
            return Ok(connection.clone());
        }
        let connection = Arc::new(Connection::new(&S3Settings::of_process(), Pace::default())?);
        *shared = Some(connection.clone());
        Ok(connection)
    }

    /// Finds region and credentials. Asks nothing of the service yet.
    pub(super) fn new(settings: &S3Settings, pace: Pace) -> io::Result<Connection> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let endpoint = settings.resolved_endpoint().map_err(invalid)?;
        let settings = settings.clone();
        wait(async move {
            let client = Client::from_conf(config_for(&settings, endpoint.as_deref(), pace).await?);
            Ok(Connection {
                client,
                answerer: Answerer { endpoint, attempts: pace.attempts },
                pace,
                permits: Semaphore::new(IN_FLIGHT),
            })
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// What differs from other requests in one that copies.
    pub(super) fn for_copies(&self) -> Builder {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(self.pace.connect).read_timeout(self.pace.copy);
        config::Config::builder().timeout_config(timeouts.build())
    }

    /// Awaits an answer, when it is this request's turn. `bucket` is named where the answer is that there is none.
    pub(super) async fn ask<O, E>(
        &self,
        bucket: &str,
        request: impl Future<Output = Result<O, SdkError<E>>>,
    ) -> io::Result<O>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        request.await.map_err(|error| explain(error, &self.answerer, bucket))
    }
}

async fn config_for(settings: &S3Settings, endpoint: Option<&str>, pace: Pace) -> io::Result<config::Config> {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let retries = RetryConfig::standard()
        .with_max_attempts(pace.attempts)
        .with_initial_backoff(pace.first_pause)
        .with_max_backoff(pace.longest_pause);
    let timeouts = TimeoutConfig::builder().connect_timeout(pace.connect).read_timeout(pace.answer).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(retries)
        .timeout_config(timeouts);
    if endpoint.is_some() {
        // Nobody need ask Amazon's machines where a service of one's own is.
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
        loader = loader.region(region.or_else(ProfileFileRegionProvider::new()));
    }
    if let Some(keys) = &settings.keys {
        let (id, secret) = (keys.access_key_id.clone(), keys.secret_access_key.clone());
        loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
    }
    let shared = loader.load().await;
    check_credentials(shared.credentials_provider()).await?;
    let region = shared.region().cloned().unwrap_or(Region::from_static(DEFAULT_REGION));
    let mut builder = Builder::from(&shared).region(region);
    if let Some(endpoint) = endpoint {
        builder = builder
            .endpoint_url(endpoint)
            .force_path_style(true)
            // Services other than Amazon's refuse the trailing checksums that the client would send.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(builder.build())
}

/// Without credentials every request would fail after its retries, with a message that leads nowhere.
async fn check_credentials(provider: Option<SharedCredentialsProvider>) -> io::Result<()> {
    let missing = || {
        let what = "there are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                    AWS_PROFILE";
        io::Error::other(what)
    };
    let provider = provider.ok_or_else(missing)?;
    provider.provide_credentials().await.map(drop).map_err(|_| missing())
}
