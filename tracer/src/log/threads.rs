//! The numbers of threads, in the order of their first items.

use std::collections::HashMap;

use pyo3_ffi as ffi;

/// Number of a thread; the main one is 0.
pub(crate) type ThreadNumber = u32;

pub(super) struct Threads {
    /// By the number that the interpreter gave each, which no other thread gets.
    numbers: HashMap<i64, ThreadNumber>,
    /// The one whose items are being written, and the address of its state.
    current: ThreadNumber,
    at: usize,
}

impl Threads {
    /// The running thread is the main one.
    pub(super) fn new() -> Threads {
        let (at, id) = running();
        Threads { numbers: HashMap::from([(id, 0)]), current: 0, at }
    }

    #[inline(always)]
    pub(super) fn is_at(&self, address: usize) -> bool {
        self.at == address
    }

    /// Makes the running thread the current one. Returns its number, and whether it was another before.
    pub(super) fn switch(&mut self) -> (ThreadNumber, bool) {
        let (at, id) = running();
        let next = self.numbers.len() as ThreadNumber;
        let number = *self.numbers.entry(id).or_insert(next);
        let is_other = number != self.current;
        (self.current, self.at) = (number, at);
        (number, is_other)
    }
}

/// The running thread: the address of its state, and the interpreter's number for it.
fn running() -> (usize, i64) {
    // SAFETY: the GIL is held, so there is one.
    unsafe {
        let state = ffi::PyThreadState_Get();
        (state as usize, ffi::PyThreadState_GetID(state))
    }
}
