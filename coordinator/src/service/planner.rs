//! Feeds the plan to the coordinator in a task of its own, no faster than it is taken.

use std::sync::Arc;

use dataset::{Dataset, ErrorKind, PlanError};
use tokio::sync::mpsc;
use training::{Rendering, Step};

use super::{Open, Product, Service};
use crate::queue::Piece;

/// What the planner says next.
#[derive(Debug)]
pub(super) enum Planned {
    Shard(Piece),
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
    pub(super) fn start_planning(&self, open: &Arc<Open>) -> mpsc::Receiver<Planned> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (service, open) = (self.clone(), Arc::clone(open));
        self.0.machine.spawn(async move {
            tokio::select! {
                biased;
                () = sender.closed() => {}
                () = service.feed(&open, &sender) => {}
            }
        });
        receiver
    }

    async fn feed(&self, open: &Open, sender: &mpsc::Sender<Planned>) {
        let last = match &open.product {
            Product::Traces(dataset) => self.feed_ranges(dataset, sender).await,
            Product::Text(rendering) => self.feed_steps(open, rendering, sender).await,
        };
        // Whoever receives may have gone, and this task will be too.
        let _ = sender.send(last).await;
    }

    /// Gives the steps of a rendering, each stage when all before it are done. Those are given again where the queue was
    /// lost meanwhile and begun anew.
    async fn feed_steps(
        &self,
        open: &Open,
        rendering: &Rendering,
        sender: &mpsc::Sender<Planned>,
    ) -> Planned {
        let mut given: Vec<Piece> = Vec::new();
        for (stage, count) in rendering.stages() {
            let before = given.len() as u64;
            loop {
                // A queue that does not answer, or has lost the job, is the business of whoever tends it.
                let Ok(status) = open.queue.status().await else {
                    self.0.machine.sleep(self.0.pace.tick).await;
                    continue;
                };
                if status.shards_done >= before {
                    break;
                }
                if status.shards_planned < before {
                    give(&given, sender).await;
                }
                self.0.machine.sleep(self.0.pace.tick).await;
            }
            given.extend((0..count).map(|number| Piece {
                ordinal: before + number,
                sources: rendering.weight(Step { stage, number }),
                range: None,
            }));
            give(&given[before as usize..], sender).await;
        }
        Planned::All
    }

    async fn feed_ranges(&self, dataset: &Dataset, sender: &mpsc::Sender<Planned>) -> Planned {
        let mut plan = dataset.plan();
        loop {
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
                        let _ = sender.send(Planned::Shard(shard.into())).await;
                    }
                }
            }
        }
    }
}

async fn give(pieces: &[Piece], sender: &mpsc::Sender<Planned>) {
    for piece in pieces {
        let _ = sender.send(Planned::Shard(piece.clone())).await;
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
