//! Speaks to an endpoint that offers chat completions as OpenAI's does.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

use super::pace::Pace;
use crate::patience::Patience;

/// Models write slowly.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// What is read of an answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Words of an answer, roughly.
const MAX_TOKENS: u32 = 4096;

/// Answers in a row that are none, after which the model has none for this question.
const MAX_MALFORMED: u32 = 3;

/// The longest pause that an endpoint can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The endpoint cannot be used. Trying again later, or from another worker, can help.
#[derive(Debug, thiserror::Error)]
pub enum ProposalFault {
    #[error("the key for proposals could not be read from {}: {cause}", path.display())]
    Key { path: PathBuf, cause: io::Error },
    #[error(
        "the endpoint for proposals does not let this worker in ({status}): look at --proposals-key-file"
    )]
    Refused { status: u16 },
    #[error(
        "the endpoint for proposals has no {url} ({status}): look at --proposals-url and at the job's model"
    )]
    NotFound { url: String, status: u16 },
    #[error("the endpoint for proposals does not answer: {0}")]
    Silent(String),
    #[error("the client for proposals could not be started: {0}")]
    Start(#[source] io::Error),
}

/// What came of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Text(String),
    /// There is none, and there will be none: why.
    None(String),
}

/// One endpoint. All slots of a worker share it, and its pace.
pub(crate) struct Client {
    url: String,
    key_file: Option<PathBuf>,
    pace: Pace,
    answer_within: Duration,
    patience: fn() -> Patience,
    connector: Connector,
    runtime: Runtime,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    temperature: u32,
    max_tokens: u32,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

/// One reply, as far as it was read.
struct Reply {
    status: u16,
    /// How long the endpoint asks to be left alone.
    pause: Option<Duration>,
    body: Vec<u8>,
}

impl Client {
    /// The endpoint below `url`, such as `https://models.example.org/v1`, asked so often in a minute at most. The key is
    /// read for each request, so that it can change.
    pub(crate) fn new(
        url: &str,
        key_file: Option<PathBuf>,
        per_minute: u32,
    ) -> Result<Client, ProposalFault> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("proposals")
            .enable_all()
            .build()
            .map_err(ProposalFault::Start)?;
        Ok(Client {
            url: format!("{}/chat/completions", url.trim_end_matches('/')),
            key_file,
            pace: Pace::per_minute(per_minute),
            answer_within: ANSWER_WITHIN,
            patience: Patience::new,
            connector: Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build(),
            runtime,
        })
    }

    /// Asks a model, again and again while the endpoint is busy or gone for a while.
    pub(super) fn ask(&self, model: &str, prompt: &str) -> Result<Answer, ProposalFault> {
        let question = Question {
            model,
            messages: [Message { role: "user", content: prompt }],
            temperature: 0,
            max_tokens: MAX_TOKENS,
        };
        let question = serde_json::to_vec(&question).expect("texts and numbers are JSON");
        let mut patience = (self.patience)();
        let mut malformed = 0;
        loop {
            sleep(self.pace.take(Instant::now()));
            let failure = match self.send(&question)? {
                Ok(Reply { status: 200..=299, body, .. }) => match text(&body) {
                    Some(text) => return Ok(Answer::Text(text)),
                    None if malformed + 1 == MAX_MALFORMED => {
                        return Ok(Answer::None("its answers are no chat completions".to_owned()));
                    }
                    None => {
                        malformed += 1;
                        "its answer is no chat completion".to_owned()
                    }
                },
                Ok(Reply { status: status @ (401 | 403), .. }) => {
                    return Err(ProposalFault::Refused { status });
                }
                Ok(Reply { status: status @ (404 | 405), .. }) => {
                    return Err(ProposalFault::NotFound { url: self.url.clone(), status });
                }
                Ok(Reply { status: status @ (408 | 429 | 500..), pause, .. }) => {
                    sleep(pause.unwrap_or_default().min(LONGEST_PAUSE));
                    format!("it answered {status}")
                }
                // This question is too long, or not to its liking.
                Ok(Reply { status, .. }) => return Ok(Answer::None(format!("it answered {status}"))),
                Err(silence) => silence,
            };
            if !patience.wait() {
                return Err(ProposalFault::Silent(failure));
            }
        }
    }

