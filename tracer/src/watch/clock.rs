//! Since when everything that can change in place is known to be as it was.

/// Counts how often anything may have changed in place. A variable that was looked at since it last did, and is bound
/// to the same object, need not be compared again.
pub(crate) struct Clock {
    now: u64,
    /// From the last look on only such code runs as changes nothing in place.
    is_calm: bool,
    /// How much the event at hand had to compare, or would have had to.
    weight: usize,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { now: 1, is_calm: false, weight: 0 }
    }

    /// An event begins to look at variables. Unless what ran since the last one was calm, anything may differ.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.now += u64::from(!self.is_calm);
        self.is_calm = false;
        self.weight = 0;
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

    /// Whether it would save more than it takes to find out if what runs next is calm.
    #[inline(always)]
    pub(crate) fn is_asked(&self) -> bool {
        self.weight > Clock::WORTH
    }

    /// The present, for something that can change in place and takes so many steps to be compared.
    #[inline(always)]
    pub(super) fn now(&mut self, weight: usize) -> u64 {
        self.weight += weight;
        self.now
    }

    /// Steps of comparisons that take as long as finding out whether a line is calm.
    const WORTH: usize = 40;
}
