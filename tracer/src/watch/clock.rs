//! Since when everything that can change in place is known to be as it was.

/// Counts how often anything may have changed in place. A variable that was looked at since it last did, and is bound
/// to the same object, need not be compared again.
pub(crate) struct Clock {
    now: u64,
    /// From the last look on only such code runs as changes nothing in place.
    is_calm: bool,
    /// A variable of the event at hand is bound to something that can change in place.
    is_asked: bool,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { now: 1, is_calm: false, is_asked: false }
    }

    /// An event begins to look at variables. Unless what ran since the last one was calm, anything may differ.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.now += u64::from(!self.is_calm);
        self.is_calm = false;
        self.is_asked = false;
    }

    /// What runs until the next event changes nothing in place.
    #[inline(always)]
    pub(crate) fn stay_calm(&mut self) {
        self.is_calm = true;
    }

    /// Something else has run, or may have.
    #[inline(always)]
    pub(crate) fn disturb(&mut self) {
        self.is_calm = false;
    }

    /// Whether it would save a comparison if what runs next were calm.
    #[inline(always)]
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// The present, for something that can change in place.
    #[inline(always)]
    pub(super) fn now(&mut self) -> u64 {
        self.is_asked = true;
        self.now
    }
}
