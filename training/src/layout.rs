//! Where things lie in a set of training text. `docs/rendering.md` gives the reasons.

use crate::output::FileKind;
use crate::select::Split;

/// The version of everything that this crate writes.
pub(crate) const FORMAT_VERSION: u32 = 1;

pub(crate) const REQUEST: &str = "_et/render.json";
pub(crate) const REPORT: &str = "_et/report.json";
pub(crate) const MANIFEST: &str = "_et/manifest.json";
pub(crate) const CARD: &str = "README.md";

/// What tells that the files of a number are done.
pub(crate) const DONE: &str = "_et/done/";

/// What is only needed until the set is complete.
pub(crate) const SURVEY: &str = "_et/survey/";
/// What becomes of each execution, a byte for each.
pub(crate) const CHOSEN: &str = "_et/survey/chosen";
pub(crate) const SCATTERED: &str = "_et/scattered/";

/// One numbered file of a split.
pub(crate) fn file_key(split: Split, number: u64, kind: FileKind) -> String {
    format!("data/{}-{number:06}.{}", split.name(), kind.extension())
}

/// What tells that the files of a number are done, and what they hold.
pub(crate) fn done_key(number: u64) -> String {
    format!("{DONE}{number:06}.json")
}

/// The glances at a part's executions.
pub(crate) fn survey_key(part: u64) -> String {
    format!("{SURVEY}{part:06}.zst")
}

/// A part's examples, spread over the files that they are shuffled into, and where each file's lie.
pub(crate) fn scattered_key(part: u64) -> String {
    format!("{SCATTERED}{part:06}.zst")
}

pub(crate) fn scattered_index_key(part: u64) -> String {
    format!("{SCATTERED}{part:06}.json")
}
