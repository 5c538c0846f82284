//! The styles, one in each file.

mod compact;
mod cwm;
mod direct;
mod dynamic;
mod scratchpad;

use crate::StyleKind;

/// In the order in which people should read of them.
pub(crate) const ALL: &[StyleKind] =
    &[direct::KIND, scratchpad::KIND, compact::KIND, dynamic::KIND, cwm::KIND];
