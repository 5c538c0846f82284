//! What goes wrong between a client and the service, as a test asks for it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame};
use hyper::{Request, Response, StatusCode};
use s3s::Body;

/// One way to fail.
#[derive(Debug, Clone)]
pub enum Fault {
    /// 500 with the code `InternalError`.
    InternalError,
    /// 503 with the code `SlowDown`.
    SlowDown,
    /// The connection closes before an answer.
    Reset,
    /// The request is done, then the connection closes before the answer.
    LostAnswer,
    /// The connection closes after so many bytes of the answer's body.
    Truncated(usize),
    /// The answer comes this much later.
    Late(Duration),
}

/// A request as it came in, in the order in which they came: `GET /bucket/key?query`.
pub type Asked = String;

/// Shared between a server and the test that started it.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
    conditions_ignored: AtomicBool,
}

#[derive(Debug)]
struct Rule {
    /// Every one of these is part of the requests that it is for.
    words: Vec<String>,
    times: usize,
    fault: Fault,
}

impl Faults {
    /// Lets the next `times` requests fail whose line, such as `PUT /bucket/key?partNumber=1`, holds each of the
    /// words.
    pub fn next(&self, times: usize, words: &[&str], fault: Fault) {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner).push(Rule { words, times, fault });
    }

    /// Takes back all rules.
    pub fn heal(&self) {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// From now on conditions in requests are ignored, as some services do.
    pub fn ignore_conditions(&self) {
        self.0.conditions_ignored.store(true, Ordering::Relaxed);
    }

    pub(crate) fn conditions_are_ignored(&self) -> bool {
        self.0.conditions_ignored.load(Ordering::Relaxed)
    }

    /// The requests so far that hold each of the words.
    pub fn asked(&self, words: &[&str]) -> Vec<Asked> {
        let asked = self.0.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|line| words.iter().all(|word| line.contains(word))).cloned().collect()
    }

    fn take(&self, line: &str) -> Option<Fault> {
        let mut rules = self.0.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules
            .iter_mut()
            .find(|rule| rule.times > 0 && rule.words.iter().all(|word| line.contains(word)))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    /// Passes a request on to the service, or has it fail. An error closes the connection.
    pub(crate) async fn apply<B, F>(
        &self,
        request: Request<B>,
        service: impl FnOnce(Request<B>) -> F,
    ) -> io::Result<Response<Cut>>
    where
        F: Future<Output = io::Result<Response<Body>>>,
    {
        let line = format!("{} {}", request.method(), request.uri());
        let fault = self.take(&line);
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        match fault {
            None => Ok(service(request).await?.map(Cut::nowhere)),
            Some(Fault::InternalError) => {
                Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError").map(Cut::nowhere))
            }
            Some(Fault::SlowDown) => {
                Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown").map(Cut::nowhere))
            }
            Some(Fault::Reset) => Err(reset()),
            Some(Fault::LostAnswer) => {
                service(request).await?;
                Err(reset())
            }
            Some(Fault::Truncated(bytes)) => Ok(service(request).await?.map(|body| Cut::after(body, bytes))),
            Some(Fault::Late(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(service(request).await?.map(Cut::nowhere))
            }
        }
    }
}

fn refusal(status: StatusCode, code: &str) -> Response<Body> {
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as asked</Message></Error>");
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    response
}

/// A body that may end too soon.
pub(crate) struct Cut {
    body: Pin<Box<Body>>,
    left: Option<usize>,
    is_over: bool,
}

impl Cut {
    fn nowhere(body: Body) -> Cut {
        Cut { body: Box::pin(body), left: None, is_over: false }
    }

    fn after(body: Body, bytes: usize) -> Cut {
        Cut { body: Box::pin(body), left: Some(bytes), is_over: false }
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, s3s::StdError>>> {
        if self.left == Some(0) && !self.is_over {
            // What came before goes out while the connection has to wait for more.
            self.is_over = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.is_over {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::ConnectionReset).into())));
        }
        let frame = self.body.as_mut().poll_frame(context);
        let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&frame, self.left) else { return frame };
        let Some(data) = frame.data_ref() else { return Poll::Ready(None) };
        let kept = data.slice(..left.min(data.len()));
        self.left = Some(left - kept.len());
        Poll::Ready(Some(Ok(Frame::data(kept))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
