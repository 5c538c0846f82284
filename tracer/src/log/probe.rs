//! A log of several calls, one after another.

use trace::wire::tag;

use super::{FIXED_LEN, Full, Log, Rations, State, reserve};

impl Log {
    /// PROBE: the next call begins, which may have as many effects, and as much of what is rationed, as if it were the
    /// only one. From here on the process ends where a call has more to tell than there is room for: so much is enough
    /// to know of it, and it might never end.
    ///
    /// # Errors
    /// There is too little room left for its verdict.
    pub(crate) fn probe(&mut self, max_effects: u64) -> Result<(), Full> {
        let reserve = reserve(self.output);
        if self.state == State::Abandoned || (self.end as usize - self.cursor as usize) < reserve + FIXED_LEN
        {
            return Err(Full);
        }
        // SAFETY: that many bytes are left.
        self.limit = unsafe { self.end.sub(reserve) };
        self.state = State::Open;
        self.rations = Rations::new();
        self.effects_left = max_effects;
        self.is_probing = true;
        self.item(tag::PROBE)?;
        self.commit();
        Ok(())
    }
}

/// Ends this process, of which nothing is needed any more but what is in the log.
pub(super) fn end_process() -> ! {
    // SAFETY: nothing of it runs any more.
    unsafe { libc::_exit(0) }
}
