//! Training text out of a dataset of traces: which executions, in which style, how long, in which files.
//!
//! A request says what is wanted, and the same request over the same traces gives the same bytes. Start at
//! `rendering`; what an execution's text is like is the business of the crate `render`.

mod benchmarks;
mod card;
mod chosen;
mod crew;
mod done;
mod error;
mod execution;
mod file;
mod layout;
mod limit;
mod output;
mod parallel;
mod perform;
mod progress;
mod rendering;
mod request;
mod seal;
mod select;
mod share;
mod shuffle;
mod step;
mod survey;
mod tally;

pub use benchmarks::BenchmarkError;
pub use crew::Conclusion;
pub use done::Done;
pub use error::RenderError;
pub use execution::execution;
pub use limit::{BadTokenizer, LengthLimit, Limit, Overlong, Unit};
pub use output::{Content, FileEntry, FileKind, Form, Message, Misfit, Record};
pub use progress::{Progress, Standing, Watcher};
pub use rendering::Rendering;
pub use request::{Examined, Options, Order, Request};
pub use seal::{Report, Total};
pub use select::{Caps, LeftOut, Selection, Split};
pub use share::{BadShare, Share};
pub use step::{Stage, Step};
pub use tally::Tally;
