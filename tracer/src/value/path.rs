//! The containers that are being written.

use std::mem::MaybeUninit;

use super::text::MAX_DEPTH;
use crate::layout::Obj;

/// The containers that are being written, outermost first. A writer is made for each value, so no more of it is
/// set up than is used.
pub(crate) struct Path {
    addresses: [MaybeUninit<usize>; MAX_DEPTH],
    len: usize,
}

impl Path {
    pub(crate) fn new() -> Path {
        Path { addresses: [MaybeUninit::uninit(); MAX_DEPTH], len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn contains(&self, object: Obj) -> bool {
        // SAFETY: the first `len` addresses have been written.
        self.addresses[..self.len].iter().any(|address| unsafe { address.assume_init() } == object.address())
    }

    pub(crate) fn push(&mut self, object: Obj) {
        self.addresses[self.len].write(object.address());
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) {
        self.len -= 1;
    }
}
