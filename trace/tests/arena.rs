//! The shared memory and the request in it.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use trace::{Arena, Bounds, Entry, Given, Granularity, Patience, Request};

const LEN: usize = 4 * 4096;

/// Page-aligned memory, as a mapping is.
#[repr(C, align(4096))]
struct Pages([u8; LEN]);

impl Pages {
    fn zeroed() -> Box<Pages> {
        Box::new(Pages([0; LEN]))
    }

    fn create(&mut self, request: &[u8]) -> Arena {
        // SAFETY: the pages are aligned and zeroed, and outlive the view in every test here.
        unsafe { Arena::create(self.0.as_mut_ptr(), LEN, request) }
    }

    fn open(&mut self) -> Option<Arena> {
        // SAFETY: as above.
        unsafe { Arena::open(self.0.as_mut_ptr(), LEN) }
    }
}

#[test]
fn both_sides_see_the_same_request_and_log() {
    let mut pages = Pages::zeroed();
    let worker = pages.create(b"request");
    let tracer = pages.open().expect("an arena");
    assert_eq!(tracer.request(), b"request");
    assert_eq!(tracer.log_capacity(), LEN - 2 * 4096);
    // SAFETY: the log has room for four bytes.
    unsafe { tracer.log_start().copy_from_nonoverlapping(b"item".as_ptr(), 4) };
    assert_eq!(worker.log_of_the_dead(7), b"");
    tracer.committed().store(4, Ordering::Release);
    assert_eq!(worker.log_of_the_dead(7), b"item");
}

#[test]
fn memory_that_nobody_laid_out_is_no_arena() {
    assert!(Pages::zeroed().open().is_none());
}

proptest! {
    #[test]
    fn a_forged_header_never_leads_out_of_the_arena(
        forgeries in proptest::collection::vec((0usize..40, any::<u8>()), 1..40),
        request_len in 0usize..3 * 4096,
    ) {
        let mut pages = Pages::zeroed();
        pages.create(&vec![1; request_len]);
        for (at, byte) in forgeries {
            pages.0[at] = byte;
        }
        let arena = pages.open();
        let range = pages.0.as_ptr_range();
        if let Some(arena) = arena {
            prop_assert!(range.contains(&arena.request().as_ptr()) && arena.request().len() <= LEN);
            let log_end = arena.log_start().wrapping_add(arena.log_capacity()).cast_const();
            prop_assert!(log_end <= range.end);
            prop_assert!(arena.log_of_the_dead(request_len).as_ptr_range().end <= range.end);
        }
    }

    #[test]
    fn a_request_reads_as_what_was_written(
        kind in 0..6, function in "[a-z]{0,9}", input in ".{0,30}", filename in ".{0,20}",
        source in proptest::collection::vec(any::<u8>(), 0..200),
        granularity in proptest::sample::select(&Granularity::ALL), identities: bool,
        max_events: u64, value_chars: u32, output_chars: u32,
    ) {
        let entry = match kind {
            0 => Entry::Script(Given { arguments: vec![&function, &input], stdin: &source }),
            1 => Entry::Call { function: &function, input: &input },
            2 => Entry::Import,
            3 => Entry::Function { name: &function, input: &input },
            4 => Entry::Probes {
                name: &function,
                inputs: vec![&input, &filename],
                patience: Patience { wall_ms: max_events, cpu_ms: value_chars.into() },
            },
            _ => Entry::Test { statements: &input },
        };
        let bounds = Bounds { max_events, value_chars, output_chars };
        let request = Request { entry, filename: &filename, source: &source, granularity, identities, bounds };
        let bytes = request.encode();
        prop_assert_eq!(Request::decode(&bytes), Ok(request));
    }

    #[test]
    fn any_bytes_can_be_taken_for_a_request(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::decode(&bytes);
    }
}
