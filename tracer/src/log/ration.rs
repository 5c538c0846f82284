//! How many characters may be spent on values that are told whole.
//!
//! A program that hands a large object from call to call would otherwise have all of it told anew each time.

/// Characters that there are to begin with.
const FIRST: usize = 32 * 1024;
/// Characters that each event adds.
const EACH: usize = 16;

/// What the changes of an event draw upon. Those of one event all find what there was before it, so that their order
/// does not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purse {
    /// For the arguments of calls, which are also told where lines are not.
    Arguments,
    /// For everything else.
    Others,
}

/// The characters that are left.
pub(super) struct Rations {
    left: [usize; 2],
    open: usize,
    spent: usize,
}

impl Rations {
    pub(super) const fn new() -> Rations {
        Rations { left: [FIRST; 2], open: Purse::Others as usize, spent: 0 }
    }

    /// From here on it is drawn upon this one, which has grown by an event.
    #[inline(always)]
    pub(super) fn open(&mut self, purse: Purse) {
        if self.spent > 0 {
            self.left[self.open] = self.left[self.open].saturating_sub(self.spent);
            self.spent = 0;
        }
        self.open = purse as usize;
        self.left[self.open] += EACH;
    }

    /// Characters that a value may take.
    pub(super) fn left(&self) -> usize {
        self.left[self.open]
    }

    pub(super) fn spend(&mut self, chars: usize) {
        self.spent += chars;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_spends_is_missing_from_the_next() {
        let mut rations = Rations::new();
        rations.open(Purse::Others);
        rations.spend(FIRST);
        assert_eq!(rations.left(), FIRST + EACH);
        rations.open(Purse::Others);
        assert_eq!(rations.left(), 2 * EACH);
    }

    #[test]
    fn purses_do_not_lend() {
        let mut rations = Rations::new();
        rations.open(Purse::Arguments);
        rations.spend(10 * FIRST);
        rations.open(Purse::Others);
        assert_eq!(rations.left(), FIRST + EACH);
        rations.open(Purse::Arguments);
        assert_eq!(rations.left(), EACH);
    }
}
