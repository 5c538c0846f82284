//! Numbers for objects that can change in place, so that a trace shows which of its texts are of one object.
//!
//! An object gets the next number when it is first written, and keeps it for as long as it lives. Nothing is held for
//! that: `lifetime` says when an object's memory is given back. What is written and then taken back has never been
//! written, so its numbers are given to others.

mod lifetime;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::code::AddressHasher;
use crate::layout::Obj;

/// What stands before an object's text, from 1 on.
pub(crate) type Number = u32;

/// The interpreter gives memory back from places that know nothing of a tracer, so both are for the whole process.
static ARE_TOLD: AtomicBool = AtomicBool::new(false);
static NUMBERS: Mutex<Numbers> =
    Mutex::new(Numbers { by_block: HashMap::with_hasher(BuildHasherDefault::new()), given: Vec::new() });

struct Numbers {
    /// Those of the objects that live, by where their memory begins.
    by_block: HashMap<usize, Number, BuildHasherDefault<AddressHasher>>,
    /// Where the memory began of the objects that got one, in order of their numbers.
    given: Vec<usize>,
}

/// A program begins, of whose objects the numbers are told or not.
pub(crate) fn begin(are_told: bool) {
    if are_told {
        lifetime::watch();
    }
    take_back(0);
    ARE_TOLD.store(are_told, Ordering::Relaxed);
}

#[inline(always)]
pub(crate) fn are_told() -> bool {
    ARE_TOLD.load(Ordering::Relaxed)
}

/// Has `write` tell no numbers.
pub(crate) fn untold(write: impl FnOnce()) {
    let were_told = ARE_TOLD.swap(false, Ordering::Relaxed);
    write();
    ARE_TOLD.store(were_told, Ordering::Relaxed);
}

/// The number of an object, which gets one if it has none.
pub(crate) fn number(object: Obj) -> Number {
    let Numbers { by_block, given } = &mut *numbers();
    *by_block.entry(object.block()).or_insert_with_key(|&block| {
        given.push(block);
        given.len() as Number
    })
}

/// The number that an object has, if numbers are told.
#[inline(always)]
pub(crate) fn known(object: Obj) -> Option<Number> {
    if are_told() { numbers().by_block.get(&object.block()).copied() } else { None }
}

/// How many numbers were given.
#[inline(always)]
pub(crate) fn count() -> usize {
    if are_told() { numbers().given.len() } else { 0 }
}

/// Takes back the numbers that were given after the first `count`.
#[inline(always)]
pub(crate) fn take_back(count: usize) {
    if are_told() {
        take_back_some(count);
    }
}

fn take_back_some(count: usize) {
    let Numbers { by_block, given } = &mut *numbers();
    while given.len() > count {
        let number = given.len() as Number;
        // Another object may have got its place since.
        if let Some(block) = given.pop()
            && by_block.get(&block) == Some(&number)
        {
            by_block.remove(&block);
        }
    }
}

/// The memory that begins there is given back.
fn forget(block: usize) {
    numbers().by_block.remove(&block);
}

fn numbers() -> MutexGuard<'static, Numbers> {
    NUMBERS.lock().unwrap_or_else(PoisonError::into_inner)
}
