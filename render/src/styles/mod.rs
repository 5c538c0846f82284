//! The styles, one in each file.

mod annotated;
mod calls;
mod compact;
mod cwm;
mod direct;
mod dynamic;
mod next;
mod qa;
mod scratchpad;
mod traced;

use crate::StyleKind;

/// In the order in which people should read of them.
pub(crate) const ALL: &[StyleKind] = &[
    direct::KIND,
    scratchpad::KIND,
    compact::KIND,
    dynamic::KIND,
    cwm::KIND,
    next::KIND,
    annotated::KIND,
    traced::KIND,
    qa::KIND,
    calls::KIND,
];
