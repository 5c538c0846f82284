//! Calls that block, each on a thread of its own, of which one runs at a time: at each call to the store it stops, and
//! the simulation goes on until it may continue. So two that plan, publish or seal meet in the middle of it, and one
//! whose coordinator dies never comes back.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::executor::Executor;
use crate::service::lock;

thread_local! {
    static BATON: RefCell<Option<Baton>> = const { RefCell::new(None) };
}

/// What a thread needs to stop.
struct Baton {
    pauses: Sender<Duration>,
    go_on: Receiver<()>,
}

/// Why a thread ends in the middle of what it does.
struct Gone;

/// Makes a call on a thread. To drop this ends it where it is.
pub(super) async fn blocking<T: Send + 'static>(
    executor: &Executor,
    call: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (pauses, paused) = channel();
    let (go_on, gone_on) = channel();
    let answer = Arc::new(Mutex::new(None));
    let answered = Arc::clone(&answer);
    run(move || {
        BATON.set(Some(Baton { pauses, go_on: gone_on }));
        let result = catch_unwind(AssertUnwindSafe(call));
        *lock(&answered) = result.ok();
        // Whoever waits sees by this that it is over.
        BATON.set(None);
    });
    while let Ok(pause) = paused.recv() {
        executor.sleep(pause).await;
        // A thread that is gone has said so by now.
        let _ = go_on.send(());
    }
    let answer = lock(&answer).take();
    answer.expect("a call that blocks does not panic")
}

/// Lets the simulation go on for a while. Called from such a thread.
pub(super) fn pause(duration: Duration) {
    BATON.with_borrow(|baton| {
        let Baton { pauses, go_on } = baton.as_ref().expect("only calls that block reach a store");
        if pauses.send(duration).is_err() || go_on.recv().is_err() {
            // Not a panic: nobody is to hear of it.
            resume_unwind(Box::new(Gone));
        }
    });
}

type Work = Box<dyn FnOnce() + Send>;

/// Threads that wait for work. To begin one takes longer than most of the work.
static IDLE: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

fn run(work: impl FnOnce() + Send + 'static) {
    let mut work: Work = Box::new(work);
    while let Some(idle) = lock(&IDLE).pop() {
        match idle.send(work) {
            Ok(()) => return,
            Err(refused) => work = refused.0,
        }
    }
    thread::spawn(move || {
        work();
        let (sender, works) = channel::<Work>();
        lock(&IDLE).push(sender.clone());
        for work in works {
            work();
            lock(&IDLE).push(sender.clone());
        }
    });
}
