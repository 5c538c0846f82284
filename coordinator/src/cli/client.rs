//! Calls a coordinator.

use anyhow::anyhow;
use clap::Args;
use plane::client::{CallError, Connection, Target, answer};
use proto::v1::control_client::ControlClient;
use tonic::{Response, Status};

#[derive(Debug, Args)]
pub(super) struct ClientOptions {
    /// Where the coordinator listens; several with commas between them, of which the first that answers is asked.
    #[arg(long, value_name = "URL", env = "ET_COORDINATOR", default_value = "http://127.0.0.1:7070")]
    coordinator: String,

    #[command(flatten)]
    security: plane::client::Options,
}

/// A coordinator that can be asked.
pub(super) struct Client {
    target: Target,
    pub(super) control: ControlClient<Connection>,
}

impl ClientOptions {
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) async fn client(&self) -> anyhow::Result<Client> {
        Client::of(&self.security, &self.coordinator).await
    }
}

impl Client {
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) async fn of(security: &plane::client::Options, coordinator: &str) -> anyhow::Result<Client> {
        let target = security.target(coordinator)?;
        Ok(Client { control: ControlClient::new(target.reach().await), target })
    }

    /// What the coordinator answered, or why it did not, in one sentence.
    pub(super) fn answer<T>(&self, answered: Result<Response<T>, Status>) -> anyhow::Result<T> {
        answer(answered).map_err(|error| match error {
            CallError::Refused(sentence) => anyhow!(sentence),
            CallError::NoAnswer(cause) => {
                anyhow!("the coordinator at {} does not answer: {cause}", self.target)
            }
        })
    }

    /// The same for what ends a stream; its first reply was checked for its version.
    pub(super) fn no_answer(&self, status: Status) -> anyhow::Error {
        self.answer::<()>(Err(status)).expect_err("an error stays one")
    }
}

/// Runs a conversation with a coordinator to its end.
pub(super) fn converse<T>(conversation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(conversation)
}
