//! Compares what both tracers tell of many programs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::tracers::{Interpreter, Program, native, plain, reference, with_numbers_of};

/// How a comparison ended.
pub(crate) enum Verdict {
    Same,
    /// Two runs differ, so that nothing can be compared.
    NotRepeatable,
    /// The reference did not come to an end.
    NotFollowed(String),
    Different(String),
}

pub(crate) fn compare(interpreter: &Interpreter, program: &Program) -> Verdict {
    let slow = match reference::trace(interpreter, program) {
        Ok(account) => account,
        Err(ended) => return Verdict::NotFollowed(ended.report),
    };
    let (fast, ended) = native::trace(interpreter, program);
    let disorder = fast.disorder();
    let fast = fast.without_effects();
    let slow = with_numbers_of(slow, &fast);
    let difference = fast.difference(&slow, &program.source).or(disorder);
    if let Some(difference) = difference {
        let Ok(again) = reference::trace(interpreter, program) else { return Verdict::NotRepeatable };
        let again = with_numbers_of(again, &fast);
        // What two runs of the reference share, both tracers must.
        return if slow.shared(&fast) < slow.shared(&again) || again == slow {
            Verdict::Different(format!("{difference}\n{}", ended.report))
        } else {
            Verdict::NotRepeatable
        };
    }
    if program.call.is_none() && ended.stdout != plain::run(interpreter, program).stdout {
        return if plain::run(interpreter, program).stdout == plain::run(interpreter, program).stdout {
            Verdict::Different("it prints something else when it is traced".to_owned())
        } else {
            Verdict::NotRepeatable
        };
    }
    Verdict::Same
}

/// Compares many; panics with all differences. Returns what could not be compared, and why.
pub(crate) fn compare_all(interpreter: &Interpreter, programs: &[(String, Program)]) -> Vec<String> {
    let (different, left_out) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    on_all_processors(programs, |(name, program)| {
        let (list, line) = match compare(interpreter, program) {
            Verdict::Same => return,
            Verdict::Different(difference) => (&different, format!("{name}: {difference}")),
            Verdict::NotRepeatable => (&left_out, format!("{name}: no two runs are the same")),
            Verdict::NotFollowed(why) => (&left_out, format!("{name}: {}", last_line(&why))),
        };
        list.lock().expect("no thread panics here").push(line);
    });
    let different = different.into_inner().expect("all threads are done");
    let (count, of, minor) = (different.len(), programs.len(), interpreter.minor);
    let all = different.join("\n");
    assert!(different.is_empty(), "on 3.{minor}, {count} of {of} programs differ (left: native)\n{all}");
    left_out.into_inner().expect("all threads are done")
}

pub(crate) fn on_all_processors<Item: Sync>(items: &[Item], work: impl Fn(&Item) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or("")
}
