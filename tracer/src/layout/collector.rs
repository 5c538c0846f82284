//! The collector of garbage: whether it has run.

use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3_ffi as ffi;

use crate::python::{self, Owned, Result};

/// Where the collector counts, of its second generation. It lives as long as the interpreter.
static COUNT: AtomicPtr<i32> = AtomicPtr::new(std::ptr::null_mut());

/// From a generation's threshold or count to that of the next one, in numbers of 32 bits: each has two pointers, the
/// threshold and the count.
const NEXT: usize = 6;

/// Looks up where the collector counts. Must have succeeded before any program runs.
pub(crate) fn learn_collector() -> Result<()> {
    /// Bytes of the interpreter's state that are searched, which is larger in all versions.
    const SEARCHED: usize = 32 * 1024;
    /// Thresholds that nothing else looks like.
    const MARKS: [i32; 3] = [0x5eed_1a2b, 0x5eed_2b3c, 0x5eed_3c4d];
    let collector = python::import(c"gc")?;
    let before = python::items(&collector.call_method(c"get_threshold", &[])?)?;
    let marks = MARKS.into_iter().map(|mark| python::int(mark.into())).collect::<Result<Vec<_>>>()?;
    let set = |thresholds: &[Owned]| {
        collector.call_method(c"set_threshold", &thresholds.iter().collect::<Vec<_>>())
    };
    set(&marks)?;
    // SAFETY: the state is at least as large, and nobody else writes to it while the GIL is held.
    let found = unsafe {
        let state = ffi::PyInterpreterState_Get().cast::<i32>();
        let are_at = |at: &usize| (0..3).all(|mark| state.add(at + mark * NEXT).read() == MARKS[mark]);
        (0..SEARCHED / size_of::<i32>() - 3 * NEXT).find(are_at).map(|at| state.add(at + NEXT + 1))
    };
    set(&before)?;
    let Some(count) = found else {
        return Err(python::raise_import_error(
            "the interpreter keeps its collector's counts in an unknown place",
        ));
    };
    COUNT.store(count, Ordering::Relaxed);
    Ok(())
}

/// How often the younger generations were collected since the next one was. That differs as soon as the interpreter
/// begins a collection by itself: of the generations that it collects the counts become 0, and that of the next one
/// grows; it does not collect the oldest while its count is 0.
#[inline(always)]
pub(crate) fn collections() -> [i32; 2] {
    let count = COUNT.load(Ordering::Relaxed);
    // SAFETY: `learn_collector` has found the place.
    unsafe { [count.read(), count.add(NEXT).read()] }
}
