//! What the program did to the world outside it.

use std::sync::atomic::Ordering;

use trace::wire::tag;
use trace::{EffectKind, GapReason};

use super::{Full, Log, State};
use crate::value::Text;

impl Log {
    /// EFFECT, as far as there is room, and in any case the note that there was one.
    pub(crate) fn effect(&mut self, kind: EffectKind, write: impl FnOnce(&mut Text)) {
        if self.state == State::Abandoned {
            return;
        }
        // SAFETY: the arena is mapped.
        unsafe { &*self.effects }.fetch_or(1 << kind as u32, Ordering::Relaxed);
        if self.is_closed() || self.effects_left == 0 {
            return;
        }
        self.effects_left -= 1;
        if let Err(Full) = self.write_effect(kind, write) {
            self.close(GapReason::Bytes);
        }
    }

    fn write_effect(&mut self, kind: EffectKind, write: impl FnOnce(&mut Text)) -> Result<(), Full> {
        self.on_this_thread()?;
        self.item(tag::EFFECT)?;
        self.byte(match kind {
            EffectKind::Read => trace::wire::effect::READ,
            EffectKind::Write => trace::wire::effect::WRITE,
            EffectKind::Network => trace::wire::effect::NETWORK,
            EffectKind::Process => trace::wire::effect::PROCESS,
            EffectKind::Environment => trace::wire::effect::ENVIRONMENT,
            EffectKind::Time => trace::wire::effect::TIME,
            EffectKind::Randomness => trace::wire::effect::RANDOMNESS,
            EffectKind::Code => trace::wire::effect::CODE,
        });
        self.short_text(self.values, write)?;
        self.commit();
        Ok(())
    }
}
