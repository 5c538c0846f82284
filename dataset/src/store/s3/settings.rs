//! How to reach S3, where the environment does not say.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What is given in place of the environment's variables. The default leaves all to them.
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// Where a service other than Amazon's listens, like `http://127.0.0.1:9000`. Buckets are then part of the
    /// path, not of the host's name.
    pub endpoint: Option<String>,
    /// In place of what the usual chain finds: environment, profile, web identity, instance.
    pub keys: Option<S3Keys>,
}

/// An access key. Its secret is never shown.
#[derive(Clone)]
pub struct S3Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Keys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no address of an S3 service: write one like http://127.0.0.1:9000")]
pub struct BadEndpoint(String);

static OF_PROCESS: Mutex<Option<S3Settings>> = Mutex::new(None);

impl S3Settings {
    /// Makes these the settings of all stores and sources that this process opens from now on by their names
    /// alone. Meant for the start of a program: a connection that is already made stays as it is.
    pub fn install(self) -> Result<(), BadEndpoint> {
        if let Some(endpoint) = &self.endpoint {
            check_endpoint(endpoint)?;
        }
        *OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
        Ok(())
    }

    pub(super) fn of_process() -> S3Settings {
        OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Where the service listens, as given here or by the variables that all of Amazon's tools know; `None` for
    /// Amazon's own.
    pub(super) fn resolved_endpoint(&self) -> Result<Option<String>, BadEndpoint> {
        let from_environment = || {
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        let endpoint = self.endpoint.clone().or_else(from_environment);
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint)?;
        }
        Ok(endpoint)
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), BadEndpoint> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    // A user's name and password in an address would end up in messages.
    let is_sound = host.is_some_and(|host| !host.is_empty() && !host.contains(['@', ' ', '?', '#']));
    if is_sound { Ok(()) } else { Err(BadEndpoint(hide_password(endpoint))) }
}

fn hide_password(endpoint: &str) -> String {
    match endpoint.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_without_a_password() {
        for endpoint in ["http://127.0.0.1:9000", "https://s3.example.org", "http://[::1]:1/"] {
            assert!(check_endpoint(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in ["", "127.0.0.1:9000", "http://", "s3://bucket", "http://user:word@host"] {
            let error = check_endpoint(endpoint).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:9000") && !error.contains("word"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let keys = S3Keys { access_key_id: "name".to_owned(), secret_access_key: "hidden".to_owned() };
        let shown = format!("{:?}", S3Settings { endpoint: None, keys: Some(keys) });
        assert!(shown.contains("name") && !shown.contains("hidden"), "{shown}");
    }
}
