//! Since when everything that can change in place is known to be as it was, and what has changed since.
//!
//! Each look at variables is told what has run since the last one: something that may have changed anything, or nothing
//! but a few objects that are known. A variable that was looked at before is compared again only if one of those that
//! have changed since may show in it.

use crate::layout::{Obj, collections};

/// Something that has changed in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched {
    /// It need not be alive any more.
    pub(super) address: usize,
    /// It may be the one that keeps the attributes of something.
    pub(super) is_dict: bool,
}

impl Touched {
    pub(crate) fn object(object: Obj) -> Touched {
        Touched { address: object.address(), is_dict: false }
    }

    pub(crate) fn dict(object: Obj) -> Touched {
        Touched { address: object.address(), is_dict: true }
    }

    pub(crate) fn is(self, object: Obj) -> bool {
        self.address == object.address()
    }
}

/// Counts how often something has changed in place.
pub(crate) struct Clock {
    now: u64,
    /// When anything may have changed for the last time.
    known_since: u64,
    /// What is known to have changed after that, and when; the oldest first.
    touched: Vec<(u64, Touched)>,
    /// From the last look on only such code runs as changes nothing in place but `coming`.
    is_calm: bool,
    coming: Vec<Touched>,
    collections: [i32; 2],
    /// How much the event at hand had to compare, or would have had to.
    weight: usize,
}

impl Clock {
    /// Steps of comparisons that take as long as finding out what a line changes.
    const WORTH: usize = 80;
    /// Changes that are remembered. Each is looked for in all that was looked at before it.
    const MOST: usize = 6;

    pub(crate) fn new() -> Clock {
        Clock {
            now: 1,
            known_since: 1,
            touched: Vec::new(),
            is_calm: false,
            coming: Vec::new(),
            collections: [0; 2],
            weight: 0,
        }
    }

    /// An event begins to look at variables.
    #[inline(always)]
    pub(crate) fn begin(&mut self) {
        self.weight = 0;
        if self.is_calm {
            self.pass();
        } else {
            self.now += 1;
            self.known_since = self.now;
            if !self.touched.is_empty() {
                self.touched.clear();
            }
        }
    }

    /// What was foreseen has run.
    fn pass(&mut self) {
        self.is_calm = false;
        if self.collections != collections() {
            // What runs where garbage is collected is nobody's to foresee.
            return self.begin();
        }
        if self.coming.is_empty() {
            return;
        }
        self.now += 1;
        self.touched.extend(self.coming.drain(..).map(|touched| (self.now, touched)));
        let surplus = self.touched.len().saturating_sub(Clock::MOST);
        if let Some((last, _)) = self.touched.drain(..surplus).next_back() {
            self.known_since = last;
        }
    }

    /// Asks what runs until the next event. It is given room for what that changes in place, and says whether that is
    /// all.
    pub(crate) fn foresee(&mut self, ask: impl FnOnce(&mut Vec<Touched>) -> bool) {
        self.coming.clear();
        self.collections = collections();
        self.is_calm = ask(&mut self.coming);
    }

    /// Something else has run, or may have.
    #[inline(always)]
    pub(crate) fn disturb(&mut self) {
        self.is_calm = false;
    }

    /// Whether it would save more than it takes to find out what runs next.
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

    /// What has changed since then, if it is known.
    #[inline(always)]
    pub(super) fn touched_since(&self, then: u64) -> Option<impl Iterator<Item = Touched>> {
        let later = self.touched.iter().filter(move |(time, _)| *time > then);
        (then >= self.known_since).then(|| later.map(|(_, touched)| *touched))
    }
}
