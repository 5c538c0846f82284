//! The memory that the worker and one traced process share.
//!
//! ```text
//! 0        header (one page)
//! 4096     request, see `request`
//! log_at   log, see `wire`: capacity bytes, of which `committed` are whole items
//! ```
//!
//! The tracer appends an item and then moves `committed` past it, so whatever ends the process, every item
//! below `committed` is whole. The worker reads only after the process is gone, and copies `committed` once:
//! after that nobody else can write, and every other field is one that the worker itself wrote or bounds, or a
//! mere note.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes before the request.
pub const HEADER_LEN: usize = 4096;

/// The least that a log must hold: the end of it is kept for the program's verdict, which shows less of a
/// returned value than it was asked to where that would take more than half of the log.
pub const MIN_LOG_CAPACITY: usize = 32 * 1024;

const MAGIC: u64 = u64::from_le_bytes(*b"etarena1");

/// The first bytes of the arena.
#[repr(C)]
pub struct Header {
    magic: u64,
    request_len: u64,
    log_at: u64,
    log_capacity: u64,
    committed: AtomicU64,
    effects: AtomicU64,
}

/// A view of an arena that is mapped at a fixed place for as long as the view lives.
#[derive(Clone, Copy)]
pub struct Arena {
    base: *mut u8,
    len: usize,
}

// SAFETY: the view is two words; what lies behind it is shared memory whose only concurrent access is the
// atomic `committed`.
unsafe impl Send for Arena {}

impl Arena {
    /// Bytes that an arena takes for a request and a log of these sizes.
    pub fn size_for(request_len: usize, log_capacity: usize) -> usize {
        log_offset(request_len) + log_capacity
    }

    /// Lays out a fresh arena and puts the request into it.
    ///
    /// # Safety
    /// `base` must be valid for reads and writes of `len` bytes, page-aligned, zeroed, and stay mapped while
    /// any copy of the view is used.
    ///
    /// # Panics
    /// If `len` is below `size_for(request.len(), 0)`.
    pub unsafe fn create(base: *mut u8, len: usize, request: &[u8]) -> Arena {
        let log_at = log_offset(request.len());
        assert!(len >= log_at, "arena of {len} bytes cannot hold a request of {}", request.len());
        // SAFETY: the caller vouches for the memory; the header and the request lie within `len`.
        unsafe {
            base.cast::<Header>().write(Header {
                magic: MAGIC,
                request_len: request.len() as u64,
                log_at: log_at as u64,
                log_capacity: (len - log_at) as u64,
                committed: AtomicU64::new(0),
                effects: AtomicU64::new(0),
            });
            base.add(HEADER_LEN).copy_from_nonoverlapping(request.as_ptr(), request.len());
        }
        Arena { base, len }
    }

    /// Opens an arena that the other side laid out. `None` if it is not one.
    ///
    /// # Safety
    /// As for [`Arena::create`], but for the zeroes.
    pub unsafe fn open(base: *mut u8, len: usize) -> Option<Arena> {
        if len < HEADER_LEN {
            return None;
        }
        let arena = Arena { base, len };
        let header = arena.header();
        let log_end = header.log_at.checked_add(header.log_capacity)?;
        let request_end = (HEADER_LEN as u64).checked_add(header.request_len)?;
        let whole = header.magic == MAGIC && request_end <= header.log_at && log_end <= len as u64;
        whole.then_some(arena)
    }

    fn header(&self) -> &Header {
        // SAFETY: `create` and `open` checked that a header fits, and the caller keeps the memory mapped.
        unsafe { &*self.base.cast::<Header>() }
    }

    pub fn request(&self) -> &[u8] {
        // SAFETY: `create` and `open` checked that the request lies within the arena.
        unsafe { std::slice::from_raw_parts(self.base.add(HEADER_LEN), self.header().request_len as usize) }
    }

    /// Start of the log, for the tracer to write at.
    pub fn log_start(&self) -> *mut u8 {
        // SAFETY: `create` and `open` checked that the log lies within the arena.
        unsafe { self.base.add(self.header().log_at as usize) }
    }

    pub fn log_capacity(&self) -> usize {
        self.header().log_capacity as usize
    }

    /// Where the tracer announces how many bytes of the log are whole items.
    pub fn committed(&self) -> &AtomicU64 {
        &self.header().committed
    }

    /// Where the tracer notes which kinds of effects the program had, also past the end of the log: the bit
    /// `1 << kind as u32` of each [`EffectKind`](crate::EffectKind).
    pub fn effects(&self) -> &AtomicU64 {
        &self.header().effects
    }

    /// The log as a dead process left it. `request_len` is what the worker put in: nothing that the process
    /// could have overwritten decides where this reads.
    pub fn log_of_the_dead(&self, request_len: usize) -> &[u8] {
        let at = log_offset(request_len);
        let room = self.len.saturating_sub(at);
        let committed = usize::try_from(self.committed().load(Ordering::Acquire)).unwrap_or(usize::MAX);
        // SAFETY: `at + min(committed, room)` is at most `len`, which the caller keeps mapped; the process
        // that could write here is gone.
        unsafe { std::slice::from_raw_parts(self.base.add(at.min(self.len)), committed.min(room)) }
    }
}

/// The log starts on a page of its own, so that its pages are touched only as it grows.
fn log_offset(request_len: usize) -> usize {
    (HEADER_LEN + request_len).next_multiple_of(4096)
}
