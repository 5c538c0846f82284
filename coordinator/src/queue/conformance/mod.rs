//! Both homes of a queue do the same: facts that hold in either, and whatever happens at random.

mod edges;
mod facts;
mod model;
mod registry;
mod script;
mod server;
mod servers;

use std::time::Duration;

use dataset::Range;

use super::{Home, JobQueue, Piece, Rules};
pub(super) use script::finished;
use server::Server;

/// Small enough for every bound to be reached.
pub(super) const RULES: Rules = Rules {
    lease: Duration::from_secs(30),
    publication: Duration::from_secs(60),
    max_failures: 2,
    max_losses: 5,
    careful_after: 2,
    max_sources_aside: 2,
    max_open: 10,
    max_fruitless: 2,
    slow_factor: 3,
    slow_at_least: Duration::from_secs(20),
};

/// When the tests play: tokens are as long as in life.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

pub(super) fn shard_of(ordinal: u64) -> Piece {
    let range =
        Range::Tree { root: "/code".to_owned(), first: vec![0, 255, 128], last: vec![b'"', 0xc3, 0x28] };
    Piece { ordinal, sources: 3, range: Some(range) }
}

/// Runs a test on a new queue in each home.
fn in_each_home<F: Future<Output = ()>>(job: &str, test: impl Fn(Home, JobQueue) -> F) {
    let run = |home: Home| {
        let queue = home.queue(job, RULES);
        block_on(test(home, queue));
    };
    run(Home::here());
    if let Some(server) = Server::shared() {
        run(block_on(Home::redis(&server.url())).unwrap());
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
