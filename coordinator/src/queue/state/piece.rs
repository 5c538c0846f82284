//! What one shard is about. The queue keeps it and hands it out; its number is all that it looks at.

use dataset::{Range, Shard};
use serde::{Deserialize, Serialize};

/// A shard as the queue knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Position in the plan, from 0.
    pub ordinal: u64,
    /// Sources of the range, or executions that a step of a rendering stands for.
    pub sources: u64,
    /// `None` for a step of a rendering, which follows from its position.
    pub range: Option<Range>,
}

impl From<Shard> for Piece {
    fn from(Shard { ordinal, sources, range }: Shard) -> Piece {
        Piece { ordinal, sources, range: Some(range) }
    }
}
