//! What can go wrong between a coordinator and its queue.

/// Every message is one sentence and names no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The queue was never begun, or Redis lost it. To begin it again from the parts that exist is always right.
    #[error("the queue does not know job {0}")]
    UnknownJob(String),
    #[error("`{address}` is not an address of a queue: {why}")]
    Address { address: String, why: String },
    /// It may be back soon: what was asked for may have happened, and can be asked for again.
    #[error("the queue at {address} cannot be reached: {why}")]
    Unreachable { address: String, why: String },
    /// It answers, and does not do what it is asked to.
    #[error("the queue at {address} refuses: {why}")]
    Refused { address: String, why: String },
    #[error("the queue at {address} holds something that this version cannot read: {what}")]
    Damaged { address: String, what: String },
}
