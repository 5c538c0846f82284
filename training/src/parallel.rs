//! Numbered work on several threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::Halt;
use crate::progress::{Progress, Watcher};

/// Does the work of every number, about in their order, on so many threads. After a failure, or the wish to stop,
/// nothing new is begun; the first failure is told.
pub(crate) fn each(
    numbers: impl Iterator<Item = u64> + Send,
    threads: usize,
    progress: &Progress,
    work: impl Fn(u64) -> Result<(), Halt> + Sync,
) -> Result<(), Halt> {
    let numbers = Mutex::new(numbers);
    let failed = AtomicBool::new(false);
    let run = || {
        loop {
            if progress.is_stopped() {
                return Err(Halt::Stopped);
            }
            let next = numbers.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(number) = next.filter(|_| !failed.load(Ordering::Relaxed)) else { return Ok(()) };
            work(number).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
        let results = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let mut halts: Vec<Halt> = results.filter_map(Result::err).collect();
        let failure = halts.iter().position(|halt| matches!(halt, Halt::Failed(_))).unwrap_or(0);
        if halts.is_empty() { Ok(()) } else { Err(halts.swap_remove(failure)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RenderError;

    fn failure() -> Halt {
        Halt::Failed(RenderError::TooMany { executions: 1 })
    }

    #[test]
    fn every_number_is_done_once() {
        let done = Mutex::new(Vec::new());
        each(3..90, 4, &Progress::default(), |number| {
            done.lock().unwrap().push(number);
            Ok(())
        })
        .unwrap();
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, (3..90).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_begun_after_a_failure_or_the_wish_to_stop() {
        let progress = Progress::default();
        let failed = each(0..10, 1, &progress, |number| {
            assert!(number <= 3);
            if number == 3 { Err(failure()) } else { Ok(()) }
        });
        assert!(matches!(failed, Err(Halt::Failed(_))));
        let stopped = each(0..10, 1, &progress, |number| {
            assert!(number <= 3);
            if number == 3 {
                progress.stop();
            }
            Ok(())
        });
        assert!(matches!(stopped, Err(Halt::Stopped)));
    }
}
