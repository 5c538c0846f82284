//! What an address of a Redis says.

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsMode};

use crate::queue::QueueError;

/// An address, taken apart.
pub(super) struct Address {
    /// As it may be shown: without user and password.
    pub(super) shown: String,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    One(Box<Client>),
    Cluster(Box<ClusterClientBuilder>),
    Sentinel(Box<SentinelClient>),
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address, QueueError> {
        let shown = without_user(url);
        let wrong = |why: &str| QueueError::Address { address: shown.clone(), why: why.to_owned() };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it begins with `redis://`"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let tls = if scheme.starts_with("rediss") { "rediss" } else { "redis" };
        let nodes = || -> redis::RedisResult<Vec<ConnectionInfo>> {
            hosts.split(',').map(|host| format!("{tls}://{user}{host}").into_connection_info()).collect()
        };
        let kind = match scheme {
            "redis" | "rediss" | "redis+unix" => Client::open(url).map(|client| Kind::One(Box::new(client))),
            "redis-cluster" | "rediss-cluster" => {
                nodes().map(|nodes| Kind::Cluster(Box::new(ClusterClient::builder(nodes))))
            }
            "redis-sentinel" | "rediss-sentinel" => {
                let (master, db) = path.split_once('/').unwrap_or((path, "0"));
                if master.is_empty() {
                    return Err(wrong("after the sentinels it names the master, as in `/mymaster`"));
                }
                let db = db.parse().map_err(|_| wrong("the database is a number"))?;
                nodes()
                    .and_then(|nodes| sentinel(&nodes, master, db))
                    .map(|client| Kind::Sentinel(Box::new(client)))
            }
            _ => {
                return Err(wrong(
                    "it begins with `redis`, `redis-cluster`, `redis-sentinel` or one of them with TLS",
                ));
            }
        };
        // The client's own words may repeat the address, and so a password.
        let kind = kind.map_err(|_| wrong("it reads like `redis://USER:PASSWORD@HOST:PORT/DB`"))?;
        Ok(Address { shown, kind })
    }
}

/// User and password are the master's. Sentinels are asked without.
fn sentinel(nodes: &[ConnectionInfo], master: &str, db: i64) -> redis::RedisResult<SentinelClient> {
    let addresses = nodes.iter().map(|node| node.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?;
    builder = builder.set_client_to_redis_db(db);
    if let Some(user) = nodes[0].redis_settings().username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = nodes[0].redis_settings().password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if matches!(nodes[0].addr(), redis::ConnectionAddr::TcpTls { .. }) {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    builder.build()
}

fn without_user(url: &str) -> String {
    // Addresses of sockets have user and password behind the path.
    let url = url.split('?').next().unwrap_or_default();
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(user)) if scheme < user => format!("{}{}", &url[..scheme + 3], &url[user + 1..]),
        (_, Some(user)) => url[user + 1..].to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> String {
        match Address::parse(url) {
            Ok(Address { shown, kind: Kind::One(_) }) => format!("one at {shown}"),
            Ok(Address { shown, kind: Kind::Cluster(_) }) => format!("cluster at {shown}"),
            Ok(Address { shown, kind: Kind::Sentinel(_) }) => format!("sentinels at {shown}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_kind_of_address_is_understood() {
        assert_eq!(parse("redis://host:1234/3"), "one at redis://host:1234/3");
        assert_eq!(parse("rediss://host"), "one at rediss://host");
        assert_eq!(parse("redis+unix:///run/redis.sock"), "one at redis+unix:///run/redis.sock");
        assert_eq!(parse("redis-cluster://a:1,b:2"), "cluster at redis-cluster://a:1,b:2");
        assert_eq!(
            parse("rediss-sentinel://a:1,b:2/main/4"),
            "sentinels at rediss-sentinel://a:1,b:2/main/4"
        );
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "redis://user:secret@host",
            "redis-cluster://user:secret@a,b",
            "redis-sentinel://user:secret@a,b/main",
            "redis-sentinel://user:secret@a,b",
            "redis://user:secret@host:port",
            "user:secret@host",
            "redis+unix:///host?user=user&pass=secret",
            "http://user:se@cret@host",
        ] {
            let said = parse(url);
            assert!(said.contains("host") || said.contains("a,b"), "{said}");
            assert!(!said.contains("secret") && !said.contains("user:"), "{said}");
        }
    }

    #[test]
    fn a_wrong_address_says_what_a_right_one_is() {
        assert_eq!(
            parse("localhost:6379"),
            "`localhost:6379` is not an address of a queue: it begins with `redis://`"
        );
        assert_eq!(
            parse("redis-sentinel://a"),
            "`redis-sentinel://a` is not an address of a queue: after the sentinels it names the master, as in \
             `/mymaster`"
        );
        assert!(parse("http://a").contains("it begins with `redis`"));
    }
}
