//! Stands before a service: lets a call through, or says why not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::rate::{CALLS_PER_SECOND, Rates};
use super::roles::{Role, Standing, Tokens};
use crate::fresh::Fresh;
use crate::token::presented;
use crate::version::check_caller;

/// Looks at each call to one service before its body is read.
#[derive(Clone)]
pub struct Guard {
    role: Role,
    /// Without any, everybody who could connect may call.
    tokens: Option<Arc<Fresh<Tokens>>>,
    rates: Arc<Mutex<Rates>>,
}

impl Guard {
    pub(super) fn new(role: Role, tokens: Option<Arc<Fresh<Tokens>>>, rates: Arc<Mutex<Rates>>) -> Guard {
        Guard { role, tokens, rates }
    }

    /// First of all, so that guessing tokens is slow as well.
    fn check_rate(&self, request: &Request<()>) -> Result<(), Status> {
        let Some(from) = request.remote_addr() else { return Ok(()) };
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.take(from, Instant::now()) {
            return Ok(());
        }
        let sentence = format!("this connection calls more than {CALLS_PER_SECOND} times a second");
        Err(Status::resource_exhausted(sentence))
    }

    fn check_token(&self, request: &Request<()>) -> Result<(), Status> {
        let Some(tokens) = &self.tokens else { return Ok(()) };
        let Some(presented) = presented(request.metadata()) else {
            let sentence = "the coordinator asks for a token: name its file with --token-file";
            return Err(Status::unauthenticated(sentence));
        };
        match tokens.get().standing(presented, self.role) {
            Standing::Granted => Ok(()),
            Standing::OtherRole => {
                let sentence = format!("the token is good, but not for a {}", self.role);
                Err(Status::permission_denied(sentence))
            }
            Standing::Unknown => Err(Status::unauthenticated("the coordinator does not know this token")),
        }
    }
}

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        self.check_rate(&request)?;
        self.check_token(&request)?;
        check_caller(request.metadata()).map_err(|other| Status::failed_precondition(other.to_string()))?;
        Ok(request)
    }
}
