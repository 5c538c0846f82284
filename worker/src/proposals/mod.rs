//! Calls of a source's functions that a language model proposes.
//!
//! The model is asked once for a file, about all functions of it. What it answers is text like any other: only calls
//! whose arguments can be understood without running anything are taken from it, and they are run where everything
//! is. An answer is kept in the dataset under what was asked, so that whoever runs the file again gets the same.

mod client;
mod pace;
mod prompt;

use dataset::{ErrorKind, Proposals, Store, StoreError, proposals_key};
use inputs::{Call, Module};
use sha2::{Digest, Sha256};
use tracing::warn;

use client::Answer;
pub(crate) use client::Client;
pub use client::ProposalFault;

/// Longer files are not shown to a model.
const MAX_CODE_BYTES: usize = 32 << 10;

/// Why a file's proposals are not there. None of it is the file's doing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    #[error(
        "the job asks for proposals of a model, and this worker knows none: start it with --proposals-url, or give \
         those that have it a label that the job asks for"
    )]
    NoEndpoint,
    #[error(transparent)]
    Endpoint(#[from] ProposalFault),
    #[error("its proposals could not be stored: {0}")]
    Store(#[from] StoreError),
}

/// The calls that a model proposes for the functions of a file.
pub(crate) fn of(
    module: &Module,
    code: &str,
    proposals: &Proposals,
    client: Option<&Client>,
    store: &Store,
) -> Result<Vec<Call>, Missing> {
    let functions: Vec<&str> = module.functions().collect();
    if functions.is_empty() || code.len() > MAX_CODE_BYTES {
        return Ok(Vec::new());
    }
    let prompt = prompt::fill(proposals.prompt.as_deref(), &functions, code);
    let key = proposals_key(&Sha256::digest(format!("{}\0{prompt}", proposals.model)));
    let answer = match store.get(&key) {
        Ok(answer) => String::from_utf8_lossy(&answer).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let client = client.ok_or(Missing::NoEndpoint)?;
            let answer = match client.ask(&proposals.model, &prompt)? {
                Answer::Text(text) => text,
                Answer::None(why) => {
                    warn!(why, "a model proposes nothing for a file");
                    String::new()
                }
            };
            store.put(&key, answer.as_bytes())?;
            answer
        }
        Err(error) => return Err(error.into()),
    };
    Ok(module.calls_in(&answer))
}
