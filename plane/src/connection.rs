//! A connection that outlives what it is made of: it goes on to another coordinator where one does not answer, and is
//! made anew when the certificates have been replaced.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http;
use tonic::transport::{self, Channel, Endpoint};
use tower::Service;

use crate::fresh::Fresh;

/// Clones share one connection.
#[derive(Clone)]
pub struct Roaming {
    endpoints: Arc<Fresh<Vec<Endpoint>>>,
    current: Arc<Mutex<Current>>,
    /// The channel that was ready last, and its number.
    ready: (Channel, u64),
}

struct Current {
    /// At least one.
    endpoints: Arc<Vec<Endpoint>>,
    /// Which of them it is.
    at: usize,
    channel: Channel,
    /// Tells one channel from those before it.
    number: u64,
}

impl Roaming {
    /// Begins with the endpoint at this place.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn new(endpoints: Arc<Fresh<Vec<Endpoint>>>, at: usize) -> Roaming {
        let now = endpoints.get();
        let channel = now[at].connect_lazy();
        let ready = (channel.clone(), 0);
        let current = Current { endpoints: now, at, channel, number: 0 };
        Roaming { endpoints, current: Arc::new(Mutex::new(current)), ready }
    }
}

impl Current {
    fn go_to(&mut self, at: usize) {
        self.at = at;
        self.number += 1;
        self.channel = self.endpoints[at].connect_lazy();
    }
}

impl Service<http::Request<Body>> for Roaming {
    type Response = http::Response<Body>;
    type Error = transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), transport::Error>> {
        let endpoints = self.endpoints.get();
        let mut current = lock(&self.current);
        if !Arc::ptr_eq(&current.endpoints, &endpoints) {
            current.endpoints = endpoints;
            let at = current.at;
            current.go_to(at);
        }
        if current.number != self.ready.1 {
            self.ready = (current.channel.clone(), current.number);
        }
        self.ready.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (channel, number) = &mut self.ready;
        let (answer, number, current) = (channel.call(request), *number, Arc::clone(&self.current));
        Box::pin(async move {
            let answer = answer.await;
            let mut current = lock(&current);
            // Others may have noticed before.
            if answer.is_err() && current.number == number && current.endpoints.len() > 1 {
                let next = (current.at + 1) % current.endpoints.len();
                current.go_to(next);
            }
            answer
        })
    }
}

impl fmt::Debug for Roaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roaming")
    }
}

/// No holder panics, and what is guarded would still be sound.
fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}
