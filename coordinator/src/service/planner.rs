//! Feeds the plan to the coordinator in a task of its own, no faster than it is taken.

use dataset::{Dataset, ErrorKind, PlanError, Shard};
use tokio::sync::mpsc;

use super::Service;

/// What the planner says next.
#[derive(Debug)]
pub(super) enum Planned {
    Shard(Shard),
    /// There are no further shards.
    All,
    /// The sources cannot be listed any further. What may pass is worth another try.
    Failed {
        reason: String,
        may_pass: bool,
    },
}

/// How many shards may wait for the coordinator. A segment of the plan waits with the task.
const WAITING: usize = 64;

impl Service {
    /// Begins to plan. The task ends when the plan does, or when nobody receives any more.
    pub(super) fn start_planning(&self, dataset: Dataset) -> mpsc::Receiver<Planned> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let service = self.clone();
        self.0.machine.spawn(async move {
            tokio::select! {
                biased;
                () = sender.closed() => {}
                () = service.feed(&dataset, &sender) => {}
            }
        });
        receiver
    }

    async fn feed(&self, dataset: &Dataset, sender: &mpsc::Sender<Planned>) {
        let mut plan = dataset.plan();
        let last = loop {
            let next = move || {
                let segment = plan.next_segment();
                (plan, segment)
            };
            let segment = match self.0.machine.blocking(next).await {
                Ok((rest, segment)) => {
                    plan = rest;
                    segment
                }
                Err(bug) => break Planned::Failed { reason: bug.to_string(), may_pass: false },
            };
            match segment {
                Ok(None) => break Planned::All,
                Err(error) => {
                    break Planned::Failed { reason: error.to_string(), may_pass: may_pass(&error) };
                }
                Ok(Some(shards)) => {
                    for shard in shards {
                        // Whoever received it has gone, and this task will be too.
                        let _ = sender.send(Planned::Shard(shard)).await;
                    }
                }
            }
        };
        let _ = sender.send(last).await;
    }
}

/// A store can be busy or out of reach for a while.
fn may_pass(error: &PlanError) -> bool {
    match error {
        PlanError::Store(error) => error.kind() == ErrorKind::Other,
        PlanError::Source(error) => error.may_pass(),
        PlanError::Damaged { .. } | PlanError::TooManyShards => false,
    }
}
