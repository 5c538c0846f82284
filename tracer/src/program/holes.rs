//! Uses up the memory that lies free between what a warm interpreter has in use.
//!
//! A fork would be given it first, piece by piece, and each piece costs it the copy of a page that it shares with its
//! zygote. Behind all that there are whole pages, which are its own from the first.

use pyo3_ffi as ffi;

/// Takes all of it, for good.
pub(crate) fn use_up_holes() {
    use_up_pools();
    use_up_heap();
}

/// Takes the free blocks of pools in which others are in use: what the interpreter's own allocator hands out objects
/// from, for each size class.
fn use_up_pools() {
    const LARGEST: usize = 512;
    const CLASS: usize = 16;
    /// Pools are aligned to their size, and begin with a header.
    const POOL: usize = 16 << 10;
    const HEADER: usize = 48;
    /// Bytes of a class. Where another allocator serves objects, nothing need look like the first block of a pool.
    const MOST: usize = 512 << 10;
    for size in (CLASS..=LARGEST).step_by(CLASS) {
        // SAFETY: the GIL is held. What is taken is never used.
        let mut blocks = (0..MOST / size).map(|_| unsafe { ffi::PyObject_Malloc(size) } as usize);
        // A new pool is begun where all others of the class are full.
        blocks.find(|block| block % POOL == HEADER);
    }
}

/// Takes what `malloc` has found free below the end of its heap.
fn use_up_heap() {
    const LARGEST: usize = 64 << 10;
    const STEP: usize = 16;
    // `mallinfo2` would tell of more than 2 GiB, and is too new for some systems.
    // SAFETY: these only tell of the allocator's state.
    let end = unsafe { (libc::sbrk(0) as usize).saturating_sub(libc::mallinfo().keepcost as usize) };
    let mut size = LARGEST;
    while size >= STEP {
        // SAFETY: a piece is given back or never used.
        unsafe {
            let piece = libc::malloc(size);
            if (piece as usize) < end && !piece.is_null() {
                continue;
            }
            libc::free(piece);
        }
        size -= STEP;
    }
}