    /// Sends a question once; the inner error says why nothing came back.
    fn send(&self, question: &[u8]) -> Result<Result<Reply, String>, ProposalFault> {
        let mut request = HttpRequest::new(SdkBody::from(question));
        let not_found = || ProposalFault::NotFound { url: self.url.clone(), status: 0 };
        request.set_uri(self.url.as_str()).map_err(|_| not_found())?;
        request.set_method("POST").map_err(|_| not_found())?;
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("content-length", question.len().to_string());
        if let Some(path) = &self.key_file {
            let unread = |cause| ProposalFault::Key { path: path.clone(), cause };
            let key = fs::read_to_string(path).map_err(unread)?;
            let value = format!("Bearer {}", key.trim());
            let no_header = |_| unread(io::Error::new(io::ErrorKind::InvalidData, "it holds no plain text"));
            request.headers_mut().try_insert("authorization", value).map_err(no_header)?;
        }
        let answered =
            self.runtime.block_on(async { timeout(self.answer_within, self.exchange(request)).await });
        Ok(answered.unwrap_or_else(|_| Err(format!("nothing came within {:?}", self.answer_within))))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Reply, String> {
        let response = self.connector.call(request).await.map_err(|error| whole(&error))?;
        let status = response.status().as_u16();
        let seconds = response.headers().get("retry-after").and_then(|text| text.parse().ok());
        let mut body = Vec::new();
        let mut stream = ByteStream::new(response.into_body());
        while let Some(piece) = stream.next().await {
            body.extend_from_slice(&piece.map_err(|error| whole(&error))?);
            if body.len() > MAX_ANSWER_BYTES {
                return Ok(Reply { status, pause: None, body: Vec::new() });
            }
        }
        Ok(Reply { status, pause: seconds.map(Duration::from_secs), body })
    }
}

/// What a model wrote.
fn text(body: &[u8]) -> Option<String> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    Some(completion.choices.into_iter().next()?.message.content)
}

/// An error with its causes. The request, and so the key, is in none of them.
fn whole(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::{JoinHandle, spawn};

    use super::*;

    /// Gives these replies, one to a connection, and tells what it was sent.
    fn server(replies: &[&str]) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let replies: Vec<String> = replies.iter().map(|&reply| reply.to_owned()).collect();
        let answering = spawn(move || {
            let answer = |reply: String| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut length) = (String::new(), 0);
                while !head.ends_with("\r\n\r\n") {
                    let start = head.len();
                    reader.read_line(&mut head).unwrap();
                    if let Some(number) = head[start..].to_lowercase().strip_prefix("content-length:") {
                        length = number.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                stream.write_all(reply.as_bytes()).unwrap();
                if reply.is_empty() {
                    // It says nothing until the other side has had enough.
                    let _ = reader.read(&mut [0]);
                }
                head + &String::from_utf8(body).unwrap()
            };
            replies.into_iter().map(answer).collect()
        });
        (url, answering)
    }

    fn reply(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn completion(text: &str) -> String {
        let choices = serde_json::json!({"choices": [{"message": {"role": "assistant", "content": text}}]});
        reply("200 OK", &choices.to_string())
    }

    fn client(url: &str) -> Client {
        Client {
            patience: Patience::short,
            answer_within: Duration::from_millis(500),
            ..Client::new(url, None, 1_000_000).unwrap()
        }
    }

    fn ask(replies: &[&str]) -> (Result<Answer, ProposalFault>, Vec<String>) {
        let (url, answering) = server(replies);
        let answer = client(&url).ask("m", "call f");
        (answer, answering.join().unwrap())
    }

    #[test]
    fn a_question_goes_out_as_the_protocol_has_it_with_the_key_of_the_file() {
        let (url, answering) = server(&[&completion("f(1)")]);
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, "secret\n").unwrap();
        let client = Client { key_file: Some(key), ..client(&url) };
        assert_eq!(client.ask("m", "call f").unwrap(), Answer::Text("f(1)".to_owned()));
        let asked = answering.join().unwrap().remove(0);
        assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("authorization: bearer secret\r\n"), "{asked}");
        let body = asked.split("\r\n\r\n").nth(1).unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["model"], &body["messages"][0]["content"]), (&"m".into(), &"call f".into()));
    }

    #[test]
    fn an_endpoint_that_is_busy_or_broken_is_asked_again() {
        let busy = reply("429 Too Many Requests", "").replace("\r\n\r\n", "\r\nretry-after: 0\r\n\r\n");
        let broken = reply("500 Internal Server Error", "no");
        let (answer, asked) = ask(&[&busy, &broken, &completion("f(2)")]);
        assert_eq!(answer.unwrap(), Answer::Text("f(2)".to_owned()));
        assert_eq!(asked.len(), 3);
    }

    #[test]
    fn answers_that_are_none_are_not_asked_for_for_ever() {
        let (answer, _) = ask(&[&reply("200 OK", "{"), &completion("f(3)")]);
        assert_eq!(answer.unwrap(), Answer::Text("f(3)".to_owned()));
        let (answer, _) =
            ask(&[&reply("200 OK", "{"), &reply("200 OK", r#"{"choices": []}"#), &reply("200 OK", "")]);
        assert!(matches!(answer.unwrap(), Answer::None(_)));
        let (answer, _) = ask(&[&reply("413 Payload Too Large", "")]);
        assert_eq!(answer.unwrap(), Answer::None("it answered 413".to_owned()));
    }

    #[test]
    fn an_endpoint_that_refuses_or_stays_silent_is_our_fault() {
        let refused = ask(&[&reply("401 Unauthorized", "")]).0.unwrap_err().to_string();
        assert!(refused.contains("look at --proposals-key-file"), "{refused}");
        let absent = ask(&[&reply("404 Not Found", "")]).0.unwrap_err().to_string();
        assert!(absent.contains("look at --proposals-url"), "{absent}");
        let silent = Client { answer_within: Duration::from_millis(300), ..client(&server(&[""]).0) };
        let silent = silent.ask("m", "call f").unwrap_err().to_string();
        assert!(silent.starts_with("the endpoint for proposals does not answer"), "{silent}");
    }
}
