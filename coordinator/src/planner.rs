//! Feeds the plan to the coordinator from a thread of its own, no faster than it is taken.

use std::thread;

use dataset::{Dataset, ErrorKind, PlanError, Shard};
use tokio::sync::mpsc;

/// What the planner says next.
#[derive(Debug)]
pub(crate) enum Planned {
    Shard(Shard),
    /// There are no further shards.
    All,
    /// The sources cannot be listed any further. What may pass is worth another try.
    Failed {
        reason: String,
        may_pass: bool,
    },
}

/// How many shards may wait for the coordinator. A segment of the plan waits with the thread.
const WAITING: usize = 64;

/// Begins to plan. The thread ends when the plan does, or when nobody receives any more.
pub(crate) fn start(dataset: Dataset) -> mpsc::Receiver<Planned> {
    let (sender, receiver) = mpsc::channel(WAITING);
    thread::spawn(move || {
        let last = match feed(&dataset, &sender) {
            Ok(()) => Planned::All,
            Err(error) => Planned::Failed { reason: error.to_string(), may_pass: may_pass(&error) },
        };
        // Nobody receives any more: then nobody needs to know.
        let _ = sender.blocking_send(last);
    });
    receiver
}

/// A store can be busy or out of reach for a while.
fn may_pass(error: &PlanError) -> bool {
    matches!(error, PlanError::Store(error) if error.kind() == ErrorKind::Other)
}

fn feed(dataset: &Dataset, sender: &mpsc::Sender<Planned>) -> Result<(), PlanError> {
    let mut plan = dataset.plan();
    while let Some(segment) = plan.next_segment()? {
        for shard in segment {
            if sender.blocking_send(Planned::Shard(shard)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
