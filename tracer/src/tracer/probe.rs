//! Tracing one call after another.

use trace::Bounds;

use super::Tracer;
use crate::depth::DepthLimit;
use crate::layout::Version;

impl<V: Version> Tracer<V> {
    /// Another call begins, within bounds of its own. Of frames that are entered or suspended nothing more is told.
    pub(crate) fn begin_again(&mut self, bounds: &Bounds) {
        self.disturb();
        self.stack.clear();
        self.others.clear();
        self.suspended.clear();
        self.passing = None;
        self.in_gap = false;
        self.events_left = bounds.max_events;
        self.depth = DepthLimit::new(bounds.max_events, self.log.room_left());
        self.main_is_over = false;
        self.thread_at = 0;
    }
}
