//! The connection to Redis: made again when it breaks, and never waited for without end.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::address::{Address, Kind};
use super::script::{Call, UNKNOWN_JOB};
use crate::queue::QueueError;

/// The client's own default of half a second is less than what a busy server may need to fork for a snapshot.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What is tried again is tried again for this long.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Link {
    address: String,
    route: Route,
}

enum Route {
    Node(Box<Node>),
    /// Finds its way by itself.
    Cluster(ClusterConnection),
}

/// The one server that takes writes.
struct Node {
    source: Source,
    current: Mutex<Current>,
}

/// Where that server is.
enum Source {
    One(Client),
    Sentinel(Mutex<SentinelClient>),
}

/// The connection that all share, and how many there were before it.
#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    number: u64,
}

impl Link {
    pub(super) async fn connect(url: &str) -> Result<Link, QueueError> {
        let Address { shown: address, kind } = Address::parse(url)?;
        let node = |source| Ok(Route::Node(Box::new(Node { source, current: Mutex::default() })));
        let route = match kind {
            Kind::One(client) => node(Source::One(*client)),
            Kind::Sentinel(client) => node(Source::Sentinel(Mutex::new(*client))),
            Kind::Cluster(builder) => {
                let builder = builder.response_timeout(RESPONSE_TIMEOUT).connection_timeout(CONNECT_TIMEOUT);
                match builder.build() {
                    Ok(client) => client.get_async_connection().await.map(Route::Cluster),
                    Err(error) => Err(error),
                }
            }
        };
        let route = route.map_err(|error| told(&address, &error))?;
        let link = Link { address, route };
        link.try_once(&redis::cmd("PING")).await.map_err(|error| told(&link.address, &error))?;
        Ok(link)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Runs a script. `job` is whose it is, for the error if Redis does not know it.
    pub(super) async fn call(&self, job: &str, call: &Call) -> Result<Value, QueueError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.run(call).await {
                Ok(value) => return Ok(value),
                Err(error) if error.code() == Some(UNKNOWN_JOB) => {
                    return Err(QueueError::UnknownJob(job.to_owned()));
                }
                Err(error) => error,
            };
            if !may_pass(&error) || begun.elapsed() + pause > PATIENCE {
                return Err(told(&self.address, &error));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    pub(super) fn damaged(&self, what: impl ToString) -> QueueError {
        QueueError::Damaged { address: self.address.clone(), what: what.to_string() }
    }

    /// A server that does not know a script yet is sent the whole of it.
    async fn run(&self, call: &Call) -> RedisResult<Value> {
        match self.try_once(&call.by_hash()).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.try_once(&call.by_text()).await
            }
            result => result,
        }
    }

    async fn try_once(&self, command: &Cmd) -> RedisResult<Value> {
        match &self.route {
            Route::Cluster(connection) => {
                connection.clone().req_packed_command(command).await?.extract_error()
            }
            Route::Node(node) => node.try_once(command).await,
        }
    }
}

impl Node {
    async fn try_once(&self, command: &Cmd) -> RedisResult<Value> {
        let (mut connection, number) = self.connected().await?;
        let result = connection.req_packed_command(command).await.and_then(Value::extract_error);
        if result.as_ref().is_err_and(may_pass) {
            let mut current = self.current.lock().await;
            // Others may have noticed before.
            if current.number == number {
                current.connection = None;
            }
        }
        result
    }

    async fn connected(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECT_TIMEOUT));
        let connection = match &self.source {
            Source::One(client) => client.get_multiplexed_async_connection_with_config(&config).await?,
            Source::Sentinel(client) => client.lock().await.get_async_connection_with_config(&config).await?,
        };
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }
}

/// Whether it may be well in a while. What was asked for may have been done all the same, so this rests on every
/// script bearing to be run again.
fn may_pass(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel => true,
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::Moved
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
        ),
        _ => false,
    }
}

fn told(address: &str, error: &RedisError) -> QueueError {
    let address = address.to_owned();
    match error.kind() {
        ErrorKind::AuthenticationFailed => {
            QueueError::Refused { address, why: "user or password is wrong".to_owned() }
        }
        _ if may_pass(error) => QueueError::Unreachable { address, why: error.to_string() },
        _ => QueueError::Refused { address, why: error.to_string() },
    }
}
