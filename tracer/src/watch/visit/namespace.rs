//! Whether a variable has ever shown the namespace of the module itself, as `globals()` lets it.
//!
//! Binding a global is not a change in place as long as none has.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::layout::Obj;

/// The address of the module's namespace, which lives as long as the program.
static NAMESPACE: AtomicUsize = AtomicUsize::new(0);
static IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// A program begins, whose module has this namespace.
pub(crate) fn set_namespace(namespace: Obj) {
    NAMESPACE.store(namespace.address(), Ordering::Relaxed);
    IS_SHOWN.store(false, Ordering::Relaxed);
}

/// Whether it has been shown.
pub(crate) fn is_namespace_shown() -> bool {
    IS_SHOWN.load(Ordering::Relaxed)
}

/// A dict is shown.
#[inline(always)]
pub(super) fn saw(dict: Obj) {
    if dict.address() == NAMESPACE.load(Ordering::Relaxed) {
        IS_SHOWN.store(true, Ordering::Relaxed);
    }
}
