//! The styles, one in each file.

mod direct;

use crate::StyleKind;

/// In the order in which people should read of them.
pub(crate) const ALL: &[StyleKind] = &[direct::KIND];
