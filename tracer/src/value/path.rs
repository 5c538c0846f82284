//! The containers that are being written.

use std::mem::MaybeUninit;

use super::text::MAX_DEPTH;
use crate::layout::Obj;

/// The containers that are being written, outermost first. A writer is made for each value, so no more of it is
/// set up than is used.
pub(super) struct Path {
    addresses: [MaybeUninit<usize>; MAX_DEPTH],
    len: usize,
}

impl Path {
    pub(super) fn new() -> Path {
        Path { addresses: [MaybeUninit::uninit(); MAX_DEPTH], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, object: Obj) -> bool {
        // SAFETY: the first `len` addresses have been written.
        self.addresses[..self.len].iter().any(|address| unsafe { address.assume_init() } == object.address())
    }

    pub(super) fn push(&mut self, object: Obj) {
        self.addresses[self.len].write(object.address());
        self.len += 1;
    }

    pub(super) fn pop(&mut self) {
        self.len -= 1;
    }
}
